//! Opening a session on a device, and the tokens that go with it.

use super::{Identity, refresh, sessions};
use crate::{clock, edge::Edge, problem::Problem};
use parlor_engines::store::{AccountState, Device, Session, User};
use parlor_schemas::{
    Code, DeviceId, SessionId, UserId,
    frames::{DeviceKind, Profile},
};
use serde::Serialize;

/// Who has no name any more.
const DELETED_USER: &str = "deleted user";

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
    may_enter(edge, user.user_id).await?;
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
    // A ban or a deletion since the password was looked at has not seen this session, perhaps.
    if let Err(problem) = may_enter(edge, user.user_id).await {
        sessions::end(edge, session).await?;
        return Err(problem);
    }
    tokens(edge, user, &session)
}

/// Refuses the banned, and accounts that were deleted meanwhile.
async fn may_enter(edge: &Edge, user: UserId) -> Result<(), Problem> {
    let state = edge.engines.store.account_states(&[user]).await?.pop().unwrap_or_default();
    match state {
        AccountState { deleted_at: Some(_), .. } => Err(Problem::unauthenticated()),
        AccountState { banned_at: Some(_), .. } => {
            Err(Problem::new(Code::Forbidden, "this account is banned"))
        }
        AccountState { .. } => Ok(()),
    }
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
    if user.is_deleted() {
        return Profile {
            user_id: user.user_id,
            username: String::new(),
            display_name: DELETED_USER.to_owned(),
            avatar_media_id: None,
        };
    }
    Profile {
        user_id: user.user_id,
        username: user.username.clone(),
        display_name: user.display_name.clone(),
        avatar_media_id: user.avatar_media_id,
    }
}
