//! A table whose log is away.

use super::Tables;
use crate::{
    Health, Log,
    consume::Retry,
    log::{Consumer, Durable, Ends, Entry, LogError, Owner, Reader, StoredOffset},
};
use async_trait::async_trait;
use parlor_schemas::{
    Topic,
    topics::{Group, Offset, Partition},
};
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// A log that is away.
struct Away;

fn away<T>() -> Result<T, LogError> {
    Err(LogError::Unavailable("away".to_owned()))
}

#[async_trait]
impl Log for Away {
    fn partitions(&self, _: Topic) -> u32 {
        1
    }
    async fn append(&self, _: Vec<Entry>) -> Result<Durable, LogError> {
        away()
    }
    async fn claim(&self, _: Partition) -> Result<Box<dyn Owner>, LogError> {
        away()
    }
    async fn join(&self, _: Group) -> Result<Box<dyn Consumer>, LogError> {
        away()
    }
    async fn read(&self, _: Topic, _: Partition, _: Offset) -> Result<Box<dyn Reader>, LogError> {
        away()
    }
    async fn ends(&self, _: Topic, _: Partition) -> Result<Ends, LogError> {
        away()
    }
    async fn stored(&self, _: Group) -> Result<Vec<Option<StoredOffset>>, LogError> {
        away()
    }
    async fn rewind(&self, _: Group, _: Partition, _: StoredOffset) -> Result<(), LogError> {
        away()
    }
}

/// A partition may go to another process while its table waits for the log: that wait is nobody's then,
/// and must not keep the process from being ready for ever.
#[tokio::test]
async fn a_table_that_is_given_up_while_it_waits_keeps_nobody_unready() {
    let (health, closing) = (Health::default(), CancellationToken::new());
    let tables = Tables::new(Arc::new(Away));
    let retry = Retry::new("fanout/0", health.clone(), closing.clone());
    let opening = tokio::spawn(async move { tables.open(0, &retry).await.map(drop) });
    while health.report().0 {
        tokio::task::yield_now().await;
    }
    assert!(health.report().1.contains_key("table/0"));
    closing.cancel();
    assert!(opening.await.unwrap().is_err());
    while !health.report().0 {
        tokio::task::yield_now().await;
    }
}
