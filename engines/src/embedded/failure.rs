//! What the database reports: nothing that a retry mends.

use crate::{log::LogError, store::StoreError};
use std::sync::Arc;

/// The reason, for a person.
#[derive(Clone, Debug)]
pub(super) struct Failure(Arc<str>);

impl Failure {
    pub(super) fn new(reason: impl Into<Arc<str>>) -> Self {
        Self(reason.into())
    }
}

impl From<fjall::Error> for Failure {
    fn from(error: fjall::Error) -> Self {
        match error {
            fjall::Error::Io(error) => Self(error.to_string().into()),
            fjall::Error::Poisoned => Self(
                "the database takes no more writes after an earlier failure (is the disk full or \
                 broken? the failure is told above); mend it and start again"
                    .into(),
            ),
            error => Self(error.to_string().into()),
        }
    }
}

impl From<postcard::Error> for Failure {
    fn from(error: postcard::Error) -> Self {
        Self(format!("a row can't be read: {error}").into())
    }
}

impl From<Failure> for LogError {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure.0.to_string())
    }
}

impl From<Failure> for StoreError {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure.0.to_string())
    }
}
