//! The search port: the index, and the questions over it.

use super::{
    Setting,
    words::{conversation, fresh},
};
use parlor_engines::{
    Engines,
    search::{Change, Place, Question, SearchError},
};
use parlor_schemas::{
    ConversationId, Timestamp,
    topics::{Partition, of_conversation},
    words::Wanted,
};

/// As the settings of the suite have it.
const PARTITIONS: u32 = 4;

fn partition_of(id: ConversationId) -> Partition {
    of_conversation(id, PARTITIONS)
}

fn message(conversation_id: ConversationId, seq: u64, text: &str) -> Change {
    Change::Message { conversation_id, seq, at: Timestamp(seq as i64 * 10), ends: None, text: text.into() }
}

fn edit(conversation_id: ConversationId, seq: u64, text_seq: u64, text: &str) -> Change {
    Change::Edit { conversation_id, seq, text_seq, text: text.into() }
}

fn delete(conversation_id: ConversationId, seq: u64) -> Change {
    Change::Delete { conversation_id, seq }
}

fn question(q: &str, within: &[(ConversationId, u64)]) -> Question {
    let wanted = Wanted::parse(q, 16).expect("words");
    Question { wanted, within: within.to_vec(), below: None, limit: 100 }
}

/// Seq and `text_seq` of each hit.
async fn find(engines: &Engines, q: &str, within: &[(ConversationId, u64)]) -> Vec<(u64, u64)> {
    let hits = engines.search.find(question(q, within)).await.unwrap();
    hits.into_iter().map(|hit| (hit.place.seq, hit.text_seq)).collect()
}

async fn write(engines: &Engines, id: ConversationId, changes: Vec<Change>, next: u64) {
    engines.index.write(partition_of(id), changes, next, false).await.unwrap();
    engines.index.serve(partition_of(id), true);
}

pub async fn what_was_written_is_found_also_after_a_restart(at: &impl Setting) {
    let (one, other) = (conversation(), conversation());
    let engines = at.open().await;
    assert_eq!(engines.index.covered(partition_of(one)).await.unwrap(), None);
    write(&engines, one, vec![message(one, 1, "Hello, wörld"), message(one, 2, "今日は東京都へ")], 7).await;
    engines.close().await;
    let engines = at.open().await;
    assert_eq!(engines.index.covered(partition_of(one)).await.unwrap(), Some(7));
    engines.index.serve(partition_of(one), true);
    engines.index.serve(partition_of(other), true);
    for (q, expected) in [("world", 1), ("hel wor", 1), ("東京", 2)] {
        assert_eq!(find(&engines, q, &[(one, 0)]).await, [(expected, expected)], "{q}");
    }
    for q in ["ello", "hello moon", "京東"] {
        assert_eq!(find(&engines, q, &[(one, 0)]).await, [], "{q}");
    }
    assert_eq!(find(&engines, "hello", &[(other, 0)]).await, []);
    assert_eq!(find(&engines, "hello", &[(one, 1)]).await, [], "not above the floor");
}

pub async fn edits_and_deletes_change_what_is_found(at: &impl Setting) {
    let id = conversation();
    let engines = at.open().await;
    write(&engines, id, vec![message(id, 1, "first"), message(id, 2, "second")], 2).await;
    // In one commit and over several.
    write(&engines, id, vec![edit(id, 1, 3, "third"), message(id, 4, "fourth"), edit(id, 4, 5, "fifth")], 5)
        .await;
    assert_eq!(find(&engines, "first", &[(id, 0)]).await, []);
    assert_eq!(find(&engines, "third", &[(id, 0)]).await, [(1, 3)]);
    assert_eq!(find(&engines, "fifth", &[(id, 0)]).await, [(4, 5)]);
    write(&engines, id, vec![delete(id, 1), delete(id, 2), edit(id, 2, 6, "sixth")], 8).await;
    for q in ["third", "second", "sixth"] {
        assert_eq!(find(&engines, q, &[(id, 0)]).await, [], "{q}");
    }
}

pub async fn the_same_changes_again_change_nothing(at: &impl Setting) {
    let id = conversation();
    let engines = at.open().await;
    let changes = vec![
        message(id, 1, "one word"),
        message(id, 2, "two words"),
        edit(id, 1, 3, "no more"),
        delete(id, 2),
    ];
    for _ in 0..3 {
        write(&engines, id, changes.clone(), 4).await;
        assert_eq!(find(&engines, "more", &[(id, 0)]).await, [(1, 3)]);
        assert_eq!(find(&engines, "word", &[(id, 0)]).await, []);
    }
}

pub async fn what_is_not_served_is_an_error(at: &impl Setting) {
    let id = conversation();
    let engines = at.open().await;
    let ask = || engines.search.find(question("x", &[(id, 0)]));
    assert!(matches!(ask().await, Err(SearchError::Unavailable(_))), "never assigned");
    write(&engines, id, vec![message(id, 1, "x")], 1).await;
    assert_eq!(ask().await.unwrap().len(), 1);
    engines.index.serve(partition_of(id), false);
    assert!(matches!(ask().await, Err(SearchError::Unavailable(_))), "given up");
    assert_eq!(engines.search.find(question("x", &[])).await, Ok(vec![]), "of nothing, nothing");
}

pub async fn hits_come_newest_first_in_pages(at: &impl Setting) {
    let id = conversation();
    let engines = at.open().await;
    for chunk in [1..=10, 11..=25] {
        let next = *chunk.end();
        write(&engines, id, chunk.map(|seq| message(id, seq, "page")).collect(), next).await;
    }
    let (mut below, mut seqs) = (None, Vec::new());
    loop {
        let question = Question { below, limit: 4, ..question("page", &[(id, 0)]) };
        let hits = engines.search.find(question).await.unwrap();
        let Some(last) = hits.last() else { break };
        below = Some(last.place);
        seqs.extend(hits.iter().map(|hit| hit.place.seq));
    }
    assert_eq!(seqs, (1..=25).rev().collect::<Vec<_>>());
    let place = Place { at: Timestamp(30), conversation_id: ConversationId(fresh()), seq: 1 };
    assert!(place < below.map_or(place, |_| Place { at: Timestamp(31), ..place }), "time comes first");
}

pub async fn a_partition_is_cleared_alone(at: &impl Setting) {
    let engines = at.open().await;
    let one = conversation();
    let other = std::iter::repeat_with(conversation)
        .find(|id| partition_of(*id) != partition_of(one))
        .expect("there are four");
    write(&engines, one, vec![message(one, 1, "kept")], 1).await;
    write(&engines, other, vec![message(other, 1, "kept")], 1).await;
    engines.index.clear(partition_of(one)).await.unwrap();
    assert_eq!(engines.index.covered(partition_of(one)).await.unwrap(), None);
    assert_eq!(engines.index.covered(partition_of(other)).await.unwrap(), Some(1));
    assert_eq!(find(&engines, "kept", &[(one, 0), (other, 0)]).await, [(1, 1)]);
}
