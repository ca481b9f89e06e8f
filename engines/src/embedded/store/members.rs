//! Conversations and who is in them.

use super::{EmbeddedStore, values};
use crate::{
    embedded::{keys, tables::Table},
    store::{Conversations, Info, StoreError},
};
use async_trait::async_trait;
use parlor_schemas::{ConversationId, Membership, UserId};
use std::ops::Bound;

#[async_trait]
impl Conversations for EmbeddedStore {
    async fn infos(&self, of: &[ConversationId]) -> Result<Vec<Option<Info>>, StoreError> {
        let of = of.to_vec();
        self.read(move |view| view.pick(Table::Conversations, of.iter().map(|id| id.as_bytes().to_vec())))
            .await
    }

    async fn memberships(
        &self,
        of: &[(ConversationId, UserId)],
    ) -> Result<Vec<Option<Membership>>, StoreError> {
        let of = of.to_vec();
        self.read(move |view| {
            let keys = of.iter().map(|(conversation, user)| keys::participant(*conversation, *user));
            view.pick(Table::Participants, keys)
        })
        .await
    }

    async fn of_user(
        &self,
        user: UserId,
        before: Option<ConversationId>,
        limit: usize,
    ) -> Result<Vec<Membership>, StoreError> {
        self.read(move |view| {
            let low = Bound::Included(user.as_bytes().to_vec());
            let high = match before {
                Some(before) => Bound::Excluded(keys::by_user(user, before)),
                None => Bound::Included([*user.as_bytes(), [0xFF; 16]].concat()),
            };
            values(view.tables.range(Table::ByUser, (low, high)).rev().take(limit))
        })
        .await
    }

    async fn of_conversation(
        &self,
        conversation: ConversationId,
        after: Option<UserId>,
        limit: usize,
    ) -> Result<Vec<Membership>, StoreError> {
        self.read(move |view| {
            let low = match after {
                Some(after) => Bound::Excluded(keys::participant(conversation, after)),
                None => Bound::Included(conversation.as_bytes().to_vec()),
            };
            let high = Bound::Included([*conversation.as_bytes(), [0xFF; 16]].concat());
            values(view.tables.range(Table::Participants, (low, high)).take(limit))
        })
        .await
    }
}
