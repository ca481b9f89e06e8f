//! Account states, the audit book.

use super::{EmbeddedStore, encode, pending_row, values};
use crate::{
    embedded::{queue::OVERHEAD, tables::Table},
    store::{AccountState, Admin, AuditEntry, StateChange, StoreError, User},
};
use async_trait::async_trait;
use parlor_schemas::{AuditId, UserId};
use std::ops::Bound;

#[async_trait]
impl Admin for EmbeddedStore {
    async fn account_states(&self, of: &[UserId]) -> Result<Vec<AccountState>, StoreError> {
        let of = of.to_vec();
        let keys = move || of.iter().map(|id| id.as_bytes().to_vec()).collect::<Vec<_>>();
        let read = self.read(move |view| view.pick::<AccountState>(Table::AccountStates, keys())).await?;
        Ok(read.into_iter().map(Option::unwrap_or_default).collect())
    }

    async fn change_state(&self, user: UserId, change: StateChange) -> Result<(), StoreError> {
        self.change(OVERHEAD + size_of::<AccountState>(), move |pending| {
            let key = user.as_bytes().to_vec();
            let mut state: AccountState =
                pending_row(pending, Table::AccountStates, &key)?.unwrap_or_default();
            match change {
                StateChange::Admin(is_admin) => state.is_admin = is_admin,
                StateChange::Banned(at) => state.banned_at = at,
                StateChange::Deleted(at) => state.deleted_at = Some(at),
            }
            pending.put(Table::AccountStates, key, encode(&state));
            Ok(())
        })
        .await
    }

    async fn users_after(
        &self,
        after: Option<UserId>,
        limit: usize,
    ) -> Result<(Vec<User>, Option<UserId>), StoreError> {
        let low = after.map_or(Bound::Unbounded, |after| Bound::Excluded(after.as_bytes().to_vec()));
        let range = (low, Bound::Unbounded);
        let users: Vec<User> =
            self.read(move |view| values(view.tables.range(Table::Users, range).take(limit))).await?;
        let next = users.last().filter(|_| users.len() == limit).map(|user| user.user_id);
        Ok((users, next))
    }

    async fn replace_user(&self, old: UserId, user: &User) -> Result<bool, StoreError> {
        let user = user.clone();
        self.change(OVERHEAD + size_of::<User>(), move |pending| {
            let (name, id) = (user.username.as_bytes(), user.user_id.as_bytes());
            let holder = pending.get(Table::UsersByName, name)?;
            // The same user again is a retry whose first try succeeded.
            let fits = holder.as_deref().is_some_and(|holder| holder == old.as_bytes() || holder == id);
            if fits {
                pending.put(Table::UsersByName, name.to_vec(), id.to_vec());
                pending.put(Table::Users, id.to_vec(), encode(&user));
            }
            Ok(fits)
        })
        .await
    }

    async fn put_audit(&self, entry: &AuditEntry) -> Result<(), StoreError> {
        let (key, row) = (entry.audit_id.as_bytes().to_vec(), encode(entry));
        self.change(OVERHEAD + row.len(), move |pending| {
            pending.put(Table::Audits, key, row);
            Ok(())
        })
        .await
    }

    async fn audits(&self, below: Option<AuditId>, limit: usize) -> Result<Vec<AuditEntry>, StoreError> {
        let high = below.map_or(Bound::Unbounded, |below| Bound::Excluded(below.as_bytes().to_vec()));
        let range = (Bound::Unbounded, high);
        self.read(move |view| values(view.tables.range(Table::Audits, range).rev().take(limit))).await
    }
}
