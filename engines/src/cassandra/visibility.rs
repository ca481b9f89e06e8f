//! Privacy and last seen.

use super::{
    CassandraStore,
    batches::{self, Place, Write},
    rows,
};
use crate::store::{StoreError, Visibility};
use async_trait::async_trait;
use parlor_schemas::{Privacy, PrivacyChange, Timestamp, UserId};
use scylla::value::CqlTimestamp;

#[async_trait]
impl Visibility for CassandraStore {
    async fn change_privacy(&self, user: UserId, change: PrivacyChange) -> Result<(), StoreError> {
        // Each choice is a column of its own, so that two devices do not undo each other's.
        if let Some(last_seen_to) = change.last_seen_to {
            let values = (user.0, last_seen_to.as_str(), self.stamps.next());
            self.put("put last_seen_to", &self.statements.put_last_seen_to, values).await?;
        }
        if let Some(read_receipts) = change.read_receipts {
            let values = (user.0, read_receipts, self.stamps.next());
            self.put("put read_receipts", &self.statements.put_read_receipts, values).await?;
        }
        Ok(())
    }

    async fn privacies(&self, of: &[UserId]) -> Result<Vec<Privacy>, StoreError> {
        let one = async |user: &UserId| {
            let statement = &self.statements.privacy;
            let row = self
                .requests
                .row::<(Option<String>, Option<bool>)>("read privacy", statement, (user.0,))
                .await?;
            let (last_seen_to, read_receipts) = row.unwrap_or_default();
            let last_seen_to = last_seen_to.as_deref().map(rows::of_word).transpose()?;
            Ok(Privacy::default().changed(PrivacyChange { last_seen_to, read_receipts }))
        };
        self.requests.each(of, one).await
    }

    async fn raise_seen(&self, seen: &[(UserId, Timestamp)]) -> Result<(), StoreError> {
        let write = |(user, at): &(UserId, Timestamp)| {
            let values = (user.0, rows::time(*at), at.0);
            Write::new(Place::LastSeen(user.0), &self.statements.put_last_seen, values)
        };
        batches::write(&self.requests, "raise last_seen", seen.iter().map(write).collect()).await
    }

    async fn last_seen(&self, of: &[UserId]) -> Result<Vec<Option<Timestamp>>, StoreError> {
        let one = async |user: &UserId| {
            let statement = &self.statements.last_seen;
            let row = self.requests.row::<(CqlTimestamp,)>("read last_seen", statement, (user.0,)).await?;
            Ok(row.map(|(at,)| Timestamp(at.0)))
        };
        self.requests.each(of, one).await
    }
}
