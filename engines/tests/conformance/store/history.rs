//! Records, redactions, the dedup index, marks.

use crate::conformance::{
    Setting,
    words::{conversation, edit, fresh, membership, message, message_id, receipt, text, user},
};
use parlor_engines::{
    Clock as _, Engines, Store,
    store::{Acts, Effect, Head, Info, Pinned, Reacted, StoredAck},
};
use parlor_schemas::{
    Ack, ClientMsgId, ConversationId, Membership, RecordText, Timestamp, UserId,
    receipt::Marks,
    record::{ConversationKind, HistoryRule},
};
use proptest::{
    prelude::*,
    test_runner::{Config, TestRunner},
};
use std::collections::HashSet;

const AT: Timestamp = Timestamp(1_800_000_000_000);

fn record(id: ConversationId, seq: u64) -> Effect {
    Effect::Record(id, text(id, seq, AT, message(&format!("text {seq}"))))
}

fn edit_of(id: ConversationId, seq: u64, target: u64) -> Effect {
    Effect::Record(id, text(id, seq, AT, edit(target, "edited")))
}

pub fn ack(id: ConversationId, client_msg_id: ClientMsgId, seq: u64, at: Timestamp) -> StoredAck {
    StoredAck {
        payload_hash: [7; 16],
        ack: Ack {
            conversation_id: id,
            client_msg_id,
            seq,
            ord: seq,
            message_id: message_id(seq),
            at,
            duplicate: false,
            skipped: vec![],
            owner_id: None,
        },
    }
}

fn info(id: ConversationId, seq: u64) -> Info {
    Info {
        conversation_id: id,
        kind: ConversationKind::Group,
        title: Some(format!("title {seq}")),
        avatar_media_id: None,
        history: HistoryRule::All,
        created_by: UserId(id.0),
        created_at: AT,
        seq,
    }
}

async fn seqs(
    store: &dyn Store,
    id: ConversationId,
    after: u64,
    before: u64,
    limit: usize,
    last: bool,
) -> Vec<u64> {
    let records = store.records(id, after, before, limit, last).await.unwrap();
    records.iter().map(|record| record.seq).collect()
}

/// On or off by the parity of `seq`.
fn pinned(id: ConversationId, target: u64, seq: u64) -> Effect {
    Effect::Pinned(id, Pinned { target, on: seq.is_multiple_of(2), seq })
}

/// On or off by the parity of `seq`; one of two emoji.
fn reacted(id: ConversationId, target: u64, user_id: UserId, seq: u64) -> Effect {
    let emoji = if seq.is_multiple_of(3) { "👍" } else { "👍🏽" }.to_owned();
    Effect::Reacted(id, Reacted { target, user_id, emoji, on: seq.is_multiple_of(2), seq })
}

/// Sorted, so that they can be compared.
async fn acts(store: &dyn Store, id: ConversationId, first: u64, last: u64) -> Acts {
    let mut acts = store.acts(id, first, last).await.unwrap();
    acts.edits.sort_by_key(|edited| (edited.target, edited.seq));
    acts.pins.sort_by_key(|pinned| pinned.target);
    acts.reactions.sort_by_key(|reacted| (reacted.target, reacted.seq));
    acts
}

pub async fn acts_are_found_by_what_they_act_on(at: &impl Setting) {
    let engines = at.open().await;
    let store = &*engines.store;
    let (id, other, ann, bob) = (conversation(), conversation(), user(), user());
    // Of a bucket's end and the next one's beginning; targets above and below, and another conversation.
    let effects = |id| {
        let (last, next) = (9_999, 10_000);
        vec![
            edit_of(id, 20_001, last),
            edit_of(id, 20_003, last),
            edit_of(id, 20_002, next),
            pinned(id, last, 20_004),
            pinned(id, next, 20_005),
            pinned(id, next, 20_006),
            reacted(id, last, ann, 20_010),
            reacted(id, last, bob, 20_011),
            reacted(id, next, ann, 20_014),
            reacted(id, next, ann, 20_009),
            pinned(id, last - 1, 20_020),
            reacted(id, next + 1, ann, 20_021),
            edit_of(id, 20_022, next + 1),
        ]
    };
    store.write(0, [effects(id), effects(other)].concat(), 30_000).await.unwrap();
    let found = acts(store, id, 9_999, 10_000).await;
    let edits: Vec<_> = found.edits.iter().map(|edited| (edited.target, edited.seq)).collect();
    assert_eq!(edits, [(9_999, 20_001), (9_999, 20_003), (10_000, 20_002)]);
    let pins: Vec<_> = found.pins.iter().map(|pinned| (pinned.target, pinned.on, pinned.seq)).collect();
    assert_eq!(pins, [(9_999, true, 20_004), (10_000, true, 20_006)]);
    let reactions: Vec<_> =
        found.reactions.iter().map(|one| (one.target, one.user_id, one.on, one.seq)).collect();
    let expected = [(9_999, ann, true, 20_010), (9_999, bob, false, 20_011), (10_000, ann, true, 20_014)];
    assert_eq!(reactions, expected);
    assert_eq!(found.reactions[0].emoji, "👍");
    // An earlier word that comes later changes nothing; a later one does.
    store.write(0, vec![pinned(id, 9_999, 15_001), reacted(id, 10_000, ann, 20_017)], 30_000).await.unwrap();
    let found = acts(store, id, 9_999, 10_000).await;
    assert_eq!(found.pins[0], Pinned { target: 9_999, on: true, seq: 20_004 });
    let last = found.reactions.last().map(|one| (one.target, one.on, one.seq));
    assert_eq!(last, Some((10_000, false, 20_017)));
    assert_eq!(acts(store, id, 10_002, 40_000).await, Acts::default());
    assert_eq!(acts(store, id, 5, 4).await, Acts::default());
}

pub async fn records_are_read_in_ranges(at: &impl Setting) {
    let engines = at.open().await;
    let store = &*engines.store;
    let (id, other) = (conversation(), conversation());
    let effects = (1..=30).flat_map(|seq| [record(id, seq), record(other, seq)]);
    store.write(0, effects.collect(), 60).await.unwrap();
    assert_eq!(seqs(store, id, 0, u64::MAX, 100, false).await, (1..=30).collect::<Vec<_>>());
    assert_eq!(seqs(store, id, 10, 20, 100, false).await, (11..20).collect::<Vec<_>>());
    assert_eq!(seqs(store, id, 10, 20, 3, false).await, [11, 12, 13]);
    assert_eq!(seqs(store, id, 10, 20, 3, true).await, [17, 18, 19]);
    assert_eq!(seqs(store, id, 20, 20, 3, true).await, Vec::<u64>::new());
    assert_eq!(seqs(store, id, u64::MAX, u64::MAX, 3, true).await, Vec::<u64>::new());
    assert_eq!(seqs(store, conversation(), 0, u64::MAX, 3, false).await, Vec::<u64>::new());
    let picked = store.pick(&[(id, 5), (id, 31), (other, 1)]).await.unwrap();
    assert_eq!(picked[0], Some(text(id, 5, AT, message("text 5"))));
    assert_eq!((picked[1].clone(), picked[2].as_ref().unwrap().seq), (None, 1));
}

pub async fn a_redaction_never_comes_undone(at: &impl Setting) {
    let engines = at.open().await;
    let store = &*engines.store;
    let id = conversation();
    let all = || vec![record(id, 1), edit_of(id, 2, 1), record(id, 3)];
    store.write(0, all(), 3).await.unwrap();
    store.write(0, vec![Effect::Redact(id, 1), edit_of(id, 4, 1)], 5).await.unwrap();
    store.write(0, all(), 3).await.unwrap();
    let records = store.records(id, 0, u64::MAX, 9, false).await.unwrap();
    let redacted: Vec<bool> = records.iter().map(|record| record.redacted).collect();
    assert_eq!(redacted, [true, true, false, true], "the target, its edits before and after, nothing else");
    assert_eq!(records[0], text(id, 1, AT, message("text 1")).redact());
    assert!(
        records.iter().all(|record| !record.redacted || !format!("{:?}", record.json()).contains("text 1"))
    );
}

pub async fn written_to_only_rises(at: &impl Setting) {
    let engines = at.open().await;
    assert_eq!(engines.store.written_to(1).await.unwrap(), 0);
    for (to, expected) in [(10, 10), (5, 10), (11, 11)] {
        engines.store.write(1, vec![], to).await.unwrap();
        assert_eq!(engines.store.written_to(1).await.unwrap(), expected);
    }
    assert_eq!(engines.store.written_to(2).await.unwrap(), 0);
    engines.close().await;
    assert_eq!(at.open().await.store.written_to(1).await.unwrap(), 11);
}

pub async fn no_clock_makes_the_dedup_index_forget(at: &impl Setting) {
    let engines = at.open().await;
    let (id, sender, client) = (conversation(), user(), ClientMsgId(fresh()));
    let now = at.clock().now();
    let first = ack(id, client, 4, now);
    engines.store.write(0, vec![Effect::Ack(sender, first.clone())], 1).await.unwrap();
    let of = [(id, sender, client), (id, user(), client)];
    assert_eq!(engines.store.acks(&of).await.unwrap(), [Some(first.clone()), None]);
    at.clock().advance(90 * 86_400_000);
    assert_eq!(engines.store.acks(&of).await.unwrap(), [Some(first.clone()), None]);
    // Nor is what a persister writes late lost.
    let client_late = ClientMsgId(fresh());
    let late = ack(id, client_late, 5, now);
    engines.store.write(0, vec![Effect::Ack(sender, late.clone())], 2).await.unwrap();
    assert_eq!(engines.store.acks(&[(id, sender, client_late)]).await.unwrap(), [Some(late)]);
    let again = ack(id, client, 9, at.clock().now());
    engines.store.write(0, vec![Effect::Ack(sender, again.clone())], 3).await.unwrap();
    assert_eq!(engines.store.acks(&of).await.unwrap()[0], Some(again));
}

pub async fn marks_keep_the_maximum(at: &impl Setting) {
    let engines = at.open().await;
    let (id, reader) = (conversation(), user());
    let of = [(id, reader), (id, user())];
    engines.store.raise(vec![receipt(id, reader, 5, 0), receipt(id, reader, 3, 2)]).await.unwrap();
    let own = Marks { own_seq: 4, own_ord: 3, ..Marks::default() };
    engines.store.write(0, vec![Effect::Own(id, reader, own)], 1).await.unwrap();
    engines.store.raise(vec![receipt(id, reader, 1, 1)]).await.unwrap();
    let marks = Marks { delivered_seq: 5, read_seq: 2, read_ord: 2, own_seq: 4, own_ord: 3 };
    assert_eq!(engines.store.stored_marks(&of).await.unwrap(), [marks, Marks::default()]);
}

pub async fn concurrent_marks_do_not_lose_each_other(at: &impl Setting) {
    let engines = at.open().await;
    let (id, reader) = (conversation(), user());
    let raises = (0..200u64).map(|n| {
        let (store, n) = (engines.store.clone(), (n * 7919) % 200);
        tokio::spawn(async move { store.raise(vec![receipt(id, reader, n, 200 - n)]).await.unwrap() })
    });
    for raise in raises.collect::<Vec<_>>() {
        raise.await.unwrap();
    }
    let marks = engines.store.stored_marks(&[(id, reader)]).await.unwrap();
    assert_eq!((marks[0].delivered_seq, marks[0].read_seq), (200, 200));
}

pub async fn a_large_write_is_whole(at: &impl Setting) {
    let engines = at.open().await;
    let id = conversation();
    let writing = {
        let store = engines.store.clone();
        tokio::spawn(
            async move { store.write(3, (1..=5_000).map(|seq| record(id, seq)).collect(), 5_000).await },
        )
    };
    // `written_to` comes last: who sees it sees all that it speaks of.
    crate::conformance::until("written_to", async || {
        let written = engines.store.written_to(3).await.unwrap();
        let count = engines.store.records(id, 0, u64::MAX, 9_999, false).await.unwrap().len();
        assert!(written == 0 || count == 5_000, "{written} with {count} records");
        (written == 5_000).then_some(())
    })
    .await;
    writing.await.unwrap().unwrap();
}

/// Everything that the effects below can have changed.
#[derive(Debug, PartialEq)]
struct Seen {
    records: Vec<RecordText>,
    head: Option<Head>,
    info: Option<Info>,
    memberships: Vec<Membership>,
    marks: Vec<Marks>,
    acks: Vec<Option<StoredAck>>,
    acts: Acts,
}

async fn see(engines: &Engines, id: ConversationId, users: &[UserId], client: ClientMsgId) -> Seen {
    let store = &*engines.store;
    let pairs: Vec<_> = users.iter().map(|user| (id, *user)).collect();
    let acks: Vec<_> = users.iter().map(|user| (id, *user, client)).collect();
    Seen {
        records: store.records(id, 0, u64::MAX, 99, false).await.unwrap(),
        head: store.heads(&[id]).await.unwrap().remove(0),
        info: store.infos(&[id]).await.unwrap().remove(0),
        memberships: store.of_conversation(id, None, 99).await.unwrap(),
        marks: store.stored_marks(&pairs).await.unwrap(),
        acks: store.acks(&acks).await.unwrap(),
        acts: acts(store, id, 1, 99).await,
    }
}

/// A history of a conversation as effects: each number chooses what the next record is. What acts on
/// another acts on a message, as ingest has it: never on an edit.
fn effects_of(id: ConversationId, users: &[UserId], client: ClientMsgId, choices: &[u8]) -> Vec<Effect> {
    let mut effects = Vec::new();
    let mut edits = HashSet::from([0]);
    for (seq, choice) in (1..).zip(choices) {
        let target =
            (0..=u64::from(choice / 7) % seq).rev().find(|target| !edits.contains(target)).unwrap_or(0);
        let user = users[usize::from(choice / 7) % users.len()];
        let mut head = Head { seq, ord: seq, at: AT };
        match choice % 7 {
            1 if target > 0 => {
                edits.insert(seq);
                effects.push(edit_of(id, seq, target));
            }
            2 if target > 0 => effects.extend([record(id, seq), Effect::Redact(id, target)]),
            3 => effects.extend([record(id, seq), Effect::Membership(membership(id, user, seq))]),
            4 => effects.extend([record(id, seq), Effect::Info(info(id, seq))]),
            5 if target > 0 => effects.extend([record(id, seq), pinned(id, target, seq)]),
            6 if target > 0 => effects.extend([record(id, seq), reacted(id, target, user, seq)]),
            _ => {
                let marks = Marks { own_seq: seq, own_ord: seq, ..Marks::default() };
                effects.extend([record(id, seq), Effect::Own(id, user, marks)]);
                effects.push(Effect::Ack(user, ack(id, client, seq, AT)));
            }
        }
        head.ord += 1;
        effects.push(Effect::Head(id, head));
    }
    effects
}

/// One history, written in order here and shuffled, with repeats and in pieces, there.
pub async fn effects_are_right_in_any_order_and_number(at: &impl Setting) {
    let engines = at.open().await;
    let histories = prop::collection::vec(any::<u8>(), 1..25).prop_flat_map(|choices| {
        let count = choices.len() * 3;
        (Just(choices), prop::collection::vec(any::<prop::sample::Index>(), count..count * 3))
    });
    let mut runner = TestRunner::new(Config { cases: 64, failure_persistence: None, ..Config::default() });
    let runtime = tokio::runtime::Handle::current();
    let outcome = tokio::task::block_in_place(|| {
        runner.run(&histories, |(choices, order)| {
            runtime.block_on(both_ways(&engines, &choices, &order));
            Ok(())
        })
    });
    outcome.unwrap();
}

/// Two conversations with the same history; what is compared is all but their ids.
async fn both_ways(engines: &Engines, choices: &[u8], order: &[prop::sample::Index]) {
    let users = [user(), user(), user()];
    let client = ClientMsgId(fresh());
    let (plain, mixed) = (conversation(), conversation());
    engines.store.write(0, effects_of(plain, &users, client, choices), 1).await.unwrap();
    let effects = effects_of(mixed, &users, client, choices);
    for piece in order.chunks(7) {
        let some = piece.iter().map(|index| effects[index.index(effects.len())].clone());
        engines.store.write(0, some.collect(), 1).await.unwrap();
    }
    let rest = effects.iter().rev().cloned().collect();
    engines.store.write(0, rest, 1).await.unwrap();
    let plain = format!("{:?}", see(engines, plain, &users, client).await).replace(&plain.to_string(), "*");
    let mixed = format!("{:?}", see(engines, mixed, &users, client).await).replace(&mixed.to_string(), "*");
    assert_eq!(plain, mixed);
}
