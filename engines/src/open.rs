//! One `open` for all engine sets: the only place that chooses an adapter.

use crate::{Clock, Live, Log, Store};
use std::sync::Arc;

/// The opened engines.
#[derive(Clone)]
#[allow(missing_docs)]
pub struct Engines {
    pub log: Arc<dyn Log>,
    pub store: Arc<dyn Store>,
    pub live: Arc<dyn Live>,
    pub clock: Arc<dyn Clock>,
}
