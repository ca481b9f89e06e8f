//! The end of a run: nobody acts, everything is answered, every device catches up, marks come to rest,
//! and every view is read to its end.

use crate::{
    book::Book,
    device::{Device, is_caught_up},
    load::answered,
    people::{People, Person},
    rest::Api,
    wire::Records,
};
use parlor_checker::history::{Event, Member, Phase, Source};
use parlor_schemas::{Code, ConversationId, UserId};
use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value, json};
use std::{
    collections::{BTreeSet, HashMap},
    time::Duration,
};
use tokio::time::{Instant, sleep};

/// Marks of those who came and went may never be shown: what was sent from outside counts for nothing.
/// Others' are shown within this, since folded views are at most 10 s behind.
const MARKS_MAX: Duration = Duration::from_secs(15);
/// Nobody asks for so long: the checker gives the server 30 s to bring everything by itself.
const BROUGHT_MAX: Duration = Duration::from_secs(35);
/// The pause between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(300);

pub(crate) struct Ending<'a> {
    pub api: &'a Api,
    pub book: &'a Book,
    pub people: &'a People,
    pub patience: Duration,
}

impl Ending<'_> {
    /// Comes to rest, then reads everything. An error: something can't be read in time.
    pub async fn run(&self) -> Result<(), String> {
        let run = "run".into();
        self.book.note(&run, Event::Phase { phase: Phase::Rest }).await;
        self.outstanding().await;
        self.brought().await;
        self.catch_up().await;
        self.marks().await?;
        self.book.note(&run, Event::Phase { phase: Phase::Final }).await;
        // Heads once more, since what was said before belongs to another phase.
        self.catch_up().await;
        for device in self.people.devices() {
            for (conversation_id, cursor) in device.logs(|id, log| (id, log.cursor)) {
                self.book.note(&device.label, Event::Cursored { conversation_id, cursor }).await;
            }
        }
        for person in &self.people.all {
            self.read_all(person).await?;
        }
        self.presence().await;
        Ok(())
    }

    /// What is never answered is unknown.
    async fn outstanding(&self) {
        let until = Instant::now() + self.patience;
        if answered(self.people, until).await {
            return;
        }
        for device in self.people.devices() {
            for op in device.see(|state| state.outbox.keys().copied().collect::<Vec<_>>()) {
                self.book.note(&device.label, Event::Unknown { op }).await;
            }
        }
    }

    /// What was said comes to every device that is there, without a question (DESIGN §4). Where it does
    /// not, the device learns of it later, by asking, and the checker sees that it was too late.
    async fn brought(&self) {
        let until = Instant::now() + BROUGHT_MAX.min(self.patience);
        while !self.is_brought() && Instant::now() < until {
            sleep(LOOK_EVERY).await;
        }
    }

    /// Whether all devices of those who were members all the time are equally far.
    fn is_brought(&self) -> bool {
        let moved = self.people.moved.lock().clone();
        let mut furthest: HashMap<ConversationId, u64> = HashMap::new();
        for (id, cursor) in self.people.devices().flat_map(|d| d.logs(|id, log| (id, log.cursor))) {
            let known = furthest.entry(id).or_default();
            *known = cursor.max(*known);
        }
        self.people.devices().all(|device| {
            let is_there = |(id, cursor): (ConversationId, u64)| {
                cursor >= furthest[&id] || moved.contains(&(id, device.session.user_id))
            };
            device.logs(|id, log| (id, log.cursor)).into_iter().all(is_there)
        })
    }

    /// Every device asks for all heads and fetches what it lacks. Who does not make it is seen by the
    /// checker: its cursor says so.
    async fn catch_up(&self) {
        let until = Instant::now() + self.patience;
        self.people.devices().for_each(Device::ask_heads);
        for device in self.people.devices() {
            device.wait(until, is_caught_up).await;
        }
    }

    /// All marks are sent once more, until the members lists show them, and everybody who is there: a list
    /// may be late by as much as the store is (PROTOCOL §2).
    async fn marks(&self) -> Result<(), String> {
        self.people.devices().for_each(Device::last_marks);
        let mut sent: HashMap<(ConversationId, UserId), (u64, u64)> = HashMap::new();
        for device in self.people.devices() {
            for (id, delivered, read) in device.logs(|id, log| (id, log.delivered, log.read)) {
                let marks = sent.entry((id, device.session.user_id)).or_default();
                *marks = (marks.0.max(delivered).max(read), marks.1.max(read));
            }
        }
        let (begun, moved) = (Instant::now(), self.people.moved.lock().clone());
        let least = begun + MARKS_MAX.min(self.patience);
        while Instant::now() < least && !self.are_shown(&sent).await? {
            sleep(LOOK_EVERY).await;
        }
        sent.retain(|key, _| !moved.contains(key));
        while Instant::now() < begun + self.patience && !self.are_shown(&sent).await? {
            sleep(LOOK_EVERY).await;
        }
        Ok(())
    }

    async fn are_shown(&self, sent: &HashMap<(ConversationId, UserId), (u64, u64)>) -> Result<bool, String> {
        let mut there: HashMap<ConversationId, BTreeSet<UserId>> = HashMap::new();
        for person in &self.people.all {
            for (id, left) in person.devices[0].logs(|id, log| (id, log.left)) {
                if !left {
                    there.entry(id).or_default().insert(person.user_id);
                }
            }
        }
        let mut looked = BTreeSet::new();
        for person in &self.people.all {
            let device = &person.devices[0];
            for (id, left) in device.logs(|id, log| (id, log.left)) {
                if left || !looked.insert(id) {
                    continue;
                }
                let items = self.members(device, id).await?;
                let is_whole = |items: &[Member]| {
                    there.get(&id).is_some_and(|all| {
                        items.iter().map(|item| item.user_id).collect::<BTreeSet<_>>() == *all
                    })
                };
                let is_shown = |item: &Member| {
                    sent.get(&(id, item.user_id)).is_none_or(|(delivered, read)| {
                        item.delivered_seq >= *delivered && item.read_seq >= *read
                    })
                };
                if !items.is_none_or(|items| is_whole(&items) && items.iter().all(is_shown)) {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }

    /// Histories, members and the list of conversations, over REST.
    async fn read_all(&self, person: &Person) -> Result<(), String> {
        let device = &person.devices[0];
        for (id, left) in device.logs(|id, log| (id, log.left)) {
            self.records(device, id).await?;
            if let Some(items) = self.members(device, id).await?.filter(|_| !left) {
                self.book.note(&device.label, Event::Members { conversation_id: id, items }).await;
            }
        }
        for view in self.pages::<Value>(device, "/conversations").await?.unwrap_or_default() {
            let id = view["conversation_id"].as_str().and_then(|id| id.parse().ok());
            let text = view["last_message"]["body"]["text"].as_str();
            if let (Some(conversation_id), Some(text)) = (id, text) {
                let text = text.to_owned();
                self.book.note(&device.label, Event::Excerpt { conversation_id, text }).await;
            }
        }
        Ok(())
    }

    async fn records(&self, device: &Device, id: ConversationId) -> Result<(), String> {
        let (mut after, until) = (0, Instant::now() + self.patience);
        loop {
            let path = format!("/conversations/{id}/records?after={after}&limit=200");
            let page = self.get(device, &path).await?;
            let Some(page) = page else { return Ok(()) };
            let page = Records::deserialize(page).map_err(|why| format!("GET {path}: {why}"))?;
            for record in page.items {
                self.book.note(&device.label, Event::Record(record.seen(Source::Rest, None, None))).await;
            }
            let is_stuck = page.upto == after;
            after = page.upto;
            if !page.more && after >= page.head_seq {
                break;
            }
            if is_stuck {
                // "Not yet": the checker sees what never comes.
                if Instant::now() > until {
                    break;
                }
                sleep(LOOK_EVERY).await;
            }
        }
        let end = Event::End { source: Source::Rest, conversation_id: Some(id) };
        self.book.note(&device.label, end).await;
        Ok(())
    }

    /// None: not a member.
    async fn members(&self, device: &Device, id: ConversationId) -> Result<Option<Vec<Member>>, String> {
        self.pages(device, &format!("/conversations/{id}/members")).await
    }

    async fn pages<T: for<'de> Deserialize<'de>>(
        &self,
        device: &Device,
        path: &str,
    ) -> Result<Option<Vec<T>>, String> {
        let (mut items, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = self.get(device, &format!("{path}?limit=200{cursor}")).await?;
            let Some(mut page) = page else { return Ok(None) };
            let more: Vec<T> =
                serde_json::from_value(page["items"].take()).map_err(|why| format!("GET {path}: {why}"))?;
            items.extend(more);
            match page["next"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return Ok(Some(items)),
            }
        }
    }

    async fn get(&self, device: &Device, path: &str) -> Result<Option<Value>, String> {
        match self.api.patiently(&device.session, (Method::GET, path), None, None, self.patience).await {
            Ok(value) => Ok(Some(value)),
            Err(Code::NotAMember | Code::NotFound) => Ok(None),
            Err(code) => Err(format!("GET {path}: {}", code.as_str())),
        }
    }

    /// Who is here, as one of them sees the others.
    async fn presence(&self) {
        let users: Vec<UserId> = self.people.all.iter().map(|person| person.user_id).collect();
        for person in &self.people.all {
            let device = &person.devices[0];
            let body = json!({"user_ids": users});
            let call = (Method::POST, "/presence");
            let Ok(told) = self.api.patiently(&device.session, call, None, Some(&body), self.patience).await
            else {
                continue;
            };
            for item in told["items"].as_array().into_iter().flatten() {
                let user = serde_json::from_value(item["user_id"].clone());
                let status = serde_json::from_value(item["status"].clone());
                if let (Ok(user_id), Ok(status)) = (user, status)
                    && user_id != person.user_id
                {
                    self.book.note(&device.label, Event::Presence { user_id, status }).await;
                }
            }
        }
    }
}
