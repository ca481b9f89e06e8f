//! Who is connected where.

use super::{
    RedisLive,
    client::{bytes, items},
    scripts, unexpected,
};
use crate::live::{LiveError, Registry, Route};
use async_trait::async_trait;
use parlor_schemas::{DeviceId, GatewayId, UserId};
use redis::{Cmd, Value};
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

    async fn unregister(&self, routes: &[Route]) -> Result<(), LiveError> {
        for some in routes.chunks(self.settings.pipeline_max) {
            let command = |route: &Route| {
                let mut command = redis::cmd("HDEL");
                command.arg(self.keys.routes(route.user_id)).arg(&field(route));
                command
            };
            self.data.run(some.iter().map(command).collect()).await?;
        }
        Ok(())
    }

    async fn routes(&self, of: &[UserId]) -> Result<Vec<Vec<Route>>, LiveError> {
        let now = self.clock.now().0;
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

    async fn drop_gateway(&self, gateway: GatewayId) -> Result<(), LiveError> {
        loop {
            // Should this process end between the two steps, the rest ends by itself.
            let mut take = redis::cmd("SPOP");
            take.arg(self.keys.gateway_users(gateway)).arg(DROP_AT_ONCE);
            let users = items(self.data.one(take).await?, "the users of a gateway")?;
            let user = |value: &Value| Uuid::from_slice(bytes(value)?).ok().map(UserId);
            let drop = |user: UserId| {
                let mut drop = scripts::DROP.call(&[self.keys.routes(user)]);
                drop.arg(&gateway.0.as_bytes()[..]);
                drop
            };
            self.data.run(users.iter().filter_map(user).map(drop).collect()).await?;
            if users.len() < DROP_AT_ONCE {
                return Ok(());
            }
        }
    }
}
