//! Devices, tickets for sockets, the public keys.

use super::body::{Caller, In};
use crate::{
    auth::{sessions, tickets},
    edge::Edge,
    problem::Problem,
};
use axum::{Json, extract::State, http::StatusCode};
use parlor_schemas::{DeviceId, Timestamp};
use serde::Serialize;
use std::sync::Arc;

/// A device of one's own.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct DeviceView {
    device_id: DeviceId,
    kind: String,
    name: String,
    last_used_at: Timestamp,
    /// The one that asks.
    current: bool,
}

/// All of them.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct Devices {
    items: Vec<DeviceView>,
    next: Option<String>,
}

/// A word for one socket.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct Ticket {
    ticket: String,
    expires_in_ms: u64,
}

/// Lists the own devices.
#[utoipa::path(get, path = "/v1/devices", tag = "devices", responses((status = 200, body = Devices)))]
pub(crate) async fn list(
    State(edge): State<Arc<Edge>>,
    Caller(who): Caller,
) -> Result<Json<Devices>, Problem> {
    let devices = edge.engines.store.devices(who.user_id).await?;
    let items = devices
        .into_iter()
        .map(|device| DeviceView {
            current: device.device_id == who.device_id,
            device_id: device.device_id,
            kind: device.kind,
            name: device.name,
            last_used_at: device.last_used_at,
        })
        .collect();
    Ok(Json(Devices { items, next: None }))
}

/// Signs a device out for good.
#[utoipa::path(delete, path = "/v1/devices/{device_id}", tag = "devices",
    params(("device_id" = String, Path)), responses((status = 204)))]
pub(crate) async fn delete(
    State(edge): State<Arc<Edge>>,
    Caller(who): Caller,
    In(device_id): In<DeviceId>,
) -> Result<StatusCode, Problem> {
    let store = &edge.engines.store;
    if !store.devices(who.user_id).await?.iter().any(|device| device.device_id == device_id) {
        return Err(Problem::not_found("device"));
    }
    for session in store.sessions_of(who.user_id).await? {
        if session.device_id == device_id {
            sessions::end(&edge, session).await?;
        }
    }
    store.delete_device(who.user_id, device_id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Makes a ticket for `/v1/ws?ticket=`.
#[utoipa::path(post, path = "/v1/ws-tickets", tag = "devices", responses((status = 200, body = Ticket)))]
pub(crate) async fn ticket(
    State(edge): State<Arc<Edge>>,
    Caller(who): Caller,
) -> Result<Json<Ticket>, Problem> {
    let ticket = tickets::make(&edge, &who).await?;
    Ok(Json(Ticket { ticket, expires_in_ms: edge.settings.ticket_ttl_ms }))
}

/// The public keys of access tokens.
#[utoipa::path(get, path = "/.well-known/jwks.json", tag = "auth", responses((status = 200)))]
pub(crate) async fn jwks(State(edge): State<Arc<Edge>>) -> Json<serde_json::Value> {
    Json(edge.auth.keys.jwks())
}
