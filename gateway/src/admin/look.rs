//! What administrators look at: groups, dead letters, a conversation from outside.

use super::AdminError;
use parlor_engines::{
    Engines,
    log::{LogRecord, Read},
    store::{Head, Info},
};
use parlor_schemas::{
    ConversationId, Membership, Timestamp, Topic,
    topics::{Group, Offset, Partition, of_conversation},
};
use serde::Serialize;

/// Members read at once.
const MEMBERS_PAGE: usize = 1_000;

/// Where a group stands in a partition.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[allow(missing_docs)]
pub struct GroupLag {
    pub group: &'static str,
    pub topic: String,
    pub partition: Partition,
    /// `None`: nothing was ever stored.
    pub stored: Option<Offset>,
    pub end: Offset,
    /// In offsets; on Kafka a transaction's marker takes one, so that a group at rest may show 1.
    pub behind: Offset,
}

/// Where every group stands.
pub async fn lag(engines: &Engines) -> Result<Vec<GroupLag>, AdminError> {
    let mut lags = Vec::new();
    for group in Group::ALL {
        for (partition, stored) in (0..).zip(engines.log.stored(group).await?) {
            let ends = engines.log.ends(group.topic(), partition).await?;
            let stored = stored.map(|stored| stored.offset);
            lags.push(GroupLag {
                group: group.name(),
                topic: group.topic().name(),
                partition,
                stored,
                end: ends.end,
                behind: ends.end.saturating_sub(stored.unwrap_or(ends.first)),
            });
        }
    }
    Ok(lags)
}

/// A record that a group could not take: where it stood and why, without its content.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[allow(missing_docs)]
pub struct DeadLetter {
    pub group: &'static str,
    /// Where it is kept.
    pub topic: String,
    pub partition: Partition,
    pub offset: Offset,
    pub at: Timestamp,
    /// Where it stood.
    pub source: String,
    pub reason: String,
}

/// The newest dead letters of each group and partition, at most `each` of them.
pub async fn dead_letters(engines: &Engines, each: u64) -> Result<Vec<DeadLetter>, AdminError> {
    let mut letters = Vec::new();
    for group in Group::ALL {
        let topic = Topic::DeadLetters(group);
        for partition in 0..engines.log.partitions(topic) {
            let ends = engines.log.ends(topic, partition).await?;
            if ends.first == ends.end {
                continue;
            }
            let from = ends.end.saturating_sub(each).max(ends.first);
            let mut reader = engines.log.read(topic, partition, from).await?;
            while let Read::Records(records) = reader.next().await? {
                letters.extend(records.iter().map(|record| letter(group, record)));
            }
        }
    }
    letters.sort_by_key(|letter| std::cmp::Reverse(letter.at));
    Ok(letters)
}

fn letter(group: Group, record: &LogRecord) -> DeadLetter {
    let header = |name| record.header(name).map(|value| String::from_utf8_lossy(value).into_owned());
    let part = |name| header(name).unwrap_or_else(|| "?".to_owned());
    DeadLetter {
        group: group.name(),
        topic: Topic::DeadLetters(group).name(),
        partition: record.partition,
        offset: record.offset,
        at: record.at,
        source: format!("{}/{}@{}", part("dlq.topic"), part("dlq.partition"), part("dlq.offset")),
        reason: header("dlq.reason").unwrap_or_default(),
    }
}

/// A conversation from outside: nothing of what was said in it.
#[derive(Clone, Debug)]
pub struct ConversationFacts {
    /// Shared settings.
    pub info: Info,
    /// The newest record, as far as the store has it.
    pub head: Head,
    /// Of every topic that is keyed by conversation.
    pub partition: Partition,
    /// Present and former members, as far as the store has them.
    pub members: Vec<Membership>,
}

/// Looks at a conversation; who looks is entered in the audit book by the caller.
pub async fn conversation(engines: &Engines, id: ConversationId) -> Result<ConversationFacts, AdminError> {
    let info = engines.store.infos(&[id]).await?.pop().flatten();
    let head = engines.store.heads(&[id]).await?.pop().flatten();
    let (Some(info), Some(head)) = (info, head) else { return Err(AdminError::NotFound("conversation")) };
    let mut members: Vec<Membership> = Vec::new();
    loop {
        let after = members.last().map(|member| member.user_id);
        let page = engines.store.of_conversation(id, after, MEMBERS_PAGE).await?;
        let is_last = page.len() < MEMBERS_PAGE;
        members.extend(page);
        if is_last {
            break;
        }
    }
    let partition = of_conversation(id, engines.log.partitions(Topic::Messages));
    Ok(ConversationFacts { info, head, partition, members })
}
