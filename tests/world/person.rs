//! A person: an account, tokens, and what REST gives.

use super::{Device, PATIENCE, new_id};
use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};
use std::sync::LazyLock;
use tokio::time::Instant;

/// Somebody with an account and one session.
#[derive(Clone, Debug)]
pub struct Person {
    pub address: String,
    pub username: String,
    pub password: String,
    pub user_id: String,
    pub device_id: String,
    pub token: String,
    pub refresh_token: String,
}

/// One client for all calls: to make one is slow. It keeps no connections, since each belongs to the
/// runtime of its test.
pub fn client() -> &'static Client {
    static CLIENT: LazyLock<Client> =
        LazyLock::new(|| Client::builder().pool_max_idle_per_host(0).build().expect("a client"));
    &CLIENT
}

/// One REST call: status and JSON (null without a body).
pub async fn api(
    method: Method,
    url: &str,
    token: Option<&str>,
    key: Option<&str>,
    body: Option<Value>,
) -> (StatusCode, Value) {
    let mut request = client().request(method, url);
    if let Some(token) = token {
        request = request.bearer_auth(token);
    }
    if let Some(key) = key {
        request = request.header("Idempotency-Key", key);
    }
    if let Some(body) = body {
        request = request.json(&body);
    }
    let response = request.send().await.expect("the gateway answers");
    let status = response.status();
    let text = response.text().await.expect("the answer arrives");
    (status, serde_json::from_str(&text).unwrap_or(Value::Null))
}

fn text(value: &Value, field: &str) -> String {
    value[field].as_str().unwrap_or_else(|| panic!("{field} in {value}")).to_owned()
}

impl Person {
    pub async fn register(address: &str, username: &str) -> Self {
        let body = json!({"username": username, "password": "correct horse", "device": {"kind": "desktop", "name": "test"}});
        let url = format!("http://{address}/v1/auth/register");
        let (status, answer) = api(Method::POST, &url, None, None, Some(body)).await;
        assert_eq!(status, 201, "{answer}");
        Self::of(address, username, &answer)
    }

    fn of(address: &str, username: &str, answer: &Value) -> Self {
        Self {
            address: address.to_owned(),
            username: username.to_owned(),
            password: "correct horse".to_owned(),
            user_id: text(&answer["user"], "user_id"),
            device_id: text(answer, "device_id"),
            token: text(answer, "access_token"),
            refresh_token: text(answer, "refresh_token"),
        }
    }

    /// The same person on another device.
    pub async fn log_in(&self) -> Self {
        let body = json!({"username": self.username, "password": self.password, "device": {"kind": "mobile", "name": "other"}});
        let url = format!("http://{}/v1/auth/login", self.address);
        let (status, answer) = api(Method::POST, &url, None, None, Some(body)).await;
        assert_eq!(status, 200, "{answer}");
        Self::of(&self.address, &self.username, &answer)
    }

    /// The same session at another gateway.
    pub fn at(&self, address: &str) -> Self {
        Self { address: address.to_owned(), ..self.clone() }
    }

    /// A REST call with this person's token.
    pub async fn call(&self, method: Method, path: &str, body: Option<Value>) -> (StatusCode, Value) {
        self.call_with_key(method, path, None, body).await
    }

    /// A call that may be repeated is, as long as its outcome is unknown (PROTOCOL §4).
    pub async fn call_with_key(
        &self,
        method: Method,
        path: &str,
        key: Option<&str>,
        body: Option<Value>,
    ) -> (StatusCode, Value) {
        let url = format!("http://{}/v1{path}", self.address);
        let began = Instant::now();
        loop {
            let answer = api(method.clone(), &url, Some(&self.token), key, body.clone()).await;
            let is_unknown = answer.0 == StatusCode::SERVICE_UNAVAILABLE;
            if key.is_none() || !is_unknown || began.elapsed() > PATIENCE {
                return answer;
            }
        }
    }

    pub async fn get(&self, path: &str) -> Value {
        let (status, answer) = self.call(Method::GET, path, None).await;
        assert!(status.is_success(), "GET {path}: {status} {answer}");
        answer
    }

    pub async fn post(&self, path: &str, body: Value) -> Value {
        let (status, answer) = self.call_with_key(Method::POST, path, Some(&new_id()), Some(body)).await;
        assert!(status.is_success(), "POST {path}: {status} {answer}");
        answer
    }

    /// The direct conversation with somebody; its id.
    pub async fn direct(&self, other: &Person) -> String {
        let body = json!({"kind": "direct", "member_ids": [other.user_id]});
        text(&self.post("/conversations", body).await, "conversation_id")
    }

    /// A group with these people; its id.
    pub async fn group(&self, title: &str, others: &[&Person]) -> String {
        let members: Vec<_> = others.iter().map(|person| person.user_id.clone()).collect();
        let body = json!({"kind": "group", "title": title, "member_ids": members});
        text(&self.post("/conversations", body).await, "conversation_id")
    }

    /// Every record of a conversation, by REST, to the end.
    pub async fn records(&self, conversation: &str) -> Vec<Value> {
        let mut records: Vec<Value> = Vec::new();
        let mut after = 0;
        loop {
            let page =
                self.get(&format!("/conversations/{conversation}/records?after={after}&limit=200")).await;
            records.extend(page["items"].as_array().expect("items").iter().cloned());
            after = page["upto"].as_u64().expect("upto");
            if page["more"] == false && after >= page["head_seq"].as_u64().expect("head_seq") {
                return records;
            }
        }
    }

    /// Connects a device.
    pub async fn connect(&self) -> Device {
        let device = Device::start(self.clone());
        device.wait("the device is online", |state| state.online.then_some(())).await;
        device
    }
}
