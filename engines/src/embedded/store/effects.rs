//! The persister's effects as rows: right in any order and any number of times.

use super::{acts, decode, encode, media, pending_row};
use crate::{
    embedded::{failure::Failure, keys, pending::Pending, tables::Table},
    store::{Effect, Head, Info, Reference, StoredAck},
};
use parlor_schemas::{
    ConversationId, Membership, RecordText, UserId,
    receipt::Marks,
    record::Kind,
    topics::{Offset, Partition},
};

/// An effect whose bulk is encoded already, outside the committer.
pub(super) enum Prepared {
    Record { conversation: ConversationId, text: RecordText, row: Vec<u8> },
    Other(Effect),
}

impl Prepared {
    pub(super) fn of(effect: Effect) -> Self {
        match effect {
            Effect::Record(conversation, text) => {
                let row = encode(&text);
                Self::Record { conversation, text, row }
            }
            other => Self::Other(other),
        }
    }

    /// What it weighs in the queue, bytes.
    pub(super) fn weight(&self) -> usize {
        match self {
            Self::Record { row, .. } => row.len(),
            Self::Other(_) => size_of::<Effect>(),
        }
    }

    pub(super) fn apply(self, pending: &mut Pending) -> Result<(), Failure> {
        match self {
            Self::Record { conversation, text, row } => record(pending, conversation, &text, row),
            Self::Other(effect) => match effect {
                Effect::Record(conversation, text) => {
                    let row = encode(&text);
                    record(pending, conversation, &text, row)
                }
                Effect::Redact(conversation, target) => redact(pending, conversation, target),
                Effect::Pinned(conversation, pinned) => acts::pin(pending, conversation, &pinned),
                Effect::Reacted(conversation, reacted) => acts::react(pending, conversation, &reacted),
                Effect::Ack(sender, stored) => ack(pending, sender, &stored),
                Effect::Membership(membership) => member(pending, &membership),
                Effect::Info(row) => info(pending, &row),
                Effect::Head(conversation, row) => head(pending, conversation, row),
                Effect::Reference(id, conversation_id, seq) => {
                    media::put_reference(pending, id, Reference { conversation_id, seq });
                    Ok(())
                }
                Effect::Own(conversation, user, marks) => raise(pending, conversation, user, marks),
            },
        }
    }
}

/// A record's row is a function of its text and of the set of redactions, so order is no matter.
fn record(
    pending: &mut Pending,
    conversation: ConversationId,
    text: &RecordText,
    row: Vec<u8>,
) -> Result<(), Failure> {
    let key = keys::message(conversation, text.seq);
    let mut is_gone = pending.has(Table::MessageRedactions, &key)?;
    if let (Kind::Edit, Some(target)) = (text.kind, text.target) {
        pending.put(Table::MessageEdits, keys::edit(conversation, target, text.seq), Vec::new());
        is_gone |= pending.has(Table::MessageRedactions, &keys::message(conversation, target))?;
    }
    if text.redacted {
        // Came without its body: an earlier version of it that comes later stays out.
        pending.put(Table::MessageRedactions, key.clone(), Vec::new());
        pending.put(Table::Messages, key, row);
    } else if is_gone {
        pending.put(Table::Messages, key, encode(&text.redact()));
    } else {
        pending.put(Table::Messages, key, row);
    }
    Ok(())
}

fn redact(pending: &mut Pending, conversation: ConversationId, target: u64) -> Result<(), Failure> {
    let key = keys::message(conversation, target);
    for edit in pending.keys(Table::MessageEdits, &key)? {
        let seq = keys::last_number(&edit).unwrap_or_default();
        empty(pending, keys::message(conversation, seq))?;
    }
    empty(pending, key.clone())?;
    pending.put(Table::MessageRedactions, key, Vec::new());
    Ok(())
}

fn empty(pending: &mut Pending, key: Vec<u8>) -> Result<(), Failure> {
    if let Some(row) = pending.get(Table::Messages, &key)? {
        let text: RecordText = decode(&row)?;
        if !text.redacted {
            pending.put(Table::Messages, key, encode(&text.redact()));
        }
    }
    Ok(())
}

fn ack(pending: &mut Pending, sender: UserId, stored: &StoredAck) -> Result<(), Failure> {
    let key = keys::client_message(stored.ack.conversation_id, sender, stored.ack.client_msg_id);
    let old: Option<StoredAck> = pending_row(pending, Table::ClientMessages, &key)?;
    if old.is_none_or(|old| old.ack.seq < stored.ack.seq) {
        pending.put(Table::ClientMessages, key, encode(stored));
    }
    Ok(())
}

fn member(pending: &mut Pending, row: &Membership) -> Result<(), Failure> {
    let key = keys::participant(row.conversation_id, row.user_id);
    let old: Option<Membership> = pending_row(pending, Table::Participants, &key)?;
    if old.is_none_or(|old| old.seq < row.seq) {
        let value = bytes::Bytes::from(encode(row));
        pending.put(Table::Participants, key, value.clone());
        pending.put(Table::ByUser, keys::by_user(row.user_id, row.conversation_id), value);
    }
    Ok(())
}

fn info(pending: &mut Pending, row: &Info) -> Result<(), Failure> {
    let key = row.conversation_id.as_bytes();
    let old: Option<Info> = pending_row(pending, Table::Conversations, key)?;
    if old.is_none_or(|old| old.seq < row.seq) {
        pending.put(Table::Conversations, key.to_vec(), encode(row));
    }
    Ok(())
}

fn head(pending: &mut Pending, conversation: ConversationId, row: Head) -> Result<(), Failure> {
    let key = conversation.as_bytes();
    let old: Option<Head> = pending_row(pending, Table::Heads, key)?;
    if old.is_none_or(|old| old.seq < row.seq) {
        pending.put(Table::Heads, key.to_vec(), encode(&row));
    }
    Ok(())
}

/// The larger of each mark stays.
pub(super) fn raise(
    pending: &mut Pending,
    conversation: ConversationId,
    user: UserId,
    marks: Marks,
) -> Result<(), Failure> {
    let key = keys::participant(conversation, user);
    let old: Marks = pending_row(pending, Table::Receipts, &key)?.unwrap_or_default();
    let new = old.max(marks);
    if new != old {
        pending.put(Table::Receipts, key, encode(&new));
    }
    Ok(())
}

/// The larger offset stays.
pub(super) fn written_to(pending: &mut Pending, partition: Partition, offset: Offset) -> Result<(), Failure> {
    let key = partition.to_be_bytes();
    let old = pending.get(Table::WrittenTo, &key)?.as_deref().and_then(keys::number);
    if old.unwrap_or_default() < offset {
        pending.put(Table::WrittenTo, key.to_vec(), offset.to_be_bytes().to_vec());
    }
    Ok(())
}
