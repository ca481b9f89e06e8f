//! A deployment of its own on a shared broker.

use crate::conformance::{Setting, TestClock, soon, words::fresh};
use async_trait::async_trait;
use parlor_engines::{Clock as _, Engines, Log, OpenError, SystemClock, Tuning, Urls, init, open, open_log};
use parlor_schemas::{Limits, Timestamp, Topic, topics::Group};
use rdkafka::{
    ClientConfig,
    admin::{AdminClient, AdminOptions},
    client::DefaultClientContext,
};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};
use tempfile::TempDir;

/// Where the broker is.
const BROKER: &str = "PARLOR_TEST_KAFKA";

/// Topics, groups and transactional ids with a prefix that nobody else has.
pub struct Kafka {
    url: String,
    clock: Arc<TestClock>,
    /// Of the store and the live engine, which are embedded.
    directory: TempDir,
    /// Topics have to go at the end.
    is_made: AtomicBool,
    pub tuning: Tuning,
}

pub fn broker() -> String {
    std::env::var(BROKER).unwrap_or_else(|_| {
        panic!(
            "{BROKER} does not say where a Kafka broker is (kafka://host:port). Bring one up: \
             dev/engines up kafka, then export {BROKER}=kafka://127.0.0.1:19092"
        )
    })
}

/// The time on the wall, which is the broker's, too.
pub fn wall() -> Timestamp {
    SystemClock.now()
}

impl Kafka {
    /// At this broker, with nothing made yet.
    pub fn at(url: String) -> Self {
        let mut tuning = Tuning::default();
        // The process and the time: nobody had it before.
        tuning.kafka.prefix = format!("t-{:x}-{}-", wall().0, fresh().simple());
        tuning.kafka.statistics_ms = 100;
        Self {
            url,
            clock: Arc::new(TestClock::new(wall())),
            directory: tempfile::tempdir().unwrap(),
            is_made: AtomicBool::new(false),
            tuning,
        }
    }

    pub fn urls(&self) -> Urls {
        Urls { log: Some(self.url.clone()), ..Urls::default() }
    }

    pub async fn init(&self) -> Result<Vec<String>, OpenError> {
        self.is_made.store(true, Ordering::SeqCst);
        init(&self.urls(), &self.tuning).await
    }

    /// A deployment that is made.
    pub async fn made(self) -> Self {
        self.init().await.unwrap();
        self
    }

    /// `host:port,…`
    pub fn brokers(&self) -> &str {
        self.url.trim_start_matches("kafka://")
    }

    /// The topic's name on the broker.
    pub fn topic(&self, topic: Topic) -> String {
        format!("{}{}", self.tuning.kafka.prefix, topic.name())
    }

    /// A client of the test's own.
    pub fn admin(&self) -> AdminClient<DefaultClientContext> {
        ClientConfig::new().set("bootstrap.servers", self.brokers()).create().unwrap()
    }

    pub async fn log(&self) -> Result<Arc<dyn Log>, OpenError> {
        open_log(&self.url, &self.tuning, self.clock.clone()).await
    }
}

impl Drop for Kafka {
    /// A broker bears only so many topics.
    fn drop(&mut self) {
        if !self.is_made.load(Ordering::SeqCst) {
            return;
        }
        let admin = self.admin();
        let letters = Group::ALL.map(Topic::DeadLetters);
        let topics: Vec<_> = Topic::MAIN.into_iter().chain(letters).map(|topic| self.topic(topic)).collect();
        let delete = move || {
            let names: Vec<_> = topics.iter().map(String::as_str).collect();
            let options = AdminOptions::new().request_timeout(Some(Duration::from_secs(5)));
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            // A broker that is gone by now took them along.
            drop(runtime.block_on(admin.delete_topics(&names, &options)));
        };
        drop(thread::spawn(delete).join());
    }
}

/// A busy broker may lead a topic that it has just made a little later.
async fn lead(log: &Arc<dyn Log>) {
    let mut again = tokio::time::interval(Duration::from_millis(5));
    for topic in Topic::MAIN {
        for partition in 0..log.partitions(topic) {
            while log.ends(topic, partition).await.is_err() {
                again.tick().await;
            }
        }
    }
}

#[async_trait]
impl Setting for Kafka {
    async fn new() -> Self {
        Self::at(broker()).made().await
    }

    async fn open(&self) -> Engines {
        let urls = Urls { data: self.directory.path().join("data"), ..Urls::default() };
        let engines = open(&urls, &self.tuning, &Limits::default(), self.clock.clone()).await.unwrap();
        let log = self.log().await.unwrap();
        soon("leaders", lead(&log)).await;
        Engines { log, ..engines }
    }

    fn clock(&self) -> &TestClock {
        &self.clock
    }

    fn is_now(&self, at: Timestamp) -> bool {
        (wall().0 - at.0).abs() < 60_000
    }
}
