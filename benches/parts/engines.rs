//! The engines that benchmarks run on: embedded ones in a directory of their own, and the real ones that
//! the environment names (`eval "$(dev/engines env)"`).

use parlor_engines::{Engines, Log, SystemClock, Tuning, Urls, init, open, open_log};
use parlor_schemas::Limits;
use std::sync::Arc;
use tempfile::TempDir;

/// The URL of a real engine by the setting that names it; says so if there is none.
pub fn url(setting: &str, scheme: &str) -> Option<String> {
    let url = std::env::var(setting).ok().filter(|url| url.starts_with(scheme));
    if url.is_none() {
        println!("| left out: no {setting}={scheme}… (dev/engines up, dev/engines env) |");
    }
    url
}

/// Embedded engines on a new directory, which goes with it.
pub async fn embedded() -> (Engines, TempDir) {
    let data = tempfile::tempdir().expect("a temporary directory");
    (opened(&data, None, None, &Tuning::default()).await, data)
}

/// Engines on a directory, the store or the live engine shared.
pub async fn opened(data: &TempDir, store: Option<String>, live: Option<String>, tuning: &Tuning) -> Engines {
    let urls = Urls { data: data.path().to_owned(), store, live, ..Urls::default() };
    init(&urls, tuning).await.expect("the tables are made");
    open(&urls, tuning, &Limits::default(), Arc::new(SystemClock)).await.expect("the engines open")
}

/// A log on Kafka in topics of its own.
pub struct Kafka {
    pub log: Arc<dyn Log>,
    pub brokers: String,
    /// Before the names of topics and groups.
    pub prefix: String,
}

impl Kafka {
    /// New topics.
    pub async fn create(url: &str) -> Self {
        let mut tuning = Tuning::default();
        tuning.kafka.prefix = format!("bench-{}-", uuid::Uuid::now_v7().simple());
        let urls = Urls { log: Some(url.to_owned()), ..Urls::default() };
        init(&urls, &tuning).await.expect("the topics are made");
        let log = open_log(url, &tuning, Arc::new(SystemClock)).await.expect("the log");
        let brokers = url.trim_start_matches("kafka://").to_owned();
        Self { log, brokers, prefix: tuning.kafka.prefix }
    }

    /// A topic's name on the brokers.
    pub fn topic(&self, topic: parlor_schemas::Topic) -> String {
        format!("{}{}", self.prefix, topic.name())
    }

    /// A role needs all engines: this log, the others embedded.
    pub fn with(&self, embedded: &Engines) -> Engines {
        Engines { log: self.log.clone(), ..embedded.clone() }
    }
}
