//! What all clients of a cluster share: addresses, names, properties.

use super::{KafkaSettings, errors::check_client};
use crate::{
    Tuning,
    log::{Entry, LogError},
    open::{OpenError, without_secrets},
};
use parlor_schemas::{
    Topic,
    topics::{Group, Partition},
};
use percent_encoding::percent_decode_str;
use rdkafka::{ClientConfig, config::RDKafkaLogLevel};
use std::{collections::HashMap, fmt::Display, time::Duration};
use url::Url;

/// The deployment on a cluster.
pub(super) struct Cluster {
    /// Where it is, without user and password: for messages.
    pub(super) url: String,
    pub(super) settings: KafkaSettings,
    pub(super) partitions: u32,
    /// Records of one read, at most ...
    pub(super) read_records: usize,
    /// ... and their bytes.
    pub(super) read_bytes: usize,
    /// Bytes that wait for the brokers' acknowledgement; more of them wait outside.
    pub(super) queue_bytes: usize,
    base: ClientConfig,
    topics: HashMap<Topic, String>,
}

impl Cluster {
    /// Of `kafka://[user:password@]host:port[,host:port…]`.
    pub(super) fn new(url: &str, tuning: &Tuning) -> Result<Self, OpenError> {
        let settings = tuning.kafka.clone();
        let base = properties(url, &settings)?;
        let topics = all_topics().map(|topic| (topic, format!("{}{}", settings.prefix, topic.name())));
        Ok(Self {
            url: without_secrets(url),
            partitions: tuning.partitions,
            read_records: tuning.read_records,
            read_bytes: tuning.read_bytes,
            queue_bytes: tuning.queue_bytes,
            base,
            topics: topics.collect(),
            settings,
        })
    }

    /// The topic's name on this cluster.
    pub(super) fn topic(&self, topic: Topic) -> &str {
        &self.topics[&topic]
    }

    /// The group's name on this cluster.
    pub(super) fn group(&self, group: Group) -> String {
        format!("{}parlor-{}", self.settings.prefix, group.name())
    }

    /// Properties for a client; `with` wins over the common ones, and what operators set over both.
    pub(super) fn config(&self, with: &[(&str, &str)]) -> ClientConfig {
        let mut config = self.base.clone();
        for (name, value) in with {
            config.set(*name, *value);
        }
        for (name, value) in &self.settings.extra {
            config.set(name, value);
        }
        config
    }

    /// How long a question to the brokers may take.
    pub(super) fn patience(&self) -> Duration {
        Duration::from_millis(self.settings.request_ms.into())
    }

    /// Whether the topics have this partition.
    pub(super) fn check(&self, topic: Topic, partition: Partition) -> Result<(), LogError> {
        if partition < self.partitions {
            return Ok(());
        }
        let reason = format!("{} has no partition {partition}", self.topic(topic));
        Err(LogError::Failed(reason))
    }

    pub(super) fn check_all(&self, entries: &[Entry]) -> Result<(), LogError> {
        entries.iter().try_for_each(|entry| self.check(entry.topic, entry.partition))
    }

    pub(super) fn unreachable(&self, reason: impl Display) -> OpenError {
        OpenError::Unreachable { port: "log", url: self.url.clone(), reason: format!("{reason}") }
    }

    pub(super) fn not_initialised(&self, reason: impl Display) -> OpenError {
        OpenError::NotInitialised { port: "log", url: self.url.clone(), reason: format!("{reason}") }
    }
}

/// Every topic of a deployment.
pub(super) fn all_topics() -> impl Iterator<Item = Topic> {
    Topic::MAIN.into_iter().chain(Group::ALL.map(Topic::DeadLetters))
}

/// The properties that all clients have.
fn properties(url: &str, settings: &KafkaSettings) -> Result<ClientConfig, OpenError> {
    let Address { brokers, user } = Address::of(url)?;
    let mut config = ClientConfig::new();
    config.set_log_level(RDKafkaLogLevel::Notice);
    for (name, value) in [
        ("bootstrap.servers", brokers.as_str()),
        ("client.id", "parlor"),
        // A request to a broker that does not answer is given up, and the broker asked anew.
        ("socket.timeout.ms", "10000"),
        ("socket.keepalive.enable", "true"),
        ("socket.nagle.disable", "true"),
        ("socket.connection.setup.timeout.ms", "5000"),
        ("reconnect.backoff.ms", "50"),
        ("reconnect.backoff.max.ms", "1000"),
        ("topic.metadata.refresh.fast.interval.ms", "100"),
        ("log.connection.close", "false"),
    ] {
        config.set(name, value);
    }
    check_client(settings)?;
    config.set(
        "security.protocol",
        match (settings.tls, user.is_some()) {
            (false, false) => "plaintext",
            (false, true) => "sasl_plaintext",
            (true, false) => "ssl",
            (true, true) => "sasl_ssl",
        },
    );
    if let Some((user, password)) = user {
        config.set("sasl.mechanisms", &settings.sasl_mechanism);
        config.set("sasl.username", user).set("sasl.password", password);
    }
    let pem = [
        ("ssl.ca.pem", &settings.tls_ca),
        ("ssl.certificate.pem", &settings.tls_cert),
        ("ssl.key.pem", &settings.tls_key),
    ];
    for (name, value) in pem.into_iter().filter(|(_, value)| settings.tls && !value.is_empty()) {
        config.set(name, value);
    }
    Ok(config)
}

/// What a URL says.
struct Address {
    /// `host:port,…`
    brokers: String,
    user: Option<(String, String)>,
}

impl Address {
    /// Each broker may carry user and password; the first ones count.
    fn of(url: &str) -> Result<Self, OpenError> {
        let wrong = |reason: &str| OpenError::Unreachable {
            port: "log",
            url: without_secrets(url),
            reason: format!("{reason}; expected kafka://[user:password@]host:port[,host:port…]"),
        };
        let rest = url.strip_prefix("kafka://").ok_or_else(|| wrong("no kafka:// URL"))?;
        let (user, hosts) = match rest.rsplit_once('@') {
            Some((user, hosts)) => (Some(user), hosts),
            None => (None, rest),
        };
        let hosts = hosts.trim_end_matches('/');
        let mut brokers = Vec::new();
        for host in hosts.split(',') {
            let parsed = Url::parse(&format!("kafka://{host}")).map_err(|error| wrong(&error.to_string()))?;
            let name = parsed.host_str().filter(|name| !name.is_empty()).ok_or_else(|| wrong("no host"))?;
            brokers.push(format!("{name}:{}", parsed.port().unwrap_or(9092)));
        }
        let user = match user {
            None => None,
            Some(user) => {
                let (name, password) =
                    user.split_once(':').ok_or_else(|| wrong("a user without a password"))?;
                Some((decoded(name), decoded(password)))
            }
        };
        Ok(Self { brokers: brokers.join(","), user })
    }
}

/// `%40` is `@`, as in every URL.
fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_names_brokers_and_maybe_a_user() {
        let address = Address::of("kafka://a:1,b:2,[::1]").unwrap();
        assert_eq!(address.brokers, "a:1,b:2,[::1]:9092");
        assert_eq!(address.user, None);
        let address = Address::of("kafka://me:p%40ss:w@a:1/").unwrap();
        assert_eq!(address.brokers, "a:1");
        assert_eq!(address.user, Some(("me".into(), "p@ss:w".into())));
        for wrong in ["kafka://", "kafka://a:1,,b:2", "kafka://me@a:1", "kafka://a:port"] {
            assert!(Address::of(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_operators_set_wins() {
        let mut tuning = Tuning::default();
        tuning.kafka.extra.insert("linger.ms".into(), "9".into());
        tuning.kafka.prefix = "p-".into();
        let cluster = Cluster::new("kafka://a:1", &tuning).unwrap();
        assert_eq!(cluster.config(&[("linger.ms", "0")]).get("linger.ms"), Some("9"));
        assert_eq!(cluster.topic(Topic::Messages), "p-chat.messages.v1");
        assert_eq!(cluster.group(Group::Fanout), "p-parlor-fanout");
    }

    #[cfg(not(feature = "engine-tls"))]
    #[test]
    fn tls_without_its_feature_is_refused() {
        let mut tuning = Tuning::default();
        tuning.kafka.tls = true;
        let refused = Cluster::new("kafka://a:1", &tuning).err().unwrap().to_string();
        assert!(refused.contains("engine-tls"), "{refused}");
    }
}
