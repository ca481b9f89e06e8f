//! One `open` for all engine sets: the only place that chooses an adapter.

mod tuning;

pub use tuning::{Keep, Tuning};

use crate::{
    Clock, Index, Live, Log, Media, Search, Store, cassandra, embedded, kafka, media, redis, search, tantivy,
};
use parlor_schemas::Limits;
use std::{path::PathBuf, sync::Arc};

/// The opened engines. Clones share them; they close when the last handle of any of them (the
/// engines, consumers, readers, owners) is gone.
#[derive(Clone)]
#[allow(missing_docs)]
pub struct Engines {
    pub log: Arc<dyn Log>,
    pub store: Arc<dyn Store>,
    pub live: Arc<dyn Live>,
    pub media: Arc<dyn Media>,
    /// All indexes together.
    pub search: Arc<dyn Search>,
    /// This process's own, for the indexer.
    pub index: Arc<dyn Index>,
    pub clock: Arc<dyn Clock>,
}

impl Engines {
    /// Gives these handles up. Were they the last ones, then everything that was queued is durable
    /// and the data directory is free on return.
    pub async fn close(self) {
        // Closing waits for the last commit, so not on a thread that runs other tasks.
        let closing = tokio::task::spawn_blocking(move || drop(self));
        closing.await.expect("dropping the engines does not panic");
    }
}

/// Where the engines are; absent means embedded.
#[derive(Clone, Debug, Default)]
pub struct Urls {
    /// The data directory of the embedded engines.
    pub data: PathBuf,
    /// The log.
    pub log: Option<String>,
    /// The store.
    pub store: Option<String>,
    /// The live engine.
    pub live: Option<String>,
    /// The directory of media; absent means `media` in the data directory.
    pub media: Option<PathBuf>,
    /// The indexers; absent means the one in this process.
    pub search: Option<String>,
}

/// Why the engines did not open.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)]
pub enum OpenError {
    /// Two processes on one data directory would destroy it.
    #[error(
        "the data directory {} is in use by {by}: stop it first, or give this one another directory with --data",
        directory.display()
    )]
    InUse { directory: PathBuf, by: String },
    /// The URL names no engine that there is.
    #[error("{port} engine {url:?}: unknown scheme; known are {known}")]
    UnknownScheme { port: &'static str, url: String, known: String },
    /// The engine is planned, its adapter is not there yet.
    #[error("{port} engine {url:?}: the adapter is not built yet; leave the URL out for the embedded engine")]
    NotBuilt { port: &'static str, url: String },
    /// Conversations would land in other partitions than before.
    #[error(
        "the data directory {} was made with {made} partitions, the settings say {asked}: the number can't change",
        directory.display()
    )]
    Partitions { directory: PathBuf, made: u32, asked: u32 },
    /// Conversations would land in other partitions than before.
    #[error(
        "log engine {url:?}: topic {topic} has {made} partitions, the settings say {asked}: the number can't \
         change"
    )]
    TopicPartitions { url: String, topic: String, made: u32, asked: u32 },
    /// Offsets of before would point into another log.
    #[error(
        "log engine {url:?}: made anew or gone while the others have records: {topics}. What was in them is \
         lost, and going on would lose more in silence. To begin anew, delete all topics of this deployment"
    )]
    TopicsMadeAnew { url: String, topics: String },
    /// Made by another version of the program, or not by it at all.
    #[error("the data directory {} has a format this version can't read: {found}", directory.display())]
    Format { directory: PathBuf, found: String },
    /// Acknowledged data is damaged; going on would lose it in silence.
    #[error(
        "{} is damaged at byte {at}, and intact commits follow it: restore a backup, or cut the file there \
         (truncate -s {at}) to go on without them",
        file.display()
    )]
    Damaged { file: PathBuf, at: u64 },
    /// The disk refused.
    #[error("{}: {source}", path.display())]
    Io { path: PathBuf, source: std::io::Error },
    /// The storage engine could not recover the directory.
    #[error("the data directory {} can't be opened: {reason}", directory.display())]
    Engine { directory: PathBuf, reason: String },
    /// Processes that share a log must share the rest.
    #[error(
        "the log is shared, the {port} engine is embedded in this process: other processes on that log would \
         not see what is in it; give a shared one by --{port}"
    )]
    Mixed { port: &'static str },
    /// No answer, or not the one that was expected.
    #[error("{port} engine {url:?}: {reason}")]
    Unreachable { port: &'static str, url: String, reason: String },
    /// Topics or tables are missing, or not as the settings say.
    #[error("{port} engine {url:?}: {reason}; `parlor init` makes what is missing")]
    NotInitialised { port: &'static str, url: String, reason: String },
    /// A setting that can't work.
    #[error("engine setting {name}: {reason}")]
    Setting { name: &'static str, reason: &'static str },
}

/// Schemes of the log.
const LOGS: &[&str] = &["embedded", "kafka"];
/// Schemes of the store.
const STORES: &[&str] = &["embedded", "cassandra", "postgres"];
/// Schemes of search.
const SEARCHES: &[&str] = &["embedded", "http"];
/// Schemes of the live engine.
const LIVES: &[&str] =
    &["embedded", "redis", "rediss", "redis+sentinel", "rediss+sentinel", "redis+cluster", "rediss+cluster"];

/// Opens the engines that the URLs name.
pub async fn open(
    urls: &Urls,
    tuning: &Tuning,
    limits: &Limits,
    clock: Arc<dyn Clock>,
) -> Result<Engines, OpenError> {
    let log = Choice::of("log", urls.log.as_deref(), LOGS)?;
    let store = Choice::of("store", urls.store.as_deref(), STORES)?;
    let live = Choice::of("live", urls.live.as_deref(), LIVES)?;
    refuse_impossible(&log, &store, &live)?;
    tuning.check()?;
    let database = if log.is_embedded() || store.is_embedded() {
        Some(embedded::open(&urls.data, tuning, clock.clone()).await?)
    } else {
        None
    };
    let embedded = || database.clone().expect("opened for whoever is embedded");
    let search = Choice::of("search", urls.search.as_deref(), SEARCHES)?;
    let index = tantivy::TantivyIndex::new(&urls.data, &tuning.search, tuning.partitions, clock.clone());
    Ok(Engines {
        log: match log.url {
            None => Arc::new(embedded::EmbeddedLog::new(embedded())),
            Some(url) => kafka::open(url, tuning, clock.clone()).await?,
        },
        store: match store.url {
            None => Arc::new(embedded::EmbeddedStore::new(embedded())),
            Some(url) => cassandra::open(url, &tuning.cassandra, tuning.acks_ms, clock.clone()).await?,
        },
        live: match live.url {
            None => embedded::EmbeddedLive::open(tuning, limits, clock.clone()),
            Some(url) => redis::open(url, tuning, limits, clock.clone()).await?,
        },
        media: Arc::new(media::Folder::new(urls.media.clone().unwrap_or_else(|| urls.data.join("media")))),
        search: match search.url {
            None => index.clone(),
            Some(url) => Arc::new(search::Remote::open(url, tuning.partitions, tuning.search.timeout())?),
        },
        index,
        clock,
    })
}

/// Opens the log alone, for whoever needs nothing else.
pub async fn open_log(url: &str, tuning: &Tuning, clock: Arc<dyn Clock>) -> Result<Arc<dyn Log>, OpenError> {
    tuning.check()?;
    match Choice::of("log", Some(url), LOGS)?.url {
        Some(url) => kafka::open(url, tuning, clock).await,
        None => Err(OpenError::Unreachable {
            port: "log",
            url: url.to_owned(),
            reason: "the embedded log is only opened with its data directory".to_owned(),
        }),
    }
}

/// Makes topics and tables on the engines that the URLs name; again and again changes nothing. What
/// it did, in words.
pub async fn init(urls: &Urls, tuning: &Tuning) -> Result<Vec<String>, OpenError> {
    let log = Choice::of("log", urls.log.as_deref(), LOGS)?;
    let store = Choice::of("store", urls.store.as_deref(), STORES)?;
    tuning.check()?;
    let mut done = Vec::new();
    if let Some(url) = log.url {
        done.extend(kafka::init(url, tuning).await?);
    }
    if let Some(url) = store.url {
        done.extend(cassandra::init(url, &tuning.cassandra).await?);
    }
    Ok(done)
}

/// The adapter that a URL asks for, by its scheme.
#[derive(Debug)]
struct Choice<'a> {
    port: &'static str,
    /// `None`: embedded.
    url: Option<&'a str>,
}

impl<'a> Choice<'a> {
    fn of(port: &'static str, url: Option<&'a str>, schemes: &[&str]) -> Result<Self, OpenError> {
        let Some(url) = url else { return Ok(Self { port, url: None }) };
        let scheme = url.split_once(':').map_or(url, |(scheme, _)| scheme);
        if !schemes.contains(&scheme) {
            let known = schemes.iter().map(|name| format!("{name}://")).collect::<Vec<_>>().join(", ");
            return Err(OpenError::UnknownScheme { port, url: without_secrets(url), known });
        }
        if scheme == "postgres" {
            return Err(OpenError::NotBuilt { port, url: without_secrets(url) });
        }
        Ok(Self { port, url: Some(url).filter(|_| scheme != "embedded") })
    }

    fn is_embedded(&self) -> bool {
        self.url.is_none()
    }
}

/// The lock of the embedded log's directory makes sure that there is one process. Nothing else
/// does: a second process on the same Kafka would have a store or a live engine of its own, and
/// people on the two would not see each other.
fn refuse_impossible(log: &Choice, store: &Choice, live: &Choice) -> Result<(), OpenError> {
    match [store, live].into_iter().find(|other| !log.is_embedded() && other.is_embedded()) {
        Some(other) => Err(OpenError::Mixed { port: other.port }),
        None => Ok(()),
    }
}

/// The URL without user and password, for messages.
pub(crate) fn without_secrets(url: &str) -> String {
    match (url.split_once("://"), url.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, rest))) => format!("{scheme}://{rest}"),
        _ => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_chooses_an_adapter_or_says_why_not() {
        assert!(Choice::of("log", None, LOGS).unwrap().is_embedded());
        assert!(Choice::of("log", Some("embedded://"), LOGS).unwrap().is_embedded());
        assert!(!Choice::of("log", Some("kafka://a:9092,b:9092"), LOGS).unwrap().is_embedded());
        let error = Choice::of("store", Some("postgres://me:secret@db/parlor"), STORES).unwrap_err();
        let text = error.to_string();
        assert!(text.contains("not built yet") && text.contains("postgres://db/parlor"), "{text}");
        assert!(!text.contains("secret"), "{text}");
        let text = Choice::of("live", Some("memcached://x"), LIVES).unwrap_err().to_string();
        assert!(text.contains("embedded://, redis://"), "{text}");
    }

    #[test]
    fn a_shared_log_needs_a_shared_store_and_live_engine() {
        let choice = |port, url| Choice { port, url };
        let kafka = choice("log", Some("kafka://k"));
        let cassandra = choice("store", Some("cassandra://c/k"));
        let refused = refuse_impossible(&kafka, &cassandra, &choice("live", None)).unwrap_err().to_string();
        assert!(refused.contains("--live"), "{refused}");
        assert!(
            refuse_impossible(&kafka, &choice("store", None), &choice("live", Some("redis://r"))).is_err()
        );
        assert!(refuse_impossible(&choice("log", None), &cassandra, &choice("live", None)).is_ok());
    }
}
