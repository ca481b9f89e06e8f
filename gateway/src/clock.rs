//! New ids, made from the clock that is passed in.

use parlor_schemas::Timestamp;
use uuid::{Builder, Uuid};

/// A new UUIDv7.
pub(crate) fn v7(now: Timestamp) -> Uuid {
    Builder::from_unix_timestamp_millis(now.0.max(0) as u64, &rand::random()).into_uuid()
}
