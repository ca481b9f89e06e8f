//! Stored offsets of groups, for those who are no members.

use super::{
    cluster::Cluster,
    errors::{is_not_a_member, unavailable},
};
use crate::log::{LogError, StoredOffset};
use parlor_schemas::topics::{Group, Partition};
use rdkafka::{
    Offset, TopicPartitionList,
    consumer::{BaseConsumer, CommitMode, Consumer as _},
    error::KafkaError,
};
use std::{collections::HashMap, thread, time::Duration};

/// A list of all partitions of the group's topic.
pub(super) fn list(
    cluster: &Cluster,
    group: Group,
    partitions: impl IntoIterator<Item = Partition>,
) -> TopicPartitionList {
    let mut list = TopicPartitionList::new();
    for partition in partitions {
        list.add_partition(cluster.topic(group.topic()), partition as i32);
    }
    list
}

/// A list of offsets to be stored.
pub(super) fn offsets<'a>(
    cluster: &Cluster,
    group: Group,
    offsets: impl IntoIterator<Item = (&'a Partition, &'a StoredOffset)>,
) -> Result<TopicPartitionList, KafkaError> {
    let mut list = TopicPartitionList::new();
    for (partition, stored) in offsets {
        let mut place = list.add_partition(cluster.topic(group.topic()), *partition as i32);
        place.set_offset(Offset::Offset(stored.offset as i64))?;
        place.set_metadata(&stored.metadata);
    }
    Ok(list)
}

/// What the brokers answered, by partition.
pub(super) fn answers(
    list: &TopicPartitionList,
) -> Result<HashMap<Partition, Option<StoredOffset>>, KafkaError> {
    let answer = |place: &rdkafka::topic_partition_list::TopicPartitionListElem<'_>| {
        place.error()?;
        let stored = match place.offset() {
            Offset::Offset(offset) => {
                Some(StoredOffset { offset: offset as u64, metadata: place.metadata().to_owned() })
            }
            _ => None,
        };
        Ok((place.partition() as Partition, stored))
    };
    list.elements().iter().map(answer).collect()
}

/// See [`crate::Log::stored`]. Blocks.
pub(super) fn stored(cluster: &Cluster, group: Group) -> Result<Vec<Option<StoredOffset>>, LogError> {
    let failed = |error| unavailable("read stored offsets", &error);
    let asker = asker(cluster, group)?;
    let asked = list(cluster, group, 0..cluster.partitions);
    let answered = asker.committed_offsets(asked, cluster.patience()).map_err(failed)?;
    let mut answered = answers(&answered).map_err(failed)?;
    Ok((0..cluster.partitions).map(|partition| answered.remove(&partition).flatten()).collect())
}

/// See [`crate::Log::rewind`]. The brokers refuse it while the group has members; one that died without
/// a word counts as one until its session is over, which is waited for. Blocks.
pub(super) fn rewind(
    cluster: &Cluster,
    group: Group,
    partition: Partition,
    to: &StoredOffset,
) -> Result<(), LogError> {
    const AGAIN: Duration = Duration::from_millis(500);
    let asker = asker(cluster, group)?;
    let failed = |error: KafkaError| unavailable("store offsets", &error);
    let offsets = offsets(cluster, group, [(&partition, to)]).map_err(failed)?;
    let mut patience = Duration::from_millis(u64::from(cluster.settings.session_ms)) + 4 * AGAIN;
    loop {
        match asker.commit(&offsets, CommitMode::Sync) {
            Err(error) if error.rdkafka_error_code().is_some_and(is_not_a_member) => {
                patience = patience.checked_sub(AGAIN).ok_or_else(|| {
                    LogError::Failed(format!("group {} has members: stop them first", group.name()))
                })?;
                thread::sleep(AGAIN);
            }
            stored => return stored.map_err(failed),
        }
    }
}

/// Speaks for a group without being one of its members.
fn asker(cluster: &Cluster, group: Group) -> Result<BaseConsumer, LogError> {
    let config = cluster.config(&[("group.id", &cluster.group(group)), ("enable.auto.commit", "false")]);
    config.create().map_err(|error| unavailable("ask for a group", &error))
}
