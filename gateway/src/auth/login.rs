//! Opening a session on a device, and the tokens that go with it.

use super::{Identity, refresh, sessions};
use crate::{clock, edge::Edge, problem::Problem};
use parlor_engines::store::{Device, Session, User};
use parlor_schemas::{
    DeviceId, SessionId,
    frames::{DeviceKind, Profile},
};
use serde::Serialize;

/// What a client gets for its password or refresh token.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct Tokens {
    user: Profile,
    device_id: DeviceId,
    access_token: String,
    refresh_token: String,
    /// Of the access token.
    expires_in_ms: u64,
}

/// The device as a login describes it.
#[derive(Clone, Debug)]
pub(crate) struct DeviceWish {
    /// A device of one's own is used again; another's is ignored.
    pub device_id: Option<DeviceId>,
    /// What it is.
    pub kind: DeviceKind,
    /// Its name.
    pub name: String,
}

/// Opens a session; the old one of a re-used device ends.
pub(crate) async fn open(edge: &Edge, user: &User, wish: DeviceWish) -> Result<Tokens, Problem> {
    let store = &edge.engines.store;
    let now = edge.engines.clock.now();
    let known = match wish.device_id {
        Some(id) => store.devices(user.user_id).await?.into_iter().find(|device| device.device_id == id),
        None => None,
    };
    if let Some(known) = &known {
        for old in store.sessions_of(user.user_id).await? {
            if old.device_id == known.device_id {
                sessions::end(edge, old).await?;
            }
        }
    }
    let device = Device {
        user_id: user.user_id,
        device_id: known.as_ref().map_or_else(|| DeviceId(clock::v7(now)), |known| known.device_id),
        kind: wish.kind.as_str().to_owned(),
        name: wish.name,
        created_at: known.map_or(now, |known| known.created_at),
        last_used_at: now,
    };
    store.put_device(&device).await?;
    let session = Session {
        session_id: SessionId(clock::v7(now)),
        user_id: user.user_id,
        device_id: device.device_id,
        created_at: now,
        ended_at: None,
        generation: 1,
        rotated_at: now,
        generation_used: false,
        secret: rand::random(),
    };
    store.create_session(&session).await?;
    tokens(edge, user, &session)
}

/// The tokens of a session's present generation.
pub(crate) fn tokens(edge: &Edge, user: &User, session: &Session) -> Result<Tokens, Problem> {
    let now = edge.engines.clock.now();
    let auth = &edge.auth;
    let expires_at = now.plus_millis(auth.settings.access_ttl_ms as i64);
    let identity: Identity = refresh::identity_of(session, &user.username, expires_at);
    Ok(Tokens {
        user: profile(user),
        device_id: session.device_id,
        access_token: auth.keys.sign(&identity, now)?,
        refresh_token: refresh::token_of(&auth.keys, session),
        expires_in_ms: auth.settings.access_ttl_ms,
    })
}

/// A user as others see it.
pub(crate) fn profile(user: &User) -> Profile {
    Profile {
        user_id: user.user_id,
        username: user.username.clone(),
        display_name: user.display_name.clone(),
        avatar_media_id: user.avatar_media_id,
    }
}
