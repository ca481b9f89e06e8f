//! Devices and sessions.

use super::{CassandraStore, failure::Failure, rows};
use crate::store::{Device, Session, Sessions, StoreError};
use async_trait::async_trait;
use parlor_schemas::{DeviceId, SessionId, Timestamp, UserId};
use scylla::{
    DeserializeRow,
    value::{CqlTimestamp, MaybeUnset},
};
use uuid::Uuid;

#[async_trait]
impl Sessions for CassandraStore {
    async fn put_device(&self, device: &Device) -> Result<(), StoreError> {
        let values = (
            device.user_id.0,
            device.device_id.0,
            &device.kind,
            &device.name,
            rows::time(device.created_at),
            rows::time(device.last_used_at),
            self.stamps.next(),
        );
        self.put("put device", &self.statements.put_device, values).await
    }

    async fn delete_device(&self, user: UserId, device: DeviceId) -> Result<(), StoreError> {
        let values = (self.stamps.next(), user.0, device.0);
        self.put("delete device", &self.statements.delete_device, values).await
    }

    async fn devices(&self, user: UserId) -> Result<Vec<Device>, StoreError> {
        let rows =
            self.requests.rows::<DeviceRow>("read devices", &self.statements.devices, (user.0,)).await?;
        let mut devices: Vec<Device> = rows.into_iter().map(|row| row.device(user)).collect();
        devices.sort_by_key(|device| device.device_id);
        Ok(devices)
    }

    async fn create_session(&self, session: &Session) -> Result<(), StoreError> {
        let values = (
            session.session_id.0,
            session.user_id.0,
            session.device_id.0,
            rows::time(session.created_at),
            MaybeUnset::from_option(session.ended_at.map(rows::time)),
            session.generation as i64,
            rows::time(session.rotated_at),
            session.generation_used,
            session.secret.to_vec(),
        );
        self.put("make session", &self.statements.make_session, values).await?;
        let values = (session.user_id.0, session.session_id.0);
        self.put("open session", &self.statements.open_session, values).await
    }

    async fn sessions(&self, of: &[SessionId]) -> Result<Vec<Option<Session>>, StoreError> {
        let one = async |id: &SessionId| {
            let row =
                self.requests.row::<SessionRow>("read sessions", &self.statements.session, (id.0,)).await?;
            row.map(|row| Ok(row.session()?)).transpose()
        };
        self.requests.each(of, one).await
    }

    async fn sessions_of(&self, user: UserId) -> Result<Vec<Session>, StoreError> {
        let statement = &self.statements.sessions_of;
        let ids = self.requests.rows::<(Uuid,)>("read sessions_of", statement, (user.0,)).await?;
        let mut ids: Vec<SessionId> = ids.into_iter().map(|(id,)| SessionId(id)).collect();
        ids.sort();
        let sessions = self.sessions(&ids).await?.into_iter().flatten();
        Ok(sessions.filter(|session| session.ended_at.is_none()).collect())
    }

    async fn swap_session(&self, before: &Session, after: &Session) -> Result<bool, StoreError> {
        // An ended session never comes back.
        let comes_back = before.ended_at.is_some() && after.ended_at.is_none();
        if comes_back || before.session_id != after.session_id || !self.swap(before, after).await? {
            return Ok(false);
        }
        if after.ended_at.is_some() {
            let values = (self.stamps.next(), after.user_id.0, after.session_id.0);
            self.put("close session", &self.statements.close_session, values).await?;
        }
        Ok(true)
    }
}

impl CassandraStore {
    /// The transaction. Each carries an id of its own into the row: when an outcome is not known (a
    /// timeout in the middle of it), reading what the row has come to tells whether it was this one.
    /// A row that somebody moved on from ours meanwhile counts as not ours: it is not `before`, and
    /// the caller looks again.
    async fn swap(&self, before: &Session, after: &Session) -> Result<bool, StoreError> {
        let swap_id = Uuid::new_v4();
        let mut patience = self.requests.patience("swap session");
        let mut is_first = true;
        loop {
            match self.decide_swap(before, after, swap_id).await {
                Ok(true) => return Ok(true),
                Ok(false) if is_first => return Ok(false),
                // Refused, perhaps because the try before was this one: the row tells.
                Ok(false) => {}
                Err(failure) => patience.pause(failure).await?,
            }
            is_first = false;
            let (statement, id) = (&self.statements.session_decided, before.session_id);
            match self.requests.row::<SessionRow>("read swap", statement, (id.0,)).await {
                Ok(Some(row)) if row.swap_id == Some(swap_id) => return Ok(true),
                // Not done, or not yet: once more, with the same id.
                Ok(Some(row)) if row.session()? == *before => {
                    patience
                        .pause(Failure::Passing("the session's change has no outcome yet".into()))
                        .await?;
                }
                Ok(_) => return Ok(false),
                Err(StoreError::Unavailable(reason)) => patience.pause(Failure::Passing(reason)).await?,
                Err(error) => return Err(error),
            }
        }
    }

    async fn decide_swap(&self, before: &Session, after: &Session, swap_id: Uuid) -> Result<bool, Failure> {
        let (then, now) = (Columns::of(before), Columns::of(after));
        let values: Vec<Box<dyn scylla::serialize::value::SerializeValue + Send + Sync>> = vec![
            Box::new(now.user_id),
            Box::new(now.device_id),
            Box::new(now.created_at),
            // Left out, not null: a session that has not ended has no such column.
            Box::new(MaybeUnset::from_option(now.ended_at)),
            Box::new(now.generation),
            Box::new(now.rotated_at),
            Box::new(now.generation_used),
            Box::new(now.secret),
            Box::new(swap_id),
            Box::new(before.session_id.0),
            Box::new(then.user_id),
            Box::new(then.device_id),
            Box::new(then.created_at),
            Box::new(then.ended_at),
            Box::new(then.generation),
            Box::new(then.rotated_at),
            Box::new(then.generation_used),
            Box::new(then.secret),
        ];
        let found = self.requests.decide("swap session", &self.statements.swap_session, &values).await?;
        Ok(found.is_none())
    }
}

/// What may change of a session, as columns.
struct Columns {
    user_id: Uuid,
    device_id: Uuid,
    created_at: CqlTimestamp,
    ended_at: Option<CqlTimestamp>,
    generation: i64,
    rotated_at: CqlTimestamp,
    generation_used: bool,
    secret: Vec<u8>,
}

impl Columns {
    fn of(session: &Session) -> Self {
        Self {
            user_id: session.user_id.0,
            device_id: session.device_id.0,
            created_at: rows::time(session.created_at),
            ended_at: session.ended_at.map(rows::time),
            generation: session.generation as i64,
            rotated_at: rows::time(session.rotated_at),
            generation_used: session.generation_used,
            secret: session.secret.to_vec(),
        }
    }
}

/// `sessions`.
#[derive(DeserializeRow)]
struct SessionRow {
    session_id: Uuid,
    user_id: Uuid,
    device_id: Uuid,
    created_at: CqlTimestamp,
    ended_at: Option<CqlTimestamp>,
    generation: i64,
    rotated_at: CqlTimestamp,
    generation_used: bool,
    secret: Vec<u8>,
    swap_id: Option<Uuid>,
}

impl SessionRow {
    fn session(&self) -> Result<Session, Failure> {
        Ok(Session {
            session_id: SessionId(self.session_id),
            user_id: UserId(self.user_id),
            device_id: DeviceId(self.device_id),
            created_at: Timestamp(self.created_at.0),
            ended_at: self.ended_at.map(|at| Timestamp(at.0)),
            generation: self.generation as u64,
            rotated_at: Timestamp(self.rotated_at.0),
            generation_used: self.generation_used,
            secret: self.secret.as_slice().try_into().map_err(Failure::unreadable)?,
        })
    }
}

/// `devices`, without the owner.
#[derive(DeserializeRow)]
struct DeviceRow {
    device_id: Uuid,
    kind: Option<String>,
    name: Option<String>,
    created_at: Option<CqlTimestamp>,
    last_used_at: Option<CqlTimestamp>,
}

impl DeviceRow {
    fn device(self, user_id: UserId) -> Device {
        let time = |at: Option<CqlTimestamp>| Timestamp(at.map_or(0, |at| at.0));
        Device {
            user_id,
            device_id: DeviceId(self.device_id),
            kind: self.kind.unwrap_or_default(),
            name: self.name.unwrap_or_default(),
            created_at: time(self.created_at),
            last_used_at: time(self.last_used_at),
        }
    }
}
