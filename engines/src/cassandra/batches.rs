//! Writes, gathered by Cassandra partition: an unlogged batch inside one partition is one mutation,
//! over several it would be a burden for the node that takes it.

use super::requests::Requests;
use crate::store::StoreError;
use scylla::{
    serialize::row::SerializeRow,
    statement::{
        batch::{Batch, BatchType},
        prepared::PreparedStatement,
    },
};
use uuid::Uuid;

/// Statements of one batch, at most ...
const STATEMENTS_MAX: usize = 50;
/// ... and their bytes (a single larger one goes alone).
const BYTES_MAX: usize = 32 * 1024;

/// A Cassandra partition: what is written to the same one may go together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Place {
    Records(Uuid, i64),
    Edits(Uuid, i64),
    Pins(Uuid),
    Reactions(Uuid, i64),
    Ack(Uuid, Uuid, Uuid),
    Head(Uuid),
    Info(Uuid),
    Participants(Uuid),
    ByUser(Uuid),
    Marks(Uuid),
    Receipts(Uuid, Uuid),
    Blocks(Uuid),
    PushTokens(Uuid),
    Pushed(Uuid),
    LastSeen(Uuid),
    References(Uuid),
}

/// A statement with its values.
pub(super) struct Write<'a> {
    place: Place,
    statement: &'a PreparedStatement,
    values: Box<dyn SerializeRow + Send + Sync>,
    /// About its bytes on the wire.
    weight: usize,
}

impl<'a> Write<'a> {
    pub(super) fn new(
        place: Place,
        statement: &'a PreparedStatement,
        values: impl SerializeRow + Send + Sync + 'static,
    ) -> Self {
        Self { place, statement, values: Box::new(values), weight: 128 }
    }

    /// With so many bytes more than ids and numbers.
    #[must_use]
    pub(super) fn with_bytes(mut self, bytes: usize) -> Self {
        self.weight += bytes;
        self
    }
}

/// Writes all of them, in no order, and returns when each is acknowledged.
pub(super) async fn write(
    requests: &Requests,
    operation: &'static str,
    writes: Vec<Write<'_>>,
) -> Result<(), StoreError> {
    let batches = gathered(writes);
    requests.all(&batches, |batch| one(requests, operation, batch)).await
}

async fn one(requests: &Requests, operation: &'static str, writes: &[Write<'_>]) -> Result<(), StoreError> {
    let session = requests.session();
    if let [write] = writes {
        let run = || session.execute_unpaged(write.statement, &*write.values);
        requests.until_known(requests.patience(operation), run).await?;
        return Ok(());
    }
    let mut batch = Batch::new(BatchType::Unlogged);
    batch.set_is_idempotent(true);
    batch.set_execution_profile_handle(
        writes.first().and_then(|write| write.statement.get_execution_profile_handle().cloned()),
    );
    for write in writes {
        batch.append_statement(write.statement.clone());
    }
    let values: Vec<&(dyn SerializeRow + Send + Sync)> = writes.iter().map(|write| &*write.values).collect();
    let run = || session.batch(&batch, &values);
    requests.until_known(requests.patience(operation), run).await?;
    Ok(())
}

/// Batches of at most so many statements and bytes, each inside one partition.
fn gathered(mut writes: Vec<Write<'_>>) -> Vec<Vec<Write<'_>>> {
    writes.sort_by_key(|write| write.place);
    let mut batches: Vec<Vec<Write<'_>>> = Vec::new();
    let mut bytes = 0;
    for write in writes {
        match batches.last_mut() {
            Some(batch)
                if batch[0].place == write.place
                    && batch.len() < STATEMENTS_MAX
                    && bytes + write.weight <= BYTES_MAX =>
            {
                bytes += write.weight;
                batch.push(write);
            }
            _ => {
                bytes = write.weight;
                batches.push(vec![write]);
            }
        }
    }
    batches
}
