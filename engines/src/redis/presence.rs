//! Who is here.
//!
//! ```text
//!  {presence}:boots  gateway → until when it is believed │ p:{user}  gateway → word and when it was said
//! ```
//!
//! A word counts while its boot is believed, so that a beat is one command however many users a
//! gateway has. After a loss the gateways say everything again within seconds; until then
//! (`presence_settle_ms` after the life of any shard began) who is not found is not said to be gone.

use super::{
    RedisLive,
    client::{bytes, text},
    scripts, unexpected,
};
use crate::live::{LiveError, Presence};
use async_trait::async_trait;
use parlor_schemas::{GatewayId, UserId, presence::Here};
use redis::{Cmd, Value};
use std::{collections::HashSet, time::Duration};

/// A boot that has been silent for so much longer than it was believed is forgotten.
const FORGET_MS: i64 = 3_600_000;

fn word(here: Option<Here>) -> &'static str {
    match here {
        Some(Here::Online) => "o",
        Some(Here::Away) => "a",
        None => "",
    }
}

fn here(word: &[u8]) -> Option<Here> {
    match word.first() {
        Some(b'o') => Some(Here::Online),
        Some(b'a') => Some(Here::Away),
        _ => None,
    }
}

fn one(name: &str, key: impl redis::ToRedisArgs) -> Cmd {
    let mut command = redis::cmd(name);
    command.arg(key);
    command
}

#[async_trait]
impl Presence for RedisLive {
    async fn live_on(&self, gateway: GatewayId, believed: Duration) -> Result<bool, LiveError> {
        let now = self.clock.now();
        let end = now.plus_millis(i64::try_from(believed.as_millis()).unwrap_or(i64::MAX));
        let mut command = scripts::BEAT.call(&[self.keys.boots()]);
        command.arg(&gateway.0.as_bytes()[..]).arg(now.0).arg(end.0).arg(FORGET_MS);
        Ok(self.data.one(command).await? == Value::Int(1))
    }

    async fn say(&self, gateway: GatewayId, of: &[(UserId, Option<Here>)]) -> Result<(), LiveError> {
        let (now, ttl) = (self.clock.now().0, self.settings.presence_ttl_ms);
        for some in of.chunks(self.settings.pipeline_max) {
            let command = |(user, here): &(UserId, Option<Here>)| {
                let mut say = scripts::SAY.call(&[self.keys.presence(*user)]);
                say.arg(&gateway.0.as_bytes()[..]).arg(now).arg(ttl).arg(word(*here));
                say
            };
            self.data.run(some.iter().map(command).collect()).await?;
        }
        Ok(())
    }

    async fn present(&self, of: &[UserId]) -> Result<Vec<Option<Here>>, LiveError> {
        let mut found = Vec::with_capacity(of.len());
        for some in of.chunks(self.settings.pipeline_max) {
            // In one pipeline: what is read is of a server that has not forgotten meanwhile.
            let mut commands = vec![redis::cmd("TIME"), one("HGETALL", self.keys.boots())];
            for shard in 0..self.keys.shards() {
                commands.push(one("HGET", &[self.keys.of_shard(shard, "life"), "since".into()]));
            }
            commands.extend(some.iter().map(|user| one("HGETALL", self.keys.presence(*user))));
            let mut answers = self.data.run(commands).await?.into_iter();
            let now = seconds(answers.next().as_ref())?;
            let boots = living(answers.next(), self.clock.now().0)?;
            let since = newest(answers.by_ref().take(self.keys.shards() as usize))?;
            let is_settled = since + self.settings.presence_settle_ms <= now;
            for answer in answers {
                let present = most(&answer, &boots)?;
                if present.is_none() && !is_settled {
                    return Err(LiveError::Rebuilding);
                }
                found.push(present);
            }
        }
        Ok(found)
    }

    async fn end_presence(&self, gateway: GatewayId) -> Result<(), LiveError> {
        let mut command = one("HDEL", self.keys.boots());
        command.arg(&gateway.0.as_bytes()[..]);
        self.data.one(command).await.map(drop)
    }
}

/// The server's time, ms.
fn seconds(answer: Option<&Value>) -> Result<i64, LiveError> {
    let read = || match answer? {
        Value::Array(parts) => text(parts.first()?)?.parse::<i64>().ok(),
        _ => None,
    };
    read().map(|seconds| seconds * 1_000).ok_or_else(|| unexpected("the time"))
}

/// The boots that are believed now.
fn living(answer: Option<Value>, now: i64) -> Result<HashSet<Vec<u8>>, LiveError> {
    let Some(Value::Map(boots)) = answer else { return Err(unexpected("the gateways that live")) };
    let lives = |(boot, end): &(Value, Value)| {
        let end: i64 = text(end)?.parse().ok()?;
        (end > now).then(|| bytes(boot).map(<[u8]>::to_vec)).flatten()
    };
    Ok(boots.iter().filter_map(lives).collect())
}

/// When the newest life began, ms of the server's time. One without a name is a server that has
/// forgotten and was not asked for its name yet.
fn newest(answers: impl Iterator<Item = Value>) -> Result<i64, LiveError> {
    let mut newest = 0;
    for answer in answers {
        let since: i64 = text(&answer).and_then(|since| since.parse().ok()).ok_or(LiveError::Rebuilding)?;
        newest = since.max(newest);
    }
    Ok(newest)
}

/// The most present word of living boots.
fn most(answer: &Value, boots: &HashSet<Vec<u8>>) -> Result<Option<Here>, LiveError> {
    let Value::Map(words) = answer else { return Err(unexpected("presence")) };
    let counts = |(boot, word): &(Value, Value)| {
        boots.contains(bytes(boot)?).then(|| bytes(word).and_then(here)).flatten()
    };
    Ok(words.iter().filter_map(counts).max())
}
