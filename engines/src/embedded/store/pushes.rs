//! Push tokens (a row per device), and how far users were notified.

use super::{EmbeddedStore, encode, pending_row, values};
use crate::{
    embedded::{keys, queue::OVERHEAD, tables::Table},
    store::{PushToken, Pushed, Pushes, StoreError},
};
use async_trait::async_trait;
use parlor_schemas::{ConversationId, DeviceId, UserId};

#[async_trait]
impl Pushes for EmbeddedStore {
    async fn put_token(&self, token: &PushToken) -> Result<(), StoreError> {
        let (key, row) = (keys::device(token.user_id, token.device_id), encode(token));
        self.change(OVERHEAD + row.len(), move |pending| {
            pending.put(Table::PushTokens, key, row);
            Ok(())
        })
        .await
    }

    async fn delete_tokens(&self, user: UserId, device: DeviceId) -> Result<(), StoreError> {
        self.change(OVERHEAD, move |pending| {
            pending.remove(Table::PushTokens, keys::device(user, device));
            Ok(())
        })
        .await
    }

    async fn drop_token(&self, token: &PushToken) -> Result<(), StoreError> {
        let token = token.clone();
        self.change(OVERHEAD, move |pending| {
            let key = keys::device(token.user_id, token.device_id);
            let now: Option<PushToken> = pending_row(pending, Table::PushTokens, &key)?;
            if now.is_some_and(|now| now.token == token.token) {
                pending.remove(Table::PushTokens, key);
            }
            Ok(())
        })
        .await
    }

    async fn tokens(&self, of: &[UserId]) -> Result<Vec<Vec<PushToken>>, StoreError> {
        let of = of.to_vec();
        self.read(move |view| {
            of.iter().map(|user| values(view.tables.prefix(Table::PushTokens, user.as_bytes()))).collect()
        })
        .await
    }

    async fn raise_pushed(&self, of: Vec<(UserId, ConversationId, Pushed)>) -> Result<(), StoreError> {
        self.change(OVERHEAD + of.len() * OVERHEAD, move |pending| {
            for (user, conversation, pushed) in of {
                let key = keys::by_user(user, conversation);
                let old: Pushed = pending_row(pending, Table::Pushed, &key)?.unwrap_or_default();
                pending.put(Table::Pushed, key, encode(&old.max(pushed)));
            }
            Ok(())
        })
        .await
    }

    async fn pushed(&self, of: &[(UserId, ConversationId)]) -> Result<Vec<Pushed>, StoreError> {
        let of = of.to_vec();
        self.read(move |view| {
            let keys = of.iter().map(|(user, conversation)| keys::by_user(*user, *conversation));
            let rows = view.pick::<Pushed>(Table::Pushed, keys)?;
            Ok(rows.into_iter().map(Option::unwrap_or_default).collect())
        })
        .await
    }
}
