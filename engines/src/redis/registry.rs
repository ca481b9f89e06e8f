//! Who is connected where.

use super::{
    RedisLive,
    client::{bytes, items},
    known::word_of,
    scripts, unexpected,
};
use crate::live::{LiveError, Registry, Route};
use async_trait::async_trait;
use parlor_schemas::{DeviceId, GatewayId, UserId};
use redis::{Cmd, Value};
use std::collections::{HashMap, HashSet};
use uuid::Uuid;

/// Users whose routes are taken away at once, when a gateway is gone.
const DROP_AT_ONCE: usize = 512;

/// A route's field: its gateway and connection. The value is its end (ms), a space, its device.
fn field(route: &Route) -> [u8; 24] {
    let mut field = [0; 24];
    field[..16].copy_from_slice(route.gateway_id.0.as_bytes());
    field[16..].copy_from_slice(&route.connection.to_be_bytes());
    field
}

fn route(user_id: UserId, field: &[u8], value: &[u8]) -> Option<(i64, Route)> {
    let (gateway, connection) = field.split_at_checked(16)?;
    let space = value.iter().position(|byte| *byte == b' ')?;
    let end = std::str::from_utf8(&value[..space]).ok()?.parse().ok()?;
    let route = Route {
        user_id,
        device_id: DeviceId(Uuid::from_slice(&value[space + 1..]).ok()?),
        gateway_id: GatewayId(Uuid::from_slice(gateway).ok()?),
        connection: u64::from_be_bytes(connection.try_into().ok()?),
    };
    Some((end, route))
}

#[async_trait]
impl Registry for RedisLive {
    async fn register(&self, routes: &[Route]) -> Result<Vec<bool>, LiveError> {
        let done = self.add_routes(routes).await;
        match &done {
            Ok(known) => {
                let fresh = routes.iter().zip(known).filter(|(_, known)| !**known);
                self.changed(fresh.map(|(route, _)| route.user_id)).await?;
            }
            // Some may be there, and will not be fresh the next time.
            Err(_) => self.known.will_change(routes.iter().map(|route| word_of(route.user_id))),
        }
        done
    }

    async fn unregister(&self, routes: &[Route]) -> Result<(), LiveError> {
        for some in routes.chunks(self.settings.pipeline_max) {
            let command = |route: &Route| {
                let mut command = redis::cmd("HDEL");
                command.arg(self.keys.routes(route.user_id)).arg(&field(route));
                command
            };
            self.data.run(some.iter().map(command).collect()).await?;
        }
        self.changed(routes.iter().map(|route| route.user_id)).await
    }

    async fn routes(&self, of: &[UserId]) -> Result<Vec<Vec<Route>>, LiveError> {
        let now = self.clock.now().0;
        let words = self.words(of).await?;
        let word = |user: &UserId| words.get(&word_of(*user));
        let known = |user: &UserId| word(user).and_then(|word| self.known.get(*user, word, now));
        let mut found: Vec<Option<Vec<Route>>> = of.iter().map(known).collect();
        let unknown: Vec<UserId> =
            of.iter().zip(&found).filter(|(_, found)| found.is_none()).map(|(user, _)| *user).collect();
        let mut read = self.read_routes(&unknown, now).await?.into_iter();
        for (user, found) in of.iter().zip(&mut found).filter(|(_, found)| found.is_none()) {
            let routes = read.next().unwrap_or_default();
            if let Some(word) = word(user) {
                self.known.put(*user, word, &routes, now);
            }
            *found = Some(routes);
        }
        Ok(found.into_iter().map(Option::unwrap_or_default).collect())
    }

    async fn drop_gateway(&self, gateway: GatewayId) -> Result<(), LiveError> {
        loop {
            // Should this process end between the two steps, the rest ends by itself.
            let mut take = redis::cmd("SPOP");
            take.arg(self.keys.gateway_users(gateway)).arg(DROP_AT_ONCE);
            let users = items(self.data.one(take).await?, "the users of a gateway")?;
            let user = |value: &Value| Uuid::from_slice(bytes(value)?).ok().map(UserId);
            let users: Vec<UserId> = users.iter().filter_map(user).collect();
            let drop = |user: &UserId| {
                let mut drop = scripts::DROP.call(&[self.keys.routes(*user)]);
                drop.arg(&gateway.0.as_bytes()[..]);
                drop
            };
            self.data.run(users.iter().map(drop).collect()).await?;
            self.changed(users.iter().copied()).await?;
            if users.len() < DROP_AT_ONCE {
                return Ok(());
            }
        }
    }
}

impl RedisLive {
    async fn add_routes(&self, routes: &[Route]) -> Result<Vec<bool>, LiveError> {
        let (now, ttl) = (self.clock.now().0, self.settings.route_ttl_ms);
        let mut known = Vec::with_capacity(routes.len());
        for some in routes.chunks(self.settings.pipeline_max / 2) {
            let mut commands: Vec<Cmd> = Vec::with_capacity(some.len() * 2);
            for route in some {
                let mut add = scripts::REGISTER.call(&[self.keys.routes(route.user_id)]);
                add.arg(now).arg(ttl).arg(&field(route)).arg(&route.device_id.0.as_bytes()[..]);
                commands.push(add);
            }
            for route in some {
                let mut remember = redis::cmd("SADD");
                remember.arg(self.keys.gateway_users(route.gateway_id)).arg(&route.user_id.0.as_bytes()[..]);
                commands.push(remember);
            }
            if let Some(gateway) = some.first().map(|route| route.gateway_id) {
                let mut keep = redis::cmd("PEXPIRE");
                keep.arg(self.keys.gateway_users(gateway)).arg(ttl * 2);
                commands.push(keep);
            }
            let answers = self.data.run(commands).await?;
            for answer in answers.into_iter().take(some.len()) {
                let answer = items(answer, "a registration")?;
                known.push(matches!(answer[..], [Value::Int(1)]));
            }
        }
        Ok(known)
    }

    /// Gives users' words another value: what others know of their routes no longer holds.
    async fn changed(&self, users: impl Iterator<Item = UserId>) -> Result<(), LiveError> {
        let words = self.known.changing(users.map(word_of));
        let fresh = Uuid::new_v4();
        let command = |word: &u64| {
            let mut command = redis::cmd("SET");
            command.arg(self.keys.word(*word)).arg(&fresh.as_bytes()[..]);
            command
        };
        let done = self.data.run(words.iter().map(command).collect()).await;
        if done.is_err() {
            self.known.will_change(words.into_iter());
        }
        done.map(drop)
    }

    /// The present words of users, where they have one.
    async fn words(&self, users: &[UserId]) -> Result<HashMap<u64, Vec<u8>>, LiveError> {
        let words: HashSet<u64> = users.iter().copied().map(word_of).collect();
        let words: Vec<u64> = words.into_iter().collect();
        let command = |word: &u64| {
            let mut command = redis::cmd("GET");
            command.arg(self.keys.word(*word));
            command
        };
        let answers = self.data.run(words.iter().map(command).collect()).await?;
        Ok(words
            .into_iter()
            .zip(answers)
            .filter_map(|(word, value)| Some((word, bytes(&value)?.to_vec())))
            .collect())
    }

    async fn read_routes(&self, of: &[UserId], now: i64) -> Result<Vec<Vec<Route>>, LiveError> {
        let mut found = Vec::with_capacity(of.len());
        for some in of.chunks(self.settings.pipeline_max) {
            let command = |user: &UserId| {
                let mut command = redis::cmd("HGETALL");
                command.arg(self.keys.routes(*user));
                command
            };
            let answers = self.data.run(some.iter().map(command).collect()).await?;
            for (user, answer) in some.iter().zip(answers) {
                let Value::Map(fields) = answer else { return Err(unexpected("routes")) };
                let read = |(field, value): &(Value, Value)| route(*user, bytes(field)?, bytes(value)?);
                let mut routes: Vec<Route> = fields
                    .iter()
                    .filter_map(read)
                    .filter(|(end, _)| *end > now)
                    .map(|(_, route)| route)
                    .collect();
                routes.sort_unstable_by_key(|route| (route.gateway_id, route.connection));
                found.push(routes);
            }
        }
        Ok(found)
    }
}
