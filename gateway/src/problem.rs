//! What a client is told when something did not work: one shape for the socket's `error` frame and
//! REST's `application/problem+json` (PROTOCOL §4).

use axum::{
    body::Body,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use parlor_engines::{live::LiveError, log::LogError, store::StoreError};
use parlor_schemas::{Code, ConversationId, Refusal, Timestamp, frames::ServerFrame};
use serde::Serialize;
use std::borrow::Cow;

/// A refusal on its way to a client.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Problem {
    /// For a program.
    pub code: Code,
    /// For a person.
    pub detail: Cow<'static, str>,
    /// When to come again.
    pub retry_after_ms: Option<u64>,
    /// The log's time, where the client's clock is the reason.
    pub now: Option<Timestamp>,
    /// Where it differs from the code's (405).
    pub status: Option<u16>,
}

/// What `unavailable` tells about the time to wait.
const LATER_MS: u64 = 1000;

impl Problem {
    /// A problem of this code.
    pub fn new(code: Code, detail: impl Into<Cow<'static, str>>) -> Self {
        let retry_after_ms = matches!(code, Code::Unavailable | Code::RateLimited).then_some(LATER_MS);
        Self { code, detail: detail.into(), retry_after_ms, now: None, status: None }
    }

    /// `invalid_request`.
    pub fn invalid(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Code::InvalidRequest, detail)
    }

    /// `not_found`.
    pub fn not_found(what: &'static str) -> Self {
        Self::new(Code::NotFound, format!("no such {what}"))
    }

    /// `unauthenticated`.
    pub fn unauthenticated() -> Self {
        Self::new(Code::Unauthenticated, "sign in, or refresh the access token")
    }

    /// `unavailable`.
    pub fn unavailable(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Code::Unavailable, detail)
    }

    /// `rate_limited`, to be tried again in so many milliseconds.
    pub fn rate_limited(retry_after_ms: u64) -> Self {
        Self { retry_after_ms: Some(retry_after_ms.max(1)), ..Self::new(Code::RateLimited, "slower, please") }
    }

    /// The `error` frame.
    pub fn frame(&self, id: Option<&str>, conversation_id: Option<ConversationId>) -> String {
        ServerFrame::Error {
            id,
            code: self.code,
            message: &self.detail,
            retry_after_ms: self.retry_after_ms,
            conversation_id,
            now: self.now,
        }
        .text()
    }

    fn status(&self) -> u16 {
        self.status.unwrap_or_else(|| self.code.status())
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        Self { now: refusal.now, ..Self::new(refusal.code, refusal.message) }
    }
}

/// An engine's failure is logged here, once, and told without its inside.
impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        tracing::warn!(%error, "store");
        Self::unavailable("the store is not available; try again")
    }
}

impl From<LiveError> for Problem {
    fn from(error: LiveError) -> Self {
        tracing::warn!(%error, "live engine");
        Self::unavailable("the live engine is not available; try again")
    }
}

impl From<LogError> for Problem {
    fn from(error: LogError) -> Self {
        tracing::warn!(%error, "log");
        Self::unavailable("the log is not available; try again with the same id")
    }
}

/// The body of `application/problem+json` (RFC 9457).
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = Problem)]
pub(crate) struct ProblemBody<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    /// The code, in words.
    title: &'a str,
    status: u16,
    code: Code,
    detail: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    now: Option<Timestamp>,
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = ProblemBody {
            kind: "about:blank",
            title: self.code.as_str(),
            status: self.status(),
            code: self.code,
            detail: &self.detail,
            now: self.now,
        };
        let text = serde_json::to_string(&body).unwrap_or_default();
        let mut response = Response::new(Body::from(text));
        *response.status_mut() =
            StatusCode::from_u16(self.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(millis) = self.retry_after_ms {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(millis.div_ceil(1000)));
        }
        response
    }
}
