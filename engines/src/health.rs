//! What the process says about itself at `/readyz`: each part reports its state by name.

use parking_lot::RwLock;
use std::{collections::BTreeMap, sync::Arc};

/// The state of all parts of one process; cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Health {
    parts: Arc<RwLock<BTreeMap<String, Part>>>,
}

/// One part: a role, an engine, a partition being rebuilt.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Part {
    /// Ready to serve.
    pub ready: bool,
    /// In words, for a person.
    pub detail: String,
}

impl Health {
    /// Reports a part.
    pub fn set(&self, name: &str, ready: bool, detail: impl Into<String>) {
        let part = Part { ready, detail: detail.into() };
        let mut parts = self.parts.write();
        match parts.get_mut(name) {
            Some(known) => *known = part,
            None => drop(parts.insert(name.to_owned(), part)),
        }
    }

    /// Takes a part away (a partition that went to another process).
    pub fn clear(&self, name: &str) {
        self.parts.write().remove(name);
    }

    /// Whether every part is ready, and all of them by name.
    pub fn report(&self) -> (bool, BTreeMap<String, Part>) {
        let parts = self.parts.read().clone();
        (parts.values().all(|part| part.ready), parts)
    }
}
