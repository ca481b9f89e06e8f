//! Embedded engines in a directory of their own.

use crate::conformance::{Setting, TestClock};
use async_trait::async_trait;
use parlor_engines::{Engines, OpenError, Tuning, Urls, open};
use parlor_schemas::{Limits, Timestamp};
use std::{path::Path, sync::Arc};
use tempfile::TempDir;

pub struct Embedded {
    directory: TempDir,
    clock: Arc<TestClock>,
    pub tuning: Tuning,
    pub limits: Limits,
}

impl Embedded {
    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    pub async fn try_open(&self) -> Result<Engines, OpenError> {
        let urls = Urls { data: self.path().join("data"), ..Urls::default() };
        open(&urls, &self.tuning, &self.limits, self.clock.clone()).await
    }
}

#[async_trait]
impl Setting for Embedded {
    async fn new() -> Self {
        Self {
            directory: tempfile::tempdir().unwrap(),
            clock: Arc::new(TestClock::new(Timestamp(1_800_000_000_000))),
            tuning: Tuning::default(),
            limits: Limits::default(),
        }
    }

    async fn open(&self) -> Engines {
        self.try_open().await.unwrap()
    }

    fn clock(&self) -> &TestClock {
        &self.clock
    }
}
