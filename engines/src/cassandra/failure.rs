//! What the driver reports, by what the caller does about it.

use crate::store::StoreError;
use scylla::errors::{
    ConnectionError, ConnectionPoolError, ConnectionSetupRequestErrorKind, DbError, ExecutionError,
    PrepareError, RequestAttemptError,
};
use std::fmt;

/// A request that failed.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Failure {
    /// Another try may do; whether this one did anything is not known.
    Passing(String),
    /// It needs a person: no rights, no such table, a row that can't be read.
    Lasting(String),
}

impl Failure {
    fn new(is_lasting: bool, reason: String) -> Self {
        if is_lasting { Self::Lasting(reason) } else { Self::Passing(reason) }
    }

    /// A row that this version can't read.
    pub(super) fn unreadable(what: impl fmt::Display) -> Self {
        Self::Lasting(format!("a row can't be read: {what}"))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Passing(reason) | Self::Lasting(reason) => f.write_str(reason),
        }
    }
}

impl From<Failure> for StoreError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Passing(reason) => Self::Unavailable(reason),
            Failure::Lasting(reason) => Self::Failed(reason),
        }
    }
}

impl From<ExecutionError> for Failure {
    fn from(error: ExecutionError) -> Self {
        let is_lasting = match &error {
            ExecutionError::BadQuery(_) => true,
            ExecutionError::PrepareError(error) => prepare_lasts(error),
            ExecutionError::ConnectionPoolError(error) => pool_lasts(error),
            ExecutionError::LastAttemptError(error) => attempt_lasts(error),
            _ => false,
        };
        Self::new(is_lasting, error.to_string())
    }
}

impl From<PrepareError> for Failure {
    fn from(error: PrepareError) -> Self {
        Self::new(prepare_lasts(&error), error.to_string())
    }
}

fn prepare_lasts(error: &PrepareError) -> bool {
    match error {
        PrepareError::ConnectionPoolError(error) => pool_lasts(error),
        PrepareError::AllAttemptsFailed { first_attempt } => attempt_lasts(first_attempt),
        _ => false,
    }
}

fn attempt_lasts(error: &RequestAttemptError) -> bool {
    match error {
        RequestAttemptError::DbError(error, _) => answer_lasts(error),
        RequestAttemptError::BrokenConnectionError(_) | RequestAttemptError::UnableToAllocStreamId => false,
        // What was sent can't be written, or what came can't be read: again would be the same.
        _ => true,
    }
}

/// A pool without connections: the nodes are away, but for a login that they refuse.
fn pool_lasts(error: &ConnectionPoolError) -> bool {
    use ConnectionSetupRequestErrorKind as Kind;
    let ConnectionPoolError::Broken {
        last_connection_error: ConnectionError::ConnectionSetupRequestError(error),
        ..
    } = error
    else {
        return false;
    };
    match &error.error {
        Kind::DbError(error, _) => answer_lasts(error),
        Kind::StartAuthSessionError(_)
        | Kind::AuthChallengeEvaluationError(_)
        | Kind::AuthFinishError(_)
        | Kind::MissingAuthentication => true,
        _ => false,
    }
}

fn answer_lasts(error: &DbError) -> bool {
    matches!(
        error,
        DbError::SyntaxError
            | DbError::Invalid
            | DbError::AlreadyExists { .. }
            | DbError::FunctionFailure { .. }
            | DbError::AuthenticationError
            | DbError::Unauthorized
            | DbError::ConfigError
            | DbError::ProtocolError
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_person_must_mend_is_told_from_what_passes() {
        let of = |error| {
            Failure::from(ExecutionError::LastAttemptError(RequestAttemptError::DbError(error, "why".into())))
        };
        for lasting in
            [DbError::Invalid, DbError::Unauthorized, DbError::SyntaxError, DbError::AuthenticationError]
        {
            assert!(matches!(of(lasting), Failure::Lasting(reason) if reason.contains("why")));
        }
        for passing in
            [DbError::Overloaded, DbError::IsBootstrapping, DbError::ServerError, DbError::Other(0x1700)]
        {
            assert!(matches!(of(passing), Failure::Passing(reason) if reason.contains("why")));
        }
        let late = ExecutionError::RequestTimeout(std::time::Duration::from_secs(3));
        assert!(matches!(Failure::from(late), Failure::Passing(_)));
    }
}
