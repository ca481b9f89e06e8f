//! The persister's effects as rows: right in any order and any number of times.

use super::{decode, encode, media, pending_row};
use crate::{
    embedded::{failure::Failure, keys, pending::Pending, tables::Table},
    store::{Effect, Reference},
};
use parlor_schemas::{
    ConversationId, Membership, RecordText, UserId,
    receipt::Marks,
    record::Kind,
    topics::{Offset, Partition},
};
use serde::{Serialize, de::DeserializeOwned};

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
                Effect::Pinned(conversation, pinned) => {
                    let key = keys::message(conversation, pinned.target);
                    put_later(pending, Table::Pins, key, &pinned, |row| row.seq)
                }
                Effect::Reacted(conversation, reacted) => {
                    let (target, user) = (reacted.target, reacted.user_id);
                    let key = keys::reaction(conversation, target, user, &reacted.emoji);
                    put_later(pending, Table::Reactions, key, &reacted, |row| row.seq)
                }
                Effect::Ack(sender, stored) => {
                    let (conversation, id) = (stored.ack.conversation_id, stored.ack.client_msg_id);
                    let key = keys::client_message(conversation, sender, id);
                    put_later(pending, Table::ClientMessages, key, &stored, |row| row.ack.seq)
                }
                Effect::Membership(membership) => member(pending, &membership),
                Effect::Info(row) => {
                    let key = row.conversation_id.as_bytes().to_vec();
                    put_later(pending, Table::Conversations, key, &row, |row| row.seq)
                }
                Effect::Head(conversation, row) => {
                    let key = conversation.as_bytes().to_vec();
                    put_later(pending, Table::Heads, key, &row, |row| row.seq)
                }
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

/// Of two versions of a row the one with the larger `seq` stays.
fn put_later<T: Serialize + DeserializeOwned>(
    pending: &mut Pending,
    table: Table,
    key: Vec<u8>,
    row: &T,
    seq: fn(&T) -> u64,
) -> Result<(), Failure> {
    let old: Option<T> = pending_row(pending, table, &key)?;
    if old.is_none_or(|old| seq(&old) < seq(row)) {
        pending.put(table, key, encode(row));
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
