use super::world::{End, World, command, user, v7};
use parlor_schemas::{
    ClientMsgId, Code, Command, ConversationId, Limits, Outcome,
    command::Action,
    record::{Message, Target},
    topics::Offset,
};
use proptest::prelude::*;
use std::collections::{HashMap, HashSet};
use uuid::Uuid;

/// Small windows, so that forgetting happens all the time.
fn limits() -> Limits {
    Limits { dedup_window_ms: 100, id_ahead_ms: 60, id_age_max_ms: 2_000, dedup_max: 5, ..Limits::default() }
}

const START: i64 = 1_795_168_800_000;

#[derive(Clone, Debug)]
struct Step {
    sender: u128,
    peer: u128,
    /// Which of a few ids; the same one again is a resend.
    id: usize,
    payload: u8,
    /// The broker's clock moves so much; it may go back.
    moves: i64,
    delete: bool,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = (0..3u128, 0..3u128, 0..8usize, 0..2u8, -40..90i64, any::<bool>()).prop_map(
        |(sender, peer, id, payload, moves, delete)| Step { sender, peer, id, payload, moves, delete },
    );
    prop::collection::vec(step, 1..60)
}

/// Ids of clients whose clocks are wrong by up to 150 ms either way, or that are no v7 at all.
fn ids() -> impl Strategy<Value = Vec<ClientMsgId>> {
    let id = prop_oneof![
        (0..2_000i64, -150..150i64, any::<u32>()).prop_map(|(t, skew, n)| v7(START + t + skew, n.into())),
        any::<u64>().prop_map(|n| ClientMsgId(Uuid::from_u128(u128::from(n) | 4 << 76 | 0b10 << 62))),
    ];
    prop::collection::vec(id, 8)
}

fn commands(steps: &[Step], ids: &[ClientMsgId]) -> Vec<(Offset, i64, Command)> {
    let mut at = START;
    let mut commands = Vec::new();
    for (n, step) in steps.iter().enumerate() {
        at += step.moves;
        let (a, b) = (user(step.sender), user(step.peer));
        let conversation = ConversationId::direct(a, b);
        // Every conversation is made first; a resend of that is a duplicate like any other.
        let create = Action::CreateDirect { peer_id: b };
        commands.push((2 * n as u64, at, command(conversation, a, v7(at, 1 + n as u128), create)));
        let action = if step.delete {
            Action::Delete(Target { target: 2 })
        } else {
            Action::Message(Message { text: Some("x".into()), ..Message::default() })
        };
        let mut command = command(conversation, a, ids[step.id], action);
        command.payload_hash = [step.payload + 2 * u8::from(step.delete); 16];
        commands.push((2 * n as u64 + 1, at, command));
    }
    commands
}

/// Runs all commands in batches of the given sizes, each ending in its own way.
fn run(all: &[(Offset, i64, Command)], ends: &[(usize, End, bool, usize)], marker_every: u64) -> World {
    let mut world = World::new(limits(), marker_every);
    let mut crashes = 0;
    for (size, end, heads, lag) in ends.iter().cycle() {
        let rest = world.rest(all);
        if rest.is_empty() {
            return world;
        }
        // Without an end to crashing nothing would ever be done.
        crashes += usize::from(*end != End::Committed);
        let end = if crashes > 40 { End::Committed } else { *end };
        world.batch(&rest[..rest.len().min(*size)], end, *heads, *lag);
    }
    world
}

fn ends(lag: std::ops::Range<usize>) -> impl Strategy<Value = Vec<(usize, End, bool, usize)>> {
    let end = prop_oneof![3 => Just(End::Committed), 1 => Just(End::CrashBefore), 1 => Just(End::CrashAfter)];
    prop::collection::vec((1..9usize, end, any::<bool>(), lag), 1..20)
}

/// The log without what may rightly differ.
fn seqs_are_contiguous(world: &World) {
    let mut last: HashMap<ConversationId, (u64, u64, u64)> = HashMap::new();
    let mut ids = HashSet::new();
    for record in world.log() {
        let (seq, ord, ticks) = last.entry(record.conversation_id).or_default();
        assert_eq!(record.seq, *seq + 1, "a hole or a double");
        assert_eq!(record.ord, *ord + u64::from(record.kind().is_countable()));
        let now = parlor_schemas::time::message_ticks(record.message_id);
        assert!(now > *ticks, "the id's time must rise with seq");
        (*seq, *ord, *ticks) = (record.seq, record.ord, now);
        assert!(ids.insert(record.message_id), "two records share an id");
    }
}

fn exactly_once(world: &World) {
    let mut first = HashMap::new();
    for record in world.log() {
        let key = (record.conversation_id, record.sender_id, record.client_msg_id);
        assert!(first.insert(key, record.seq).is_none(), "{key:?} made two records");
    }
    for answer in &world.answers {
        if let Outcome::Sequenced(ack) = &answer.outcome {
            assert!(ack.duplicate);
            let is_first = first.iter().any(|((conversation, _, id), seq)| {
                *conversation == ack.conversation_id && *id == ack.client_msg_id && *seq == ack.seq
            });
            assert!(is_first, "a duplicate's ack is the first one's");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn any_batching_and_any_crash_point_give_the_same_log(
        steps in steps(), ids in ids(), ends in ends(0..1), marker_every in 0..5u64,
    ) {
        let all = commands(&steps, &ids);
        let one_by_one = run(&all, &[(1, End::Committed, false, 0)], marker_every);
        let world = run(&all, &ends, marker_every);
        prop_assert_eq!(one_by_one.log(), world.log());
        seqs_are_contiguous(&world);
    }

    #[test]
    fn deduplication_is_exact_under_skew_lag_and_rebuilds(
        steps in steps(), ids in ids(), ends in ends(0..12), marker_every in 0..5u64,
    ) {
        let world = run(&commands(&steps, &ids), &ends, marker_every);
        seqs_are_contiguous(&world);
        exactly_once(&world);
    }

    #[test]
    fn a_rebuilt_state_decides_like_the_one_that_lived(
        steps in steps(), ids in ids(), cut in 0..60usize,
    ) {
        let all = commands(&steps, &ids);
        let cut = cut.min(all.len());
        let mut lived = run(&all[..cut], &[(4, End::Committed, false, 0)], 3);
        let mut rebuilt = run(&all[..cut], &[(4, End::Committed, false, 0)], 3);
        rebuilt.rebuild();
        rebuilt.answers.clear();
        lived.answers.clear();
        for command in &all[cut..] {
            lived.batch(std::slice::from_ref(command), End::Committed, true, 0);
            rebuilt.batch(std::slice::from_ref(command), End::Committed, true, 0);
        }
        prop_assert_eq!(lived.log(), rebuilt.log());
        prop_assert_eq!(lived.answers, rebuilt.answers);
    }
}

#[test]
fn another_payload_under_the_same_id_is_a_conflict() {
    let (a, b) = (user(0), user(1));
    let conversation = ConversationId::direct(a, b);
    let say = |payload: u8| {
        let message = Message { text: Some("x".into()), ..Message::default() };
        let mut command = command(conversation, a, v7(START, 7), Action::Message(message));
        command.payload_hash = [payload; 16];
        command
    };
    let mut world = World::new(Limits::default(), 0);
    let create = command(conversation, a, v7(START, 1), Action::CreateDirect { peer_id: b });
    world.batch(
        &[(0, START, create), (1, START, say(1)), (2, START, say(1)), (3, START, say(2))],
        End::Committed,
        false,
        0,
    );
    world.batch(&[(4, START, say(1)), (5, START, say(2))], End::Committed, false, 0);
    assert_eq!(world.log().len(), 2);
    let outcomes: Vec<_> = world.answers.iter().map(|answer| &answer.outcome).collect();
    let conflicts = outcomes.iter().filter(|o| matches!(o, Outcome::Refused(r) if r.code == Code::Conflict));
    assert_eq!(conflicts.count(), 2);
    let duplicates =
        outcomes.iter().filter(|o| matches!(o, Outcome::Sequenced(ack) if ack.duplicate && ack.seq == 2));
    assert_eq!(duplicates.count(), 2);
}

#[test]
fn impossible_clocks_are_told_the_time() {
    let (a, b) = (user(0), user(1));
    let conversation = ConversationId::direct(a, b);
    let limits = Limits::default();
    for (made, refused) in [
        (START + limits.id_ahead_ms + 1, true),
        (START + limits.id_ahead_ms, false),
        (START - limits.id_age_max_ms - 1, true),
        (START - limits.id_age_max_ms, false),
    ] {
        let mut world = World::new(limits.clone(), 0);
        let create = command(conversation, a, v7(made, 1), Action::CreateDirect { peer_id: b });
        world.batch(&[(0, START, create)], End::Committed, false, 0);
        let told = world.answers.iter().any(|answer| {
            matches!(&answer.outcome, Outcome::Refused(r) if r.code == Code::InvalidRequest && r.now.map(|now| now.0) == Some(START))
        });
        assert_eq!(told, refused, "an id made {} ms after the log's time", made - START);
    }
}
