//! Tickets and revocations.

use super::{
    RedisLive,
    client::{bytes, items, text},
    scripts, unexpected,
};
use crate::live::{LiveError, Tickets};
use async_trait::async_trait;
use bytes::Bytes;
use parlor_schemas::{SessionId, Timestamp};
use redis::Value;
use std::time::Duration;
use uuid::Uuid;

#[async_trait]
impl Tickets for RedisLive {
    async fn put_ticket(&self, ticket: &str, meaning: Bytes, ttl: Duration) -> Result<(), LiveError> {
        let ttl_ms = i64::try_from(ttl.as_millis()).unwrap_or(i64::MAX);
        // Its end (8 bytes), then its meaning: our clock decides, the server's only tidies up.
        let mut value = self.clock.now().plus_millis(ttl_ms).0.to_be_bytes().to_vec();
        value.extend_from_slice(&meaning);
        let mut command = redis::cmd("SET");
        command.arg(self.keys.ticket(ticket)).arg(value).arg("PX").arg(ttl_ms.max(1));
        self.data.one(command).await.map(drop)
    }

    async fn take_ticket(&self, ticket: &str) -> Result<Option<Bytes>, LiveError> {
        let mut command = redis::cmd("GETDEL");
        command.arg(self.keys.ticket(ticket));
        let value = self.data.one(command).await?;
        if value == Value::Nil {
            return Ok(None);
        }
        let (end, meaning) =
            bytes(&value).and_then(<[u8]>::split_first_chunk).ok_or_else(|| unexpected("a ticket"))?;
        let is_valid = Timestamp(i64::from_be_bytes(*end)) > self.clock.now();
        Ok(is_valid.then(|| Bytes::copy_from_slice(meaning)))
    }

    async fn revoke(&self, sessions: &[SessionId]) -> Result<(), LiveError> {
        let mut command = scripts::REVOKE.call(&self.revocations());
        command.arg(self.clock.now().0).arg(self.revocations_ms);
        command.arg(sessions.iter().map(ToString::to_string).collect::<Vec<_>>());
        self.data.one(command).await.map(drop)
    }

    async fn revoked(&self, since: u64) -> Result<(u64, Option<Vec<SessionId>>), LiveError> {
        let mut command = scripts::REVOKED.call(&self.revocations());
        command.arg(since).arg(self.clock.now().0);
        let answer = items(self.data.one(command).await?, "revocations")?;
        let wrong = || unexpected("revocations");
        let newest = answer.first().and_then(text).and_then(|n| n.parse().ok()).ok_or_else(wrong)?;
        if answer.get(1) != Some(&Value::Int(1)) {
            return Ok((newest, None));
        }
        let session = |value: &Value| text(value)?.parse::<Uuid>().ok().map(SessionId);
        let sessions = answer[2..].iter().map(session).collect::<Option<_>>();
        Ok((newest, Some(sessions.ok_or_else(wrong)?)))
    }
}

impl RedisLive {
    fn revocations(&self) -> [String; 2] {
        [self.keys.revoked("numbers"), self.keys.revoked("sessions")]
    }
}
