//! Records and their places.

use super::{
    acks, any, any_ack, content_mut, head, insert_after, invoke_of, is_at, is_of, is_on_socket, number,
    places, seen, seen_mut,
};
use parlor_checker::history::{Ack, Entry, Event, Head, OpKind, Seen, Source};
use parlor_schemas::{ClientMsgId, MessageId, Timestamp, record::Kind, time};
use rand::{rngs::StdRng, seq::IndexedRandom};
use serde_json::json;
use uuid::Uuid;

type Entries = Vec<Entry>;

fn lose(entries: &mut Entries, random: &mut StdRng, source: Source) -> Option<()> {
    let ack = any_ack(entries, random)?;
    let is_it = |event: &Event| is_of(event, source) && is_at(event, ack.conversation_id, ack.seq);
    let at = any(entries, random, is_it)?;
    entries.remove(at);
    Some(())
}

pub fn not_in_the_store(entries: &mut Entries, random: &mut StdRng) -> Option<()> {
    lose(entries, random, Source::Store)
}

pub fn not_in_the_log(entries: &mut Entries, random: &mut StdRng) -> Option<()> {
    lose(entries, random, Source::Log)
}

pub fn not_in_the_history(entries: &mut Entries, random: &mut StdRng) -> Option<()> {
    lose(entries, random, Source::Rest)
}

/// Of one who reads it in the end, too, and so may see it now.
pub fn not_on_a_device(entries: &mut Entries, random: &mut StdRng) -> Option<()> {
    let ack = any_ack(entries, random)?;
    let here = |event: &Event| is_at(event, ack.conversation_id, ack.seq);
    let reader = any(entries, random, |event| is_of(event, Source::Rest) && here(event))?;
    let by = entries[reader].by.clone();
    entries.retain(|entry| !(entry.by == by && is_on_socket(&entry.event) && here(&entry.event)));
    Some(())
}

/// Of somebody who was a member all the time, so that it can't have been refused afterwards.
pub fn accepted_and_lost(entries: &mut Entries, random: &mut StdRng) -> Option<()> {
    let (_, op, ack) = *acks(entries).choose(random)?;
    let (at, invoke) = invoke_of(entries, op);
    let (kind, by) = (invoke.kind, entries[at].by.clone());
    let user = entries.iter().find_map(|entry| match entry.event {
        Event::Device { user_id, .. } if entry.by == by => Some(user_id.to_string()),
        _ => None,
    })?;
    let moves = any(entries, random, |event| {
        seen(event).and_then(|seen| seen.content.as_ref()).is_some_and(|content| {
            let is_change =
                matches!(content.kind, Kind::MembersAdded | Kind::MemberRemoved | Kind::MemberLeft);
            is_change && content.body.to_string().contains(&user)
        })
    });
    let is_later = any(entries, random, |event| matches!(event, Event::Later { op: of, .. } if *of == op));
    if kind != OpKind::Send || moves.is_some() || is_later.is_some() {
        return None;
    }
    for entry in entries.iter_mut() {
        if matches!(entry.event, Event::Ok { op: of, .. } if of == op) {
            entry.event = Event::Accepted { op };
        }
    }
    entries.retain(|entry| !is_at(&entry.event, ack.conversation_id, ack.seq));
    Some(())
}

pub fn deleted_and_shown(entries: &mut Entries, random: &mut StdRng) -> Option<()> {
    let gone = any(entries, random, |event| {
        let content = seen(event).and_then(|seen| seen.content.as_ref());
        is_of(event, Source::Store) && content.is_some_and(|content| content.redacted)
    })?;
    let (conversation, seq) = seen(&entries[gone].event).map(|seen| (seen.conversation_id, seen.seq))?;
    let in_log = any(entries, random, |event| is_of(event, Source::Log) && is_at(event, conversation, seq))?;
    let whole = seen(&entries[in_log].event)?.content.clone();
    seen_mut(&mut entries[gone]).content = whole;
    Some(())
}

fn change_ack(entries: &mut Entries, at: usize, change: impl Fn(&mut Ack)) -> Option<()> {
    let Event::Ok { ack: Some(ack), .. } = &mut entries[at].event else { return None };
    change(ack);
    Some(())
}

pub fn ack_of_another_place(entries: &mut Entries, random: &mut StdRng) -> Option<()> {
    let at = any(entries, random, |event| matches!(event, Event::Ok { ack: Some(ack), .. } if ack.seq > 1))?;
    change_ack(entries, at, |ack| ack.seq -= 1)
}

pub fn two_acks(entries: &mut Entries, random: &mut StdRng) -> Option<()> {
    let (at, _, _) = *acks(entries).choose(random)?;
    let again = entries[at].event.clone();
    insert_after(entries, at, again);
    change_ack(entries, at + 1, |ack| ack.ord += 1)
}

pub fn doubled_in_the_log(entries: &mut Entries, random: &mut StdRng) -> Option<()> {
    let at = any(entries, random, |event| is_of(event, Source::Log))?;
    let again = entries[at].event.clone();
    insert_after(entries, at, again);
    Some(())
}

/// A log record after the last of some conversation, made from another of its records.
fn append(entries: &mut Entries, random: &mut StdRng, change: impl Fn(&mut Seen)) -> Option<()> {
    let of = any(entries, random, |event| {
        seen(event).is_some_and(|seen| {
            seen.source == Source::Log && seen.content.as_ref().is_some_and(|c| c.kind == Kind::Message)
        })
    })?;
    let mut copy = seen(&entries[of].event)?.clone();
    let (last, seq) = head(entries, copy.conversation_id);
    let before = content_mut(&mut entries[last]).clone();
    let content = copy.content.as_mut()?;
    (content.ord, content.at) = (before.ord + 1, before.at);
    content.message_id = time::message_id(copy.conversation_id, time::message_ticks(before.message_id) + 1);
    copy.seq = seq + 1;
    change(&mut copy);
    insert_after(entries, last, Event::Record(copy));
    Some(())
}

pub fn doubled_id(entries: &mut Entries, random: &mut StdRng) -> Option<()> {
    append(entries, random, |_| {})
}

pub fn doubled_message_id(entries: &mut Entries, random: &mut StdRng) -> Option<()> {
    let (a, b) = two_of_log(entries, random)?;
    let id: MessageId = content_mut(&mut entries[a]).message_id;
    content_mut(&mut entries[b]).message_id = id;
    Some(())
}

fn two_of_log(entries: &Entries, random: &mut StdRng) -> Option<(usize, usize)> {
    let all = places(entries, |event| is_of(event, Source::Log));
    let mut two = all.choose_multiple(random, 2).copied();
    Some((two.next()?, two.next()?))
}

pub fn ghost(entries: &mut Entries, random: &mut StdRng) -> Option<()> {
    let id = ClientMsgId(Uuid::from_u128(number(random)));
    append(entries, random, |seen| seen.content.as_mut().expect("a content").client_msg_id = id)
}

pub fn refused_ghost(entries: &mut Entries, random: &mut StdRng) -> Option<()> {
    let failed = any(entries, random, |event| matches!(event, Event::Fail { .. }))?;
    let Event::Fail { op, .. } = entries[failed].event else { return None };
    let tries = places(entries, |event| matches!(event, Event::Attempt { op: of, .. } if *of == op));
    let (at, invoke) = invoke_of(entries, op);
    let (id, conversation) = (invoke.client_msg_id?, invoke.conversation_id?);
    let by = entries[at].by.clone();
    let user = entries.iter().find_map(|entry| match entry.event {
        Event::Device { user_id, .. } if entry.by == by => Some(user_id),
        _ => None,
    })?;
    let (last, seq) = head(entries, conversation);
    let mut copy = seen(&entries[last].event)?.clone();
    copy.seq = seq + 1;
    let content = copy.content.as_mut()?;
    (content.client_msg_id, content.sender_id) = (id, user);
    insert_after(entries, last, Event::Record(copy));
    (tries.len() == 1).then_some(())
}

/// Changes a content wherever it stands.
fn change_everywhere(entries: &mut Entries, of: usize, change: impl Fn(&mut Seen)) -> Option<()> {
    let (conversation, seq) = seen(&entries[of].event).map(|seen| (seen.conversation_id, seen.seq))?;
    for entry in entries.iter_mut().filter(|entry| is_at(&entry.event, conversation, seq)) {
        change(seen_mut(entry));
    }
    Some(())
}

fn any_message(entries: &Entries, random: &mut StdRng) -> Option<usize> {
    any(entries, random, |event| {
        seen(event).is_some_and(|seen| {
            let is_message = seen.content.as_ref().is_some_and(|c| c.kind == Kind::Message && !c.redacted);
            seen.source == Source::Log && is_message
        })
    })
}

pub fn other_text(entries: &mut Entries, random: &mut StdRng) -> Option<()> {
    let of = any_message(entries, random)?;
    change_everywhere(entries, of, |seen| {
        let content = seen.content.as_mut().expect("a content");
        if !content.redacted {
            content.body = json!({"text": "something else"});
        }
    })
}

/// Its attempts stand behind its first sighting.
pub fn before_sent(entries: &mut Entries, random: &mut StdRng) -> Option<()> {
    let (_, op, ack) = *acks(entries).choose(random)?;
    let tries = places(entries, |event| matches!(event, Event::Attempt { op: of, .. } if *of == op));
    let first = places(entries, |event| is_at(event, ack.conversation_id, ack.seq)).first().copied()?;
    for at in tries.into_iter().rev().filter(|at| *at < first) {
        let entry = entries.remove(at);
        entries.insert(first, entry);
    }
    Some(())
}

pub fn swapped(entries: &mut Entries, random: &mut StdRng) -> Option<()> {
    let one = any(entries, random, is_on_socket)?;
    let (of, by) = (seen(&entries[one].event)?.clone(), entries[one].by.clone());
    let next = |event: &Event| is_on_socket(event) && is_at(event, of.conversation_id, of.seq + 1);
    let other = places(entries, next).into_iter().find(|at| entries[*at].by == by)?;
    let content = seen_mut(&mut entries[other]).content.take();
    let content = std::mem::replace(&mut seen_mut(&mut entries[one]).content, content);
    seen_mut(&mut entries[other]).content = content;
    Some(())
}

pub fn two_contents(entries: &mut Entries, random: &mut StdRng) -> Option<()> {
    let of = any_message(entries, random)?;
    let known = seen(&entries[of].event)?.clone();
    let is_other =
        |event: &Event| is_of(event, Source::Rest) && is_at(event, known.conversation_id, known.seq);
    let at = any(entries, random, is_other)?;
    let content = content_mut(&mut entries[at]);
    (!content.redacted).then(|| content.body = json!({"text": "another"}))
}

pub fn bodiless(entries: &mut Entries, random: &mut StdRng) -> Option<()> {
    let at = any(entries, random, |event| {
        seen(event)
            .is_some_and(|s| s.source == Source::Rest && s.content.as_ref().is_some_and(|c| !c.redacted))
    })?;
    let content = content_mut(&mut entries[at]);
    (content.redacted, content.body) = (true, json!({}));
    Some(())
}

pub fn time_goes_back(entries: &mut Entries, random: &mut StdRng) -> Option<()> {
    let at = any(entries, random, |event| {
        seen(event).is_some_and(|seen| seen.source == Source::Log && seen.seq > 1)
    })?;
    change_everywhere(entries, at, |seen| {
        seen.content.as_mut().expect("a content").at = Timestamp(1_000);
    })
}

pub fn hole(entries: &mut Entries, random: &mut StdRng) -> Option<()> {
    let at = any(entries, random, |event| {
        seen(event).is_some_and(|seen| seen.source == Source::Log && seen.seq > 1)
    })?;
    let (conversation, seq) = seen(&entries[at].event).map(|seen| (seen.conversation_id, seen.seq))?;
    if head(entries, conversation).1 == seq {
        return None;
    }
    entries.retain(|entry| !is_at(&entry.event, conversation, seq));
    Some(())
}

pub fn wrong_ord(entries: &mut Entries, random: &mut StdRng) -> Option<()> {
    let at = any(entries, random, |event| is_of(event, Source::Log))?;
    change_everywhere(entries, at, |seen| seen.content.as_mut().expect("a content").ord += 1)
}

pub fn head_past_the_log(entries: &mut Entries, random: &mut StdRng) -> Option<()> {
    let at = any(entries, random, |event| matches!(event, Event::Head(head) if !head.left))?;
    let Event::Head(Head { head_seq, .. }) = &mut entries[at].event else { return None };
    *head_seq += 1;
    Some(())
}

/// Exchanges the places that two operations were told.
fn exchange(entries: &mut Entries, a: usize, b: usize) -> Option<()> {
    let ack = |at: usize| match entries[at].event {
        Event::Ok { ack: Some(ack), .. } => Some(ack),
        _ => None,
    };
    let (one, other) = (ack(a)?, ack(b)?);
    change_ack(entries, a, |ack| *ack = other)?;
    change_ack(entries, b, |ack| *ack = one)
}

pub fn sender_order(entries: &mut Entries, random: &mut StdRng) -> Option<()> {
    let tried = |op: u64| {
        let all = entries.iter().filter_map(|entry| match entry.event {
            Event::Attempt { op: of, connection } if of == op => Some((entry.by.clone(), connection)),
            _ => None,
        });
        let all: Vec<_> = all.collect();
        (all.len() == 1 && all[0].1.is_some()).then(|| all[0].clone())
    };
    let all: Vec<_> =
        acks(entries).into_iter().filter_map(|(at, op, ack)| Some((at, tried(op)?, ack))).collect();
    let (a, by, ack) = all.choose(random)?;
    let same = |(at, of, other): &&(usize, _, Ack)| {
        at != a && of == by && other.conversation_id == ack.conversation_id
    };
    let others: Vec<_> = all.iter().filter(same).collect();
    let (a, b) = (*a, others.choose(random)?.0);
    exchange(entries, a, b)
}

pub fn real_time(entries: &mut Entries, random: &mut StdRng) -> Option<()> {
    let all: Vec<_> = acks(entries)
        .into_iter()
        .filter(|(_, op, _)| invoke_of(entries, *op).1.kind != OpKind::Create)
        .collect();
    let (a, _, ack) = *all.choose(random)?;
    let later = |(at, op, other): &&(usize, u64, Ack)| {
        other.conversation_id == ack.conversation_id && *at > a && invoke_of(entries, *op).0 > a
    };
    let later: Vec<_> = all.iter().filter(later).collect();
    let b = later.choose(random)?.0;
    exchange(entries, a, b)
}
