//! Users: oneself and others.

use super::{
    body::{Asking, Caller, In, Json},
    sign_in::{NAME_MAX, username_of},
};
use crate::{auth::login::profile, commands, edge::Edge, problem::Problem};
use axum::extract::State;
use parlor_engines::store::User;
use parlor_schemas::{UserId, frames::Profile};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// The own profile.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct Me {
    #[serde(flatten)]
    profile: Profile,
    email: Option<String>,
}

/// What can be changed; absent stays.
#[derive(Deserialize, utoipa::ToSchema)]
pub(crate) struct MeChange {
    #[serde(default)]
    display_name: Option<String>,
}

/// A user's name.
#[derive(Deserialize, utoipa::IntoParams)]
pub(crate) struct ByName {
    username: String,
}

async fn user(edge: &Edge, id: UserId) -> Result<User, Problem> {
    let user = edge.engines.store.users(&[id]).await?.pop().flatten();
    user.ok_or_else(|| Problem::not_found("user"))
}

fn me_of(user: &User) -> axum::Json<Me> {
    axum::Json(Me { profile: profile(user), email: user.email.clone() })
}

/// The own profile.
#[utoipa::path(get, path = "/v1/me", tag = "me", responses((status = 200, body = Me)))]
pub(crate) async fn get(
    State(edge): State<Arc<Edge>>,
    Caller(who): Caller,
) -> Result<axum::Json<Me>, Problem> {
    Ok(me_of(&user(&edge, who.user_id).await?))
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
        edge.engines.store.put_user(&user).await?;
        edge.reads.forget_profile(who.user_id);
    }
    Ok(me_of(&user))
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
        Some(name) => edge.engines.store.user_by_name(&name).await?,
        None => None,
    };
    Ok(axum::Json(profile(&user.ok_or_else(|| Problem::not_found("user"))?)))
}
