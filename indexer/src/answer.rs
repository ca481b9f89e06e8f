//! `POST /find`: what this process's index knows. For gateways of the same deployment on a closed
//! network: answers hold ids and places, no texts, and the gateway checks who may see them.

use axum::{
    Json, Router,
    extract::{DefaultBodyLimit, State},
    http::StatusCode,
    routing::post,
};
use parlor_engines::{
    Engines, Index,
    search::{Found, Question},
};
use std::{net::TcpListener, sync::Arc};
use tokio_util::sync::CancellationToken;

/// A question names its conversations, about 60 bytes each.
const BODY_MAX: usize = 16 * 1024 * 1024;

/// Serves until `shutdown`.
pub(crate) async fn run(
    engines: &Engines,
    listener: TcpListener,
    shutdown: CancellationToken,
) -> std::io::Result<()> {
    listener.set_nonblocking(true)?;
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let app = Router::new()
        .route("/find", post(find))
        .layer(DefaultBodyLimit::max(BODY_MAX))
        .with_state(engines.index.clone());
    axum::serve(listener, app).with_graceful_shutdown(shutdown.cancelled_owned()).await
}

async fn find(
    State(index): State<Arc<dyn Index>>,
    Json(question): Json<Question>,
) -> Result<Json<Found>, StatusCode> {
    match index.look(question).await {
        Ok(found) => Ok(Json(found)),
        Err(error) => {
            tracing::warn!(%error, "search");
            Err(StatusCode::SERVICE_UNAVAILABLE)
        }
    }
}
