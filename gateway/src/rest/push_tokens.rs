//! What the own devices are reached by when they are not connected.

use super::body::{Caller, In, Json};
use crate::{auth::Identity, commands, edge::Edge, problem::Problem};
use axum::{extract::State, http::StatusCode};
use parlor_engines::store::PushToken;
use parlor_schemas::DeviceId;
use serde::Deserialize;
use std::sync::Arc;

/// Bytes of a token: Web Push subscriptions are the longest.
const TOKEN_MAX: usize = 4096;
/// Bytes of a platform's name.
const PLATFORM_MAX: usize = 32;

/// A token as the platform gave it out.
#[derive(Deserialize, utoipa::ToSchema)]
pub(crate) struct TokenBody {
    token: String,
    /// Passed on to the provider: "fcm", "apns", "web", …
    #[serde(default)]
    platform: String,
}

/// Gives an own device its token.
#[utoipa::path(put, path = "/v1/push-tokens/{device_id}", tag = "devices",
    params(("device_id" = String, Path)), request_body = TokenBody, responses((status = 204)))]
pub(crate) async fn put(
    State(edge): State<Arc<Edge>>,
    Caller(who): Caller,
    In(device_id): In<DeviceId>,
    Json(body): Json<TokenBody>,
) -> Result<StatusCode, Problem> {
    edge.buckets.user(who.user_id)?;
    commands::check_text("token", &body.token, TOKEN_MAX)?;
    commands::check_text("platform", &body.platform, PLATFORM_MAX)?;
    if body.token.is_empty() {
        return Err(Problem::invalid("token: empty; DELETE takes it away"));
    }
    is_own(&edge, &who, device_id).await?;
    let token = PushToken { user_id: who.user_id, device_id, platform: body.platform, token: body.token };
    edge.engines.store.put_token(&token).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Takes an own device's token away.
#[utoipa::path(delete, path = "/v1/push-tokens/{device_id}", tag = "devices",
    params(("device_id" = String, Path)), responses((status = 204)))]
pub(crate) async fn delete(
    State(edge): State<Arc<Edge>>,
    Caller(who): Caller,
    In(device_id): In<DeviceId>,
) -> Result<StatusCode, Problem> {
    edge.buckets.user(who.user_id)?;
    edge.engines.store.delete_tokens(who.user_id, device_id).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn is_own(edge: &Edge, who: &Identity, device: DeviceId) -> Result<(), Problem> {
    let devices = edge.engines.store.devices(who.user_id).await?;
    let is_own = devices.iter().any(|own| own.device_id == device);
    if is_own { Ok(()) } else { Err(Problem::not_found("device")) }
}
