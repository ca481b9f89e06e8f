//! REST `/v1` (PROTOCOL §4): one file per family of calls.

mod account;
mod admin;
mod ask;
pub(crate) mod asyncapi;
mod blocks;
mod body;
mod conversations;
mod devices;
mod history;
mod me;
mod media;
mod members;
mod messages;
pub(crate) mod openapi;
mod presence;
mod push_tokens;
mod receipts;
mod search;
mod settings;
mod sign_in;
pub(crate) mod view;

use crate::{edge::Edge, problem::Problem, serve::Peer, web};
use axum::{
    Router,
    extract::{Request, State},
    http::{HeaderMap, header},
    middleware::{self, Next},
    response::Response,
    routing::{delete, get, patch, post, put},
};
use std::sync::Arc;

/// All routes, the page's files included.
pub(crate) fn router(edge: &Arc<Edge>) -> Router {
    Router::new()
        .merge(accounts())
        .merge(conversations())
        .merge(administration())
        .route("/openapi.json", get(openapi::serve))
        .route("/asyncapi.json", get(asyncapi::serve))
        .route("/.well-known/jwks.json", get(devices::jwks))
        .layer(middleware::from_fn_with_state(edge.clone(), limit))
        .fallback(web::serve)
        .method_not_allowed_fallback(wrong_method)
        .with_state(edge.clone())
}

fn accounts() -> Router<Arc<Edge>> {
    Router::new()
        .route("/v1/auth/register", post(sign_in::register))
        .route("/v1/auth/login", post(sign_in::login))
        .route("/v1/auth/refresh", post(sign_in::refresh))
        .route("/v1/auth/logout", post(sign_in::logout))
        .route("/v1/me", get(me::get).patch(me::patch).delete(account::delete))
        .route("/v1/me/export", get(account::export))
        .route("/v1/me/password", put(sign_in::password))
        .route("/v1/me/blocks", get(blocks::list))
        .route("/v1/me/blocks/{user_id}", put(blocks::put).delete(blocks::delete))
        .route("/v1/users", get(me::by_name))
        .route("/v1/users/{user_id}", get(me::by_id))
        .route("/v1/users/{user_id}/presence", get(presence::one))
        .route("/v1/presence", post(presence::many))
        .route("/v1/devices", get(devices::list))
        .route("/v1/devices/{device_id}", delete(devices::delete))
        .route("/v1/push-tokens/{device_id}", put(push_tokens::put).delete(push_tokens::delete))
        .route("/v1/ws-tickets", post(devices::ticket))
        .route("/v1/search", get(search::search))
        .route("/v1/media", post(media::announce))
        .route("/v1/media/{media_id}", get(media::find))
        .route("/v1/media/{media_id}/content", get(media::get).put(media::put))
}

fn administration() -> Router<Arc<Edge>> {
    Router::new()
        .route("/v1/admin/users", get(admin::users))
        .route("/v1/admin/users/{user_id}", get(admin::user))
        .route("/v1/admin/users/{user_id}/ban", put(admin::ban).delete(admin::unban))
        .route("/v1/admin/users/{user_id}/sessions", delete(admin::end_sessions))
        .route("/v1/admin/conversations/{conversation_id}", get(admin::conversation))
        .route("/v1/admin/groups", get(admin::groups))
        .route("/v1/admin/dead-letters", get(admin::dead_letters))
        .route("/v1/admin/audit", get(admin::audit))
}

fn conversations() -> Router<Arc<Edge>> {
    const ONE: &str = "/v1/conversations/{conversation_id}";
    let of = |rest: &str| format!("{ONE}{rest}");
    Router::new()
        .route("/v1/conversations", get(conversations::list).post(conversations::create))
        .route(ONE, get(conversations::get).patch(conversations::change))
        .route(&of("/members"), get(members::list).post(members::add))
        .route(&of("/members/{user_id}"), patch(members::role).delete(members::remove))
        .route(&of("/leave"), post(members::leave))
        .route(&of("/settings"), put(settings::put))
        .route(&of("/records"), get(history::records))
        .route(&of("/read"), put(history::read))
        .route(&of("/messages"), get(history::messages).post(messages::send))
        .route(&of("/messages/{seq}"), patch(messages::edit).delete(messages::delete))
        .route(&of("/messages/{seq}/reactions/{emoji}"), put(messages::react).delete(messages::unreact))
        .route(&of("/messages/{seq}/receipts"), get(receipts::list))
        .route(&of("/messages/{seq}/pin"), put(messages::pin).delete(messages::unpin))
}

async fn limit(State(edge): State<Arc<Edge>>, request: Request, next: Next) -> Result<Response, Problem> {
    if let Some(Peer(ip)) = request.extensions().get() {
        edge.buckets.ip(*ip)?;
    }
    Ok(next.run(request).await)
}

async fn wrong_method() -> Problem {
    Problem { status: Some(405), ..Problem::invalid("this path does not know that method") }
}

/// The token of `Authorization: Bearer`.
pub(crate) fn bearer_of(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// Reads a text as every query that a route takes (for fuzz targets).
#[cfg(feature = "fuzzing")]
pub(crate) fn read_every_query(query: &str) {
    use axum::extract::Query;

    fn read<T: serde::de::DeserializeOwned>(uri: &axum::http::Uri) {
        // Refused or not: it must only end.
        drop(Query::<T>::try_from_uri(uri).map_err(|rejection| rejection.body_text()));
    }
    let Ok(uri) = format!("/?{query}").parse::<axum::http::Uri>() else { return };
    read::<admin::Which>(&uri);
    read::<history::Back>(&uri);
    read::<history::Range>(&uri);
    read::<me::ByName>(&uri);
    read::<media::Signed>(&uri);
    read::<members::PageOf>(&uri);
    read::<presence::Where>(&uri);
    read::<search::Asked>(&uri);
}

/// Reads a text as every cursor of a list (for fuzz targets).
#[cfg(feature = "fuzzing")]
pub(crate) fn read_every_cursor(text: &str) {
    search::read_cursor(text);
    if let Ok(id) = text.parse::<parlor_schemas::UserId>() {
        assert_eq!(id.to_string(), text, "not canonical");
    }
}
