//! One `open` for all engine sets: the only place that chooses an adapter.

mod tuning;

pub use tuning::{Keep, Tuning};

use crate::{Clock, Live, Log, Store, embedded};
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
    /// A setting that can't work.
    #[error("engine setting {name}: {reason}")]
    Setting { name: &'static str, reason: &'static str },
}

/// An adapter for the log.
const LOGS: &[(&str, bool)] = &[("embedded", true), ("kafka", false)];
/// An adapter for the store.
const STORES: &[(&str, bool)] = &[("embedded", true), ("cassandra", false), ("postgres", false)];
/// An adapter for the live engine.
const LIVES: &[(&str, bool)] = &[("embedded", true), ("redis", false), ("rediss", false)];

/// Opens the engines that the URLs name.
pub async fn open(
    urls: &Urls,
    tuning: &Tuning,
    limits: &Limits,
    clock: Arc<dyn Clock>,
) -> Result<Engines, OpenError> {
    choose("log", urls.log.as_deref(), LOGS)?;
    choose("store", urls.store.as_deref(), STORES)?;
    choose("live", urls.live.as_deref(), LIVES)?;
    tuning.check()?;
    let database = embedded::open(&urls.data, tuning, clock.clone()).await?;
    Ok(Engines {
        log: Arc::new(embedded::EmbeddedLog::new(database.clone())),
        store: Arc::new(embedded::EmbeddedStore::new(database)),
        live: embedded::EmbeddedLive::open(tuning, limits, clock.clone()),
        clock,
    })
}

/// The adapter that a URL asks for, by its scheme.
fn choose(
    port: &'static str,
    url: Option<&str>,
    schemes: &[(&'static str, bool)],
) -> Result<&'static str, OpenError> {
    let Some(url) = url else { return Ok("embedded") };
    let scheme = url.split_once(':').map_or(url, |(scheme, _)| scheme);
    match schemes.iter().find(|(name, _)| *name == scheme) {
        Some((name, true)) => Ok(name),
        Some((_, false)) => Err(OpenError::NotBuilt { port, url: without_secrets(url) }),
        None => {
            let known = schemes.iter().map(|(name, _)| format!("{name}://")).collect::<Vec<_>>().join(", ");
            Err(OpenError::UnknownScheme { port, url: without_secrets(url), known })
        }
    }
}

/// The URL without user and password, for messages.
fn without_secrets(url: &str) -> String {
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
        assert_eq!(choose("log", None, LOGS).unwrap(), "embedded");
        assert_eq!(choose("log", Some("embedded://"), LOGS).unwrap(), "embedded");
        let error = choose("store", Some("postgres://me:secret@db/parlor"), STORES).unwrap_err();
        let text = error.to_string();
        assert!(text.contains("not built yet") && text.contains("postgres://db/parlor"), "{text}");
        assert!(!text.contains("secret"), "{text}");
        let text = choose("live", Some("memcached://x"), LIVES).unwrap_err().to_string();
        assert!(text.contains("embedded://, redis://"), "{text}");
    }
}
