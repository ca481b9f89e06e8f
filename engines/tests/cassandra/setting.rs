//! The store on a Cassandra, the rest embedded. All tests of a run share one keyspace, which is made
//! anew when the run begins: making its tables takes seconds. They use ids of their own, and no two
//! of them the same topic partition, but for those that don't look at `written_to`.

use crate::conformance::{Setting, TestClock};
use async_trait::async_trait;
use parlor_engines::{Engines, OpenError, Tuning, Urls, init, open};
use parlor_schemas::{Limits, Timestamp};
use scylla::client::{session::Session, session_builder::SessionBuilder};
use std::sync::Arc;
use tempfile::TempDir;
use tokio::sync::OnceCell;

/// Where the server is, `cassandra://host:port`.
pub fn server() -> String {
    std::env::var("PARLOR_TEST_CASSANDRA").unwrap_or_else(|_| {
        panic!(
            "PARLOR_TEST_CASSANDRA is not set: these tests need a real Cassandra. Bring one up with \
             `dev/engines up cassandra`, then set PARLOR_TEST_CASSANDRA=cassandra://127.0.0.1:19042"
        )
    })
}

/// The server's `host:port`.
pub fn node() -> String {
    server().trim_start_matches("cassandra://").to_owned()
}

/// The driver, without the adapter.
pub async fn driver() -> Session {
    SessionBuilder::new().known_node(node()).build().await.expect("PARLOR_TEST_CASSANDRA answers")
}

pub async fn drop_keyspace(name: &str) {
    driver().await.query_unpaged(format!("DROP KEYSPACE IF EXISTS {name}"), ()).await.unwrap();
}

/// The keyspace of this run, with all tables.
async fn shared() -> &'static str {
    static MADE: OnceCell<String> = OnceCell::const_new();
    let make = async || {
        let name = "parlor_test";
        drop_keyspace(name).await;
        let url = format!("{}/{name}", server());
        let urls = Urls { store: Some(url.clone()), ..Urls::default() };
        init(&urls, &Tuning::default()).await.unwrap();
        url
    };
    MADE.get_or_init(make).await
}

pub struct Cassandra {
    directory: TempDir,
    clock: Arc<TestClock>,
    pub url: String,
    pub tuning: Tuning,
}

impl Cassandra {
    /// With another URL than the shared keyspace's.
    pub fn at(url: String) -> Self {
        Self {
            directory: tempfile::tempdir().unwrap(),
            clock: Arc::new(TestClock::new(Timestamp(1_800_000_000_000))),
            url,
            tuning: Tuning::default(),
        }
    }

    pub async fn try_open(&self) -> Result<Engines, OpenError> {
        let data = self.directory.path().join("data");
        let urls = Urls { data, store: Some(self.url.clone()), ..Urls::default() };
        open(&urls, &self.tuning, &Limits::default(), self.clock.clone()).await
    }
}

#[async_trait]
impl Setting for Cassandra {
    async fn new() -> Self {
        Self::at(shared().await.to_owned())
    }

    async fn open(&self) -> Engines {
        self.try_open().await.unwrap()
    }

    fn clock(&self) -> &TestClock {
        &self.clock
    }
}
