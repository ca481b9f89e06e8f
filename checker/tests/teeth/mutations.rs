//! What may be broken in a history, by name, and which rule must see it.

mod records;
mod views;

use parlor_checker::history::{Ack, Content, Entry, Event, Invoke, Seen, Source};
use parlor_schemas::ConversationId;
use rand::{Rng, rngs::StdRng, seq::IndexedRandom};

/// Breaks something; none: this history has nothing to break in this way.
pub type Mutation = fn(&mut Vec<Entry>, &mut StdRng) -> Option<()>;

/// Name, rule, mutation.
pub const ALL: [(&str, &str, Mutation); 40] = [
    ("an acked record is not in the store", "durable", records::not_in_the_store),
    ("an acked record is not in the log", "durable", records::not_in_the_log),
    ("an acked record is not in one device's view", "durable", records::not_on_a_device),
    ("an acked record is not in one member's history", "durable", records::not_in_the_history),
    ("the ack names another place", "durable", records::ack_of_another_place),
    ("two acks of one operation differ", "durable", records::two_acks),
    ("an accepted record is nowhere", "durable", records::accepted_and_lost),
    ("a record stands twice in the log", "once", records::doubled_in_the_log),
    ("a client_msg_id has two places", "once", records::doubled_id),
    ("a message_id is of two records", "once", records::doubled_message_id),
    ("a record that nobody asked for", "ghosts", records::ghost),
    ("a record that was refused", "ghosts", records::refused_ghost),
    ("a record with another text", "ghosts", records::other_text),
    ("a record that was there before it was sent", "ghosts", records::before_sent),
    ("two places are swapped on one device", "one_order", records::swapped),
    ("two contents at one place", "one_order", records::two_contents),
    ("a body is gone though nobody deleted it", "one_order", records::bodiless),
    ("the time of a record goes back", "one_order", records::time_goes_back),
    ("a hole", "dense", records::hole),
    ("a wrong ord", "dense", records::wrong_ord),
    ("the head is past the log", "dense", records::head_past_the_log),
    ("one connection's order is turned", "sender_order", records::sender_order),
    ("real-time order is turned", "real_time", records::real_time),
    ("a device stops one short", "synced", views::one_short),
    ("a device never heard of a conversation", "synced", views::never_heard),
    ("a cursor went past what never came", "applied", views::jumped),
    ("a cursor went back", "applied", views::went_back),
    ("a floor that no join made", "applied", views::wrong_floor),
    ("a mark goes back", "receipts", views::mark_goes_back),
    ("a mark is past the head", "receipts", views::mark_past_the_head),
    ("marks differ at the end", "receipts", views::marks_differ),
    ("a mark never arrives", "receipts", views::mark_lost),
    ("unread is off by one", "unread", views::unread_off),
    ("a deleted text stands in the store", "deleted", records::deleted_and_shown),
    ("a leak after the removal", "leaks", views::leak_after),
    ("a leak before the join", "leaks", views::leak_before),
    ("a canary of a foreign conversation", "leaks", views::foreign_canary),
    ("a member is missing in the list", "membership", views::member_missing),
    ("here, 70 s after death; offline while here", "presence", views::presence),
    ("stuck after the heal", "liveness", views::stuck),
];

/// The places of all entries that `is_it` takes.
fn places(entries: &[Entry], is_it: impl Fn(&Event) -> bool) -> Vec<usize> {
    (0..entries.len()).filter(|at| is_it(&entries[*at].event)).collect()
}

/// One of them.
fn any(entries: &[Entry], random: &mut StdRng, is_it: impl Fn(&Event) -> bool) -> Option<usize> {
    places(entries, is_it).choose(random).copied()
}

fn seen(event: &Event) -> Option<&Seen> {
    if let Event::Record(seen) = event { Some(seen) } else { None }
}

fn seen_mut(entry: &mut Entry) -> &mut Seen {
    if let Event::Record(seen) = &mut entry.event { seen } else { panic!("a record") }
}

fn content_mut(entry: &mut Entry) -> &mut Content {
    seen_mut(entry).content.as_mut().expect("a content")
}

fn is_of(event: &Event, source: Source) -> bool {
    seen(event).is_some_and(|seen| seen.source == source)
}

fn is_at(event: &Event, conversation: ConversationId, seq: u64) -> bool {
    seen(event).is_some_and(|seen| (seen.conversation_id, seen.seq) == (conversation, seq))
}

fn is_on_socket(event: &Event) -> bool {
    is_of(event, Source::Live) || is_of(event, Source::Fetch)
}

fn acks(entries: &[Entry]) -> Vec<(usize, u64, Ack)> {
    let ack = |(at, entry): (usize, &Entry)| match entry.event {
        Event::Ok { op, ack: Some(ack) } => Some((at, op, ack)),
        _ => None,
    };
    entries.iter().enumerate().filter_map(ack).collect()
}

fn any_ack(entries: &[Entry], random: &mut StdRng) -> Option<Ack> {
    acks(entries).choose(random).map(|(_, _, ack)| *ack)
}

fn invoke_of(entries: &[Entry], op: u64) -> (usize, &Invoke) {
    let found = entries.iter().enumerate().find_map(|(at, entry)| match &entry.event {
        Event::Invoke(invoke) if invoke.op == op => Some((at, invoke)),
        _ => None,
    });
    found.expect("it was invoked")
}

/// The last place of a conversation, in the log.
fn head(entries: &[Entry], conversation: ConversationId) -> (usize, u64) {
    let of = |at: &usize| seen(&entries[*at].event).filter(|s| s.conversation_id == conversation);
    let all = places(entries, |event| is_of(event, Source::Log));
    let last = all.iter().rev().find(|at| of(at).is_some()).expect("it has records");
    (*last, of(last).expect("found").seq)
}

fn insert_after(entries: &mut Vec<Entry>, at: usize, event: Event) {
    let entry = Entry { event, ..entries[at].clone() };
    entries.insert(at + 1, entry);
}

fn number(random: &mut StdRng) -> u128 {
    random.random()
}
