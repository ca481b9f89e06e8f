//! What a person may do. Any act may be refused for a reason that the protocol names; none may fail.

use super::{own, town::Dweller};
use crate::world::new_id;
use rand::{Rng, seq::IndexedRandom};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// How often an act over REST was done and refused, by name.
pub type Tally = BTreeMap<&'static str, (usize, usize)>;

const EMOJI: [&str; 4] = ["👍", "❤️", "😂", "🇩🇪"];
const WORDS: [&str; 6] = ["hello", "Grüße", "привет", "مرحبا", "你好", "👩‍👩‍👧‍👦"];

/// One act, by weight.
pub async fn any(who: &mut Dweller) {
    match who.random.random_range(0..100) {
        0..34 => send(who),
        34..40 => on_a_message(who, "edit"),
        40..44 => on_a_message(who, "delete"),
        44..52 => on_a_message(who, "react"),
        52..55 => on_a_message(who, "pin"),
        55..66 => mark(who, "read"),
        66..71 => mark(who, "delivered"),
        71 => make_direct(who).await,
        72 => block(who).await,
        73 => make_group(who).await,
        74..81 => in_a_group(who).await,
        81..84 => look(who).await,
        84..86 => set_own(who).await,
        86 => be_around(who),
        87..91 => own::any(who).await,
        91..95 => who.device().cut(),
        95..97 => who.device().go_offline(),
        _ => who.devices.iter().for_each(crate::world::Device::come_back),
    }
}

/// A conversation that one of the devices knows, with how far it has come.
pub(super) fn conversation(who: &mut Dweller) -> Option<(String, u64)> {
    let known: Vec<_> =
        who.device().see(|state| state.logs.iter().map(|(id, log)| (id.clone(), log.cursor)).collect());
    known.choose(&mut who.random).cloned()
}

fn send(who: &mut Dweller) {
    let Some((id, cursor)) = conversation(who) else { return };
    let words = WORDS.choose(&mut who.random).expect("words").repeat(who.random.random_range(1..5));
    let mut body = json!({ "text": format!("{words} {}", who.random.random_range(0..1_000)) });
    match who.random.random_range(0..12) {
        0 | 1 => body["reply_to"] = who.random.random_range(1..=cursor.max(1)).into(),
        2 => body["mentions"] = json!([who.another()]),
        3 => body["ttl_ms"] = who.random.random_range(1_000..20_000).into(),
        _ => {}
    }
    who.device().send_body(&id, body);
}

/// Edits, deletes, reacts to or pins some record: often one that is no message, or not the own one.
fn on_a_message(who: &mut Dweller, kind: &str) {
    let Some((id, cursor)) = conversation(who) else { return };
    let own = who.person.user_id.clone();
    let target = who.random.random_range(1..=cursor.max(1));
    let own_ones: Vec<u64> = who.device().see(|state| {
        let records = state.logs.get(&id).into_iter().flat_map(|log| &log.records);
        let own = records.filter(|r| r["sender_id"] == own.as_str() && r["kind"] == "message");
        own.filter_map(|record| record["seq"].as_u64()).collect()
    });
    let is_own = matches!(kind, "edit" | "delete") && who.random.random_range(0..4) > 0;
    let target = if is_own { own_ones.choose(&mut who.random).copied().unwrap_or(target) } else { target };
    let mut frame = json!({"type": kind, "conversation_id": id, "target": target});
    let op = if who.random.random_range(0..3) > 0 { "add" } else { "remove" };
    match kind {
        "edit" => frame["body"] = json!({ "text": format!("edited {}", who.random.random_range(0..1_000)) }),
        "react" => {
            frame["emoji"] = (*EMOJI.choose(&mut who.random).expect("emoji")).into();
            frame["op"] = op.into();
        }
        "pin" => frame["op"] = op.into(),
        _ => {}
    }
    who.device().command(frame);
}

fn mark(who: &mut Dweller, kind: &str) {
    let Some((id, cursor)) = conversation(who) else { return };
    if cursor > 0 {
        let seq = who.random.random_range(1..=cursor);
        who.device().frame(json!({"type": kind, "conversation_id": id, "seq": seq}));
    }
}

/// Blocks somebody, more often not any longer.
async fn block(who: &mut Dweller) {
    let method = if who.random.random_range(0..3) == 0 { Method::PUT } else { Method::DELETE };
    let path = format!("/me/blocks/{}", who.another());
    call(who, "block", method, &path, None).await;
}

/// Own settings of a conversation; the last ones are kept to be looked for in the end.
async fn set_own(who: &mut Dweller) {
    let Some((id, _)) = conversation(who) else { return };
    let settings = json!({
        "archived": who.random.random_range(0..2) == 0,
        "pinned": who.random.random_range(0..2) == 0,
        "draft": format!("draft {}", who.random.random_range(0..1_000)),
    });
    let path = format!("/conversations/{id}/settings");
    if call(who, "settings", Method::PUT, &path, Some(settings.clone())).await {
        who.own_settings.insert(id, settings);
    }
}

/// Typing, presence and watching: hints without an answer.
fn be_around(who: &mut Dweller) {
    let frame = match who.random.random_range(0..3) {
        0 => {
            let Some((id, _)) = conversation(who) else { return };
            json!({"type": "typing", "conversation_id": id, "on": who.random.random_range(0..2) == 0})
        }
        1 => json!({"type": "presence", "status": "away"}),
        _ => json!({"type": "watch", "id": "w", "user_ids": [who.another(), who.another()]}),
    };
    who.device().frame(frame);
}

pub async fn make_direct(who: &mut Dweller) {
    let body = json!({"kind": "direct", "member_ids": [who.another()]});
    call(who, "direct", Method::POST, "/conversations", Some(body)).await;
}

pub async fn make_group(who: &mut Dweller) {
    let count = who.random.random_range(1..12);
    let members: Vec<_> = (0..count).map(|_| who.another()).collect();
    let history = if who.random.random_range(0..3) == 0 { "all" } else { "joined" };
    let body = json!({"kind": "group", "title": "a group", "history": history, "member_ids": members});
    call(who, "group", Method::POST, "/conversations", Some(body)).await;
}

/// Membership, roles and the shared settings: mostly of a group where one may, sometimes of any conversation.
async fn in_a_group(who: &mut Dweller) {
    let (_, list) = who.person.call(Method::GET, "/conversations?limit=200", None).await;
    let items = list["items"].as_array().cloned().unwrap_or_default();
    let leads = |view: &&Value| view["role"] == "owner" || view["role"] == "admin";
    let led: Vec<_> = items.iter().filter(leads).collect();
    let is_any = who.random.random_range(0..4) == 0;
    let view = if is_any { items.choose(&mut who.random) } else { led.choose(&mut who.random).copied() };
    let Some(id) = view.and_then(|view| view["conversation_id"].as_str()) else { return };
    let path = format!("/conversations/{id}");
    let (_, members) = who.person.call(Method::GET, &format!("{path}/members"), None).await;
    let members = members["items"].as_array().cloned().unwrap_or_default();
    let member =
        members.choose(&mut who.random).and_then(|member| member["user_id"].as_str().map(str::to_owned));
    let member = format!("{path}/members/{}", member.unwrap_or_else(|| who.another()));
    match who.random.random_range(0..12) {
        0..4 => {
            let body = json!({ "user_ids": [who.another(), who.another()] });
            call(who, "add", Method::POST, &format!("{path}/members"), Some(body)).await;
        }
        4..6 => {
            call(who, "remove", Method::DELETE, &member, None).await;
        }
        6 => {
            call(who, "leave", Method::POST, &format!("{path}/leave"), None).await;
        }
        7..9 => {
            let role = *["admin", "member", "owner"].choose(&mut who.random).expect("roles");
            call(who, "role", Method::PATCH, &member, Some(json!({ "role": role }))).await;
        }
        9 | 10 => {
            let title = format!("title {}", who.random.random_range(0..1_000));
            call(who, "rename", Method::PATCH, &path, Some(json!({ "title": title }))).await;
        }
        _ => {
            let rule = *["joined", "all"].choose(&mut who.random).expect("rules");
            call(who, "history", Method::PATCH, &path, Some(json!({ "history": rule }))).await;
        }
    }
}

/// Reads that may come at any time.
async fn look(who: &mut Dweller) {
    let Some((id, cursor)) = conversation(who) else { return };
    let path = match who.random.random_range(0..4) {
        0 => "/conversations?limit=5".to_owned(),
        1 => format!("/conversations/{id}/messages?limit=20"),
        2 => format!("/conversations/{id}/members"),
        _ => format!("/conversations/{id}/records?after={}&limit=50", cursor / 2),
    };
    call(who, "look", Method::GET, &path, None).await;
}

/// Whether it was done.
pub(super) async fn call(
    who: &mut Dweller,
    name: &'static str,
    method: Method,
    path: &str,
    body: Option<Value>,
) -> bool {
    let key = (method != Method::GET).then(new_id);
    let (status, answer) = who.person.call_with_key(method, path, key.as_deref(), body).await;
    let tally = who.tally.entry(name).or_default();
    if status.is_success() {
        tally.0 += 1;
        return true;
    }
    tally.1 += 1;
    if status == StatusCode::UNAUTHORIZED && who.is_doomed {
        who.is_gone = true;
        return false;
    }
    let refusals = [
        StatusCode::BAD_REQUEST,
        StatusCode::FORBIDDEN,
        StatusCode::NOT_FOUND,
        StatusCode::CONFLICT,
        // A read while an engine is busy; what makes records is repeated until it is known.
        StatusCode::SERVICE_UNAVAILABLE,
    ];
    assert!(refusals.contains(&status), "{name} {path}: {status} {answer}");
    false
}
