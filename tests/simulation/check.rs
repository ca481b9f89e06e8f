//! Everything that can be seen against the model.

use super::{
    fold::{self, Folded},
    model::{Conversation, Model},
    town::Town,
};
use crate::world::{PATIENCE, Person, World};
use parlor_schemas::ConversationId;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use tokio::time::Instant;

/// Every command that was answered `sequenced` stands where the answer said; every one that was refused
/// stands nowhere; none stands twice.
pub fn answers(town: &Town, model: &Model) {
    let mut by_id: HashMap<(String, String), Value> = HashMap::new();
    for conversation in model.conversations.values() {
        for record in &conversation.records {
            let id = (record.conversation_id.to_string(), record.client_msg_id.to_string());
            let found = json!({"seq": record.seq, "message_id": record.message_id});
            let other = by_id.insert(id, found);
            assert!(other.is_none(), "twice in the log: {record:?} and {other:?}");
        }
    }
    let sequenced: HashMap<_, _> = by_id.iter().map(|((_, id), found)| (id.as_str(), found)).collect();
    let devices = town.dwellers.iter().flat_map(|dweller| dweller.devices.iter().chain(&dweller.former));
    for device in devices {
        device.see(|state| {
            for (id, answer) in &state.answers {
                let found = sequenced.get(id.as_str());
                if answer["type"] == "sequenced" {
                    let said = json!({"seq": answer["seq"], "message_id": answer["message_id"]});
                    assert_eq!(found, Some(&&said), "{answer}");
                } else {
                    assert!(found.is_none(), "refused, and in the log: {answer} {found:?}");
                    assert_ne!(answer["code"], "internal", "{answer}");
                }
            }
        });
    }
}

/// Every device's logs: in order, nothing that was never to be seen, and all of the present time as a member.
pub async fn devices(town: &Town, model: &Model) {
    for device in town.devices() {
        let user = &device.person.user_id;
        for (id, conversation) in of_user(model, user) {
            device.upto(id, conversation.head(user)).await;
            device.see(|state| {
                let log = &state.logs[id];
                assert_eq!(log.violation, None);
                let seqs: Vec<u64> = log.records.iter().filter_map(|r| r["seq"].as_u64()).collect();
                assert!(seqs.is_sorted_by(|a, b| a < b), "{id}: {seqs:?}");
                let spans = &conversation.members[user].spans;
                let end = conversation.records.len() as u64;
                let may = |seq: u64| spans.iter().any(|s| s.floor < seq && seq <= s.left.unwrap_or(end));
                for record in &log.records {
                    let seq = record["seq"].as_u64().expect("a seq");
                    assert!(
                        may(seq),
                        "{} sees {record} of {spans:?}: {:?}",
                        device.person.username,
                        conversation.records[seq as usize - 3..].iter().take(5).collect::<Vec<_>>()
                    );
                    assert_eq!(conversation.kept(record), conversation.shown(seq));
                }
                let has: HashSet<u64> = seqs.into_iter().collect();
                // A cursor never goes back: who came back to a group that shows everything now has its
                // beginning when it asks for it.
                let floor = spans.iter().map(|span| span.floor).max().unwrap_or(0);
                let missing: Vec<u64> =
                    (floor + 1..=conversation.head(user)).filter(|seq| !has.contains(seq)).collect();
                assert!(missing.is_empty(), "{} lacks {missing:?} of {id}", device.person.username);
            });
        }
        let known: BTreeSet<String> = device.see(|state| state.logs.keys().cloned().collect());
        let may: BTreeSet<String> = of_user(model, user).map(|(id, _)| id.clone()).collect();
        assert_eq!(known, may, "{} knows its conversations", device.person.username);
    }
}

pub fn of_user<'a>(model: &'a Model, user: &'a str) -> impl Iterator<Item = (&'a String, &'a Conversation)> {
    model.conversations.iter().filter(move |(_, conversation)| conversation.members.contains_key(user))
}

/// Lists, records, folded messages and members over REST, for everybody.
pub async fn rest(town: &Town, model: &Model) {
    for dweller in town.people() {
        let person = &dweller.person;
        eventually(&format!("{}'s list", person.username), || async { list(person, model).await }).await;
        for (id, wanted) in &dweller.own_settings {
            let view = person.get(&format!("/conversations/{id}")).await;
            for (name, wanted) in wanted.as_object().expect("settings") {
                assert_eq!(&view[name], wanted, "{}: {name} of {id}", person.username);
            }
        }
        for (id, conversation) in of_user(model, &person.user_id) {
            let span = conversation.span(&person.user_id);
            let shown: Vec<Value> = (span.floor + 1..=conversation.head(&person.user_id))
                .map(|seq| conversation.shown(seq))
                .collect();
            let found = person.records(id).await;
            let found: Vec<Value> = found.into_iter().map(|record| conversation.timeless(record)).collect();
            assert_eq!(found, shown, "{}: /records of {id}", person.username);
            eventually("/messages", || async { messages(person, id, conversation).await }).await;
            if conversation.is_present(&person.user_id) {
                eventually("/members", || async { members(person, id, model).await }).await;
            }
        }
    }
}

/// Folded views and lists may be 10 s behind (PROTOCOL §3).
pub async fn eventually<F: Future<Output = Result<(), String>>>(what: &str, look: impl Fn() -> F) {
    let began = Instant::now();
    while let Err(difference) = look().await {
        assert!(began.elapsed() < PATIENCE, "{what}: {difference}");
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
}

pub fn same<T: PartialEq + std::fmt::Debug>(found: &T, wanted: &T) -> Result<(), String> {
    if found == wanted { Ok(()) } else { Err(format!("found {found:?}, not {wanted:?}")) }
}

pub async fn pages(person: &Person, path: &str) -> Vec<Value> {
    let (mut items, mut cursor) = (Vec::new(), String::new());
    let first = if path.contains('?') { '&' } else { '?' };
    loop {
        let page = person.get(&format!("{path}{first}limit=200{cursor}")).await;
        items.extend(page["items"].as_array().expect("items").iter().cloned());
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return items,
        }
    }
}

async fn list(person: &Person, model: &Model) -> Result<(), String> {
    let user = &person.user_id;
    let mut found = BTreeMap::new();
    for view in pages(person, "/conversations").await {
        let id = view["conversation_id"].as_str().expect("an id").to_owned();
        let fields = ["head_seq", "head_ord", "floor", "read_seq", "unread", "left", "title", "role"];
        let mut shown: BTreeMap<&str, Value> = fields.iter().map(|f| (*f, view[*f].clone())).collect();
        if view["left"] == true {
            shown.remove("role");
        } else {
            shown.insert("members_count", view["members_count"].clone());
        }
        found.insert(id, shown);
    }
    let mut wanted = BTreeMap::new();
    for (id, conversation) in of_user(model, user) {
        let (span, head) = (conversation.span(user), conversation.head(user));
        let read = model.read_seq(id, user);
        let mut shown = BTreeMap::from([
            ("head_seq", json!(head)),
            ("head_ord", json!(conversation.ord(head))),
            ("floor", json!(span.floor)),
            ("read_seq", json!(read)),
            ("unread", json!(conversation.ord(head).saturating_sub(conversation.ord(read)))),
            ("left", json!(span.left.is_some())),
            ("title", json!(conversation.title(head))),
        ]);
        if span.left.is_none() {
            shown.insert("role", json!(conversation.members[user].role));
            let present = conversation.members.keys().filter(|user| conversation.is_present(user)).count();
            shown.insert("members_count", json!(present));
        }
        wanted.insert(id.clone(), shown);
    }
    for (id, wanted) in &wanted {
        same(&found.get(id), &Some(wanted)).map_err(|difference| format!("{id}: {difference}"))?;
    }
    same(&found.len(), &wanted.len())
}

async fn messages(person: &Person, id: &str, conversation: &Conversation) -> Result<(), String> {
    let (mut found, mut before) = (BTreeMap::new(), String::new());
    loop {
        let page = person.get(&format!("/conversations/{id}/messages?limit=200{before}")).await;
        for item in page["items"].as_array().expect("items") {
            if item["kind"] == "message" {
                found.insert(item["seq"].as_u64().expect("a seq"), item.clone());
            }
        }
        match &page["next"] {
            Value::Null => break,
            next => before = format!("&before={}", next.as_str().map_or(next.to_string(), str::to_owned)),
        }
    }
    let floor = conversation.span(&person.user_id).floor;
    let wanted = fold::messages(conversation, conversation.head(&person.user_id));
    for (seq, wanted) in wanted.into_iter().filter(|(seq, _)| *seq > floor) {
        let item = found.remove(&seq).ok_or_else(|| format!("{id}: {seq} is missing"))?;
        same(&folded(&item), &summary(&wanted, &person.user_id))
            .map_err(|difference| format!("{id}/{seq}: {difference}"))?;
    }
    let ends = |seq: &u64| conversation.records[*seq as usize - 1].expires_at().is_some();
    same(&found.keys().filter(|seq| !ends(seq)).count(), &0)
}

/// What is compared of a message: text, edited, deleted, pinned, and counts of reactions with the own.
type Summary = (Option<String>, bool, bool, bool, BTreeMap<String, (usize, bool)>);

fn folded(item: &Value) -> Summary {
    let none = serde_json::Map::new();
    let reactions = item["reactions"].as_object().unwrap_or(&none).iter();
    let reactions = reactions.map(|(emoji, shown)| {
        (emoji.clone(), (shown["count"].as_u64().unwrap_or(0) as usize, shown["mine"] == true))
    });
    (
        item["body"]["text"].as_str().map(str::to_owned),
        item["edited_at"].is_string(),
        item["deleted"] == true,
        item["pinned"] == true,
        reactions.collect(),
    )
}

fn summary(message: &Folded, viewer: &str) -> Summary {
    let reactions = message.reactions.iter();
    let reactions = reactions.map(|(emoji, users)| (emoji.clone(), (users.len(), users.contains(viewer))));
    (message.text.clone(), message.is_edited, message.is_deleted, message.is_pinned, reactions.collect())
}

async fn members(person: &Person, id: &str, model: &Model) -> Result<(), String> {
    let conversation = &model.conversations[id];
    let mut found = BTreeMap::new();
    for item in pages(person, &format!("/conversations/{id}/members")).await {
        let user = item["user_id"].as_str().expect("an id").to_owned();
        found.insert(user, json!([item["role"], item["delivered_seq"], item["read_seq"]]));
    }
    let present = conversation.members.iter().filter(|(user, _)| conversation.is_present(user));
    // The marks of whom one blocks are not told where they are alone with each other.
    let blocks = pages(person, "/me/blocks").await;
    let is_blocked = |user: &str| conversation.is_direct() && blocks.iter().any(|b| b["user_id"] == user);
    let wanted: BTreeMap<String, Value> = present
        .map(|(user, member)| {
            let marks = model.marks.get(&(id.to_owned(), user.clone())).filter(|_| !is_blocked(user));
            let marks = marks.copied().unwrap_or_default();
            (user.clone(), json!([member.role, marks.delivered_seq, marks.read_seq]))
        })
        .collect();
    same(&found, &wanted).map_err(|difference| format!("{id}: {difference}"))
}

/// The store holds every record, and nothing of what was deleted.
pub async fn store(world: &World, model: &Model) {
    for (id, conversation) in &model.conversations {
        let conversation_id: ConversationId = id.parse().expect("an id");
        let (mut found, end) = (Vec::new(), conversation.records.len() as u64);
        while (found.len() as u64) < end {
            let after = found.len() as u64;
            let records = world.engines().store.records(conversation_id, after, end + 1, 500, false).await;
            let records = records.expect("the store answers");
            assert!(!records.is_empty(), "{id} ends at {after} of {end} in the store");
            found.extend(records.iter().map(|r| serde_json::from_slice::<Value>(r.json()).expect("JSON")));
        }
        for (record, seq) in found.into_iter().zip(1..) {
            assert_eq!(conversation.timeless(record), conversation.shown(seq), "{id}/{seq} in the store");
        }
    }
}
