//! What devices hold and are told.

use super::{any, content_mut, is_at, is_on_socket, places, seen, seen_mut};
use parlor_checker::history::{CursorSet, Entry, Event, Phase, Source, canary};
use parlor_schemas::{ConversationId, UserId, presence::Status, record::Kind};
use rand::{Rng, rngs::StdRng, seq::IndexedRandom};
use serde_json::json;
use uuid::Uuid;

type Entries = Vec<Entry>;

pub fn one_short(entries: &mut Entries, random: &mut StdRng) -> Option<()> {
    let at = any(entries, random, |event| matches!(event, Event::Cursored { .. }))?;
    let by = entries[at].by.clone();
    let Event::Cursored { conversation_id, cursor } = &mut entries[at].event else { return None };
    let (conversation, last) = (*conversation_id, *cursor);
    *cursor -= 1;
    let here = |event: &Event| is_on_socket(event) && is_at(event, conversation, last);
    entries.retain(|entry| !(entry.by == by && here(&entry.event)));
    Some(())
}

pub fn never_heard(entries: &mut Entries, random: &mut StdRng) -> Option<()> {
    let at = any(entries, random, |event| matches!(event, Event::Cursored { .. }))?;
    entries.remove(at);
    Some(())
}

/// A record that moved the cursor never came.
pub fn jumped(entries: &mut Entries, random: &mut StdRng) -> Option<()> {
    let applied =
        |event: &Event| is_on_socket(event) && seen(event).is_some_and(|seen| seen.cursor == Some(seen.seq));
    let at = any(entries, random, applied)?;
    let (of, by) = (seen(&entries[at].event)?.clone(), entries[at].by.clone());
    let next = |entry: &Entry| {
        entry.by == by && applied(&entry.event) && is_at(&entry.event, of.conversation_id, of.seq + 1)
    };
    let same = |entry: &&Entry| {
        entry.by == by && is_on_socket(&entry.event) && is_at(&entry.event, of.conversation_id, of.seq)
    };
    let is_only = entries.iter().filter(same).count() == 1;
    (is_only && entries[at..].iter().any(next)).then(|| drop(entries.remove(at)))
}

pub fn went_back(entries: &mut Entries, random: &mut StdRng) -> Option<()> {
    let moved = |event: &Event| {
        is_on_socket(event) && seen(event).is_some_and(|s| s.cursor == Some(s.seq) && s.seq > 1)
    };
    let at = any(entries, random, moved)?;
    let by = entries[at].by.clone();
    let again = Entry { by, ..entries[at].clone() };
    entries.insert(at + 1, again);
    seen_mut(&mut entries[at + 1]).cursor = Some(0);
    Some(())
}

pub fn wrong_floor(entries: &mut Entries, random: &mut StdRng) -> Option<()> {
    let at = any(entries, random, is_on_socket)?;
    let of = seen(&entries[at].event)?;
    let (conversation_id, cursor) = (of.conversation_id, of.cursor? + 1_000);
    let event = Event::Cursor { conversation_id, cursor, why: CursorSet::Floor };
    let entry = Entry { event, ..entries[at].clone() };
    entries.insert(at + 1, entry);
    Some(())
}

pub fn mark_goes_back(entries: &mut Entries, random: &mut StdRng) -> Option<()> {
    let at = any(
        entries,
        random,
        |event| matches!(event, Event::Receipt { delivered_seq, read_seq, .. } if delivered_seq > read_seq),
    )?;
    let mut again = entries[at].clone();
    let Event::Receipt { delivered_seq, .. } = &mut again.event else { return None };
    *delivered_seq -= 1;
    entries.insert(at + 1, again);
    Some(())
}

pub fn mark_past_the_head(entries: &mut Entries, random: &mut StdRng) -> Option<()> {
    let at = any(entries, random, |event| matches!(event, Event::Receipt { .. }))?;
    let Event::Receipt { delivered_seq, .. } = &mut entries[at].event else { return None };
    *delivered_seq += 10_000;
    Some(())
}

pub fn marks_differ(entries: &mut Entries, random: &mut StdRng) -> Option<()> {
    let of = |event: &Event| match event {
        Event::Members { conversation_id, items } => Some((*conversation_id, items.clone())),
        _ => None,
    };
    let marked =
        |event: &Event| of(event).is_some_and(|(_, items)| items.iter().any(|i| i.delivered_seq > 0));
    let at = any(entries, random, marked)?;
    let (conversation, _) = of(&entries[at].event)?;
    let same = places(entries, |event| of(event).is_some_and(|(id, _)| id == conversation));
    let Event::Members { items, .. } = &mut entries[at].event else { return None };
    items.iter_mut().find(|item| item.delivered_seq > 0)?.delivered_seq -= 1;
    (same.len() > 1).then_some(())
}

/// Nobody is told at the end.
pub fn mark_lost(entries: &mut Entries, random: &mut StdRng) -> Option<()> {
    let rejoined: Vec<UserId> =
        entries.iter().filter_map(|entry| gone(&entry.event)).map(|(_, u, _)| u).collect();
    let mut marked: Vec<(ConversationId, UserId)> = Vec::new();
    for entry in entries.iter() {
        if let Event::Members { conversation_id, items } = &entry.event {
            let some = items.iter().filter(|i| i.delivered_seq > 0 && !rejoined.contains(&i.user_id));
            marked.extend(some.map(|item| (*conversation_id, item.user_id)));
        }
    }
    let (conversation, user) = *marked.choose(random)?;
    for entry in entries.iter_mut() {
        match &mut entry.event {
            Event::Members { conversation_id, items } if *conversation_id == conversation => {
                for item in items.iter_mut().filter(|item| item.user_id == user) {
                    (item.delivered_seq, item.read_seq) = (0, 0);
                }
            }
            _ => {}
        }
    }
    entries.retain(|entry| !matches!(entry.event, Event::Receipt { user_id, .. } if user_id == user));
    Some(())
}

pub fn unread_off(entries: &mut Entries, random: &mut StdRng) -> Option<()> {
    let at = any(entries, random, |event| matches!(event, Event::Head(_)))?;
    let which = random.random_range(0..5);
    let Event::Head(head) = &mut entries[at].event else { return None };
    let fields =
        [&mut head.unread, &mut head.read_ord, &mut head.read_seq, &mut head.head_ord, &mut head.floor];
    *fields.into_iter().nth(which)? += 1;
    Some(())
}

/// A record that tells of somebody's end as a member.
fn gone(event: &Event) -> Option<(ConversationId, UserId, u64)> {
    let seen = seen(event).filter(|seen| seen.source == Source::Log)?;
    let content = seen.content.as_ref()?;
    let is_gone = matches!(content.kind, Kind::MemberRemoved | Kind::MemberLeft);
    let user = is_gone.then(|| content.body["user_id"].as_str())??.parse().ok()?;
    Some((seen.conversation_id, user, seen.seq))
}

/// Shows a record of the log to a device of a user.
fn show(entries: &mut Entries, conversation: ConversationId, seq: u64, user: UserId) -> Option<()> {
    let is_it = |event: &Event| seen(event).is_some_and(|seen| seen.source == Source::Log);
    let at = places(entries, |event| is_it(event) && is_at(event, conversation, seq)).first().copied()?;
    let by = entries.iter().find_map(|entry| match entry.event {
        Event::Device { user_id, .. } if user_id == user => Some(entry.by.clone()),
        _ => None,
    });
    let mut entry = Entry { by: by?, ..entries[at].clone() };
    let seen = seen_mut(&mut entry);
    (seen.source, seen.place) = (Source::Live, None);
    entries.insert(at + 1, entry);
    Some(())
}

pub fn leak_after(entries: &mut Entries, random: &mut StdRng) -> Option<()> {
    let all: Vec<_> = entries.iter().filter_map(|entry| gone(&entry.event)).collect();
    let (conversation, user, seq) = *all.choose(random)?;
    // Whoever came back may see it, for all that is known here.
    let is_back = all.iter().filter(|(of, who, _)| (of, who) == (&conversation, &user)).count() > 1;
    let lists = entries.iter().any(|entry| match &entry.event {
        Event::Members { conversation_id, items } if *conversation_id == conversation => {
            items.iter().any(|item| item.user_id == user)
        }
        _ => false,
    });
    if is_back || lists {
        return None;
    }
    show(entries, conversation, seq + 1, user)
}

pub fn leak_before(entries: &mut Entries, random: &mut StdRng) -> Option<()> {
    let is_first = |at: &usize| {
        let by = &entries[*at].by;
        let Event::Cursor { conversation_id, .. } = entries[*at].event else { return false };
        let same = |entry: &Entry| {
            entry.by == *by && seen(&entry.event).is_some_and(|s| s.conversation_id == conversation_id)
        };
        !entries[..*at]
            .iter()
            .any(|entry| same(entry) && seen(&entry.event).is_some_and(|s| s.cursor > Some(0)))
    };
    let firsts: Vec<_> =
        places(entries, |event| matches!(event, Event::Cursor { .. })).into_iter().filter(is_first).collect();
    let at = *firsts.choose(random)?;
    let Event::Cursor { conversation_id, cursor, .. } = entries[at].event else { return None };
    let by = entries[at].by.clone();
    let user = entries.iter().find_map(|entry| match entry.event {
        Event::Device { user_id, .. } if entry.by == by => Some(user_id),
        _ => None,
    })?;
    show(entries, conversation_id, cursor, user)
}

pub fn foreign_canary(entries: &mut Entries, random: &mut StdRng) -> Option<()> {
    if random.random_bool(0.5) {
        let at = any(entries, random, |event| matches!(event, Event::Excerpt { .. }))?;
        let Event::Excerpt { text, .. } = &mut entries[at].event else { return None };
        *text = canary(ConversationId(Uuid::from_u128(random.random())));
        return Some(());
    }
    let at = any(entries, random, |event| {
        seen(event).is_some_and(|seen| seen.content.as_ref().is_some_and(|c| c.kind == Kind::Message))
    })?;
    let other = ConversationId(Uuid::from_u128(random.random()));
    content_mut(&mut entries[at]).body = json!({"text": format!("{} #9", canary(other))});
    Some(())
}

pub fn member_missing(entries: &mut Entries, random: &mut StdRng) -> Option<()> {
    let at = any(entries, random, |event| matches!(event, Event::Members { .. }))?;
    let Event::Members { items, .. } = &mut entries[at].event else { return None };
    if random.random_bool(0.5) {
        items.pop();
    } else {
        let item = items.first_mut()?;
        let roles = parlor_schemas::record::Role::Admin;
        (item.role != roles).then(|| item.role = roles)?;
    }
    Some(())
}

/// Seconds later, at the end.
fn later(entries: &mut Entries, by: &str, seconds: u64, event: Event) {
    let at_us = entries.last().map_or(0, |entry| entry.at_us) + seconds * 1_000_000;
    entries.push(Entry { at_us, by: by.into(), event });
}

pub fn presence(entries: &mut Entries, random: &mut StdRng) -> Option<()> {
    let mut devices: Vec<_> = entries
        .iter()
        .filter_map(|entry| match entry.event {
            Event::Device { user_id, .. } => Some((entry.by.clone(), user_id)),
            _ => None,
        })
        .collect();
    let (_, user) = devices.choose(random)?.clone();
    // What is said in the end is said in peace.
    if random.random_bool(0.5) {
        // The first two people have a conversation for ever.
        let user = devices.first()?.1;
        let other = devices.iter().find(|(_, of)| *of != user)?.0.clone();
        later(entries, &other, 90, Event::Presence { user_id: user, status: Status::Offline });
        return Some(());
    }
    devices.retain(|(_, of)| *of == user);
    let mut until = Vec::new();
    for (by, _) in &devices {
        let connection = entries.iter().rev().find_map(|entry| match entry.event {
            Event::Ready { connection } if entry.by == *by => Some(connection),
            _ => None,
        })?;
        until.push((by.clone(), connection));
    }
    for (by, connection) in until {
        later(entries, &by, 0, Event::Gone { connection, code: None, by_choice: true });
    }
    later(entries, &devices[0].0, 70, Event::Presence { user_id: user, status: Status::Online });
    Some(())
}

pub fn stuck(entries: &mut Entries, random: &mut StdRng) -> Option<()> {
    let at = any(entries, random, |event| matches!(event, Event::Ok { .. }))?;
    let Event::Ok { op, .. } = entries[at].event else { return None };
    match random.random_range(0..3) {
        // The answer never comes, or long after.
        0 => entries.retain(|entry| !matches!(entry.event, Event::Ok { op: of, .. } if of == op)),
        1 => {
            entries.retain(|entry| !matches!(entry.event, Event::Ok { op: of, .. } if of == op));
            later(entries, "run", 90, Event::Ok { op, ack: None });
        }
        // A record comes to a device long after it was there.
        _ => return late(entries, random),
    }
    Some(())
}

fn late(entries: &mut Entries, random: &mut StdRng) -> Option<()> {
    let left: Vec<UserId> =
        entries.iter().filter_map(|entry| gone(&entry.event)).map(|(_, u, _)| u).collect();
    let cursored = any(entries, random, |event| matches!(event, Event::Cursored { .. }))?;
    let by = entries[cursored].by.clone();
    let user = entries.iter().find_map(|entry| match entry.event {
        Event::Device { user_id, .. } if entry.by == by => Some(user_id),
        _ => None,
    })?;
    let Event::Cursored { conversation_id, cursor } = entries[cursored].event else { return None };
    let here = |entry: &Entry| {
        entry.by == by && is_on_socket(&entry.event) && is_at(&entry.event, conversation_id, cursor)
    };
    let at_us = entries.last()?.at_us + 90_000_000;
    let mut sightings = entries.iter_mut().filter(|entry| here(entry));
    sightings.next()?.at_us = at_us;
    later(entries, "run", 0, Event::Phase { phase: Phase::Final });
    (!left.contains(&user)).then_some(())
}
