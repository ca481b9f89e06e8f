//! Users, devices, sessions.

use super::{EmbeddedStore, encode, pending_row, values};
use crate::{
    embedded::{failure::Failure, keys, pending::Pending, queue::OVERHEAD, tables::Table},
    store::{Accounts, Device, Session, Sessions, StoreError, User},
};
use async_trait::async_trait;
use parlor_schemas::{DeviceId, SessionId, UserId};

#[async_trait]
impl Accounts for EmbeddedStore {
    async fn create_user(&self, user: &User) -> Result<bool, StoreError> {
        let user = user.clone();
        self.change(OVERHEAD + size_of::<User>(), move |pending| {
            let name = user.username.as_bytes();
            let id = user.user_id.as_bytes();
            if let Some(taken) = pending.get(Table::UsersByName, name)? {
                // The same user again is a retry whose first try succeeded.
                return Ok(taken == id[..]);
            }
            pending.put(Table::UsersByName, name.to_vec(), id.to_vec());
            pending.put(Table::Users, id.to_vec(), encode(&user));
            Ok(true)
        })
        .await
    }

    async fn put_user(&self, user: &User) -> Result<(), StoreError> {
        let mut user = user.clone();
        self.change(OVERHEAD + size_of::<User>(), move |pending| {
            let id = user.user_id.as_bytes().to_vec();
            if let Some(old) = pending_row::<User>(pending, Table::Users, &id)? {
                user.username = old.username;
            }
            pending.put(Table::Users, id, encode(&user));
            Ok(())
        })
        .await
    }

    async fn user_by_name(&self, username: &str) -> Result<Option<User>, StoreError> {
        let name = username.to_owned();
        self.read(move |view| match view.tables.get(Table::UsersByName, name.as_bytes())? {
            Some(id) => view.get(Table::Users, &id),
            None => Ok(None),
        })
        .await
    }

    async fn users(&self, of: &[UserId]) -> Result<Vec<Option<User>>, StoreError> {
        let of = of.to_vec();
        self.read(move |view| view.pick(Table::Users, of.iter().map(|id| id.as_bytes().to_vec()))).await
    }
}

#[async_trait]
impl Sessions for EmbeddedStore {
    async fn put_device(&self, device: &Device) -> Result<(), StoreError> {
        let (key, row) = (keys::device(device.user_id, device.device_id), encode(device));
        self.change(OVERHEAD + row.len(), move |pending| {
            pending.put(Table::Devices, key, row);
            Ok(())
        })
        .await
    }

    async fn delete_device(&self, user: UserId, device: DeviceId) -> Result<(), StoreError> {
        self.change(OVERHEAD, move |pending| {
            pending.remove(Table::Devices, keys::device(user, device));
            Ok(())
        })
        .await
    }

    async fn devices(&self, user: UserId) -> Result<Vec<Device>, StoreError> {
        self.read(move |view| values(view.tables.prefix(Table::Devices, user.as_bytes()))).await
    }

    async fn create_session(&self, session: &Session) -> Result<(), StoreError> {
        let session = session.clone();
        self.change(OVERHEAD + size_of::<Session>(), move |pending| {
            let id = session.session_id.as_bytes();
            // A retry comes after the session has moved on, perhaps.
            if !pending.has(Table::Sessions, id)? {
                put_session(pending, &session);
            }
            Ok(())
        })
        .await
    }

    async fn sessions(&self, of: &[SessionId]) -> Result<Vec<Option<Session>>, StoreError> {
        let of = of.to_vec();
        self.read(move |view| view.pick(Table::Sessions, of.iter().map(|id| id.as_bytes().to_vec()))).await
    }

    async fn sessions_of(&self, user: UserId) -> Result<Vec<Session>, StoreError> {
        self.read(move |view| {
            let rows = view.tables.prefix(Table::SessionsByUser, user.as_bytes());
            let ids = rows.map(|row| Ok(row?.0[user.as_bytes().len()..].to_vec()));
            let ids: Vec<Vec<u8>> = ids.collect::<Result<_, Failure>>()?;
            Ok(view.pick(Table::Sessions, ids)?.into_iter().flatten().collect())
        })
        .await
    }

    async fn swap_session(&self, before: &Session, after: &Session) -> Result<bool, StoreError> {
        let (before, after) = (before.clone(), after.clone());
        self.change(OVERHEAD + 2 * size_of::<Session>(), move |pending| {
            let now: Option<Session> = pending_row(pending, Table::Sessions, before.session_id.as_bytes())?;
            // An ended session never comes back.
            let comes_back = before.ended_at.is_some() && after.ended_at.is_none();
            let swaps = now.as_ref() == Some(&before) && before.session_id == after.session_id && !comes_back;
            if swaps {
                put_session(pending, &after);
            }
            Ok(swaps)
        })
        .await
    }
}

/// The session's row, and its place among those of its user that have not ended.
fn put_session(pending: &mut Pending, session: &Session) {
    pending.put(Table::Sessions, session.session_id.as_bytes().to_vec(), encode(session));
    let of_user = keys::session_of(session.user_id, session.session_id);
    if session.ended_at.is_none() {
        pending.put(Table::SessionsByUser, of_user, Vec::new());
    } else {
        pending.remove(Table::SessionsByUser, of_user);
    }
}
