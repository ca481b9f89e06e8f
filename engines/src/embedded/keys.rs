//! Keys of the tables: fixed-width, big-endian, so that ranges are scans. The codes are on disks:
//! fixed for ever.

use parlor_schemas::{
    ConversationId, DeviceId, MediaId, SessionId, Topic, UserId,
    ids::ClientMsgId,
    topics::{Group, Offset, Partition},
};

/// All topics, by their codes.
pub(super) const TOPICS: [Topic; 15] = [
    Topic::Commands,
    Topic::Messages,
    Topic::Conversations,
    Topic::Receipts,
    Topic::Push,
    Topic::DeadLetters(Group::Ingest),
    Topic::DeadLetters(Group::Persister),
    Topic::DeadLetters(Group::PersisterReceipts),
    Topic::DeadLetters(Group::Fanout),
    Topic::DeadLetters(Group::FanoutReceipts),
    Topic::DeadLetters(Group::Pusher),
    Topic::DeadLetters(Group::PushSender),
    Topic::DeadLetters(Group::PersisterBlocks),
    Topic::DeadLetters(Group::PusherReceipts),
    Topic::DeadLetters(Group::Indexer),
];

pub(super) fn topic_code(topic: Topic) -> usize {
    match topic {
        Topic::Commands => 0,
        Topic::Messages => 1,
        Topic::Conversations => 2,
        Topic::Receipts => 3,
        Topic::Push => 4,
        Topic::DeadLetters(group) => 5 + group_code(group),
    }
}

pub(super) fn group_code(group: Group) -> usize {
    match group {
        Group::Ingest => 0,
        Group::Persister => 1,
        Group::PersisterReceipts => 2,
        Group::Fanout => 3,
        Group::FanoutReceipts => 4,
        Group::Pusher => 5,
        Group::PushSender => 6,
        Group::PersisterBlocks => 7,
        Group::PusherReceipts => 8,
        Group::Indexer => 9,
    }
}

/// Topic (1), partition (4).
pub(super) const LOG_PREFIX: usize = 5;

/// `log`, `log_compacted`: where the records of a partition begin.
pub(super) fn log_prefix(topic: Topic, partition: Partition) -> [u8; LOG_PREFIX] {
    let mut key = [topic_code(topic) as u8; LOG_PREFIX];
    key[1..].copy_from_slice(&partition.to_be_bytes());
    key
}

/// `log`: a block, by its first offset; `log_compacted`: a record.
pub(super) fn log(topic: Topic, partition: Partition, offset: Offset) -> Vec<u8> {
    [&log_prefix(topic, partition)[..], &offset.to_be_bytes()].concat()
}

/// `log_latest`: topic, partition, the record's own key.
pub(super) fn log_latest(topic: Topic, partition: Partition, key: &[u8]) -> Vec<u8> {
    [&log_prefix(topic, partition)[..], key].concat()
}

/// `log_offsets`: group, partition.
pub(super) fn log_offset(group: Group, partition: Partition) -> Vec<u8> {
    [&[group_code(group) as u8][..], &partition.to_be_bytes()].concat()
}

/// `messages_by_conversation`, `message_redactions`, `pins`.
pub(super) fn message(conversation: ConversationId, seq: u64) -> Vec<u8> {
    [conversation.as_bytes(), &seq.to_be_bytes()[..]].concat()
}

/// `message_edits`: the target, the edit.
pub(super) fn edit(conversation: ConversationId, target: u64, seq: u64) -> Vec<u8> {
    [conversation.as_bytes(), &target.to_be_bytes()[..], &seq.to_be_bytes()].concat()
}

/// The target and the edit of a key of `message_edits`.
pub(super) fn edit_of(key: &[u8]) -> Option<(u64, u64)> {
    Some((key.get(16..24).and_then(number)?, last_number(key)?))
}

/// `reactions`: the target, who, what.
pub(super) fn reaction(conversation: ConversationId, target: u64, user: UserId, emoji: &str) -> Vec<u8> {
    [conversation.as_bytes(), &target.to_be_bytes()[..], user.as_bytes(), emoji.as_bytes()].concat()
}

/// `client_messages`.
pub(super) fn client_message(conversation: ConversationId, sender: UserId, id: ClientMsgId) -> Vec<u8> {
    [*conversation.as_bytes(), *sender.as_bytes(), *id.as_bytes()].concat()
}

/// `conversation_participants`, `receipts`.
pub(super) fn participant(conversation: ConversationId, user: UserId) -> Vec<u8> {
    [*conversation.as_bytes(), *user.as_bytes()].concat()
}

/// `receipt_log`: a mark of a user, delivered (0) or read (1).
pub(super) fn mark(conversation: ConversationId, user: UserId, status: u8, upto: u64) -> Vec<u8> {
    [conversation.as_bytes(), &user.as_bytes()[..], &[status], &upto.to_be_bytes()].concat()
}

/// `conversations_by_user`, `user_settings`, `pushed`.
pub(super) fn by_user(user: UserId, conversation: ConversationId) -> Vec<u8> {
    [*user.as_bytes(), *conversation.as_bytes()].concat()
}

/// `blocks`: who blocks, whom.
pub(super) fn block(by: UserId, user: UserId) -> Vec<u8> {
    [*by.as_bytes(), *user.as_bytes()].concat()
}

/// `devices`, `push_tokens`.
pub(super) fn device(user: UserId, device: DeviceId) -> Vec<u8> {
    [*user.as_bytes(), *device.as_bytes()].concat()
}

/// `sessions_by_user`: those that have not ended.
pub(super) fn session_of(user: UserId, session: SessionId) -> Vec<u8> {
    [*user.as_bytes(), *session.as_bytes()].concat()
}

/// The last 16 bytes of a key, as the user they are.
pub(super) fn last_user(key: &[u8]) -> Option<UserId> {
    key.last_chunk().map(|bytes| UserId(uuid::Uuid::from_bytes(*bytes)))
}

/// `media_references`
pub(super) fn media_reference(media: MediaId, conversation: ConversationId, seq: u64) -> Vec<u8> {
    [&media.as_bytes()[..], conversation.as_bytes(), &seq.to_be_bytes()].concat()
}

/// The last 8 bytes of a key, as the number they are.
pub(super) fn last_number(key: &[u8]) -> Option<u64> {
    key.last_chunk().map(|bytes| u64::from_be_bytes(*bytes))
}

/// A value that is one number.
pub(super) fn number(value: &[u8]) -> Option<u64> {
    value.try_into().ok().map(u64::from_be_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topics_code_is_its_place() {
        for (code, topic) in TOPICS.into_iter().enumerate() {
            assert_eq!(topic_code(topic), code);
        }
        for (code, group) in Group::ALL.into_iter().enumerate() {
            assert_eq!(group_code(group), code);
        }
    }
}
