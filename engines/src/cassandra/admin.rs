//! Account states, the audit book.

use super::{CassandraStore, accounts::UserRow, rows};
use crate::store::{AccountState, Admin, AuditEntry, StateChange, StoreError, User};
use async_trait::async_trait;
use parlor_schemas::{AuditId, Timestamp, UserId};
use scylla::{DeserializeRow, value::CqlTimestamp};
use uuid::Uuid;

/// A partition of the audit book, ms.
const YEAR_MS: i64 = 31_557_600_000;
/// Nothing is older.
const FIRST_YEAR: i32 = 55;

/// The partition of an entry: by the time in its id, so that an id alone finds it.
fn year_of(id: AuditId) -> i32 {
    let bytes = id.as_bytes();
    let millis = bytes[..6].iter().fold(0, |millis, byte| millis << 8 | i64::from(*byte));
    (millis / YEAR_MS) as i32
}

#[async_trait]
impl Admin for CassandraStore {
    async fn account_states(&self, of: &[UserId]) -> Result<Vec<AccountState>, StoreError> {
        let read = async |id: &UserId| {
            let row = self.requests.row::<StateRow>("read state", &self.statements.state, (id.0,)).await?;
            Ok(row.map_or_else(AccountState::default, AccountState::from))
        };
        self.requests.each(of, read).await
    }

    async fn change_state(&self, user: UserId, change: StateChange) -> Result<(), StoreError> {
        let stamp = self.stamps.next();
        let time = |at: Option<Timestamp>| rows::time(at.unwrap_or(Timestamp(0)));
        match change {
            StateChange::Admin(is_admin) => {
                self.put("put state", &self.statements.put_admin, (user.0, is_admin, stamp)).await
            }
            StateChange::Banned(at) => {
                self.put("put state", &self.statements.put_banned, (user.0, time(at), stamp)).await
            }
            StateChange::Deleted(at) => {
                self.put("put state", &self.statements.put_deleted, (user.0, time(Some(at)), stamp)).await
            }
        }
    }

    /// In the order of tokens.
    async fn users_after(
        &self,
        after: Option<UserId>,
        limit: usize,
    ) -> Result<(Vec<User>, Option<UserId>), StoreError> {
        let count = i32::try_from(limit).unwrap_or(i32::MAX);
        let (requests, statements) = (&self.requests, &self.statements);
        let rows: Vec<UserRow> = match after {
            None => requests.rows("list users", &statements.users, (count,)).await?,
            Some(after) => requests.rows("list users", &statements.users_after, (after.0, count)).await?,
        };
        let next = rows.last().filter(|_| rows.len() == limit).map(UserRow::id);
        Ok((rows.into_iter().filter_map(UserRow::user).collect(), next))
    }

    async fn replace_user(&self, old: UserId, user: &User) -> Result<bool, StoreError> {
        self.make_user(user).await?;
        let mut patience = self.requests.patience("claim name");
        let values = (user.user_id.0, &user.username, old.0);
        loop {
            match self.requests.decide("claim name", &self.statements.replace_name, values).await {
                Ok(None) => return Ok(true),
                // Perhaps an earlier try of ours was the one that did it.
                Ok(Some(_)) => break,
                Err(failure) => patience.pause(failure).await?,
            }
        }
        let is_ours = self.decided_holder(&user.username).await? == Some(user.user_id);
        if !is_ours {
            self.drop_user(user).await?;
        }
        Ok(is_ours)
    }

    async fn put_audit(&self, entry: &AuditEntry) -> Result<(), StoreError> {
        let values = (
            year_of(entry.audit_id),
            entry.audit_id.as_bytes().as_slice(),
            rows::time(entry.at),
            entry.actor_id.map_or(Uuid::nil(), |id| id.0),
            &entry.action,
            &entry.target,
            entry.at.0.saturating_mul(1_000),
        );
        self.put("put audit", &self.statements.put_audit, values).await
    }

    async fn audits(&self, below: Option<AuditId>, limit: usize) -> Result<Vec<AuditEntry>, StoreError> {
        let below = below.unwrap_or(AuditId(Uuid::max()));
        let now = (self.clock.now().0 / YEAR_MS) as i32;
        let mut found = Vec::new();
        // One more: a clock may be ahead of ours.
        for year in (FIRST_YEAR..=year_of(below).min(now + 1)).rev() {
            let rest = (limit - found.len()) as i32;
            let values = (year, below.as_bytes().as_slice(), rest);
            let rows: Vec<AuditRow> =
                self.requests.rows("read audits", &self.statements.audits, values).await?;
            for row in rows {
                found.push(row.entry()?);
            }
            if found.len() >= limit {
                break;
            }
        }
        Ok(found)
    }
}

/// `account_states`: what was never decided is null.
#[derive(DeserializeRow)]
struct StateRow {
    is_admin: Option<bool>,
    banned_at: Option<CqlTimestamp>,
    deleted_at: Option<CqlTimestamp>,
}

impl From<StateRow> for AccountState {
    fn from(row: StateRow) -> Self {
        let time = |at: Option<CqlTimestamp>| at.filter(|at| at.0 != 0).map(|at| Timestamp(at.0));
        Self {
            is_admin: row.is_admin.unwrap_or_default(),
            banned_at: time(row.banned_at),
            deleted_at: time(row.deleted_at),
        }
    }
}

/// `audits`
#[derive(DeserializeRow)]
struct AuditRow {
    audit_id: Vec<u8>,
    at: CqlTimestamp,
    actor_id: Uuid,
    action: String,
    target: String,
}

impl AuditRow {
    fn entry(self) -> Result<AuditEntry, StoreError> {
        Ok(AuditEntry {
            audit_id: AuditId(rows::of_bytes(&self.audit_id)?),
            at: Timestamp(self.at.0),
            actor_id: (!self.actor_id.is_nil()).then_some(UserId(self.actor_id)),
            action: self.action,
            target: self.target,
        })
    }
}
