//! What handlers take out of requests; whatever is wrong with it comes out as a problem.

use crate::{
    auth::Identity,
    clock,
    edge::Edge,
    problem::Problem,
    serve::Peer,
    settings::millis,
    socket::enter,
    text::{has_nul, is_plain},
};
use axum::{
    body,
    extract::{FromRequest, FromRequestParts, Path, Query, Request},
    http::request::Parts,
};
use parlor_schemas::{ClientMsgId, Code, strict::Object};
use serde::de::DeserializeOwned;
use std::{net::IpAddr, sync::Arc};

/// A JSON body.
pub(crate) struct Json<T>(pub T);

impl<T: DeserializeOwned> FromRequest<Arc<Edge>> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, edge: &Arc<Edge>) -> Result<Self, Problem> {
        let max = edge.settings.body_max;
        let too_large = || Problem::new(Code::TooLarge, format!("the body: at most {max} bytes"));
        let read = body::to_bytes(request.into_body(), max);
        let bytes = tokio::time::timeout(millis(edge.settings.body_timeout_ms), read)
            .await
            .map_err(|_| Problem::invalid("the body did not arrive in time"))?
            .map_err(|_| too_large())?;
        if has_nul(&bytes) {
            return Err(Problem::invalid("U+0000 is not allowed"));
        }
        let bytes: &[u8] = if bytes.is_empty() { b"{}" } else { &bytes };
        serde_json::from_slice(bytes).map(|Object(body)| Self(body)).map_err(|error| {
            let text = error.to_string();
            Problem::invalid(text.split(" at line ").next().unwrap_or_default().to_owned())
        })
    }
}

/// The parts of the path.
pub(crate) struct In<T>(pub T);

impl<T: DeserializeOwned + Send> FromRequestParts<Arc<Edge>> for In<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, edge: &Arc<Edge>) -> Result<Self, Problem> {
        match Path::from_request_parts(parts, edge).await {
            Ok(Path(value)) if is_plain(parts.uri.path()) => Ok(Self(value)),
            _ => Err(Problem::invalid("the path: ids are canonical UUIDs, seqs are numbers")),
        }
    }
}

/// The query.
pub(crate) struct Asking<T>(pub T);

impl<T: DeserializeOwned> FromRequestParts<Arc<Edge>> for Asking<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, edge: &Arc<Edge>) -> Result<Self, Problem> {
        if !is_plain(parts.uri.query().unwrap_or_default()) {
            return Err(Problem::invalid("the query: UTF-8 without U+0000"));
        }
        match Query::from_request_parts(parts, edge).await {
            Ok(Query(value)) => Ok(Self(value)),
            Err(rejection) => Err(Problem::invalid(rejection.body_text())),
        }
    }
}

/// Where the request comes from.
pub(crate) struct From(pub IpAddr);

impl FromRequestParts<Arc<Edge>> for From {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<Edge>) -> Result<Self, Problem> {
        let peer = parts.extensions.get::<Peer>();
        peer.map(|peer| Self(peer.0)).ok_or_else(|| Problem::new(Code::Internal, "no peer address"))
    }
}

/// Who calls, by the bearer token.
pub(crate) struct Caller(pub Identity);

impl FromRequestParts<Arc<Edge>> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, edge: &Arc<Edge>) -> Result<Self, Problem> {
        let token = super::bearer_of(&parts.headers).ok_or_else(Problem::unauthenticated)?;
        enter::verify(edge, token).await.map(Self)
    }
}

/// `Idempotency-Key`; a fresh one where it is missing (no protection then).
pub(crate) struct Key(pub ClientMsgId);

impl FromRequestParts<Arc<Edge>> for Key {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, edge: &Arc<Edge>) -> Result<Self, Problem> {
        let mut keys = parts.headers.get_all("idempotency-key").iter();
        let Some(key) = keys.next() else {
            return Ok(Self(ClientMsgId(clock::v7(edge.engines.clock.now()))));
        };
        let key = key.to_str().ok().and_then(|text| text.parse().ok()).filter(|_| keys.next().is_none());
        key.map(Self).ok_or_else(|| Problem::invalid("Idempotency-Key: one canonical UUID"))
    }
}

/// A limit of a list: cut at 200, at least 1.
pub(crate) fn limit(asked: Option<i64>, none: usize) -> Result<usize, Problem> {
    const MAX: i64 = 200;
    match asked {
        None => Ok(none),
        Some(limit) if limit <= 0 => Err(Problem::invalid("limit: at least 1")),
        Some(limit) => Ok(limit.min(MAX) as usize),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_cut() {
        assert_eq!(limit(None, 50), Ok(50));
        assert_eq!(limit(Some(1000), 50), Ok(200));
        assert!(limit(Some(0), 50).is_err() && limit(Some(-1), 50).is_err());
    }
}
