//! Users: oneself and others.

use super::{
    body::{Asking, Caller, In, Json},
    sign_in::username_of,
};
use crate::{
    auth::login::profile,
    commands::{self, NAME_MAX},
    edge::Edge,
    media, presence,
    problem::Problem,
};
use axum::extract::State;
use parlor_engines::store::User;
use parlor_schemas::{LastSeenTo, MediaId, PrivacyChange, UserId, frames::Profile, strict};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// The own profile.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct Me {
    #[serde(flatten)]
    profile: Profile,
    email: Option<String>,
    /// To whom status and last seen are told.
    last_seen_to: LastSeenTo,
    /// `false`: read marks are hidden, both ways.
    read_receipts: bool,
}

/// What can be changed; absent stays.
#[derive(Deserialize, utoipa::ToSchema)]
pub(crate) struct MeChange {
    #[serde(default)]
    display_name: Option<String>,
    #[serde(default, deserialize_with = "strict::maybe_word")]
    last_seen_to: Option<LastSeenTo>,
    #[serde(default)]
    read_receipts: Option<bool>,
    /// An object of one's own that has been uploaded; everybody may see it then.
    #[serde(default)]
    avatar_media_id: Option<MediaId>,
}

/// A user's name.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ByName {
    username: String,
}

async fn user(edge: &Edge, id: UserId) -> Result<User, Problem> {
    let user = edge.engines.store.users(&[id]).await?.pop().flatten();
    user.ok_or_else(|| Problem::not_found("user"))
}

async fn me_of(edge: &Edge, user: &User) -> Result<axum::Json<Me>, Problem> {
    let privacy = edge.engines.store.privacies(&[user.user_id]).await?.pop().unwrap_or_default();
    Ok(axum::Json(Me {
        profile: profile(user),
        email: user.email.clone(),
        last_seen_to: privacy.last_seen_to,
        read_receipts: privacy.read_receipts,
    }))
}

/// The own profile.
#[utoipa::path(get, path = "/v1/me", tag = "me", responses((status = 200, body = Me)))]
pub(crate) async fn get(
    State(edge): State<Arc<Edge>>,
    Caller(who): Caller,
) -> Result<axum::Json<Me>, Problem> {
    me_of(&edge, &user(&edge, who.user_id).await?).await
}

/// Changes the own profile.
#[utoipa::path(patch, path = "/v1/me", tag = "me", request_body = MeChange,
    responses((status = 200, body = Me)))]
pub(crate) async fn patch(
    State(edge): State<Arc<Edge>>,
    Caller(who): Caller,
    Json(change): Json<MeChange>,
) -> Result<axum::Json<Me>, Problem> {
    let mut user = user(&edge, who.user_id).await?;
    if let Some(name) = change.display_name {
        commands::check_text("display_name", &name, NAME_MAX)?;
        user.display_name = name;
    }
    if let Some(id) = change.avatar_media_id {
        let row = media::readable(&edge, who.user_id, id).await?;
        if row.is_none_or(|row| row.owner_id != who.user_id) {
            return Err(Problem::not_found("media"));
        }
        user.avatar_media_id = Some(id);
    }
    edge.engines.store.put_user(&user).await?;
    edge.reads.forget_profile(who.user_id);
    let privacy = PrivacyChange { last_seen_to: change.last_seen_to, read_receipts: change.read_receipts };
    if privacy != PrivacyChange::default() {
        edge.engines.store.change_privacy(who.user_id, privacy).await?;
        edge.reads.privacies.forget(who.user_id);
        presence::hint(&edge, vec![who.user_id], true).await;
    }
    me_of(&edge, &user).await
}

/// A user by id.
#[utoipa::path(get, path = "/v1/users/{user_id}", tag = "users", params(("user_id" = String, Path)),
    responses((status = 200, body = Profile)))]
pub(crate) async fn by_id(
    State(edge): State<Arc<Edge>>,
    Caller(_who): Caller,
    In(id): In<UserId>,
) -> Result<axum::Json<Profile>, Problem> {
    Ok(axum::Json(profile(&user(&edge, id).await?)))
}

/// A user by name.
#[utoipa::path(get, path = "/v1/users", tag = "users", params(ByName),
    responses((status = 200, body = Profile)))]
pub(crate) async fn by_name(
    State(edge): State<Arc<Edge>>,
    Caller(_who): Caller,
    Asking(asked): Asking<ByName>,
) -> Result<axum::Json<Profile>, Problem> {
    let user = match username_of(&asked.username) {
        Some(name) => edge.engines.store.user_by_name(&name).await?.filter(|user| !user.is_deleted()),
        None => None,
    };
    Ok(axum::Json(profile(&user.ok_or_else(|| Problem::not_found("user"))?)))
}
