//! A member of a group.

use super::{
    groups::{MemberId, News},
    keys,
    log::outside,
    queue::OVERHEAD,
    reader::fetch,
    running::{Running, Shared},
};
use crate::log::{Consumer, Event, LogError, LogRecord, StoredOffset};
use async_trait::async_trait;
use parlor_schemas::topics::{Group, Offset, Partition};
use std::{collections::BTreeMap, pin::pin, sync::Arc};

/// Dropped without `leave`, it leaves too.
pub(super) struct Member {
    running: Arc<Running>,
    group: Group,
    id: MemberId,
    held: BTreeMap<Partition, Held>,
    /// The partition that was served last: the next one's turn is next.
    last: Partition,
}

#[derive(Default)]
struct Held {
    /// The next offset to deliver; none before `start`, nor after it was revoked.
    position: Option<Offset>,
    paused: bool,
    revoked: bool,
    told_end: bool,
}

impl Member {
    pub(super) fn join(running: Arc<Running>, group: Group) -> Self {
        let id = running.shared.groups.join(group);
        Self { running, group, id, held: BTreeMap::new(), last: Partition::MAX }
    }

    fn shared(&self) -> &Arc<Shared> {
        &self.running.shared
    }

    fn news(&mut self) -> Option<Event> {
        match self.shared().groups.news(self.group, self.id)? {
            News::Assigned(assigned) => {
                self.held.extend(assigned.iter().map(|(partition, _)| (*partition, Held::default())));
                Some(Event::Assigned(assigned))
            }
            News::Revoked(revoked) => {
                for partition in &revoked {
                    self.held.insert(*partition, Held { revoked: true, ..Held::default() });
                }
                Some(Event::Revoked(revoked))
            }
        }
    }

    /// The partitions that are to be read, beginning after the one served last.
    fn turns(&self) -> Vec<(Partition, Offset)> {
        let active = |(partition, held): (&Partition, &Held)| {
            held.position.filter(|_| !held.paused).map(|position| (*partition, position))
        };
        let mut turns: Vec<_> = self.held.iter().filter_map(active).collect();
        let after = turns.iter().position(|(partition, _)| *partition > self.last).unwrap_or(0);
        turns.rotate_left(after);
        turns
    }

    /// The next records or end that there are now.
    async fn delivery(&mut self) -> Result<Option<Event>, LogError> {
        for (partition, position) in self.turns() {
            let (records, next) = fetch(self.shared(), self.group.topic(), partition, position).await?;
            if let Some(event) = self.deliver(partition, records, next) {
                return Ok(Some(event));
            }
        }
        Ok(None)
    }

    fn deliver(&mut self, partition: Partition, records: Vec<LogRecord>, next: Offset) -> Option<Event> {
        let held = self.held.get_mut(&partition)?;
        held.position = Some(next);
        if !records.is_empty() {
            held.told_end = false;
            self.last = partition;
            return Some(Event::Records(partition, records));
        }
        let tell = !held.told_end;
        held.told_end = true;
        tell.then_some(Event::End(partition))
    }
}

#[async_trait]
impl Consumer for Member {
    async fn next(&mut self) -> Result<Event, LogError> {
        let shared = self.running.shared.clone();
        loop {
            let mut moved = pin!(shared.topics_moved[keys::topic_code(self.group.topic())].notified());
            let mut changed = pin!(shared.groups.changed(self.group).notified());
            moved.as_mut().enable();
            changed.as_mut().enable();
            if let Some(event) = self.news() {
                return Ok(event);
            }
            if let Some(event) = self.delivery().await? {
                return Ok(event);
            }
            tokio::select! {
                () = moved => {}
                () = changed => {}
            }
        }
    }

    async fn start(&mut self, partition: Partition, from: Offset) -> Result<(), LogError> {
        if !self.shared().groups.holds(self.group, self.id, partition) {
            return Err(LogError::Fenced);
        }
        let topic = self.group.topic();
        let ends = self.shared().readable(topic, partition).ends();
        if from < ends.first || from > ends.end {
            return Err(outside(topic, partition, from, ends));
        }
        let held = self.held.get_mut(&partition).ok_or(LogError::Fenced)?;
        if !held.revoked {
            *held = Held { position: Some(from), ..Held::default() };
        }
        Ok(())
    }

    async fn pause(&mut self, partition: Partition, paused: bool) -> Result<(), LogError> {
        // One that was released meanwhile delivers nothing anyway.
        if let Some(held) = self.held.get_mut(&partition) {
            held.paused = paused;
        }
        Ok(())
    }

    async fn store(&mut self, offsets: Vec<(Partition, StoredOffset)>) -> Result<(), LogError> {
        self.shared().queue.check()?;
        self.shared().groups.store(self.group, self.id, &offsets)?;
        Ok(self.shared().queue.push_offsets(self.group, offsets)?)
    }

    async fn release(&mut self, partition: Partition) -> Result<(), LogError> {
        self.held.remove(&partition);
        self.shared().groups.release(self.group, self.id, partition)
    }

    async fn leave(self: Box<Self>) -> Result<(), LogError> {
        self.shared().groups.leave(self.group, self.id);
        // What it stored is durable before it is gone.
        Ok(self.shared().change(OVERHEAD, |_| Ok(())).await?)
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        self.running.shared.groups.leave(self.group, self.id);
    }
}
