//! The client's errors, by what the caller does about them; its log lines and statistics.

use super::KafkaSettings;
use crate::{log::LogError, open::OpenError};
use rdkafka::Statistics;
use rdkafka::{
    config::RDKafkaLogLevel,
    error::{KafkaError, RDKafkaErrorCode},
};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// An error of a call that may succeed later.
pub(super) fn unavailable(what: &str, error: &KafkaError) -> LogError {
    match error.rdkafka_error_code() {
        Some(code) if is_final(code) => LogError::Failed(format!("{what}: {error}")),
        _ => LogError::Unavailable(format!("{what}: {error}")),
    }
}

/// Waiting does not mend these.
pub(super) fn is_final(code: RDKafkaErrorCode) -> bool {
    use RDKafkaErrorCode as Code;
    matches!(
        code,
        Code::MessageSizeTooLarge
            | Code::InvalidMessageSize
            | Code::TopicAuthorizationFailed
            | Code::GroupAuthorizationFailed
            | Code::ClusterAuthorizationFailed
            | Code::TransactionalIdAuthorizationFailed
    )
}

/// Another owner of a transactional id has come.
pub(super) fn is_fenced(code: RDKafkaErrorCode) -> bool {
    use RDKafkaErrorCode as Code;
    matches!(code, Code::Fenced | Code::ProducerFenced | Code::InvalidProducerEpoch)
}

/// The member is no longer one of its group, or its partitions are being given out anew.
pub(super) fn is_not_a_member(code: RDKafkaErrorCode) -> bool {
    use RDKafkaErrorCode as Code;
    matches!(code, Code::UnknownMemberId | Code::IllegalGeneration | Code::FencedInstanceId)
}

/// The offset is not, or no longer, in the log.
pub(super) fn is_out_of_range(code: RDKafkaErrorCode) -> bool {
    matches!(code, RDKafkaErrorCode::AutoOffsetReset | RDKafkaErrorCode::OffsetOutOfRange)
}

/// Refuses settings that this build can't carry out.
pub(super) fn check_client(settings: &KafkaSettings) -> Result<(), OpenError> {
    if settings.tls && !cfg!(feature = "engine-tls") {
        let reason = "this build has no TLS to Kafka: build with --features engine-tls";
        return Err(OpenError::Setting { name: "kafka.tls", reason });
    }
    let durations =
        [settings.transaction_ms, settings.delivery_ms, settings.request_ms, settings.statistics_ms];
    if durations.contains(&0) {
        return Err(OpenError::Setting { name: "kafka", reason: "durations must be at least 1 ms" });
    }
    Ok(())
}

/// A broker that is away is connected to again and again, and its state changes each time, at the latest
/// after `socket.connection.setup.timeout.ms` and `reconnect.backoff.max.ms`. Microseconds.
const STILL_US: i64 = 12_000_000;

/// What happened in a client, counted.
#[derive(Debug, Default)]
pub(super) struct Happened {
    /// Anything that was handed to the context: a poll may have done this and returned nothing.
    events: AtomicU64,
    /// Trouble with brokers: lost connections, requests without an answer.
    troubles: AtomicU64,
    /// See [`Happened::is_lost`].
    is_lost: AtomicBool,
}

impl Happened {
    pub(super) fn event(&self) {
        self.events.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn events(&self) -> u64 {
        self.events.load(Ordering::Relaxed)
    }

    pub(super) fn troubles(&self) -> u64 {
        self.troubles.load(Ordering::Relaxed)
    }

    /// Whether the client will never ask a broker again: one that was fenced itself told it that there are
    /// none (librdkafka 2.12, its issue 5301), and it forgot them all, or holds on to one that it does not
    /// connect to any more. Another client mends that, nothing else does.
    pub(super) fn is_lost(&self) -> bool {
        self.is_lost.load(Ordering::Relaxed)
    }

    /// Statistics have come. A coordinator is no broker but the name of one.
    pub(super) fn statistics(&self, statistics: &Statistics) {
        self.event();
        let mut brokers =
            statistics.brokers.values().filter(|broker| ["configured", "learned"].contains(&&*broker.source));
        let is_lost = brokers.all(|broker| broker.state != "UP" && broker.stateage > STILL_US);
        self.is_lost.store(is_lost, Ordering::Relaxed);
    }

    /// A line of the client's log. It holds addresses and names, never payloads.
    pub(super) fn log(&self, client: &str, level: RDKafkaLogLevel, part: &str, line: &str) {
        self.event();
        match level {
            RDKafkaLogLevel::Emerg | RDKafkaLogLevel::Alert | RDKafkaLogLevel::Critical => {
                tracing::error!(client, part, "{line}");
            }
            // A broker that is away is a state that is waited out.
            RDKafkaLogLevel::Error | RDKafkaLogLevel::Warning => tracing::warn!(client, part, "{line}"),
            _ => tracing::debug!(client, part, "{line}"),
        }
    }

    /// Trouble that the client reports beside the calls.
    pub(super) fn error(&self, client: &str, error: &KafkaError, reason: &str) {
        self.event();
        if !matches!(error.rdkafka_error_code(), Some(RDKafkaErrorCode::PartitionEOF)) {
            self.troubles.fetch_add(1, Ordering::Relaxed);
            metrics::counter!("parlor_kafka_errors_total", "client" => client.to_owned()).increment(1);
            tracing::debug!(client, %error, reason, "trouble with the brokers");
        }
    }
}

/// Forwards what librdkafka tells to [`Happened`].
macro_rules! client_context {
    ($context:ty) => {
        impl rdkafka::ClientContext for $context {
            fn log(&self, level: rdkafka::config::RDKafkaLogLevel, part: &str, line: &str) {
                self.happened.log(self.name, level, part, line);
            }

            fn error(&self, error: rdkafka::error::KafkaError, reason: &str) {
                self.happened.error(self.name, &error, reason);
            }

            fn stats(&self, statistics: rdkafka::Statistics) {
                self.happened.statistics(&statistics);
                self.statistics(&statistics);
            }
        }
    };
}

pub(super) use client_context;

#[cfg(test)]
mod tests {
    use super::*;
    use rdkafka::statistics::Broker;

    fn is_lost(brokers: &[(&str, &str, i64)]) -> bool {
        let broker = |(source, state, seconds): &(&str, &str, i64)| Broker {
            source: (*source).to_owned(),
            state: (*state).to_owned(),
            stateage: seconds * 1_000_000,
            ..Broker::default()
        };
        let brokers = brokers.iter().enumerate().map(|(n, it)| (n.to_string(), broker(it))).collect();
        let happened = Happened::default();
        happened.statistics(&Statistics { brokers, ..Statistics::default() });
        happened.is_lost()
    }

    #[test]
    fn a_client_is_lost_when_it_tries_no_broker() {
        let coordinator = ("logical", "INIT", 60);
        for alive in [("learned", "UP", 600), ("learned", "CONNECT", 4), ("configured", "TRY_CONNECT", 0)] {
            assert!(!is_lost(&[coordinator, alive, ("learned", "INIT", 600)]), "{alive:?}");
        }
        assert!(is_lost(&[coordinator]));
        assert!(is_lost(&[coordinator, ("learned", "DOWN", 13)]));
    }
}
