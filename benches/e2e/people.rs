//! The people of a benchmark: registered and brought together over REST.

use crate::server::Server;
use reqwest::Method;
use serde_json::{Value, json};

/// Users with tokens, and the conversation each writes to.
pub struct People {
    server: Server,
    pub tokens: Vec<String>,
    pub conversations: Vec<String>,
}

async fn call(address: &str, path: &str, token: Option<&str>, body: Value) -> Value {
    let url = format!("http://{address}/v1{path}");
    let mut request = reqwest::Client::new().request(Method::POST, url).json(&body);
    if let Some(token) = token {
        request = request.bearer_auth(token).header("Idempotency-Key", uuid::Uuid::now_v7().to_string());
    }
    let response = request.send().await.expect("the server answers");
    let status = response.status();
    let answer: Value = response.json().await.expect("JSON");
    assert!(status.is_success(), "{path}: {status} {answer}");
    answer
}

impl People {
    /// A new server with `count` users.
    pub async fn new(count: usize) -> (Self, Vec<String>) {
        let server = Server::parlor(tempfile::tempdir().expect("a temporary directory"));
        let (mut tokens, mut ids) = (Vec::new(), Vec::new());
        for n in 0..count {
            let body = json!({"username": format!("user{n}"), "password": "correct horse"});
            let answer = call(&server.address, "/auth/register", None, body).await;
            tokens.push(answer["access_token"].as_str().expect("a token").to_owned());
            ids.push(answer["user"]["user_id"].as_str().expect("an id").to_owned());
        }
        (Self { server, tokens, conversations: Vec::new() }, ids)
    }

    /// Users 0 and 1 write to each other, 2 and 3, and so on.
    pub async fn pairs(count: usize) -> Self {
        let (mut people, ids) = Self::new(count).await;
        for n in 0..count {
            let body = json!({"kind": "direct", "member_ids": [ids[n ^ 1]]});
            people.make(n, body).await;
        }
        people
    }

    /// All in one group.
    pub async fn group(count: usize) -> Self {
        let (mut people, ids) = Self::new(count).await;
        people.make(0, json!({"kind": "group", "title": "bench", "member_ids": ids[1..]})).await;
        let group = people.conversations[0].clone();
        people.conversations = vec![group; count];
        people
    }

    async fn make(&mut self, user: usize, body: Value) {
        let answer = call(&self.server.address, "/conversations", Some(&self.tokens[user]), body).await;
        self.conversations.push(answer["conversation_id"].as_str().expect("an id").to_owned());
    }

    pub fn server(&self) -> &Server {
        &self.server
    }

    pub fn into_server(self) -> Server {
        self.server
    }
}
