//! The provider: every push is a POST of JSON to one address, signed so that the receiver knows
//! whence and when it comes (the headers of the Standard Webhooks specification). It holds no text:
//! the app fetches what there is to show.

use crate::settings::PushSettings;
use backon::{BackoffBuilder, ExponentialBuilder};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, Mac};
use parlor_engines::Clock;
use parlor_schemas::{
    ConversationId, DeviceId, Timestamp, UserId,
    push::{PushAction, PushJob},
};
use reqwest::{StatusCode, redirect};
use serde::Serialize;
use sha2::Sha256;
use std::{sync::Arc, time::Duration};
use tokio::{
    sync::Semaphore,
    time::{Instant, sleep},
};
use uuid::Uuid;

/// The first pause before a push is tried again.
const PAUSE_MIN: Duration = Duration::from_millis(200);
/// What begins a secret that is given in base64, as the specification has it.
const SECRET_PREFIX: &str = "whsec_";

/// Why the webhook can't be used.
#[derive(Debug, thiserror::Error)]
pub enum WebhookError {
    /// Nobody could tell a push of ours from anybody's.
    #[error("push.webhook_url is set: push.webhook_secret (or push.webhook_secret_file) must be, too")]
    NoSecret,
    /// Said to be base64 by its prefix.
    #[error("push.webhook_secret begins with {SECRET_PREFIX}, what follows is not base64")]
    Secret,
    /// Not an address.
    #[error("push.webhook_url is no http or https address")]
    Url,
    /// The client could not be made.
    #[error("the webhook's client: {0}")]
    Client(reqwest::Error),
}

/// The body of a push.
#[derive(Debug, Serialize)]
#[allow(clippy::struct_field_names, reason = "ids are named after what they name")]
pub(crate) struct Push<'a> {
    /// Of this push to this device; the same in every attempt.
    pub(crate) push_id: Uuid,
    pub(crate) action: PushAction,
    pub(crate) user_id: UserId,
    pub(crate) device_id: DeviceId,
    pub(crate) platform: &'a str,
    pub(crate) token: &'a str,
    pub(crate) conversation_id: ConversationId,
    /// One notification with it is shown at a time: a later one replaces it, a cancel takes it away.
    pub(crate) collapse_key: ConversationId,
    pub(crate) seq: u64,
    pub(crate) sender_id: UserId,
    pub(crate) mention: bool,
    /// For the app's icon.
    pub(crate) badge: u64,
    pub(crate) at: Timestamp,
}

impl Push<'_> {
    /// The id of a job's push to one device.
    pub(crate) fn id(job: &PushJob, device: DeviceId) -> Uuid {
        Uuid::new_v5(&job.job_id, device.as_bytes())
    }
}

/// What became of a push.
#[derive(Debug, PartialEq)]
pub(crate) enum Sent {
    /// The provider has it.
    Taken,
    /// The token is dead (410): never again.
    Dead,
    /// It will not be taken, with the reason.
    Refused(String),
}

/// What one attempt came to.
enum Attempt {
    Done(Sent),
    /// Another time, perhaps.
    Again(String),
}

/// The provider.
pub(crate) struct Webhook {
    client: reqwest::Client,
    url: reqwest::Url,
    key: Vec<u8>,
    clock: Arc<dyn Clock>,
    at_once: Semaphore,
    pause_max: Duration,
    give_up: Duration,
}

impl Webhook {
    /// The provider that the settings name; `None`: there is none.
    pub(crate) fn new(settings: &PushSettings, clock: Arc<dyn Clock>) -> Result<Option<Self>, WebhookError> {
        if settings.webhook_url.is_empty() {
            return Ok(None);
        }
        let url = reqwest::Url::parse(&settings.webhook_url).map_err(|_| WebhookError::Url)?;
        if !["http", "https"].contains(&url.scheme()) {
            return Err(WebhookError::Url);
        }
        let key = match settings.webhook_secret.strip_prefix(SECRET_PREFIX) {
            Some(encoded) => STANDARD.decode(encoded).map_err(|_| WebhookError::Secret)?,
            None => settings.webhook_secret.clone().into_bytes(),
        };
        if key.is_empty() {
            return Err(WebhookError::NoSecret);
        }
        let client = reqwest::Client::builder()
            .timeout(Duration::from_millis(settings.webhook_timeout_ms))
            .redirect(redirect::Policy::none())
            .build()
            .map_err(WebhookError::Client)?;
        Ok(Some(Self {
            client,
            url,
            key,
            clock,
            at_once: Semaphore::new(settings.webhook_at_once.max(1)),
            pause_max: Duration::from_millis(settings.webhook_pause_max_ms),
            give_up: Duration::from_millis(settings.webhook_give_up_ms),
        }))
    }

    /// Sends a push, again and again until it is taken or refused, or time is up. Cancel-safe in that
    /// the same push may be sent again: its id is the same.
    pub(crate) async fn send(&self, push: &Push<'_>) -> Sent {
        let body = serde_json::to_vec(push).expect("a push is valid JSON");
        let end = Instant::now() + self.give_up;
        let mut pauses = ExponentialBuilder::default()
            .with_min_delay(PAUSE_MIN)
            .with_max_delay(self.pause_max)
            .with_jitter()
            .without_max_times()
            .build();
        loop {
            let reason = match self.attempt(push.push_id, &body).await {
                Attempt::Done(sent) => return sent,
                Attempt::Again(reason) => reason,
            };
            metrics::counter!("parlor_push_retries_total").increment(1);
            let pause = pauses.next().unwrap_or(self.pause_max);
            if Instant::now() + pause >= end {
                return Sent::Refused(format!("given up: {reason}"));
            }
            sleep(pause).await;
        }
    }

    async fn attempt(&self, id: Uuid, body: &[u8]) -> Attempt {
        let _permit = self.at_once.acquire().await.expect("the semaphore is never closed");
        let timestamp = self.clock.now().0 / 1000;
        let request = self
            .client
            .post(self.url.clone())
            .header("content-type", "application/json")
            .header("webhook-id", id.to_string())
            .header("webhook-timestamp", timestamp)
            .header("webhook-signature", signature(&self.key, id, timestamp, body))
            .body(body.to_vec());
        match request.send().await {
            Ok(answer) => judge(answer.status()),
            // The address may hold a secret.
            Err(error) => Attempt::Again(error.without_url().to_string()),
        }
    }
}

fn judge(status: StatusCode) -> Attempt {
    match status {
        StatusCode::GONE => Attempt::Done(Sent::Dead),
        StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_EARLY | StatusCode::TOO_MANY_REQUESTS => {
            Attempt::Again(format!("the webhook answers {status}"))
        }
        status if status.is_success() => Attempt::Done(Sent::Taken),
        status if status.is_server_error() => Attempt::Again(format!("the webhook answers {status}")),
        status => Attempt::Done(Sent::Refused(format!("the webhook answers {status}"))),
    }
}

/// `v1,` and the base64 of HMAC-SHA256 over `<id>.<seconds>.<body>`.
fn signature(key: &[u8], id: Uuid, timestamp: i64, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("any length of key will do");
    mac.update(format!("{id}.{timestamp}.").as_bytes());
    mac.update(body);
    format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made with Python's hmac and base64.
    #[test]
    fn the_signature_is_of_id_time_and_body() {
        let id = Uuid::from_u128(1);
        let signed = signature(b"secret", id, 1_795_168_800, b"{}");
        assert_eq!(signed, "v1,CqHZrxCSbhUWUakcwImhKslLrGCQzn+zsOY/jx108oQ=");
    }

    #[test]
    fn what_an_answer_means() {
        let done = |status| match judge(status) {
            Attempt::Done(sent) => Some(sent),
            Attempt::Again(_) => None,
        };
        assert_eq!(done(StatusCode::NO_CONTENT), Some(Sent::Taken));
        assert_eq!(done(StatusCode::GONE), Some(Sent::Dead));
        assert_eq!(done(StatusCode::SERVICE_UNAVAILABLE), None);
        assert_eq!(done(StatusCode::TOO_MANY_REQUESTS), None);
        assert!(matches!(done(StatusCode::BAD_REQUEST), Some(Sent::Refused(_))));
        assert!(matches!(done(StatusCode::FOUND), Some(Sent::Refused(_))), "no redirect is followed");
    }
}
