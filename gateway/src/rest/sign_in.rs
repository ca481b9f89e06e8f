//! Registering, signing in and out, refreshing, the password.

use super::body::{Caller, From, Json};
use crate::{
    auth::{
        login::{self, DeviceWish, Tokens},
        password::Passwords,
        refresh as tokens, sessions,
    },
    clock,
    commands::{self, NAME_MAX},
    edge::Edge,
    problem::Problem,
};
use axum::{extract::State, http::StatusCode};
use parlor_engines::store::User;
use parlor_schemas::{Code, DeviceId, Timestamp, UserId, frames::DeviceKind, strict};
use serde::Deserialize;
use std::sync::Arc;

/// The body of register and login.
#[derive(Deserialize, utoipa::ToSchema)]
pub(crate) struct SignIn {
    username: String,
    password: String,
    #[serde(default)]
    display_name: Option<String>,
    #[serde(default)]
    email: Option<String>,
    #[serde(default, deserialize_with = "strict::maybe_object")]
    device: Option<DeviceBody>,
}

/// The device that signs in.
#[derive(Deserialize, utoipa::ToSchema)]
pub(crate) struct DeviceBody {
    #[serde(default)]
    device_id: Option<DeviceId>,
    #[serde(deserialize_with = "strict::word")]
    kind: DeviceKind,
    name: String,
}

/// A refresh token.
#[derive(Deserialize, utoipa::ToSchema)]
pub(crate) struct Refresh {
    refresh_token: String,
}

/// The password changes.
#[derive(Deserialize, utoipa::ToSchema)]
pub(crate) struct PasswordChange {
    old: String,
    new: String,
}

fn wish_of(device: Option<DeviceBody>) -> Result<DeviceWish, Problem> {
    let Some(device) = device else {
        return Ok(DeviceWish { device_id: None, kind: DeviceKind::Web, name: String::new() });
    };
    commands::check_text("device.name", &device.name, NAME_MAX)?;
    Ok(DeviceWish { device_id: device.device_id, kind: device.kind, name: device.name })
}

/// `[a-z0-9_.]{3,32}` after lower-casing.
pub(super) fn username_of(text: &str) -> Option<String> {
    let name = text.to_lowercase();
    let fits = (3..=32).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_' || b == b'.');
    fits.then_some(name)
}

/// Makes a user and signs in.
#[utoipa::path(post, path = "/v1/auth/register", tag = "auth", request_body = SignIn,
    responses((status = 201, body = Tokens)))]
pub(crate) async fn register(
    State(edge): State<Arc<Edge>>,
    From(ip): From,
    Json(body): Json<SignIn>,
) -> Result<(StatusCode, axum::Json<Tokens>), Problem> {
    edge.buckets.sign_in(ip)?;
    let username = username_of(&body.username)
        .ok_or_else(|| Problem::invalid("username: 3 to 32 of a-z, 0-9, _ and ."))?;
    Passwords::check_form("password", &body.password)?;
    let display_name = body.display_name.unwrap_or_else(|| username.clone());
    commands::check_text("display_name", &display_name, NAME_MAX)?;
    commands::check_text("email", body.email.as_deref().unwrap_or_default(), NAME_MAX)?;
    let wish = wish_of(body.device)?;
    let taken = || Problem::new(Code::UsernameTaken, "this name is taken");
    let now = edge.engines.clock.now();
    // Most names that are taken are found without the cost of a hash; the store decides races.
    let holder = edge.engines.store.user_by_name(&username).await?;
    if let Some(holder) = &holder
        && !is_free(&edge, holder, now).await?
    {
        return Err(taken());
    }
    let user = User {
        user_id: UserId(clock::v7(now)),
        username,
        display_name,
        email: body.email,
        avatar_media_id: None,
        password_hash: edge.auth.passwords.hash(body.password).await?,
        created_at: now,
    };
    let is_made = match holder {
        None => edge.engines.store.create_user(&user).await?,
        Some(holder) => edge.engines.store.replace_user(holder.user_id, &user).await?,
    };
    if !is_made {
        return Err(taken());
    }
    Ok((StatusCode::CREATED, axum::Json(login::open(&edge, &user, wish).await?)))
}

/// Whether a name may go to somebody else: its holder was deleted long enough ago.
async fn is_free(edge: &Edge, holder: &User, now: Timestamp) -> Result<bool, Problem> {
    if !holder.is_deleted() {
        return Ok(false);
    }
    let state = edge.engines.store.account_states(&[holder.user_id]).await?.pop().unwrap_or_default();
    let free_at = state.deleted_at.map(|at| at.plus_millis(edge.auth.settings.name_free_ms as i64));
    Ok(free_at.is_some_and(|free_at| free_at <= now))
}

/// Signs in.
#[utoipa::path(post, path = "/v1/auth/login", tag = "auth", request_body = SignIn,
    responses((status = 200, body = Tokens)))]
pub(crate) async fn login(
    State(edge): State<Arc<Edge>>,
    From(ip): From,
    Json(body): Json<SignIn>,
) -> Result<axum::Json<Tokens>, Problem> {
    edge.buckets.sign_in(ip)?;
    let wish = wish_of(body.device)?;
    let user = match username_of(&body.username) {
        Some(username) => edge.engines.store.user_by_name(&username).await?.filter(|user| !user.is_deleted()),
        None => None,
    };
    // A name nobody has costs the same and gets the same answer.
    let hash = user.as_ref().map(|user| user.password_hash.clone());
    let fits = edge.auth.passwords.verify(body.password, hash).await?;
    let user = user
        .filter(|_| fits)
        .ok_or_else(|| Problem::new(Code::Unauthenticated, "username or password is wrong"))?;
    Ok(axum::Json(login::open(&edge, &user, wish).await?))
}

/// Rotates the refresh token.
#[utoipa::path(post, path = "/v1/auth/refresh", tag = "auth", request_body = Refresh,
    responses((status = 200, body = Tokens)))]
pub(crate) async fn refresh(
    State(edge): State<Arc<Edge>>,
    Json(body): Json<Refresh>,
) -> Result<axum::Json<Tokens>, Problem> {
    let session = tokens::rotate(&edge, &body.refresh_token).await?;
    let user = edge.engines.store.users(&[session.user_id]).await?.pop().flatten();
    let user = user.ok_or_else(Problem::unauthenticated)?;
    Ok(axum::Json(login::tokens(&edge, &user, &session)?))
}

/// Ends the session.
#[utoipa::path(post, path = "/v1/auth/logout", tag = "auth", responses((status = 204)))]
pub(crate) async fn logout(
    State(edge): State<Arc<Edge>>,
    Caller(who): Caller,
) -> Result<StatusCode, Problem> {
    if let Some(session) = edge.engines.store.sessions(&[who.session_id]).await?.pop().flatten() {
        sessions::end(&edge, session).await?;
    }
    Ok(StatusCode::NO_CONTENT)
}

/// Changes the password and ends all other sessions.
#[utoipa::path(put, path = "/v1/me/password", tag = "me", request_body = PasswordChange,
    responses((status = 204)))]
pub(crate) async fn password(
    State(edge): State<Arc<Edge>>,
    From(ip): From,
    Caller(who): Caller,
    Json(body): Json<PasswordChange>,
) -> Result<StatusCode, Problem> {
    edge.buckets.sign_in(ip)?;
    Passwords::check_form("new", &body.new)?;
    let user = edge.engines.store.users(&[who.user_id]).await?.pop().flatten();
    let mut user = user.ok_or_else(Problem::unauthenticated)?;
    if !edge.auth.passwords.verify(body.old, Some(user.password_hash.clone())).await? {
        return Err(Problem::new(Code::Forbidden, "the old password is wrong"));
    }
    user.password_hash = edge.auth.passwords.hash(body.new).await?;
    edge.engines.store.put_user(&user).await?;
    for session in edge.engines.store.sessions_of(who.user_id).await? {
        if session.session_id != who.session_id {
            sessions::end(&edge, session).await?;
        }
    }
    Ok(StatusCode::NO_CONTENT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_lower_case() {
        assert_eq!(username_of("Ada.L_9").as_deref(), Some("ada.l_9"));
        for bad in ["ab", "a b", "ä__", &"x".repeat(33), "a-b-c"] {
            assert_eq!(username_of(bad), None, "{bad}");
        }
    }
}
