//! The messages of a conversation with everything later that concerns them.

use super::model::Conversation;
use parlor_schemas::record::{Body, Op};
use std::collections::{BTreeMap, BTreeSet};

/// A message as `/messages` shows it.
#[derive(Debug, Default, PartialEq)]
pub struct Folded {
    pub text: Option<String>,
    pub is_edited: bool,
    pub is_deleted: bool,
    pub is_pinned: bool,
    /// Who reacted, by emoji.
    pub reactions: BTreeMap<String, BTreeSet<String>>,
}

/// All that are shown to one who sees the records up to `head`, by seq. A delete is for everybody, whenever
/// it came. What ends by itself is left out: it depends on the moment.
pub fn messages(conversation: &Conversation, head: u64) -> BTreeMap<u64, Folded> {
    let mut folded = BTreeMap::<u64, Folded>::new();
    for record in &conversation.records[..head as usize] {
        let target = record.body.target().and_then(|seq| folded.get_mut(&seq));
        match (&record.body, target) {
            (Body::Message(message), _) if record.expires_at().is_none() => {
                let is_deleted = conversation.deleted.contains(&record.seq);
                let text = message.text.clone();
                folded.insert(record.seq, Folded { text, is_deleted, ..Folded::default() });
            }
            (Body::Edit(edit), Some(target)) => {
                target.text.clone_from(&edit.text);
                target.is_edited = true;
            }
            (Body::Reaction(reaction), Some(target)) => {
                let users = target.reactions.entry(reaction.emoji.clone()).or_default();
                match reaction.op {
                    Op::Add => users.insert(record.sender_id.to_string()),
                    Op::Remove => users.remove(&record.sender_id.to_string()),
                };
            }
            (Body::Pin(pin), Some(target)) => target.is_pinned = pin.op == Op::Add,
            _ => {}
        }
    }
    for message in folded.values_mut() {
        message.reactions.retain(|_, users| !users.is_empty());
        if message.is_deleted {
            *message = Folded { is_deleted: true, ..Folded::default() };
        }
    }
    folded
}
