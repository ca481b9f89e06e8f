//! The people of a benchmark: registered and brought together over REST.

use crate::server::Server;
use futures_util::{StreamExt as _, stream};
use reqwest::{Client, Method};
use serde_json::{Value, json};

/// Calls that are under way at the same time.
const AT_ONCE: usize = 16;

/// Users with tokens, and the conversation each writes to.
pub struct People {
    server: Server,
    client: Client,
    ids: Vec<String>,
    pub tokens: Vec<String>,
    pub conversations: Vec<String>,
}

async fn call(client: &Client, address: &str, path: &str, token: Option<&str>, body: Value) -> Value {
    let url = format!("http://{address}/v1{path}");
    let mut request = client.request(Method::POST, url).json(&body);
    if let Some(token) = token {
        request = request.bearer_auth(token).header("Idempotency-Key", uuid::Uuid::now_v7().to_string());
    }
    let response = request.send().await.expect("the server answers");
    let status = response.status();
    let answer: Value = response.json().await.expect("JSON");
    assert!(status.is_success(), "{path}: {status} {answer}");
    answer
}

fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}

impl People {
    /// A new server on embedded engines with `count` users.
    pub async fn embedded(count: usize) -> Self {
        Self::at(Server::embedded(tempfile::tempdir().expect("a temporary directory")), count).await
    }

    /// `count` users of a server.
    pub async fn at(server: Server, count: usize) -> Self {
        let (client, address) = (Client::new(), server.address.clone());
        let registered = stream::iter(0..count).map(async |n| {
            let body = json!({"username": format!("user{n}"), "password": "correct horse"});
            call(&client, &address, "/auth/register", None, body).await
        });
        let answers: Vec<Value> = registered.buffered(AT_ONCE).collect().await;
        let tokens = answers.iter().map(|answer| text(&answer["access_token"])).collect();
        let ids = answers.iter().map(|answer| text(&answer["user"]["user_id"])).collect();
        Self { server, client, ids, tokens, conversations: Vec::new() }
    }

    /// Users 0 and 1 write to each other, 2 and 3, and so on.
    pub async fn pairs(self) -> Self {
        self.direct(|n| n ^ 1).await
    }

    /// Everybody writes to themselves: a notebook.
    pub async fn notebooks(self) -> Self {
        self.direct(|n| n).await
    }

    async fn direct(mut self, other: impl Fn(usize) -> usize) -> Self {
        let made = stream::iter(0..self.ids.len()).map(|n| {
            let body = json!({"kind": "direct", "member_ids": [self.ids[other(n)]]});
            self.make(n, body)
        });
        let conversations = made.buffered(AT_ONCE).collect().await;
        self.conversations = conversations;
        self
    }

    /// All in one group.
    pub async fn group(mut self) -> Self {
        let body = json!({"kind": "group", "title": "bench", "member_ids": self.ids[1..]});
        let group = self.make(0, body).await;
        self.conversations = vec![group; self.ids.len()];
        self
    }

    async fn make(&self, user: usize, body: Value) -> String {
        let token = Some(&*self.tokens[user]);
        let answer = call(&self.client, &self.server.address, "/conversations", token, body).await;
        text(&answer["conversation_id"])
    }

    pub fn server(&self) -> &Server {
        &self.server
    }

    /// The server goes, and what is known of the people stays.
    pub fn part_from_server(self) -> (Server, Vec<String>, Vec<String>) {
        (self.server, self.tokens, self.conversations)
    }
}
