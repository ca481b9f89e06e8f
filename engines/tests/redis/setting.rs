//! The live engine on a real Redis, under a prefix of its own; log and store are embedded.

use crate::conformance::{Setting, TestClock, words::fresh};
use async_trait::async_trait;
use parlor_engines::{Engines, Tuning, Urls, open};
use parlor_schemas::{Limits, Timestamp};
use redis::AsyncCommands;
use std::sync::Arc;
use tempfile::TempDir;

pub struct Redis {
    pub url: String,
    pub prefix: String,
    pub directory: TempDir,
    pub clock: Arc<TestClock>,
}

impl Redis {
    /// A connection of the test's own.
    pub async fn connection(&self) -> redis::aio::MultiplexedConnection {
        redis::Client::open(&*self.url).unwrap().get_multiplexed_async_connection().await.unwrap()
    }

    pub fn tuning(&self) -> Tuning {
        let mut tuning = Tuning::default();
        tuning.redis.prefix.clone_from(&self.prefix);
        // Everything a test says is said by itself: nothing is to be waited for.
        tuning.redis.presence_settle_ms = 0;
        tuning
    }
}

#[async_trait]
impl Setting for Redis {
    async fn new() -> Self {
        let url = std::env::var("PARLOR_TEST_REDIS").unwrap_or_else(|_| {
            panic!("PARLOR_TEST_REDIS is not set: `dev/engines up redis`, then `eval \"$(dev/engines env)\"`")
        });
        Self {
            url,
            prefix: format!("test:{}:", fresh()),
            directory: tempfile::tempdir().unwrap(),
            clock: Arc::new(TestClock::new(Timestamp(1_800_000_000_000))),
        }
    }

    async fn open(&self) -> Engines {
        let urls = Urls {
            data: self.directory.path().join("data"),
            live: Some(self.url.clone()),
            ..Urls::default()
        };
        open(&urls, &self.tuning(), &Limits::default(), self.clock.clone()).await.unwrap()
    }

    fn clock(&self) -> &TestClock {
        &self.clock
    }

    async fn lose_live(&self) {
        let mut connection = self.connection().await;
        let keys: Vec<String> = connection.keys(format!("{}*", self.prefix)).await.unwrap();
        if !keys.is_empty() {
            let _: usize = connection.del(keys).await.unwrap();
        }
    }
}
