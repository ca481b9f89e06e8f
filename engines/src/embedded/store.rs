//! The store port on the database: tables as DESIGN §5 names them, rows in postcard. Every write
//! is decided in the committer, with all earlier writes in view, and answered when it is durable.

mod accounts;
mod acts;
mod admin;
mod blocks;
mod effects;
mod history;
mod marks;
mod media;
mod members;
mod pushes;
mod settings;
mod visibility;

use super::{
    failure::Failure,
    pending::Pending,
    running::Running,
    tables::{self, Table},
};
use crate::store::StoreError;
use serde::{Serialize, de::DeserializeOwned};
use std::sync::Arc;

/// The embedded store.
pub(crate) struct EmbeddedStore {
    running: Arc<Running>,
}

impl EmbeddedStore {
    pub(crate) fn new(running: Arc<Running>) -> Self {
        Self { running }
    }

    /// Reads on a thread that may wait for the disk; all reads see the same commits.
    async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&View) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, StoreError> {
        let shared = self.running.shared.clone();
        let reading = tokio::task::spawn_blocking(move || read(&View { tables: shared.tables.snapshot() }));
        let read = reading.await.map_err(|error| StoreError::Failed(error.to_string()))?;
        Ok(read?)
    }

    /// Writes in the next commit.
    async fn change<T: Send + 'static>(
        &self,
        weight: usize,
        decide: impl FnOnce(&mut Pending) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, StoreError> {
        Ok(self.running.shared.change(weight, decide).await?)
    }
}

/// The store as of one moment.
struct View<'a> {
    tables: tables::View<'a>,
}

impl View<'_> {
    fn get<T: DeserializeOwned>(&self, table: Table, key: &[u8]) -> Result<Option<T>, Failure> {
        self.tables.get(table, key)?.map(|value| decode(&value)).transpose()
    }

    /// The rows of some keys, in their order.
    fn pick<T: DeserializeOwned>(
        &self,
        table: Table,
        keys: impl IntoIterator<Item = Vec<u8>>,
    ) -> Result<Vec<Option<T>>, Failure> {
        keys.into_iter().map(|key| self.get(table, &key)).collect()
    }
}

/// The values of some rows.
fn values<T: DeserializeOwned>(
    rows: impl Iterator<Item = Result<tables::Row, Failure>>,
) -> Result<Vec<T>, Failure> {
    rows.map(|row| decode(&row?.1)).collect()
}

fn encode(row: &impl Serialize) -> Vec<u8> {
    postcard::to_stdvec(row).expect("a row can be encoded: it has no skipped or unsized parts")
}

fn decode<T: DeserializeOwned>(value: &[u8]) -> Result<T, Failure> {
    Ok(postcard::from_bytes(value)?)
}

/// The row as it will be after the commit.
fn pending_row<T: DeserializeOwned>(
    pending: &Pending,
    table: Table,
    key: &[u8],
) -> Result<Option<T>, Failure> {
    pending.get(table, key)?.map(|value| decode(&value)).transpose()
}
