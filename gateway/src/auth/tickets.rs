//! Tickets: a browser can't send a header with a WebSocket, so it buys a single-use word over REST.

use super::Identity;
use crate::{edge::Edge, problem::Problem, settings::millis};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use bytes::Bytes;
use parlor_schemas::Code;

/// Makes a ticket for the bearer of an access token.
pub(crate) async fn make(edge: &Edge, identity: &Identity) -> Result<String, Problem> {
    let ticket = BASE64.encode(rand::random::<[u8; 32]>());
    let meaning = serde_json::to_vec(identity)
        .map_err(|_| Problem::new(Code::Internal, "a ticket could not be made"))?;
    edge.engines.live.put_ticket(&ticket, Bytes::from(meaning), millis(edge.settings.ticket_ttl_ms)).await?;
    Ok(ticket)
}

/// Takes a ticket, once.
pub(crate) async fn take(edge: &Edge, ticket: &str) -> Result<Identity, Problem> {
    let meaning = edge.engines.live.take_ticket(ticket).await?.ok_or_else(Problem::unauthenticated)?;
    let identity: Identity = serde_json::from_slice(&meaning).map_err(|_| Problem::unauthenticated())?;
    if identity.expires_at <= edge.engines.clock.now() {
        return Err(Problem::unauthenticated());
    }
    Ok(identity)
}
