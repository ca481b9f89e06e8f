//! The operators' port: `/livez`, `/readyz`, `/metrics`, `/version` (PROTOCOL §5).

use axum::{Json, Router, http::StatusCode, response::IntoResponse, routing::get};
use metrics_exporter_prometheus::PrometheusHandle;
use parlor_engines::Health;
use serde_json::json;
use tokio_util::sync::CancellationToken;

/// Serves until `shutdown`.
pub async fn run(
    listener: std::net::TcpListener,
    health: Health,
    metrics: PrometheusHandle,
    shutdown: CancellationToken,
) -> std::io::Result<()> {
    listener.set_nonblocking(true)?;
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let ready = move || {
        let (ready, parts) = health.report();
        let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
        async move { (status, Json(json!({ "ready": ready, "parts": parts }))).into_response() }
    };
    let app = Router::new()
        .route("/livez", get(|| async { Json(json!({ "live": true })) }))
        .route("/readyz", get(ready))
        .route("/metrics", get(move || std::future::ready(metrics.render())))
        .route("/version", get(|| async { Json(json!({ "version": env!("CARGO_PKG_VERSION") })) }));
    axum::serve(listener, app).with_graceful_shutdown(shutdown.cancelled_owned()).await
}
