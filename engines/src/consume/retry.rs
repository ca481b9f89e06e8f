//! Waiting out an engine that is down: a state that is shown and survived, not a defect.

use super::Stop;
use crate::{Health, live::LiveError, log::LogError, store::StoreError};
use backon::{BackoffBuilder, ExponentialBuilder};
use std::{future::Future, time::Duration};
use tokio_util::sync::CancellationToken;

/// First pause, and the longest.
const PAUSE_MIN: Duration = Duration::from_millis(50);
const PAUSE_MAX: Duration = Duration::from_secs(5);

/// Whether waiting may mend it.
pub trait Transient: std::fmt::Display {
    /// True: try again later.
    fn is_transient(&self) -> bool;
}

impl Transient for LogError {
    fn is_transient(&self) -> bool {
        matches!(self, Self::Unavailable(_))
    }
}
impl Transient for StoreError {
    fn is_transient(&self) -> bool {
        matches!(self, Self::Unavailable(_))
    }
}
impl Transient for LiveError {
    fn is_transient(&self) -> bool {
        true
    }
}

/// Retries engine calls with capped backoff and jitter until they succeed, shows the wait in
/// `/readyz`, and ends when the partition closes.
#[derive(Clone)]
pub struct Retry {
    name: String,
    health: Health,
    closing: CancellationToken,
}

impl Retry {
    /// For a part with this name.
    pub fn new(name: impl Into<String>, health: Health, closing: CancellationToken) -> Self {
        Self { name: name.into(), health, closing }
    }

    /// The same for a part of this one, with a closing token of its own.
    #[must_use]
    pub fn child(&self, name: String) -> Self {
        Self { name, health: self.health.clone(), closing: self.closing.child_token() }
    }

    /// Cancelled when the work is to be given up.
    pub fn closing(&self) -> &CancellationToken {
        &self.closing
    }

    /// Where the part reports itself.
    pub fn health(&self) -> &Health {
        &self.health
    }

    /// The part's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Runs `call` until it succeeds. `what` says what is being tried, for people.
    pub async fn run<T, E, F>(&self, what: &str, mut call: impl FnMut() -> F) -> Result<T, Stop>
    where
        E: Transient,
        F: Future<Output = Result<T, E>>,
    {
        let mut pauses = pauses();
        let mut waiting = false;
        loop {
            let error = tokio::select! {
                biased;
                outcome = call() => match outcome {
                    Ok(value) => {
                        if waiting {
                            self.health.set(&self.name, true, "running");
                            tracing::info!(part = self.name, what, "goes on");
                        }
                        return Ok(value);
                    }
                    Err(error) => error,
                },
                () = self.closing.cancelled() => return Err(Stop::Closing),
            };
            if !error.is_transient() {
                return Err(Stop::Alarm(format!("{}: {what}: {error}", self.name)));
            }
            if !waiting {
                tracing::warn!(part = self.name, what, %error, "waits for an engine");
            }
            waiting = true;
            self.health.set(&self.name, false, format!("{what}: {error}"));
            let pause = pauses.next().unwrap_or(PAUSE_MAX);
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = self.closing.cancelled() => return Err(Stop::Closing),
            }
        }
    }
}

/// Pauses between tries: doubling from 50 ms to 5 s, with jitter.
pub(super) fn pauses() -> impl Iterator<Item = Duration> {
    ExponentialBuilder::default()
        .with_min_delay(PAUSE_MIN)
        .with_max_delay(PAUSE_MAX)
        .with_jitter()
        .without_max_times()
        .build()
}
