//! `chat.conversations.v1` as a table: the members rows of a partition, followed by `assign`
//! (DESIGN §4). Shared by all roles of a process that read the same partition.

use crate::{
    Log,
    consume::{Retry, Stop, Transient, alarm},
    log::{LogRecord, Read},
};
use parking_lot::{Mutex, RwLock};
use parlor_schemas::{ConversationId, Row, Topic, avro, rows::MembersRow, topics::Partition};
use std::{
    collections::HashMap,
    sync::{Arc, Weak},
};
use tokio::sync::watch;
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

/// Pause before a broken reader is opened anew.
const AGAIN: std::time::Duration = std::time::Duration::from_millis(200);

/// The members rows of one partition.
pub struct Table {
    rows: Arc<RwLock<HashMap<ConversationId, Arc<MembersRow>>>>,
    state: watch::Receiver<State>,
    _follower: AbortOnDropHandle<()>,
}

/// How far the follower is.
#[derive(Clone, Debug, Default)]
struct State {
    /// Everything up to the end has been read once.
    complete: bool,
    /// Rises with every batch.
    changes: u64,
    /// It can't go on.
    broken: Option<String>,
}

/// The tables that are followed now, one per partition.
pub struct Tables {
    log: Arc<dyn Log>,
    open: Mutex<HashMap<Partition, Weak<Table>>>,
}

impl Tables {
    /// None is followed yet.
    pub fn new(log: Arc<dyn Log>) -> Arc<Self> {
        Arc::new(Self { log, open: Mutex::default() })
    }

    /// The table of a partition, complete up to the present end of the topic.
    pub async fn open(&self, partition: Partition, retry: &Retry) -> Result<Arc<Table>, Stop> {
        let table = {
            let mut open = self.open.lock();
            let known = open.get(&partition).and_then(Weak::upgrade);
            known.unwrap_or_else(|| {
                let table = Arc::new(Table::follow(self.log.clone(), partition, retry));
                open.insert(partition, Arc::downgrade(&table));
                table
            })
        };
        table.wait(retry, |state| state.complete.then_some(())).await?;
        Ok(table)
    }
}

impl Table {
    fn follow(log: Arc<dyn Log>, partition: Partition, retry: &Retry) -> Self {
        let rows = Arc::default();
        let (sender, state) = watch::channel(State::default());
        // Lives as long as the table, not as long as the partition that opened it first.
        let retry =
            Retry::new(format!("table/{partition}"), retry.health().clone(), CancellationToken::new());
        let follower = Follower { log, partition, rows: Arc::clone(&rows), state: sender, retry };
        let task = tokio::spawn(follower.run());
        Self { rows, state, _follower: AbortOnDropHandle::new(task) }
    }

    /// The row of a conversation whose `members_seq` is at least `members_seq`; waits for it, since
    /// it is committed with the record that needs it.
    pub async fn at_least(
        &self,
        conversation: ConversationId,
        members_seq: u64,
        retry: &Retry,
    ) -> Result<Arc<MembersRow>, Stop> {
        let find = || {
            let rows = self.rows.read();
            rows.get(&conversation).filter(|row| row.members_seq >= members_seq).cloned()
        };
        match find() {
            Some(row) => Ok(row),
            None => self.wait(retry, |_| find()).await,
        }
    }

    /// The row of a conversation as far as it has been read.
    pub fn get(&self, conversation: ConversationId) -> Option<Arc<MembersRow>> {
        self.rows.read().get(&conversation).cloned()
    }

    async fn wait<T>(&self, retry: &Retry, mut ready: impl FnMut(&State) -> Option<T>) -> Result<T, Stop> {
        let mut state = self.state.clone();
        loop {
            {
                let state = state.borrow_and_update();
                if let Some(value) = ready(&state) {
                    return Ok(value);
                }
                if let Some(reason) = &state.broken {
                    return Err(Stop::Alarm(reason.clone()));
                }
            }
            tokio::select! {
                changed = state.changed() => changed.map_err(alarm)?,
                () = retry.closing().cancelled() => return Err(Stop::Closing),
            }
        }
    }
}

struct Follower {
    log: Arc<dyn Log>,
    partition: Partition,
    rows: Arc<RwLock<HashMap<ConversationId, Arc<MembersRow>>>>,
    state: watch::Sender<State>,
    retry: Retry,
}

/// A table that is not followed any more (its partition went to another process) waits for nothing.
impl Drop for Follower {
    fn drop(&mut self) {
        self.retry.health().clear(self.retry.name());
    }
}

impl Follower {
    async fn run(self) {
        if let Err(Stop::Alarm(reason)) = self.follow().await {
            self.state.send_modify(|state| state.broken = Some(reason));
        }
    }

    async fn follow(&self) -> Result<(), Stop> {
        let read = || self.log.read(Topic::Conversations, self.partition, 0);
        let mut reader = self.retry.run("read the members rows", read).await?;
        loop {
            match reader.next().await {
                Ok(Read::Records(records)) => {
                    for record in &records {
                        self.take(record)?;
                    }
                    self.state.send_modify(|state| state.changes += 1);
                }
                Ok(Read::End(_)) => self.state.send_modify(|state| state.complete = true),
                // A broken reader is opened anew from the start: rows are max-wins.
                Err(error) if error.is_transient() => {
                    tracing::warn!(%error, partition = self.partition, "reads the members rows again");
                    tokio::time::sleep(AGAIN).await;
                    reader = self.retry.run("read the members rows", read).await?;
                }
                Err(error) => return Err(alarm(error)),
            }
        }
    }

    fn take(&self, record: &LogRecord) -> Result<(), Stop> {
        if !record.key.ends_with(b"/members") {
            return Ok(());
        }
        let Some(value) = &record.value else {
            return Ok(());
        };
        let Row::Members(row) = avro::decode_row(value).map_err(alarm)? else {
            return Err(alarm("a members key with another row"));
        };
        let mut rows = self.rows.write();
        let known = rows.get(&row.conversation_id).map_or(0, |row| row.members_seq);
        if row.members_seq >= known {
            rows.insert(row.conversation_id, Arc::new(row));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
