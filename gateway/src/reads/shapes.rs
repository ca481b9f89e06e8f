//! What never changes about a conversation: whether it is direct, and of whom.

use super::{ReadError, Reader};
use parlor_engines::store::Info;
use parlor_schemas::{
    ConversationId, RecordText, UserId,
    record::{ConversationKind, HistoryRule, MemberRef},
};
use serde::Deserialize;
use std::collections::HashMap;

/// The shape of a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// Of these two (twice the same one: a notebook).
    Direct(UserId, UserId),
    /// Of many.
    Group,
}

impl Shape {
    /// The other side; oneself in a notebook.
    pub fn peer_of(self, user: UserId) -> Option<UserId> {
        match self {
            Self::Direct(a, b) => Some(if a == user { b } else { a }),
            Self::Group => None,
        }
    }
}

/// The body of a `created` record, as its text has it.
#[derive(Deserialize)]
pub(super) struct CreatedText {
    pub conversation_kind: ConversationKind,
    #[serde(default)]
    pub title: Option<String>,
    pub history: HistoryRule,
    pub members: Vec<MemberRef>,
}

impl CreatedText {
    fn shape(&self) -> Option<Shape> {
        match (self.conversation_kind, &self.members[..]) {
            (ConversationKind::Group, _) => Some(Shape::Group),
            (ConversationKind::Direct, [one]) => Some(Shape::Direct(one.user_id, one.user_id)),
            (ConversationKind::Direct, [a, b]) => Some(Shape::Direct(a.user_id, b.user_id)),
            (ConversationKind::Direct, _) => None,
        }
    }
}

impl Reader {
    /// Shapes, in the order asked. One that no engine tells yet is [`ReadError::NotYet`].
    pub async fn shapes(&self, of: &[ConversationId]) -> Result<Vec<Shape>, ReadError> {
        let missing: Vec<ConversationId> =
            of.iter().filter(|id| !self.shapes.contains_key(*id)).copied().collect();
        let infos = if missing.is_empty() { Vec::new() } else { self.engines.store.infos(&missing).await? };
        let mut found = HashMap::new();
        for (id, info) in missing.into_iter().zip(infos) {
            let shape = match info {
                Some(info) if info.kind == ConversationKind::Group => Some(Shape::Group),
                Some(_) => self.pair(id).await?,
                None => self.created(id).await?.and_then(|(created, _)| created.shape()),
            };
            let shape = shape.ok_or(ReadError::NotYet)?;
            self.shapes.insert(id, shape);
            found.insert(id, shape);
        }
        of.iter()
            .map(|id| found.get(id).copied().or_else(|| self.shapes.get(id)).ok_or(ReadError::NotYet))
            .collect()
    }

    /// The two of a direct conversation; its id proves that they are the right ones.
    async fn pair(&self, id: ConversationId) -> Result<Option<Shape>, ReadError> {
        let members = self.engines.store.of_conversation(id, None, 2).await?;
        let shape = match &members[..] {
            [one] => Shape::Direct(one.user_id, one.user_id),
            [a, b] => Shape::Direct(a.user_id, b.user_id),
            _ => return Ok(None),
        };
        let Shape::Direct(a, b) = shape else { return Ok(None) };
        Ok((ConversationId::direct(a, b) == id).then_some(shape))
    }

    /// The first record, as long as the tail has it: the persister may not have written it yet.
    pub(super) async fn created(&self, id: ConversationId) -> Result<Option<(CreatedText, Info)>, ReadError> {
        let tail = self.engines.live.tail(id, 0, 2, 1, false).await?;
        let Some(first) = tail.records.into_iter().next() else { return Ok(None) };
        let Ok(created) = serde_json::from_slice::<CreatedText>(first.body()) else { return Ok(None) };
        Ok(made(id, &first).map(|info| (created, info)))
    }
}

/// What a conversation was made with, by its first record.
pub(super) fn made(id: ConversationId, first: &RecordText) -> Option<Info> {
    let created: CreatedText = serde_json::from_slice(first.body()).ok()?;
    Some(Info {
        conversation_id: id,
        kind: created.conversation_kind,
        title: created.title,
        avatar_media_id: None,
        history: created.history,
        created_by: first.sender_id,
        created_at: first.at,
        seq: first.seq,
    })
}
