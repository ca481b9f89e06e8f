//! Changes of the present commit: what is decided later in the same commit sees them already.

use super::{
    failure::Failure,
    tables::{Table, Tables},
};
use bytes::Bytes;
use fjall::OwnedWriteBatch;
use std::collections::HashMap;

/// Rows that change; `None`: goes away.
pub(super) struct Pending<'a> {
    tables: &'a Tables,
    changes: Vec<HashMap<Vec<u8>, Option<Bytes>>>,
}

impl<'a> Pending<'a> {
    pub(super) fn new(tables: &'a Tables) -> Self {
        Self { tables, changes: vec![HashMap::new(); Table::ALL.len()] }
    }

    /// The row as it will be after the commit.
    pub(super) fn get(&self, table: Table, key: &[u8]) -> Result<Option<Bytes>, Failure> {
        match self.changes[table as usize].get(key) {
            Some(change) => Ok(change.clone()),
            None => self.tables.get(table, key),
        }
    }

    pub(super) fn has(&self, table: Table, key: &[u8]) -> Result<bool, Failure> {
        Ok(self.get(table, key)?.is_some())
    }

    pub(super) fn put(&mut self, table: Table, key: Vec<u8>, value: impl Into<Bytes>) {
        self.changes[table as usize].insert(key, Some(value.into()));
    }

    pub(super) fn remove(&mut self, table: Table, key: Vec<u8>) {
        self.changes[table as usize].insert(key, None);
    }

    /// The rows below `prefix` as they will be after the commit, in no order.
    pub(super) fn keys(&self, table: Table, prefix: &[u8]) -> Result<Vec<Vec<u8>>, Failure> {
        let changes = &self.changes[table as usize];
        let mut keys: Vec<_> = (changes.iter())
            .filter(|(key, change)| change.is_some() && key.starts_with(prefix))
            .map(|(key, _)| key.clone())
            .collect();
        for row in self.tables.prefix(table, prefix) {
            let (key, _) = row?;
            if !changes.contains_key(&*key) {
                keys.push(key.to_vec());
            }
        }
        Ok(keys)
    }

    pub(super) fn move_into(self, batch: &mut OwnedWriteBatch) {
        for (table, changes) in Table::ALL.into_iter().zip(self.changes) {
            for (key, change) in changes {
                match change {
                    Some(value) => self.tables.put(batch, table, &key, value),
                    None => self.tables.remove(batch, table, &key),
                }
            }
        }
    }
}
