//! REST: one call, its answer, and the patience that PROTOCOL §4 asks for.

use parking_lot::Mutex;
use parlor_schemas::{Code, DeviceId, UserId};
use reqwest::{Client, Method, Response, StatusCode, header::RETRY_AFTER};
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};
use tokio::time::{Instant, sleep};

/// One call; a gateway answers a command in 5 s (PROTOCOL §4).
const CALL_MAX: Duration = Duration::from_secs(10);
/// Pauses between two attempts double from here …
const PAUSE_MIN: Duration = Duration::from_millis(100);
/// … up to this.
const PAUSE_MAX: Duration = Duration::from_secs(3);

/// What became of one call.
#[derive(Debug)]
pub enum Answer {
    /// What was asked for.
    Done(Value),
    /// Nothing happened, and nothing will.
    Refused(Code),
    /// Unknown: ask again, after this time at least.
    Later(Option<Code>, Duration),
}

/// A login on a device.
#[derive(Debug)]
pub struct Session {
    /// Whose.
    pub user_id: UserId,
    /// Where.
    pub device_id: DeviceId,
    username: String,
    tokens: Mutex<Tokens>,
}

#[derive(Clone, Debug)]
struct Tokens {
    access: String,
    refresh: String,
}

/// The gateways.
#[derive(Clone, Debug)]
pub struct Api {
    client: Client,
    urls: Arc<[String]>,
}

/// Everybody's; accounts of a run are for nothing else.
const PASSWORD: &str = "correct horse battery";

impl Session {
    /// The access token.
    pub fn access(&self) -> String {
        self.tokens.lock().access.clone()
    }
}

impl Api {
    /// At these addresses, `http://host:port` each.
    ///
    /// # Errors
    /// No HTTP client can be made.
    pub fn new(urls: &[String]) -> Result<Self, reqwest::Error> {
        let urls = urls.iter().map(|url| url.trim_end_matches('/').to_owned()).collect();
        let client = Client::builder().timeout(CALL_MAX).connect_timeout(CALL_MAX / 2).build()?;
        Ok(Self { client, urls })
    }

    /// The `n`th gateway, round and round.
    pub fn url(&self, n: usize) -> &str {
        &self.urls[n % self.urls.len()]
    }

    /// One call at the `n`th gateway. An old token is refreshed; the call is then for later.
    pub async fn once(
        &self,
        session: &Session,
        n: usize,
        (method, path): (Method, &str),
        key: Option<&str>,
        body: Option<&Value>,
    ) -> Answer {
        let mut request = self.client.request(method, format!("{}/v1{path}", self.url(n)));
        request = request.bearer_auth(session.access());
        if let Some(key) = key {
            request = request.header("Idempotency-Key", key);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        let answer = answer(request.send().await).await;
        if matches!(answer, Answer::Refused(Code::Unauthenticated)) {
            self.renew(session, n).await;
            return Answer::Later(None, PAUSE_MIN);
        }
        answer
    }

    /// Calls, always with the same key, until the answer is definite.
    ///
    /// # Errors
    /// It is refused; `unavailable`: patience is over.
    pub async fn patiently(
        &self,
        session: &Session,
        (method, path): (Method, &str),
        key: Option<&str>,
        body: Option<&Value>,
        patience: Duration,
    ) -> Result<Value, Code> {
        let (until, mut pause, mut n) = (Instant::now() + patience, PAUSE_MIN, 0);
        loop {
            match self.once(session, n, (method.clone(), path), key, body).await {
                Answer::Done(value) => return Ok(value),
                Answer::Refused(code) => return Err(code),
                Answer::Later(_, least) => {
                    if Instant::now() > until {
                        return Err(Code::Unavailable);
                    }
                    n += 1;
                    sleep(next_pause(&mut pause).max(least)).await;
                }
            }
        }
    }

    /// Makes an account, or logs in: another device.
    ///
    /// # Errors
    /// It is refused, or patience is over.
    pub async fn sign_in(&self, username: &str, is_new: bool, patience: Duration) -> Result<Session, String> {
        let path = if is_new { "register" } else { "login" };
        let device = json!({"kind": "desktop", "name": "prove"});
        let mut body = json!({"username": username, "password": PASSWORD, "device": device});
        let (until, mut pause, mut n) = (Instant::now() + patience, PAUSE_MIN, 0);
        loop {
            let url = format!("{}/v1/auth/{path}", self.url(n));
            match answer(self.client.post(url).json(&body).send().await).await {
                Answer::Done(value) => return session(username, &value),
                // The first answer was lost, and the account is there.
                Answer::Refused(Code::UsernameTaken) if n > 0 => {
                    body["display_name"] = Value::Null;
                    return Box::pin(self.sign_in(username, false, patience)).await;
                }
                Answer::Refused(code) => return Err(format!("{path} of {username}: {}", code.as_str())),
                Answer::Later(code, least) => {
                    if Instant::now() > until {
                        return Err(format!("{path} of {username} was never answered ({code:?})"));
                    }
                    n += 1;
                    sleep(next_pause(&mut pause).max(least)).await;
                }
            }
        }
    }

    /// New tokens: by the refresh token, else by the password.
    pub async fn renew(&self, session: &Session, n: usize) {
        let old = session.tokens.lock().clone();
        let body = json!({"refresh_token": old.refresh});
        let url = format!("{}/v1/auth/refresh", self.url(n));
        let mut answered = answer(self.client.post(url).json(&body).send().await).await;
        if matches!(answered, Answer::Refused(_)) {
            let device = json!({"kind": "desktop", "name": "prove", "device_id": session.device_id});
            let body = json!({"username": session.username, "password": PASSWORD, "device": device});
            let url = format!("{}/v1/auth/login", self.url(n));
            answered = answer(self.client.post(url).json(&body).send().await).await;
        }
        let Answer::Done(value) = answered else { return };
        if let Some(tokens) = tokens(&value) {
            *session.tokens.lock() = tokens;
        }
    }
}

/// The pause now; the next one is longer.
pub(crate) fn next_pause(pause: &mut Duration) -> Duration {
    let now = *pause;
    *pause = (now * 2).min(PAUSE_MAX);
    now
}

/// The first pause between attempts.
pub(crate) const FIRST_PAUSE: Duration = PAUSE_MIN;

fn session(username: &str, value: &Value) -> Result<Session, String> {
    let id = |value: &Value| value.as_str().map(str::to_owned).ok_or("an answer without ids");
    let user_id = id(&value["user"]["user_id"])?.parse().map_err(|_| "a bad user_id")?;
    let device_id = id(&value["device_id"])?.parse().map_err(|_| "a bad device_id")?;
    let tokens = Mutex::new(tokens(value).ok_or("an answer without tokens")?);
    Ok(Session { user_id, device_id, username: username.to_owned(), tokens })
}

fn tokens(value: &Value) -> Option<Tokens> {
    let of = |name: &str| value[name].as_str().map(str::to_owned);
    Some(Tokens { access: of("access_token")?, refresh: of("refresh_token")? })
}

async fn answer(response: reqwest::Result<Response>) -> Answer {
    let Ok(response) = response else { return Answer::Later(None, Duration::ZERO) };
    let (status, headers) = (response.status(), response.headers());
    let seconds = headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
    let least = Duration::from_secs(seconds.unwrap_or(0)).min(PAUSE_MAX);
    let Ok(text) = response.text().await else { return Answer::Later(None, least) };
    let value: Value = serde_json::from_str(&text).unwrap_or_default();
    if status.is_success() {
        return Answer::Done(value);
    }
    let code = serde_json::from_value(value["code"].clone()).ok();
    match code {
        Some(Code::Unauthenticated) => Answer::Refused(Code::Unauthenticated),
        Some(code) if Code::is_definite(code) => Answer::Refused(code),
        None if status == StatusCode::UNAUTHORIZED => Answer::Refused(Code::Unauthenticated),
        code => Answer::Later(code, least),
    }
}
