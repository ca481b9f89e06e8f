//! A member's thread: the only one that touches its client.

use super::{
    Answer, Client, Command, News, connect,
    context::Heard,
    lag::Lag,
    partition::{Found, Held, Seeking, Stage},
    storing::Storing,
};
use crate::{
    Clock,
    kafka::{cluster::Cluster, groups, log::outside},
    log::{Ends, Event, LogError, StoredOffset},
};
use parlor_schemas::topics::{Group, Offset, Partition};
use rdkafka::{
    Offset as Place, TopicPartitionList,
    consumer::Consumer as _,
    error::{KafkaError, RDKafkaErrorCode},
    topic_partition_list::TopicPartitionListElem,
};
use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    mem,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread::{self, Thread},
    time::Duration,
};
use tokio::{
    sync::mpsc::{Sender, error::TrySendError},
    time::Instant,
};

/// Nobody waits longer than this for something that came without a wake-up.
const TICK: Duration = Duration::from_millis(100);
/// The group is asked for stored offsets for so long at once; heartbeats go on meanwhile.
const ASK: Duration = Duration::from_secs(2);

/// Wakes the thread.
#[derive(Clone)]
pub(super) struct Wake {
    thread: Thread,
    /// The thread waits for room among the events.
    is_full: Arc<AtomicBool>,
}

impl Wake {
    pub(super) fn here() -> Self {
        Self { thread: thread::current(), is_full: Arc::default() }
    }

    pub(super) fn up(&self) {
        self.thread.unpark();
    }

    pub(super) fn there_is_room(&self) {
        if self.is_full.swap(false, Ordering::SeqCst) {
            self.up();
        }
    }
}

pub(super) struct Poller {
    cluster: Arc<Cluster>,
    clock: Arc<dyn Clock>,
    group: Group,
    client: Arc<Client>,
    wake: Wake,
    events: Sender<News>,
    /// Events that found no room, oldest first. Records are not among them.
    outbox: VecDeque<News>,
    held: BTreeMap<Partition, Held>,
    /// What the group wants back together.
    wanted: Option<Vec<Partition>>,
    storing: Storing,
    /// The partition that was looked at last: the next one's turn is next.
    last: Partition,
}

impl Poller {
    pub(super) fn new(
        cluster: Arc<Cluster>,
        clock: Arc<dyn Clock>,
        group: Group,
        client: Arc<Client>,
        wake: Wake,
        events: Sender<News>,
    ) -> Self {
        let storing = Storing::new(cluster.clone(), group, client.clone(), wake.clone());
        let (outbox, held) = (VecDeque::new(), BTreeMap::new());
        Self { cluster, clock, group, client, wake, events, outbox, held, wanted: None, storing, last: 0 }
    }

    /// Until the caller leaves or is gone.
    pub(super) fn run(mut self, commands: &mpsc::Receiver<Command>) {
        let left = loop {
            self.poll();
            self.renew();
            match self.obey(commands) {
                Obeyed::All => {}
                Obeyed::Leave(answer) => break answer,
            }
            self.announce();
            self.seek();
            self.storing.go_on();
            self.give_back();
            self.flush();
            if !self.deliver() {
                thread::park_timeout(TICK);
            }
        };
        self.leave();
        if let Some(answer) = left {
            // Whoever left may not have waited.
            answer.send(()).ok();
        }
    }

    /// Serves what the client has for everybody: rebalances, answers, trouble.
    fn poll(&mut self) {
        loop {
            let before = self.client.context().happened.events();
            // Records do not come this way: each partition has a queue of its own.
            let polled = self.client.poll(Duration::ZERO).map(|polled| polled.map(|_| ()));
            if let Some(polled) = polled {
                if let Err(error) = polled {
                    self.trouble(&error);
                }
            } else if self.client.context().happened.events() == before {
                break;
            }
        }
        for heard in self.client.context().take() {
            self.hear(heard);
        }
    }

    /// A client that has lost all brokers has lost its partitions with them: another one joins. The old
    /// one is closed beside, when what it was asked to store has been given up.
    fn renew(&mut self) {
        if !self.client.context().happened.is_lost() {
            return;
        }
        let client = match connect(&self.cluster, self.group, &self.wake) {
            Ok(client) => Arc::new(client),
            Err(error) => return tracing::warn!(group = self.group.name(), %error, "no new member yet"),
        };
        tracing::error!(group = self.group.name(), "the member knows no broker any more and is made anew");
        metrics::counter!("parlor_kafka_members_renewed_total").increment(1);
        let all: Vec<_> = self.held.keys().copied().collect();
        self.tell_if_any(self.known(&all), Event::Lost);
        for partition in all {
            Lag::gone(self.group, partition);
        }
        (self.held, self.wanted) = (BTreeMap::new(), None);
        self.client.context().close();
        let storing = Storing::new(self.cluster.clone(), self.group, client.clone(), self.wake.clone());
        let old = (mem::replace(&mut self.storing, storing), mem::replace(&mut self.client, client));
        let thread = thread::Builder::new().name(format!("kafka-{}-close", self.group.name()));
        drop(thread.spawn(move || drop(old)));
    }

    fn trouble(&mut self, error: &KafkaError) {
        use RDKafkaErrorCode as Code;
        let failed = match error {
            KafkaError::MessageConsumptionFatal(_) => {
                LogError::Failed(format!("the member has failed: {error}"))
            }
            _ => match error.rdkafka_error_code() {
                Some(Code::GroupAuthorizationFailed | Code::TopicAuthorizationFailed) => {
                    LogError::Unavailable(error.to_string())
                }
                Some(Code::UnknownTopicOrPartition | Code::UnknownTopic) => {
                    LogError::Unavailable(format!("{}: {error}", self.topic()))
                }
                // The client mends these itself, and says so.
                _ => return tracing::debug!(group = self.group.name(), %error, "trouble"),
            },
        };
        self.outbox.push_back(News { generation: 0, event: Err(failed) });
    }

    fn hear(&mut self, heard: Heard) {
        match heard {
            Heard::Given(given) => {
                // Reading begins partition by partition, when the caller knows from where.
                self.answer("takes partitions", self.client.incremental_assign(&TopicPartitionList::new()));
                for partition in given {
                    self.held.insert(partition, Held::default());
                }
            }
            Heard::Wanted(wanted) => {
                let revoked = self.known(&wanted);
                for partition in &wanted {
                    if let Some(held) = self.held.get_mut(partition) {
                        let stage = if held.stage == Stage::Given { Stage::Released } else { Stage::Wanted };
                        held.stage = held.stage.max(stage);
                    }
                }
                self.tell_if_any(revoked, Event::Revoked);
                self.wanted.get_or_insert_default().extend(wanted);
            }
            Heard::Lost(lost) => {
                let known = self.known(&lost);
                self.tell_if_any(known, Event::Lost);
                self.drop_partitions(&lost);
                if let Some(wanted) = &mut self.wanted {
                    wanted.retain(|partition| !lost.contains(partition));
                }
            }
            Heard::Stored(outcome) => self.storing.ended(outcome),
            Heard::Ends(ends) => self.tell_lag(&ends),
        }
    }

    /// Those that the caller has been told of.
    fn known(&self, partitions: &[Partition]) -> Vec<Partition> {
        let is_known =
            |partition: &&Partition| self.held.get(partition).is_some_and(|held| held.stage > Stage::Given);
        partitions.iter().filter(is_known).copied().collect()
    }

    fn tell_if_any(&mut self, partitions: Vec<Partition>, event: fn(Vec<Partition>) -> Event) {
        if !partitions.is_empty() {
            self.outbox.push_back(News { generation: 0, event: Ok(event(partitions)) });
        }
    }

    fn tell_lag(&self, ends: &HashMap<Partition, i64>) {
        let now = self.clock.now();
        for (partition, held) in self.held.iter().filter(|(_, held)| held.is_started()) {
            if let Some(end) = ends.get(partition) {
                held.lag.tell(self.group, *partition, *end as Offset, now);
            }
        }
    }

    fn obey(&mut self, commands: &mpsc::Receiver<Command>) -> Obeyed {
        loop {
            match commands.try_recv() {
                Ok(Command::Leave { answer }) => return Obeyed::Leave(Some(answer)),
                Err(mpsc::TryRecvError::Disconnected) => return Obeyed::Leave(None),
                Err(mpsc::TryRecvError::Empty) => return Obeyed::All,
                Ok(Command::Start { partition, from, generation, answer }) => {
                    drop(answer.send(self.start(partition, from, generation)));
                }
                Ok(Command::Pause { partition, paused }) => {
                    if let Some(held) = self.held.get_mut(&partition) {
                        held.paused = paused;
                    }
                }
                Ok(Command::Store { offsets, answer }) => drop(answer.send(self.store(offsets))),
                Ok(Command::Release { partition }) => {
                    if let Some(held) = self.held.get_mut(&partition) {
                        held.stage = Stage::Released;
                    }
                }
            }
        }
    }

    fn store(&mut self, offsets: Vec<(Partition, StoredOffset)>) -> Result<(), LogError> {
        let has = [Stage::Told, Stage::Wanted];
        let is_held =
            |partition: &Partition| self.held.get(partition).is_some_and(|held| has.contains(&held.stage));
        if !offsets.iter().all(|(partition, _)| is_held(partition)) {
            return Err(LogError::Fenced);
        }
        for (partition, stored) in &offsets {
            if let Some(held) = self.held.get_mut(partition) {
                held.lag.done(stored.offset);
            }
        }
        self.storing.add(offsets);
        Ok(())
    }

    fn start(&mut self, partition: Partition, from: Offset, generation: u64) -> Result<(), LogError> {
        let topic = self.cluster.topic(self.group.topic());
        let held = self.held.get_mut(&partition).ok_or(LogError::Fenced)?;
        if held.stage > Stage::Told {
            return Ok(());
        }
        if held.is_started() {
            held.begin(from, generation);
            held.seeking = Some(Seeking { from, until: Instant::now() + self.cluster.patience() });
            self.seek();
            return Ok(());
        }
        held.split(&self.client, topic, partition as i32, &self.wake);
        held.begin(from, generation);
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(topic, partition as i32, Place::Offset(from as i64))
            .and_then(|()| self.client.incremental_assign(&list))
            .map_err(|error| LogError::Failed(format!("start partition {partition} of {topic}: {error}")))
    }

    /// Carries out new starts. The client refuses one ("erroneous state") as long as it has not begun to
    /// fetch the partition, which it does some time after it was told to: such a one is tried again.
    fn seek(&mut self) {
        let topic = self.cluster.topic(self.group.topic());
        for (partition, held) in &mut self.held {
            let Some(Seeking { from, until }) = held.seeking else { continue };
            let mut list = TopicPartitionList::new();
            let sought = list
                .add_partition_offset(topic, *partition as i32, Place::Offset(from as i64))
                .and_then(|()| self.client.seek_partitions(list, ASK))
                .and_then(|list| list.elements().first().map_or(Ok(()), TopicPartitionListElem::error));
            match sought {
                Ok(()) => held.seeking = None,
                Err(error) if Instant::now() < until => {
                    tracing::debug!(group = self.group.name(), partition, %error, "seeks again");
                }
                Err(error) => {
                    held.seeking = None;
                    let error = LogError::Failed(format!("start partition {partition} of {topic}: {error}"));
                    self.outbox.push_back(News { generation: held.generation, event: Err(error) });
                }
            }
        }
    }

    /// Tells the caller of new partitions, with what the group stored for each.
    fn announce(&mut self) {
        let new = |(_, held): &(&Partition, &Held)| held.stage == Stage::Given;
        let new: Vec<_> = self.held.iter().filter(new).map(|(partition, _)| *partition).collect();
        if new.is_empty() {
            return;
        }
        let asked = groups::list(&self.cluster, self.group, new.iter().copied());
        let answered = self.client.committed_offsets(asked, ASK).and_then(|list| groups::answers(&list));
        let mut answered = match answered {
            Ok(answered) => answered,
            Err(error) => {
                tracing::debug!(group = self.group.name(), %error, "asks for stored offsets again");
                return;
            }
        };
        let assigned: Vec<_> =
            new.into_iter().map(|partition| (partition, answered.remove(&partition).flatten())).collect();
        for (partition, _) in &assigned {
            self.held.get_mut(partition).expect("just listed").stage = Stage::Told;
        }
        self.outbox.push_back(News { generation: 0, event: Ok(Event::Assigned(assigned)) });
    }

    /// What the group wants back is given when all of it is released and its offsets are stored:
    /// the group hears of it as one.
    fn give_back(&mut self) {
        let Some(wanted) = &self.wanted else {
            return;
        };
        let is_ready = |partition: &Partition| {
            self.held.get(partition).is_none_or(|held| held.stage == Stage::Released)
                && self.storing.is_done_with(*partition)
        };
        if wanted.iter().all(is_ready) {
            let wanted = self.wanted.take().unwrap_or_default();
            self.drop_partitions(&wanted);
        }
    }

    /// Answers a revocation.
    fn drop_partitions(&mut self, partitions: &[Partition]) {
        let mut list = TopicPartitionList::new();
        for partition in partitions {
            self.storing.forget(*partition);
            Lag::gone(self.group, *partition);
            if self.held.remove(partition).is_some_and(|mut held| held.stop()) {
                list.add_partition(self.cluster.topic(self.group.topic()), *partition as i32);
            }
        }
        self.answer("gives partitions back", self.client.incremental_unassign(&list));
    }

    fn answer(&self, what: &str, answered: Result<(), KafkaError>) {
        if let Err(error) = answered {
            tracing::warn!(group = self.group.name(), %error, "{what}");
        }
    }

    /// What the caller has room for; `false`: some is left.
    fn flush(&mut self) -> bool {
        while let Some(news) = self.outbox.pop_front() {
            if let Err(TrySendError::Full(news)) = self.send(news) {
                self.outbox.push_front(news);
                return false;
            }
        }
        true
    }

    fn send(&self, news: News) -> Result<(), TrySendError<News>> {
        match self.events.try_send(news) {
            Err(TrySendError::Full(news)) => {
                self.wake.is_full.store(true, Ordering::SeqCst);
                // Room may have come between.
                self.events.try_send(news)
            }
            sent => sent,
        }
    }

    /// One turn for each partition that has something, while there is room; `true`: there may be more.
    fn deliver(&mut self) -> bool {
        let mut more = false;
        let mut turns: Vec<_> = self.held.keys().copied().collect();
        let after = turns.iter().position(|partition| *partition > self.last).unwrap_or(0);
        turns.rotate_left(after);
        for partition in turns {
            if self.events.capacity() == 0 {
                self.wake.is_full.store(true, Ordering::SeqCst);
                // Room may have come between.
                return self.events.capacity() > 0;
            }
            let (records, bytes) = (self.cluster.read_records, self.cluster.read_bytes);
            let found = self.held.get_mut(&partition).and_then(|held| held.look(records, bytes));
            if let Some(found) = found {
                more = true;
                self.last = partition;
                let event = self.event(partition, found);
                let generation = self.held.get(&partition).map_or(0, |held| held.generation);
                self.outbox.push_back(News { generation, event });
                self.flush();
            }
        }
        more
    }

    fn event(&self, partition: Partition, found: Found) -> Result<Event, LogError> {
        match found {
            Found::Records(records) => Ok(Event::Records(partition, records)),
            Found::End => Ok(Event::End(partition)),
            Found::Error(error) => {
                Err(LogError::Unavailable(format!("{} {partition}: {error}", self.topic())))
            }
            Found::OutOfRange => {
                let asked = self.held.get(&partition).map_or(0, |held| held.position);
                let ends = self.client.fetch_watermarks(self.topic(), partition as i32, ASK);
                let (first, end) = ends.unwrap_or((-1, -1));
                let ends = Ends { first: first.max(0) as Offset, end: end.max(0) as Offset };
                Err(outside(&self.cluster, self.group.topic(), partition, asked, ends))
            }
        }
    }

    fn topic(&self) -> &str {
        self.cluster.topic(self.group.topic())
    }

    /// Stores the last offsets, gives everything back, and waits for the group.
    fn leave(mut self) {
        const PATIENCE: u32 = 50;
        self.held.values_mut().for_each(|held| held.stage = Stage::Released);
        for _ in 0..PATIENCE {
            self.storing.go_on();
            if self.storing.is_done() {
                break;
            }
            thread::park_timeout(TICK);
            self.poll();
        }
        self.client.context().close();
        let all: Vec<_> = self.held.keys().copied().collect();
        if self.wanted.is_some() {
            self.drop_partitions(&all);
        }
        self.held.clear();
        // Closing asks for everything back, and leaves when it has it.
        drop(self.storing);
        drop(self.client);
    }
}

/// What became of the commands that there were.
enum Obeyed {
    All,
    Leave(Option<Answer<()>>),
}
