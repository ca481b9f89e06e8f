//! What the process says about itself at `/readyz`: each part reports its state by name.

use parking_lot::RwLock;
use std::{collections::BTreeMap, sync::Arc};

/// The state of all parts of one process; cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Health {
    parts: Arc<RwLock<BTreeMap<String, Part>>>,
    beats: Arc<RwLock<BTreeMap<String, u64>>>,
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

    /// A consume loop says that it still goes round.
    pub fn beat(&self, name: &str) {
        let mut beats = self.beats.write();
        match beats.get_mut(name) {
            Some(count) => *count += 1,
            None => drop(beats.insert(name.to_owned(), 1)),
        }
    }

    /// The loop ended as it should.
    pub fn stop_beating(&self, name: &str) {
        self.beats.write().remove(name);
    }

    /// How often each loop has gone round.
    pub fn beats(&self) -> BTreeMap<String, u64> {
        self.beats.read().clone()
    }

    /// Whether every part is ready, and all of them by name.
    pub fn report(&self) -> (bool, BTreeMap<String, Part>) {
        let parts = self.parts.read().clone();
        (parts.values().all(|part| part.ready), parts)
    }
}
