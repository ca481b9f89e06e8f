//! People who write to each other all the time, and what must be true in the end.

use crate::{
    roles::fleet::Fleet,
    world::{Device, Person},
};
use serde_json::Value;
use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::task::JoinHandle;

/// Pause between two messages of one device: about 50 messages a second in all.
const PACE: Duration = Duration::from_millis(120);

/// A running load.
pub struct Load {
    pub people: Vec<Person>,
    pub devices: Arc<Vec<Device>>,
    conversations: Vec<(String, Vec<usize>)>,
    stop: Arc<AtomicBool>,
    senders: Vec<JoinHandle<Vec<(usize, usize, String)>>>,
}

impl Load {
    /// Six people at all gateways, in three direct conversations and two groups, begin to write.
    pub async fn start(fleet: &Fleet) -> Self {
        let people = fleet.people(6).await;
        let mut conversations = Vec::new();
        for n in (0..6).step_by(2) {
            conversations.push((people[n].direct(&people[n + 1]).await, vec![n, n + 1]));
        }
        for (title, count) in [("all", 6), ("some", 3)] {
            let others: Vec<_> = people[1..count].iter().collect();
            conversations.push((people[0].group(title, &others).await, (0..count).collect()));
        }
        let mut devices = Vec::new();
        for person in &people {
            devices.push(person.connect().await);
        }
        let mut load = Self {
            people,
            devices: Arc::new(devices),
            conversations,
            stop: Arc::default(),
            senders: Vec::new(),
        };
        load.senders = (0..load.people.len()).map(|sender| load.write(sender)).collect();
        load
    }

    fn write(&self, sender: usize) -> JoinHandle<Vec<(usize, usize, String)>> {
        let own = |(n, (id, members)): (usize, &(String, Vec<usize>))| {
            members.contains(&sender).then(|| (n, id.clone()))
        };
        let places: Vec<_> = self.conversations.iter().enumerate().filter_map(own).collect();
        let (devices, stop) = (self.devices.clone(), self.stop.clone());
        tokio::spawn(async move {
            let mut written = Vec::new();
            let mut pace = tokio::time::interval(PACE);
            while !stop.load(Ordering::Acquire) {
                pace.tick().await;
                // A person does not write a hundred messages while none is answered.
                if devices[sender].see(|state| state.outbox.len()) < 50 {
                    let (n, conversation) = &places[written.len() % places.len()];
                    let text = format!("{sender}/{} 👋 مرحبا", written.len());
                    written.push((sender, *n, devices[sender].send(conversation, &text)));
                }
            }
            written
        })
    }

    /// One of the conversations of the first person.
    pub fn conversation(&self) -> &str {
        &self.conversations[0].0
    }

    /// Waits until so many more messages have been answered, at one device at least.
    pub async fn more(&self, count: usize) {
        let answered = |device: &Device| device.see(|state| state.answers.len());
        let before: usize = self.devices.iter().map(answered).sum();
        let enough = || self.devices.iter().map(answered).sum::<usize>() >= before + count;
        let waiting = async {
            while !enough() {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        if tokio::time::timeout(crate::world::PATIENCE, waiting).await.is_err() {
            // It tells what the device sees.
            self.devices[0].wait("messages are answered", |_| enough().then_some(())).await;
        }
    }

    /// Ends the load; every message is answered, and every client and REST agree. The number of
    /// messages.
    pub async fn check(mut self, fleet: &Fleet) -> usize {
        self.stop.store(true, Ordering::Release);
        let mut sent = Vec::new();
        for sender in self.senders.drain(..) {
            sent.extend(sender.await.expect("the sender does not break"));
        }
        for device in self.devices.iter() {
            device.wait("all is answered", |state| state.outbox.is_empty().then_some(())).await;
        }
        for (sender, _, id) in &sent {
            let answer = self.devices[*sender].see(|state| state.answers[id].clone());
            assert_eq!(answer["type"], "sequenced", "{answer}");
        }
        for n in 0..self.conversations.len() {
            self.check_conversation(n, &sent).await;
        }
        fleet.at_rest().await;
        sent.len()
    }

    async fn check_conversation(&self, n: usize, sent: &[(usize, usize, String)]) {
        let (id, members) = &self.conversations[n];
        let wanted: HashSet<&str> =
            sent.iter().filter(|(_, place, _)| *place == n).map(|(_, _, id)| id.as_str()).collect();
        // The persister may be behind for a moment; REST says so, and is asked again to the end.
        let history = self.people[members[0]].records(id).await;
        let messages = history.iter().filter(|record| record["kind"] == "message");
        let found: Vec<&str> = messages.filter_map(|record| record["client_msg_id"].as_str()).collect();
        assert_eq!(found.len(), wanted.len(), "each once");
        assert_eq!(found.iter().copied().collect::<HashSet<_>>(), wanted, "and no other");
        for (at, record) in history.iter().enumerate() {
            assert_eq!(record["seq"], at as u64 + 1, "contiguous");
        }
        let places: HashMap<&str, &Value> =
            history.iter().filter_map(|r| Some((r["client_msg_id"].as_str()?, &r["seq"]))).collect();
        for (sender, _, id) in sent.iter().filter(|(_, place, _)| *place == n) {
            let told = self.devices[*sender].see(|state| state.answers[id]["seq"].clone());
            assert_eq!(&told, places[id.as_str()], "the place that was told");
        }
        for member in members {
            self.devices[*member].upto(id, history.len() as u64).await;
            self.devices[*member].see(|state| {
                assert_eq!(state.logs[id].records, history, "every member's log is the history");
                assert_eq!(state.logs[id].violation, None);
            });
        }
    }
}
