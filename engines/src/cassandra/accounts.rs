//! Users and their names.

use super::{CassandraStore, failure::Failure, rows};
use crate::store::{Accounts, StoreError, User};
use async_trait::async_trait;
use parlor_schemas::{MediaId, Timestamp, UserId};
use scylla::{
    DeserializeRow,
    value::{CqlTimestamp, CqlValue, MaybeUnset, Row},
};
use uuid::Uuid;

#[async_trait]
impl Accounts for CassandraStore {
    /// The row first, the name after it: a name that is taken always leads to a user, and a process
    /// that dies in between leaves a row that nothing leads to, not a name that nobody can use.
    async fn create_user(&self, user: &User) -> Result<bool, StoreError> {
        match self.user_of(user.user_id).await? {
            Some(made) if made.username != user.username => {
                let reason = format!("{} is the user {:?} already", user.user_id, made.username);
                return Err(StoreError::Failed(reason));
            }
            _ => {}
        }
        self.make_user(user).await?;
        let holder = self.claim(&user.username, user.user_id).await?;
        if holder == user.user_id {
            return Ok(true);
        }
        self.drop_user(user).await?;
        Ok(false)
    }

    async fn put_user(&self, user: &User) -> Result<(), StoreError> {
        let values = (
            user.user_id.0,
            &user.display_name,
            &user.email,
            user.avatar_media_id.map(|id| id.0),
            &user.password_hash,
            rows::time(user.created_at),
            self.stamps.next(),
        );
        self.put("put user", &self.statements.put_user, values).await
    }

    async fn user_by_name(&self, username: &str) -> Result<Option<User>, StoreError> {
        // A key may not be empty there.
        if username.is_empty() {
            return Ok(None);
        }
        match self.holder_of(username).await? {
            Some(id) => self.user_of(id).await,
            None => Ok(None),
        }
    }

    async fn users(&self, of: &[UserId]) -> Result<Vec<Option<User>>, StoreError> {
        self.requests.each(of, |id| self.user_of(*id)).await
    }
}

impl CassandraStore {
    /// Runs a write alone.
    pub(super) async fn put(
        &self,
        operation: &'static str,
        statement: &scylla::statement::prepared::PreparedStatement,
        values: impl scylla::serialize::row::SerializeRow,
    ) -> Result<(), StoreError> {
        let put = || self.requests.session().execute_unpaged(statement, &values);
        self.requests.until_known(self.requests.patience(operation), put).await?;
        Ok(())
    }

    async fn user_of(&self, id: UserId) -> Result<Option<User>, StoreError> {
        let row = self.requests.row::<UserRow>("read users", &self.statements.user, (id.0,)).await?;
        Ok(row.and_then(UserRow::user))
    }

    /// Takes the row of a user back who got no name.
    pub(super) async fn drop_user(&self, user: &User) -> Result<(), StoreError> {
        let values = (making_time(user), user.user_id.0);
        self.put("drop user", &self.statements.drop_user, values).await
    }

    pub(super) async fn make_user(&self, user: &User) -> Result<(), StoreError> {
        let values = (
            user.user_id.0,
            &user.username,
            &user.display_name,
            MaybeUnset::from_option(user.email.as_ref()),
            MaybeUnset::from_option(user.avatar_media_id.map(|id| id.0)),
            &user.password_hash,
            rows::time(user.created_at),
            making_time(user),
        );
        self.put("make user", &self.statements.make_user, values).await
    }

    /// Takes a name if nobody has it; who has it now. A transaction whose outcome is not known (a
    /// timeout in the middle of it) is run again until it is: then it finds what came of it. Before
    /// that a plain read looks whether it is decided: a name once taken stays so, and a crowd that
    /// wants the same one does not get into its own way.
    async fn claim(&self, username: &str, user: UserId) -> Result<UserId, StoreError> {
        let mut patience = self.requests.patience("claim name");
        loop {
            match self.requests.decide("claim name", &self.statements.claim_name, (username, user.0)).await {
                Ok(None) => return Ok(user),
                Ok(Some(found)) => return holder(&found).map_err(StoreError::from),
                Err(failure) => patience.pause(failure).await?,
            }
            match self.holder_of(username).await {
                Ok(Some(holder)) => return Ok(holder),
                // The transaction itself will tell.
                Ok(None) | Err(StoreError::Unavailable(_)) => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Who has a name, unfinished transactions included.
    pub(super) async fn decided_holder(&self, username: &str) -> Result<Option<UserId>, StoreError> {
        let row =
            self.requests.row::<(Uuid,)>("read name", &self.statements.name_decided, (username,)).await?;
        Ok(row.map(|(id,)| UserId(id)))
    }

    async fn holder_of(&self, username: &str) -> Result<Option<UserId>, StoreError> {
        let row = self.requests.row::<(Uuid,)>("read name", &self.statements.name, (username,)).await?;
        Ok(row.map(|(id,)| UserId(id)))
    }
}

/// Who had the name already: the row that a refused claim found, (username, user_id).
fn holder(found: &Row) -> Result<UserId, Failure> {
    match found.columns.as_slice() {
        [_, Some(CqlValue::Uuid(id))] => Ok(UserId(*id)),
        other => Err(Failure::unreadable(format!("{other:?} instead of a name and its holder"))),
    }
}

/// The write time of a user's making: the same in every retry, and before every change of the row.
fn making_time(user: &User) -> i64 {
    user.created_at.0.saturating_mul(1_000)
}

/// `users`; a row without a name was never made.
#[derive(DeserializeRow)]
pub(super) struct UserRow {
    user_id: Uuid,
    username: Option<String>,
    display_name: Option<String>,
    email: Option<String>,
    avatar_media_id: Option<Uuid>,
    password_hash: Option<String>,
    created_at: Option<CqlTimestamp>,
}

impl UserRow {
    pub(super) fn id(&self) -> UserId {
        UserId(self.user_id)
    }

    pub(super) fn user(self) -> Option<User> {
        Some(User {
            user_id: UserId(self.user_id),
            username: self.username?,
            display_name: self.display_name?,
            email: self.email,
            avatar_media_id: self.avatar_media_id.map(MediaId),
            password_hash: self.password_hash?,
            created_at: Timestamp(self.created_at?.0),
        })
    }
}
