//! What must be true, computed from the topics alone: records, who is a member of what, marks.

use crate::world::{PATIENCE, World};
use parlor_engines::log::Read;
use parlor_schemas::{
    Record, RecordText, UserId, avro,
    receipt::Marks,
    record::{Body, ConversationKind, Edit, HistoryRule, Kind, Role},
    topics::Topic,
};
use serde_json::Value;
use std::collections::{BTreeMap, HashMap, HashSet};

/// A time as a member: what stands between is seen.
#[derive(Clone, Copy, Debug)]
pub struct Span {
    pub floor: u64,
    pub left: Option<u64>,
}

#[derive(Clone, Debug)]
pub struct Member {
    pub role: Role,
    /// Oldest first; the last one counts.
    pub spans: Vec<Span>,
}

/// One conversation as its log tells it.
#[derive(Default)]
pub struct Conversation {
    pub records: Vec<Record>,
    pub deleted: HashSet<u64>,
    pub members: BTreeMap<String, Member>,
    history: HistoryRule,
}

#[derive(Default)]
pub struct Model {
    pub conversations: BTreeMap<String, Conversation>,
    pub marks: HashMap<(String, String), Marks>,
}

impl Model {
    /// Reads both topics to their ends.
    pub async fn of(world: &World) -> Self {
        let mut model = Self::default();
        for value in values(world, Topic::Messages).await {
            let record = avro::decode_record(&value).expect("a record");
            model.conversations.entry(record.conversation_id.to_string()).or_default().apply(record);
        }
        for value in values(world, Topic::Receipts).await {
            let receipt = avro::decode_receipt(&value).expect("a receipt");
            let key = (receipt.conversation_id.to_string(), receipt.user_id.to_string());
            let marks = model.marks.entry(key).or_default();
            *marks = marks.max(Marks::of(&receipt));
        }
        model
    }

    /// How much it holds, in words.
    pub fn told(&self) -> String {
        let records: usize = self.conversations.values().map(|c| c.records.len()).sum();
        format!("{} conversations, {records} records", self.conversations.len())
    }

    /// The own `read_seq`: the mark or the own last message, and never below the floor.
    pub fn read_seq(&self, id: &str, user: &str) -> u64 {
        let conversation = &self.conversations[id];
        let own = conversation.records.iter().rev();
        let own = own.filter(|r| r.kind() == Kind::Message && r.sender_id.to_string() == user);
        let own = own.map(|record| record.seq).next().unwrap_or(0);
        let marks = self.marks.get(&(id.to_owned(), user.to_owned())).copied().unwrap_or_default();
        own.max(marks.read_seq).max(conversation.span(user).floor)
    }
}

async fn values(world: &World, topic: Topic) -> Vec<bytes::Bytes> {
    let log = &world.engines().log;
    let mut values = Vec::new();
    for partition in 0..log.partitions(topic) {
        let first = log.ends(topic, partition).await.expect("ends").first;
        let mut reader = log.read(topic, partition, first).await.expect("a reader");
        while let Read::Records(records) =
            tokio::time::timeout(PATIENCE, reader.next()).await.expect("in time").expect("records")
        {
            values.extend(records.into_iter().filter_map(|record| record.value));
        }
    }
    values
}

impl Conversation {
    fn apply(&mut self, record: Record) {
        assert_eq!(record.seq, self.records.len() as u64 + 1, "the log is dense: {record:?}");
        let ord = self.records.last().map_or(0, |last| last.ord) + u64::from(record.kind().is_countable());
        assert_eq!(record.ord, ord, "{record:?}");
        let before = self.records.last();
        assert!(before.is_none_or(|last| last.at <= record.at), "{record:?}");
        match &record.body {
            Body::Delete(body) => drop(self.deleted.insert(body.target)),
            Body::Created(body) => {
                self.history = body.history;
                body.members.iter().for_each(|member| self.join(&record, member.user_id, member.role));
            }
            Body::MembersAdded(body) => {
                body.members.iter().for_each(|member| self.join(&record, member.user_id, member.role));
            }
            Body::MemberRemoved(body) | Body::MemberLeft(body) => {
                let member = self.members.get_mut(&body.user_id.to_string()).expect("a member goes");
                let span = member.spans.last_mut().expect("joined");
                assert!(span.left.replace(record.seq).is_none(), "who has gone can't go: {record:?}");
            }
            Body::RoleChanged(body) => {
                self.members.get_mut(&body.user_id.to_string()).expect("a member").role = body.role;
            }
            Body::ConversationChanged(body) => {
                self.history = body.history.unwrap_or(self.history);
            }
            _ => {}
        }
        if let Some(owner) = record.body.owner_id() {
            self.hand_over(owner);
        }
        self.records.push(record);
    }

    /// What a joiner sees: everything, or from the own join on (PROTOCOL §1, floor).
    fn join(&mut self, record: &Record, user: UserId, role: Role) {
        let is_all = self.history == HistoryRule::All || record.kind() == Kind::Created;
        let floor = if is_all { 0 } else { record.seq - 1 };
        let fresh = Member { role, spans: Vec::new() };
        let member = self.members.entry(user.to_string()).or_insert(fresh);
        member.role = role;
        member.spans.push(Span { floor, left: None });
    }

    /// Giving `owner` away leaves an admin.
    fn hand_over(&mut self, owner: UserId) {
        for (user, member) in &mut self.members {
            if *user == owner.to_string() {
                member.role = Role::Owner;
            } else if member.role == Role::Owner {
                member.role = Role::Admin;
            }
        }
    }

    /// The span that counts for a user who is or was a member.
    pub fn span(&self, user: &str) -> Span {
        *self.members[user].spans.last().expect("joined once")
    }

    /// The head as a user sees it.
    pub fn head(&self, user: &str) -> u64 {
        self.span(user).left.unwrap_or(self.records.len() as u64)
    }

    pub fn is_direct(&self) -> bool {
        matches!(&self.records[0].body, Body::Created(body) if body.conversation_kind == ConversationKind::Direct)
    }

    /// The title after the record `seq`.
    pub fn title(&self, seq: u64) -> Option<&str> {
        self.records[..seq as usize].iter().rev().find_map(|record| match &record.body {
            Body::Created(body) => body.title.as_deref(),
            Body::ConversationChanged(body) => body.title.as_deref(),
            _ => None,
        })
    }

    /// Countable records up to a seq.
    pub fn ord(&self, seq: u64) -> u64 {
        seq.checked_sub(1).map_or(0, |index| self.records[index as usize].ord)
    }

    pub fn is_present(&self, user: &str) -> bool {
        self.members.get(user).is_some_and(|member| member.spans.last().is_some_and(|s| s.left.is_none()))
    }

    fn at(&self, seq: u64) -> &Record {
        &self.records[seq as usize - 1]
    }

    /// Whether a message, or the edit of one, ends by itself.
    fn ends(&self, record: &Record) -> bool {
        let ends = |record: &Record| record.expires_at().is_some();
        match &record.body {
            Body::Edit(Edit { target, .. }) => ends(self.at(*target)),
            _ => ends(record),
        }
    }

    /// A record as every read shows it: without its body if it was deleted, or the target of an edit was.
    pub fn shown(&self, seq: u64) -> Value {
        let record = self.at(seq);
        let is_gone = self.deleted.contains(&seq)
            || record.kind() == Kind::Edit && self.deleted.contains(&record.body.target().unwrap_or(0));
        let text = RecordText::of(record);
        let text = if is_gone { text.redact() } else { text };
        self.timeless(serde_json::from_slice(text.json()).expect("JSON"))
    }

    /// A record that was received live, as it is to be shown now.
    pub fn kept(&self, record: &Value) -> Value {
        let seq = record["seq"].as_u64().expect("a seq");
        let shown = self.shown(seq);
        if shown["redacted"] == true { shown } else { self.timeless(record.clone()) }
    }

    /// Without what depends on the moment of looking: the body of what ends by itself.
    pub fn timeless(&self, mut record: Value) -> Value {
        if self.ends(self.at(record["seq"].as_u64().expect("a seq"))) {
            let record = record.as_object_mut().expect("an object");
            record.remove("body");
            record.remove("redacted");
        }
        record
    }
}
