//! One connection that is made anew when it breaks: every connection begins by loading the scripts
//! and naming the lives of the shards, so that nothing is read from a server that has forgotten.

use super::{
    keys::Keys,
    life,
    scripts::{self, Lua},
    target::{Connection, Target},
};
use crate::live::LiveError;
use futures_util::future::try_join_all;
use redis::{
    Cmd, ErrorKind, Pipeline, RedisError, RedisResult, Value,
    aio::ConnectionLike as _,
    cluster_routing::{MultipleNodeRoutingInfo, ResponsePolicy, RoutingInfo},
};
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};
use tokio::sync::Mutex;

/// Commands to one deployment.
pub(super) struct Client {
    target: Arc<Target>,
    keys: Keys,
    open: Mutex<Open>,
    /// To connect.
    attempts: AtomicU64,
}

#[derive(Default)]
struct Open {
    /// Tells a connection that somebody else has replaced already.
    generation: u64,
    connection: Option<Connection>,
    /// Of the last attempt.
    error: Option<LiveError>,
}

impl Client {
    pub(super) fn new(target: Arc<Target>, keys: Keys) -> Self {
        Self { target, keys, open: Mutex::default(), attempts: AtomicU64::new(0) }
    }

    /// Runs commands in order as one pipeline; their answers. On a cluster, commands to one node
    /// keep their order.
    pub(super) async fn run(&self, commands: Vec<Cmd>) -> Result<Vec<Value>, LiveError> {
        if commands.is_empty() {
            return Ok(Vec::new());
        }
        let (generation, connection) = self.connection().await?;
        match send(&connection, &commands).await {
            Ok(values) => Ok(values),
            Err(error) => {
                // Whatever it was: the next command begins on a connection that has been checked.
                self.close(generation).await;
                Err(unavailable(&error))
            }
        }
    }

    /// Runs one command.
    pub(super) async fn one(&self, command: Cmd) -> Result<Value, LiveError> {
        let mut values = self.run(vec![command]).await?;
        values.pop().ok_or_else(|| super::unexpected("a command"))
    }

    /// Runs a command on every primary; all answers.
    pub(super) async fn everywhere(&self, command: Cmd) -> Result<Vec<Value>, LiveError> {
        let (generation, connection) = self.connection().await?;
        let result = match connection {
            Connection::Single(_) => send(&connection, &[command]).await,
            Connection::Cluster(mut cluster) => on_primaries(&mut cluster, &command).await,
        };
        match result {
            Ok(values) => Ok(values),
            Err(error) => {
                self.close(generation).await;
                Err(unavailable(&error))
            }
        }
    }

    /// A server that forgets single keys under pressure would make holes in silence.
    pub(super) async fn refuse_eviction(&self) -> Result<(), String> {
        let mut info = redis::cmd("INFO");
        info.arg("memory");
        for answer in self.everywhere(info).await.map_err(|error| error.to_string())? {
            let text = String::from_utf8_lossy(bytes(&answer).unwrap_or_default()).into_owned();
            let field = |name: &str| {
                let line = text.lines().find_map(|line| line.strip_prefix(name));
                line.map(str::trim).unwrap_or_default().to_owned()
            };
            let (limit, policy) = (field("maxmemory:"), field("maxmemory_policy:"));
            if limit != "0" && policy != "noeviction" {
                return Err(format!(
                    "maxmemory-policy is {policy:?}: set it to noeviction, else single conversations would be \
                     forgotten in silence"
                ));
            }
        }
        Ok(())
    }

    async fn connection(&self) -> Result<(u64, Connection), LiveError> {
        let attempts_before = self.attempts.load(Ordering::Acquire);
        let mut open = self.open.lock().await;
        if let Some(connection) = &open.connection {
            return Ok((open.generation, connection.clone()));
        }
        if self.attempts.load(Ordering::Acquire) != attempts_before
            && let Some(error) = &open.error
        {
            // Somebody has tried while this call waited for its turn: not again for each of many.
            return Err(error.clone());
        }
        let begun = self.begin().await;
        self.attempts.fetch_add(1, Ordering::AcqRel);
        match begun {
            Ok(connection) => {
                *open = Open {
                    generation: open.generation + 1,
                    connection: Some(connection.clone()),
                    error: None,
                };
                Ok((open.generation, connection))
            }
            Err(error) => {
                let error = unavailable(&error);
                open.error = Some(error.clone());
                Err(error)
            }
        }
    }

    async fn close(&self, generation: u64) {
        let mut open = self.open.lock().await;
        if open.generation == generation {
            open.connection = None;
        }
    }

    async fn begin(&self) -> RedisResult<Connection> {
        let connection = self.target.connect().await?;
        for script in scripts::ALL {
            load(&connection, script).await?;
        }
        let lives = life::commands(&self.keys);
        send(&connection, &lives).await?;
        Ok(connection)
    }
}

async fn load(connection: &Connection, script: &Lua) -> RedisResult<()> {
    let mut command = redis::cmd("SCRIPT");
    command.arg("LOAD").arg(script.code());
    match connection.clone() {
        Connection::Single(_) => send(connection, &[command]).await.map(drop),
        Connection::Cluster(mut cluster) => on_primaries(&mut cluster, &command).await.map(drop),
    }
}

async fn on_primaries(
    cluster: &mut redis::cluster_async::ClusterConnection,
    command: &Cmd,
) -> RedisResult<Vec<Value>> {
    let all = RoutingInfo::MultiNode((MultipleNodeRoutingInfo::AllMasters, None::<ResponsePolicy>));
    match cluster.route_command(command.clone(), all).await?.extract_error()? {
        // Without a policy the answers come by node.
        Value::Map(answers) => Ok(answers.into_iter().map(|(_, answer)| answer).collect()),
        Value::Array(answers) => Ok(answers),
        other => Ok(vec![other]),
    }
}

async fn send(connection: &Connection, commands: &[Cmd]) -> RedisResult<Vec<Value>> {
    match connection.clone() {
        Connection::Single(mut single) => {
            let mut pipeline = Pipeline::with_capacity(commands.len());
            for command in commands {
                pipeline.add_command(command.clone());
            }
            pipeline.query_async(&mut single).await
        }
        Connection::Cluster(cluster) => {
            let one = |command: &Cmd| {
                let (mut cluster, command) = (cluster.clone(), command.clone());
                async move { cluster.req_packed_command(&command).await?.extract_error() }
            };
            try_join_all(commands.iter().map(one)).await
        }
    }
}

fn unavailable(error: &RedisError) -> LiveError {
    let hint = match error.code() {
        Some("NOAUTH" | "WRONGPASS") => " (are the user and password in the URL right?)",
        Some("READONLY") => " (it is a replica now)",
        _ if error.kind() == ErrorKind::AuthenticationFailed => {
            " (are the user and password in the URL right?)"
        }
        _ => "",
    };
    LiveError::Unavailable(format!("redis: {error}{hint}"))
}

/// The bytes of a string answer.
pub(super) fn bytes(value: &Value) -> Option<&[u8]> {
    match value {
        Value::BulkString(bytes) => Some(bytes),
        Value::SimpleString(text) | Value::VerbatimString { text, .. } => Some(text.as_bytes()),
        _ => None,
    }
}

/// The same as text.
pub(super) fn text(value: &Value) -> Option<&str> {
    std::str::from_utf8(bytes(value)?).ok()
}

/// The items of an array; `Rebuilding` where a script said so.
pub(super) fn items(value: Value, what: &str) -> Result<Vec<Value>, LiveError> {
    match value {
        Value::SimpleString(state) if state == "REBUILDING" => Err(LiveError::Rebuilding),
        Value::Array(items) | Value::Set(items) => Ok(items),
        _ => Err(super::unexpected(what)),
    }
}
