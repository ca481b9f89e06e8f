//! A history over several Cassandra partitions.

use crate::{
    conformance::{
        Setting as _,
        words::{conversation, delete, edit, message, text},
    },
    setting::Cassandra,
};
use parlor_engines::store::{Effect, Head};
use parlor_schemas::{ConversationId, Timestamp};

const AT: Timestamp = Timestamp(1_800_000_000_000);
const COUNT: u64 = 25_000;

fn record(id: ConversationId, seq: u64) -> Effect {
    Effect::Record(id, text(id, seq, AT, message("text")))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ranges_go_over_partitions_both_ways() {
    let engines = Cassandra::new().await.open().await;
    let (store, id) = (&*engines.store, conversation());
    store.write(0, (1..=COUNT).map(|seq| record(id, seq)).collect(), 1).await.unwrap();
    let read = async |after, before, limit, last| {
        let records = store.records(id, after, before, limit, last).await.unwrap();
        records.into_iter().map(|record| record.seq).collect::<Vec<u64>>()
    };
    let all = u64::MAX;
    // Before and after there is a head: it is a shortcut, not a condition.
    for _ in 0..2 {
        assert!(read(0, all, 30_000, false).await.into_iter().eq(1..=COUNT), "all, upwards");
        assert!(read(0, all, 30_000, true).await.into_iter().eq(1..=COUNT), "all, downwards");
        assert_eq!(read(0, all, 3, true).await, [24_998, 24_999, 25_000]);
        assert_eq!(read(0, all, 3, false).await, [1, 2, 3]);
        assert_eq!(read(9_998, all, 4, false).await, [9_999, 10_000, 10_001, 10_002]);
        assert_eq!(read(0, 10_002, 4, true).await, [9_998, 9_999, 10_000, 10_001]);
        assert_eq!(read(9_999, 10_001, 9, true).await, [10_000]);
        assert_eq!(read(9_998, 20_001, 20_000, false).await.len(), 10_002);
        assert_eq!(read(9_998, 20_001, 20_000, true).await.len(), 10_002);
        assert_eq!(read(5_000, 22_000, 16_000, true).await.first(), Some(&6_000));
        assert_eq!(read(24_999, all, 9, false).await, [25_000]);
        assert_eq!(read(25_000, all, 9, true).await, Vec::<u64>::new());
        assert_eq!(read(70_000, 90_000, 9, true).await, Vec::<u64>::new());
        assert_eq!(read(70_000, 90_000, 9, false).await, Vec::<u64>::new());
        let head = Head { seq: COUNT, ord: COUNT, at: AT };
        store.write(0, vec![Effect::Head(id, head)], 1).await.unwrap();
    }
    // Records that no head counts yet are readable too, in a partition that no head names.
    store.write(0, (COUNT + 1..=30_001).map(|seq| record(id, seq)).collect(), 1).await.unwrap();
    assert_eq!(read(0, all, 3, true).await, [29_999, 30_000, 30_001]);
    assert_eq!(read(29_998, all, 9, false).await, [29_999, 30_000, 30_001]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_edit_far_from_its_target_goes_with_it() {
    let engines = Cassandra::new().await.open().await;
    let (store, id) = (&*engines.store, conversation());
    let edit_of = |seq, target| Effect::Record(id, text(id, seq, AT, edit(target, "edited")));
    let deletion =
        |seq, target| [Effect::Record(id, text(id, seq, AT, delete(target))), Effect::Redact(id, target)];
    let near = [record(id, 5), record(id, 6), edit_of(15_000, 5), edit_of(15_001, 6)];
    store.write(0, near.into(), 1).await.unwrap();
    store.write(0, deletion(25_000, 5).into(), 1).await.unwrap();
    store.write(0, vec![edit_of(15_000, 5), edit_of(25_001, 5), edit_of(25_002, 6)], 1).await.unwrap();
    let of = [5, 6, 15_000, 15_001, 25_001, 25_002].map(|seq| (id, seq));
    let picked = store.pick(&of).await.unwrap();
    let redacted: Vec<bool> = picked.into_iter().map(|record| record.unwrap().redacted).collect();
    assert_eq!(redacted, [true, false, true, false, true, false]);
    // Not only in what is read: the text is gone from the table.
    let driver = crate::setting::driver().await;
    let query = "SELECT body FROM parlor_test.messages_by_conversation \
                 WHERE conversation_id = ? AND bucket = ? AND seq = ?";
    for seq in [5_i64, 15_000, 25_001] {
        let found = driver.query_unpaged(query, (id.0, seq / 10_000, seq)).await.unwrap();
        let (body,) = found.into_rows_result().unwrap().single_row::<(String,)>().unwrap();
        assert_eq!(body, "", "{seq}");
    }
}
