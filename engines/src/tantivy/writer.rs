//! The thread that writes the index.

use super::{
    SearchSettings,
    fields::{Fields, Message},
};
use crate::{
    Clock,
    search::{Change, Place, SearchError},
};
use parking_lot::RwLock;
use parlor_schemas::{
    ConversationId, Timestamp,
    topics::{Offset, Partition},
};
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, HashMap},
    ops::Bound,
    path::PathBuf,
    sync::{Arc, mpsc},
    thread::JoinHandle,
    time::Duration,
};
use tantivy::{
    Index, IndexReader, IndexWriter, ReloadPolicy, Searcher, TantivyError, Term,
    directory::MmapDirectory,
    indexer::IndexWriterOptions,
    query::{RangeQuery, TermQuery},
    schema::IndexRecordOption,
};
use tokio::{sync::oneshot, time::Instant};

/// Each partition has one order under way, so this is never full.
const QUEUE: usize = 4_096;
/// How often expired messages are taken out of the index (they are never shown).
const EXPIRE_MS: i64 = 60_000;

type Answer<T> = oneshot::Sender<Result<T, SearchError>>;

/// What the thread is asked to do.
pub(super) enum Order {
    Covered { partition: Partition, answer: Answer<Option<Offset>> },
    Write { partition: Partition, changes: Vec<Change>, next: Offset, has_more: bool, answer: Answer<()> },
    Clear { partition: Partition, answer: Answer<()> },
}

/// What the thread works with.
pub(super) struct Setting {
    pub(super) directory: PathBuf,
    pub(super) settings: SearchSettings,
    pub(super) shown: Arc<RwLock<Option<Searcher>>>,
    pub(super) clock: Arc<dyn Clock>,
}

/// The running thread.
pub(super) struct Thread {
    orders: mpsc::SyncSender<Order>,
    handle: JoinHandle<()>,
}

impl Thread {
    pub(super) fn start(setting: Setting) -> Result<Self, SearchError> {
        let (orders, queue) = mpsc::sync_channel(QUEUE);
        let work = Work { setting, queue, open: None, ended: None };
        let handle = std::thread::Builder::new().name("search-index".into()).spawn(move || work.run());
        let handle = handle.map_err(|error| SearchError::Unavailable(error.to_string()))?;
        Ok(Self { orders, handle })
    }

    pub(super) fn take(&self, order: Order) -> Result<(), SearchError> {
        self.orders.try_send(order).map_err(|_| SearchError::Unavailable("the index is busy".into()))
    }

    /// Waits until it has ended.
    pub(super) fn end(self) {
        drop(self.orders);
        // It has nothing more to say if it panicked: whoever waited was told.
        drop(self.handle.join());
    }
}

/// Kept with every commit.
#[derive(Default, Serialize, Deserialize)]
struct Covered {
    covered: BTreeMap<Partition, Offset>,
}

/// A message's time, and its end in ms if it has one.
type Known = (Timestamp, Option<u64>);

/// An index that can be written.
struct Open {
    writer: IndexWriter,
    reader: IndexReader,
    fields: Fields,
    covered: Covered,
    /// Messages that this commit brings or takes (`None`): they can't be looked up yet.
    fresh: HashMap<(ConversationId, u64), Option<Known>>,
    expired_at: Timestamp,
}

struct Work {
    setting: Setting,
    queue: mpsc::Receiver<Order>,
    open: Option<Open>,
    /// When the last commit ended.
    ended: Option<Instant>,
}

impl Work {
    fn run(mut self) {
        while let Ok(first) = self.queue.recv() {
            let (orders, goes_on) = self.gather(first);
            self.carry_out(orders);
            if !goes_on {
                return;
            }
        }
    }

    /// All orders that come until the next commit may be made.
    fn gather(&self, first: Order) -> (Vec<Order>, bool) {
        let mut orders = vec![first];
        let every = Duration::from_millis(self.setting.settings.commit_every_ms);
        loop {
            // Neither has an answer without a commit anything to wait for, nor has one who has more to bring.
            let is_hasty = |order: &Order| matches!(order, Order::Write { has_more: true, .. });
            let is_answer = |order: &Order| matches!(order, Order::Covered { .. });
            let at_once = orders.iter().any(is_hasty) || orders.iter().all(is_answer);
            let passed = self.ended.map_or(every, |ended| ended.elapsed());
            let rest = if at_once { Duration::ZERO } else { every.saturating_sub(passed) };
            match self.queue.recv_timeout(rest) {
                Ok(order) => orders.push(order),
                Err(mpsc::RecvTimeoutError::Timeout) => return (orders, true),
                Err(mpsc::RecvTimeoutError::Disconnected) => return (orders, false),
            }
        }
    }

    fn carry_out(&mut self, orders: Vec<Order>) {
        let outcome = self.try_all(&orders).map_err(|error| {
            // What is not committed is written again by those who asked.
            self.open = None;
            tracing::warn!(%error, "the search index");
            SearchError::Unavailable(error.to_string())
        });
        let covered =
            |of: Partition| self.open.as_ref().and_then(|open| open.covered.covered.get(&of).copied());
        for order in orders {
            // Who does not wait any more has asked somebody else by now.
            match order {
                Order::Covered { partition, answer } => {
                    drop(answer.send(outcome.clone().map(|()| covered(partition))));
                }
                Order::Write { answer, .. } | Order::Clear { answer, .. } => {
                    drop(answer.send(outcome.clone()));
                }
            }
        }
    }

    fn try_all(&mut self, orders: &[Order]) -> Result<(), TantivyError> {
        let open = match &mut self.open {
            Some(open) => open,
            none => none.insert(Open::new(&self.setting)?),
        };
        let mut is_changed = false;
        for order in orders {
            match order {
                Order::Covered { .. } => {}
                Order::Write { partition, changes, next, .. } => {
                    is_changed = true;
                    for change in changes {
                        open.apply(*partition, change)?;
                    }
                    open.covered.covered.insert(*partition, *next);
                }
                Order::Clear { partition, .. } => {
                    is_changed = true;
                    let all = Term::from_field_u64(open.fields.partition, (*partition).into());
                    open.writer.delete_term(all);
                    open.covered.covered.remove(partition);
                }
            }
        }
        if is_changed {
            open.commit(self.setting.clock.now())?;
            self.ended = Some(Instant::now());
        }
        *self.setting.shown.write() = Some(open.reader.searcher());
        Ok(())
    }
}

impl Open {
    fn new(setting: &Setting) -> Result<Self, TantivyError> {
        std::fs::create_dir_all(&setting.directory)?;
        let (schema, fields) = Fields::new();
        let index = Index::open_or_create(MmapDirectory::open(&setting.directory)?, schema)?;
        let options = IndexWriterOptions::builder()
            .num_worker_threads(1)
            .num_merge_threads(1)
            .memory_budget_per_thread(setting.settings.memory_bytes)
            .build();
        let writer = index.writer_with_options(options)?;
        let reader = index.reader_builder().reload_policy(ReloadPolicy::Manual).try_into()?;
        let covered = match index.load_metas()?.payload {
            Some(payload) => serde_json::from_str(&payload)?,
            None => Covered::default(),
        };
        Ok(Self { writer, reader, fields, covered, fresh: HashMap::new(), expired_at: Timestamp(0) })
    }

    fn apply(&mut self, partition: Partition, change: &Change) -> Result<(), TantivyError> {
        let message = match change {
            Change::Message { conversation_id, seq, at, ends, text } => Message {
                partition,
                place: Place { at: *at, conversation_id: *conversation_id, seq: *seq },
                text_seq: *seq,
                ends: ends.map(|ends| ends.0.max(0) as u64),
                text,
            },
            Change::Edit { conversation_id, seq, text_seq, text } => {
                // Without its message it has been deleted since.
                let Some((at, ends)) = self.known(*conversation_id, *seq)? else { return Ok(()) };
                let place = Place { at, conversation_id: *conversation_id, seq: *seq };
                Message { partition, place, text_seq: *text_seq, ends, text }
            }
            Change::Delete { conversation_id, seq } => {
                self.writer.delete_term(self.fields.key_of(*conversation_id, *seq));
                self.fresh.insert((*conversation_id, *seq), None);
                return Ok(());
            }
        };
        let Place { at, conversation_id, seq } = message.place;
        self.fresh.insert((conversation_id, seq), Some((at, message.ends)));
        self.writer.delete_term(self.fields.key_of(conversation_id, seq));
        self.writer.add_document(self.fields.document(&message))?;
        Ok(())
    }

    /// What the index knows of a message.
    fn known(&self, conversation: ConversationId, seq: u64) -> Result<Option<Known>, TantivyError> {
        if let Some(known) = self.fresh.get(&(conversation, seq)) {
            return Ok(*known);
        }
        let searcher = self.reader.searcher();
        let query = TermQuery::new(self.fields.key_of(conversation, seq), IndexRecordOption::Basic);
        let found = searcher.search(&query, &tantivy::collector::DocSetCollector)?;
        let Some(address) = found.into_iter().next() else { return Ok(None) };
        let columns = searcher.segment_reader(address.segment_ord).fast_fields();
        let at = columns.u64("at")?.first(address.doc_id).unwrap_or_default();
        let ends = columns.column_opt::<u64>("ends")?.and_then(|column| column.first(address.doc_id));
        Ok(Some((Timestamp(at as i64), ends)))
    }

    fn commit(&mut self, now: Timestamp) -> Result<(), TantivyError> {
        if now.0 - self.expired_at.0 >= EXPIRE_MS {
            let ended = Bound::Included(Term::from_field_u64(self.fields.ends, now.0.max(0) as u64));
            let begin = Bound::Included(Term::from_field_u64(self.fields.ends, 0));
            self.writer.delete_query(Box::new(RangeQuery::new(begin, ended)))?;
            self.expired_at = now;
        }
        let payload = serde_json::to_string(&self.covered)?;
        let mut prepared = self.writer.prepare_commit()?;
        prepared.set_payload(&payload);
        prepared.commit()?;
        self.reader.reload()?;
        self.fresh.clear();
        Ok(())
    }
}
