//! Topics: what they must be, making them, and refusing those that are not so.
//!
//! All topics of a deployment bear the same number, its identity. A topic that was deleted and made
//! anew does not have it, or is missing where others have records already: offsets of before would
//! point into another log, so that is refused and never mended in silence.

use super::cluster::{Cluster, all_topics};
use crate::{Tuning, open::OpenError};
use parlor_schemas::{Topic, topics::Partition};
use rand::Rng as _;
use rdkafka::{
    admin::{
        AdminClient, AdminOptions, AlterConfig, ConfigResource, ConfigSource, NewTopic,
        OwnedResourceSpecifier, ResourceSpecifier, TopicReplication,
    },
    client::DefaultClientContext,
    error::{KafkaError, RDKafkaErrorCode},
    metadata::{Metadata, MetadataTopic},
};
use std::{
    collections::{BTreeMap, HashMap, HashSet},
    time::Duration,
};

/// With more replicas than this there is no point in more.
const REPLICAS_MAX: usize = 3;
/// Making topics on a busy cluster takes a while.
const PATIENCE: Duration = Duration::from_secs(30);
/// Pause between looks at topics that are being made.
const AGAIN: Duration = Duration::from_millis(20);
/// The largest batch of records: ours are at most 128 KiB each, and the client sends 1 MB at once.
const BATCH_MAX: &str = "4194304";
/// Where the identity is kept. Brokers look at this setting only where clients give records their
/// time, and here the log does; it is born and dies with the topic, which nothing else does that a
/// client may write (Kafka 3.6 and later).
const IDENTITY: &str = "message.timestamp.after.max.ms";
/// Large enough that nobody sets one by hand, small enough for every tool's numbers.
const IDENTITIES: std::ops::Range<u64> = 1 << 52..1 << 53;
const HOUR_MS: i64 = 3_600_000;

/// The administrator's side of a cluster.
pub(super) struct Topics<'a> {
    cluster: &'a Cluster,
    admin: AdminClient<DefaultClientContext>,
}

/// A setting that a topic must have.
type Wanted = BTreeMap<&'static str, String>;

impl<'a> Topics<'a> {
    pub(super) fn new(cluster: &'a Cluster) -> Result<Self, OpenError> {
        let admin = cluster.config(&[]).create().map_err(|error| cluster.unreachable(error))?;
        Ok(Self { cluster, admin })
    }

    /// All topics of the cluster: asking for one by name could make it.
    fn metadata(&self) -> Result<Metadata, OpenError> {
        let asked = self.admin.inner().fetch_metadata(None, self.cluster.patience());
        asked.map_err(|error| self.cluster.unreachable(error))
    }

    /// Refuses topics that are missing, that have another number of partitions, or that are not
    /// those that were made together.
    pub(super) async fn check(&self) -> Result<(), OpenError> {
        let found = partitions(&self.metadata()?);
        let missing: Vec<_> = all_topics()
            .map(|topic| self.cluster.topic(topic))
            .filter(|name| !found.contains_key(*name))
            .collect();
        if !missing.is_empty() {
            return Err(self.cluster.not_initialised(format!("no topics {}", missing.join(", "))));
        }
        all_topics().try_for_each(|topic| self.check_partitions(topic, &found))?;
        let topics: Vec<_> = all_topics().collect();
        let described = self.describe(&topics).await?;
        match identity(&described) {
            Identity::Same(_) => Ok(()),
            Identity::None => Err(self.cluster.not_initialised("the topics were not made by `parlor init`")),
            Identity::Other(id, topics) => Err(self.made_anew(&topics, Some(id))),
        }
    }

    fn made_anew(&self, topics: &[String], id: Option<u64>) -> OpenError {
        let unless = |id| format!(" (unless a tool removed a setting: {IDENTITY} of the others is {id})");
        let topics = topics.join(", ") + &id.map(unless).unwrap_or_default();
        OpenError::TopicsMadeAnew { url: self.cluster.url.clone(), topics }
    }

    /// The identity for topics that are made beside these. Where none has a record yet, anything may
    /// be mended: an earlier `init` was cut off.
    fn identity_beside(&self, kept: &[(Topic, ConfigResource)], made: &[Topic]) -> Result<u64, OpenError> {
        let gone = made.iter().filter(|topic| Topic::MAIN.contains(topic));
        let gone: Vec<_> = gone.map(|topic| self.cluster.topic(*topic).to_owned()).collect();
        let (id, suspicious, told) = match identity(kept) {
            Identity::Same(id) => (id, gone, None),
            Identity::None => (rand::rng().random_range(IDENTITIES), gone, None),
            Identity::Other(id, topics) => (id, topics, Some(id)),
        };
        if !suspicious.is_empty() && self.has_records(kept)? {
            return Err(self.made_anew(&suspicious, told));
        }
        Ok(id)
    }

    fn has_records(&self, topics: &[(Topic, ConfigResource)]) -> Result<bool, OpenError> {
        for (topic, _) in topics {
            for partition in 0..self.cluster.partitions {
                if self.end(*topic, partition)? > 0 {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    /// A topic that was made a moment ago may have no leader yet. Blocks.
    fn end(&self, topic: Topic, partition: Partition) -> Result<i64, OpenError> {
        let (name, patience) = (self.cluster.topic(topic), self.cluster.patience());
        let mut waited = Duration::ZERO;
        loop {
            match self.admin.inner().fetch_watermarks(name, partition as i32, patience) {
                Ok((_, end)) => return Ok(end),
                Err(error) if waited >= patience => return Err(self.cluster.unreachable(error)),
                Err(_) => std::thread::sleep(AGAIN),
            }
            waited += AGAIN;
        }
    }

    async fn describe(&self, topics: &[Topic]) -> Result<Vec<(Topic, ConfigResource)>, OpenError> {
        if topics.is_empty() {
            return Ok(Vec::new());
        }
        let names = topics.iter().map(|topic| self.cluster.topic(*topic));
        let asked: Vec<_> = names.map(ResourceSpecifier::Topic).collect();
        let options = AdminOptions::new().request_timeout(Some(PATIENCE));
        let found = self.admin.describe_configs(&asked, &options).await;
        let found = found.map_err(|error| self.cluster.unreachable(error))?;
        let described = topics.iter().zip(found).map(|(topic, found)| match found {
            Ok(found) => Ok((*topic, found)),
            Err(code) => {
                Err(self.cluster.unreachable(format!("topic {}: {code}", self.cluster.topic(*topic))))
            }
        });
        described.collect()
    }

    fn check_partitions(&self, topic: Topic, found: &HashMap<String, usize>) -> Result<(), OpenError> {
        let (name, asked) = (self.cluster.topic(topic), self.cluster.partitions);
        match found.get(name) {
            Some(made) if *made != asked as usize => Err(OpenError::TopicPartitions {
                url: self.cluster.url.clone(),
                topic: name.to_owned(),
                made: *made as u32,
                asked,
            }),
            _ => Ok(()),
        }
    }

    /// Makes what is missing and mends settings that differ; in words.
    pub(super) async fn make(&self, tuning: &Tuning) -> Result<Vec<String>, OpenError> {
        let metadata = self.metadata()?;
        let found = partitions(&metadata);
        all_topics().try_for_each(|topic| self.check_partitions(topic, &found))?;
        let brokers = metadata.brokers().len();
        let replicas = match tuning.kafka.replication {
            0 => brokers.clamp(1, REPLICAS_MAX),
            asked => usize::from(asked),
        };
        let (made, kept): (Vec<_>, Vec<_>) =
            all_topics().partition(|topic| !found.contains_key(self.cluster.topic(*topic)));
        let kept = self.describe(&kept).await?;
        let id = self.identity_beside(&kept, &made)?;
        let mut done = self.create(&made, replicas, id, tuning).await?;
        self.wait_for_leaders().await?;
        // A topic that was there has the replicas that it has.
        done.extend(self.mend(&kept, &replicas_of(&metadata), id, tuning).await?);
        Ok(done)
    }

    /// A topic is made when the brokers know it, and who leads it.
    async fn wait_for_leaders(&self) -> Result<(), OpenError> {
        let waiting = async {
            loop {
                let metadata = self.metadata()?;
                let led: HashSet<_> =
                    metadata.topics().iter().filter(|topic| is_led(topic)).map(MetadataTopic::name).collect();
                if all_topics().all(|topic| led.contains(self.cluster.topic(topic))) {
                    return Ok(());
                }
                tokio::time::sleep(AGAIN).await;
            }
        };
        let waited = tokio::time::timeout(PATIENCE, waiting).await;
        waited.unwrap_or_else(|_| Err(self.cluster.unreachable("the new topics have no leaders")))
    }

    async fn create(
        &self,
        topics: &[Topic],
        replicas: usize,
        id: u64,
        tuning: &Tuning,
    ) -> Result<Vec<String>, OpenError> {
        if topics.is_empty() {
            return Ok(Vec::new());
        }
        let wanted: Vec<_> =
            topics.iter().map(|topic| (*topic, wanted(*topic, replicas, id, tuning))).collect();
        let new = wanted.iter().map(|(topic, settings)| {
            let name = self.cluster.topic(*topic);
            let replication = TopicReplication::Fixed(replicas as i32);
            let new = NewTopic::new(name, self.cluster.partitions as i32, replication);
            settings.iter().fold(new, |new, (name, value)| new.set(name, value))
        });
        let new: Vec<_> = new.collect();
        let options = AdminOptions::new().request_timeout(Some(PATIENCE)).operation_timeout(Some(PATIENCE));
        let outcomes = self.admin.create_topics(&new, &options).await;
        let mut done = Vec::new();
        for outcome in outcomes.map_err(|error| self.cluster.unreachable(error))? {
            match outcome {
                Ok(name) => done.push(format!(
                    "made topic {name}: {} partitions, {replicas} replicas",
                    self.cluster.partitions
                )),
                // Somebody else was faster, with the same settings if it was us.
                Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
                Err((name, code)) => return Err(self.cluster.unreachable(format!("topic {name}: {code}"))),
            }
        }
        Ok(done)
    }

    /// Sets what differs from what is wanted; what else operators have set stays.
    async fn mend(
        &self,
        topics: &[(Topic, ConfigResource)],
        replicas: &HashMap<String, usize>,
        id: u64,
        tuning: &Tuning,
    ) -> Result<Vec<String>, OpenError> {
        let options = AdminOptions::new().request_timeout(Some(PATIENCE));
        let failed = |error: KafkaError| self.cluster.unreachable(error);
        let mut done = Vec::new();
        for (topic, found) in topics {
            let name = self.cluster.topic(*topic);
            let wanted = wanted(*topic, replicas.get(name).copied().unwrap_or(1), id, tuning);
            let differ = differences(found, &wanted);
            if differ.is_empty() {
                continue;
            }
            // The whole set is replaced by what is given.
            let mut settings: BTreeMap<&str, &str> = set_by_operators(found).collect();
            settings.extend(wanted.iter().map(|(name, value)| (*name, value.as_str())));
            let alter = settings
                .iter()
                .fold(AlterConfig::new(ResourceSpecifier::Topic(name)), |alter, (k, v)| alter.set(k, v));
            for outcome in self.admin.alter_configs([&alter], &options).await.map_err(failed)? {
                outcome.map_err(|(_, code)| self.cluster.unreachable(format!("topic {name}: {code}")))?;
            }
            done.push(format!("set on topic {name}: {}", differ.join(", ")));
        }
        Ok(done)
    }
}

/// The settings of a topic (DESIGN §3, §8).
fn wanted(topic: Topic, replicas: usize, id: u64, tuning: &Tuning) -> Wanted {
    let keep = tuning.keep(topic);
    let unlimited = |value: i64| if value == 0 { -1 } else { value }.to_string();
    let mut settings = Wanted::from([
        // Ingest's clock is the log's; everybody else sees when a record came, too.
        ("message.timestamp.type", "LogAppendTime".to_owned()),
        (IDENTITY, id.to_string()),
        ("min.insync.replicas", if replicas >= 3 { "2" } else { "1" }.to_owned()),
        ("unclean.leader.election.enable", "false".to_owned()),
        ("max.message.bytes", BATCH_MAX.to_owned()),
        // What the producer compressed is kept as it came.
        ("compression.type", "producer".to_owned()),
    ]);
    if topic.is_compacted() {
        settings.extend([
            ("cleanup.policy", "compact".to_owned()),
            // A reader that began before a tombstone has so long to see it.
            ("delete.retention.ms", tuning.tombstones_ms.to_string()),
            // Rows are overwritten all the time, and only closed segments are compacted: small and
            // short ones keep what a rebuild has to read near the number of live rows.
            ("segment.bytes", (64 * 1024 * 1024).to_string()),
            ("segment.ms", HOUR_MS.to_string()),
            ("min.cleanable.dirty.ratio", "0.2".to_owned()),
            ("max.compaction.lag.ms", (6 * HOUR_MS).to_string()),
        ]);
    } else {
        // Segments are deleted whole: an hour's worth at least, a day's at most.
        let segment =
            if keep.age_ms == 0 { 24 * HOUR_MS } else { (keep.age_ms / 24).clamp(HOUR_MS, 24 * HOUR_MS) };
        settings.extend([
            ("cleanup.policy", "delete".to_owned()),
            ("retention.ms", unlimited(keep.age_ms)),
            ("retention.bytes", unlimited(keep.bytes as i64)),
            ("segment.ms", segment.to_string()),
        ]);
    }
    settings
}

/// What the topics say of who they are.
enum Identity {
    /// None bears a number, or there are none.
    None,
    /// All bear the same.
    Same(u64),
    /// These bear none, or not that of most of them, which is told.
    Other(u64, Vec<String>),
}

fn identity(topics: &[(Topic, ConfigResource)]) -> Identity {
    let own = |found: &ConfigResource| {
        let (_, value) = set_by_operators(found).find(|(name, _)| *name == IDENTITY)?;
        value.parse().ok().filter(|id| IDENTITIES.contains(id))
    };
    let ids: Vec<Option<u64>> = topics.iter().map(|(_, found)| own(found)).collect();
    let borne = |id: u64| ids.iter().filter(|other| **other == Some(id)).count();
    let Some(id) = ids.iter().flatten().copied().max_by_key(|id| borne(*id)) else {
        return Identity::None;
    };
    let others = topics.iter().zip(&ids).filter(|(_, other)| **other != Some(id));
    let others: Vec<_> = others.map(|((_, found), _)| name_of(found)).collect();
    if others.is_empty() { Identity::Same(id) } else { Identity::Other(id, others) }
}

fn name_of(found: &ConfigResource) -> String {
    match &found.specifier {
        OwnedResourceSpecifier::Topic(name) | OwnedResourceSpecifier::Group(name) => name.clone(),
        OwnedResourceSpecifier::Broker(id) => id.to_string(),
    }
}

fn is_led(topic: &MetadataTopic) -> bool {
    topic.error().is_none() && topic.partitions().iter().all(|partition| partition.leader() >= 0)
}

/// Number of partitions by topic.
fn partitions(metadata: &Metadata) -> HashMap<String, usize> {
    let made = metadata.topics().iter().filter(|topic| topic.error().is_none());
    made.map(|topic| (topic.name().to_owned(), topic.partitions().len())).collect()
}

/// Number of replicas by topic.
fn replicas_of(metadata: &Metadata) -> HashMap<String, usize> {
    let replicas = |topic: &MetadataTopic| {
        topic.partitions().iter().map(|partition| partition.replicas().len()).min().unwrap_or(1)
    };
    metadata.topics().iter().map(|topic| (topic.name().to_owned(), replicas(topic))).collect()
}

/// What is set on the topic itself.
fn set_by_operators(found: &ConfigResource) -> impl Iterator<Item = (&str, &str)> {
    let own = found.entries.iter().filter(|entry| entry.source == ConfigSource::DynamicTopic);
    own.filter_map(|entry| Some((entry.name.as_str(), entry.value.as_deref()?)))
}

/// `name=value` of what is not as it is wanted.
fn differences(found: &ConfigResource, wanted: &Wanted) -> Vec<String> {
    let entries = found.entry_map();
    let differs = |name: &str, value: &String| {
        entries.get(name).and_then(|entry| entry.value.as_ref()).is_none_or(|found| found != value)
    };
    let differ = wanted.iter().filter(|(name, value)| differs(name, value));
    differ.map(|(name, value)| format!("{name}={value}")).collect()
}
