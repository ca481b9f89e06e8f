//! Privacy and last seen.

use super::{EmbeddedStore, encode, pending_row};
use crate::{
    embedded::{queue::OVERHEAD, tables::Table},
    store::{StoreError, Visibility},
};
use async_trait::async_trait;
use parlor_schemas::{Privacy, PrivacyChange, Timestamp, UserId};

/// About the bytes of one row.
const ROW: usize = 32;

#[async_trait]
impl Visibility for EmbeddedStore {
    async fn change_privacy(&self, user: UserId, change: PrivacyChange) -> Result<(), StoreError> {
        self.change(OVERHEAD + ROW, move |pending| {
            let id = user.as_bytes();
            let before: Option<Privacy> = pending_row(pending, Table::Privacy, id)?;
            let after = before.unwrap_or_default().changed(change);
            pending.put(Table::Privacy, id.to_vec(), encode(&after));
            Ok(())
        })
        .await
    }

    async fn privacies(&self, of: &[UserId]) -> Result<Vec<Privacy>, StoreError> {
        let of = of.to_vec();
        let rows = self
            .read(move |view| {
                view.pick::<Privacy>(Table::Privacy, of.iter().map(|id| id.as_bytes().to_vec()))
            })
            .await?;
        Ok(rows.into_iter().map(Option::unwrap_or_default).collect())
    }

    async fn raise_seen(&self, seen: &[(UserId, Timestamp)]) -> Result<(), StoreError> {
        let seen = seen.to_vec();
        self.change(OVERHEAD + seen.len() * ROW, move |pending| {
            for (user, at) in seen {
                let id = user.as_bytes();
                let before: Option<Timestamp> = pending_row(pending, Table::LastSeen, id)?;
                if before.is_none_or(|before| before < at) {
                    pending.put(Table::LastSeen, id.to_vec(), encode(&at));
                }
            }
            Ok(())
        })
        .await
    }

    async fn last_seen(&self, of: &[UserId]) -> Result<Vec<Option<Timestamp>>, StoreError> {
        let of = of.to_vec();
        self.read(move |view| view.pick(Table::LastSeen, of.iter().map(|id| id.as_bytes().to_vec()))).await
    }
}
