//! The error codes that clients see, the same on the socket and over REST (PROTOCOL §4).

use serde::{Deserialize, Serialize};

/// What went wrong, for a program. `unavailable` and `rate_limited` mean: later, the same id;
/// every other one is a definite refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum Code {
    InvalidRequest,
    Unauthenticated,
    Forbidden,
    Blocked,
    NotFound,
    NotAMember,
    Conflict,
    UsernameTaken,
    EditWindowOver,
    TooLarge,
    RateLimited,
    Unavailable,
    Internal,
}

impl Code {
    /// The HTTP status of the code.
    pub fn status(self) -> u16 {
        match self {
            Self::InvalidRequest => 400,
            Self::Unauthenticated => 401,
            Self::Forbidden | Self::Blocked => 403,
            Self::NotFound | Self::NotAMember => 404,
            Self::Conflict | Self::UsernameTaken | Self::EditWindowOver => 409,
            Self::TooLarge => 413,
            Self::RateLimited => 429,
            Self::Unavailable => 503,
            Self::Internal => 500,
        }
    }

    /// The code as it stands on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InvalidRequest => "invalid_request",
            Self::Unauthenticated => "unauthenticated",
            Self::Forbidden => "forbidden",
            Self::Blocked => "blocked",
            Self::NotFound => "not_found",
            Self::NotAMember => "not_a_member",
            Self::Conflict => "conflict",
            Self::UsernameTaken => "username_taken",
            Self::EditWindowOver => "edit_window_over",
            Self::TooLarge => "too_large",
            Self::RateLimited => "rate_limited",
            Self::Unavailable => "unavailable",
            Self::Internal => "internal",
        }
    }

    /// Whether the caller learns from it that nothing happened and nothing will.
    pub fn is_definite(self) -> bool {
        !matches!(self, Self::Unavailable | Self::RateLimited | Self::Internal)
    }
}
