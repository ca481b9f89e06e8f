//! Worlds on real engines: with `PARLOR_STORIES=shared` every world has topics, a keyspace and a
//! prefix of its own on the engines that `PARLOR_TEST_KAFKA`, `PARLOR_TEST_CASSANDRA` and
//! `PARLOR_TEST_REDIS` name.

use parking_lot::Mutex;
use parlor::config::Config;
use scylla::client::{session::Session, session_builder::SessionBuilder};
use std::sync::atomic::{AtomicUsize, Ordering};
use uuid::Uuid;

/// Keyspaces that no world uses at present: making tables takes seconds, emptying them does not.
static FREE: Mutex<Vec<String>> = Mutex::new(Vec::new());
static MADE: AtomicUsize = AtomicUsize::new(0);

/// A world's place on shared engines; its keyspace is another world's afterwards.
pub struct Place {
    keyspace: String,
}

fn given(name: &str) -> String {
    let hint = "`dev/engines up`, then `dev/test stories-shared` says it";
    std::env::var(name).unwrap_or_else(|_| panic!("{name} says where the engine is: {hint}"))
}

impl Place {
    /// A new place, entered in the settings; `None`: worlds are embedded.
    pub async fn take(config: &mut Config) -> Option<Self> {
        if std::env::var("PARLOR_STORIES").as_deref() != Ok("shared") {
            return None;
        }
        let name = Uuid::now_v7().simple().to_string();
        let store = given("PARLOR_TEST_CASSANDRA");
        let server = driver(&store).await;
        let free = FREE.lock().pop();
        let keyspace = if let Some(keyspace) = free {
            empty(&server, &keyspace).await;
            keyspace
        } else {
            let keyspace = format!("story{}", MADE.fetch_add(1, Ordering::Relaxed));
            run(&server, format!("DROP KEYSPACE IF EXISTS {keyspace}")).await;
            keyspace
        };
        config.log = given("PARLOR_TEST_KAFKA");
        config.store = format!("{store}/{keyspace}");
        config.live = given("PARLOR_TEST_REDIS");
        config.engines.kafka.prefix = format!("{name}.");
        config.engines.redis.prefix = format!("{name}:");
        parlor_engines::init(&config.urls(), &config.engines).await.expect("topics and tables are made");
        Some(Self { keyspace })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        FREE.lock().push(std::mem::take(&mut self.keyspace));
    }
}

async fn driver(url: &str) -> Session {
    let nodes = url.trim_start_matches("cassandra://");
    SessionBuilder::new().known_node(nodes).build().await.expect("PARLOR_TEST_CASSANDRA answers")
}

async fn run(server: &Session, statement: String) {
    server.query_unpaged(statement, ()).await.expect("Cassandra does it");
}

async fn empty(server: &Session, keyspace: &str) {
    let ask = "SELECT table_name FROM system_schema.tables WHERE keyspace_name = ?";
    let tables = server.query_unpaged(ask, (keyspace,)).await.expect("Cassandra answers");
    let tables = tables.into_rows_result().expect("rows");
    for row in tables.rows::<(String,)>().expect("names") {
        let (table,) = row.expect("a name");
        if table != "schema_migrations" {
            run(server, format!("TRUNCATE {keyspace}.{table}")).await;
        }
    }
}
