//! Ownership: commits are all or nothing, and an earlier owner's leave nothing.

use crate::conformance::{
    Setting,
    words::{append, entry, read_all, values},
};
use parlor_engines::log::LogError;
use parlor_schemas::Topic;

pub async fn a_commit_over_topics_gives_offsets(at: &impl Setting) {
    let engines = at.open().await;
    let mut owner = engines.log.claim(2).await.unwrap();
    for round in 0..3 {
        let entries = vec![
            entry(Topic::Messages, 2, "a", Some(&format!("{round}a"))),
            entry(Topic::Conversations, 2, "row", Some(&format!("{round}row"))),
            entry(Topic::Messages, 2, "b", Some(&format!("{round}b"))),
        ];
        let offsets = owner.commit(entries).await.unwrap();
        let messages = read_all(&*engines.log, Topic::Messages, 2, offsets[0]).await;
        assert_eq!(values(&messages), [format!("{round}a"), format!("{round}b")]);
        assert_eq!(messages[1].offset, offsets[2]);
        let rows = read_all(&*engines.log, Topic::Conversations, 2, offsets[1]).await;
        assert_eq!(values(&rows), [format!("{round}row")]);
    }
    assert_eq!(owner.commit(vec![]).await.unwrap(), Vec::<u64>::new());
}

pub async fn a_claim_fences_the_owner_before(at: &impl Setting) {
    let engines = at.open().await;
    let one = |value: &str| vec![entry(Topic::Messages, 0, "k", Some(value))];
    let mut first = engines.log.claim(0).await.unwrap();
    first.commit(one("first")).await.unwrap();
    let mut second = engines.log.claim(0).await.unwrap();
    assert_eq!(first.commit(one("zombie")).await, Err(LogError::Fenced));
    second.commit(one("second")).await.unwrap();
    let mut third = engines.log.claim(0).await.unwrap();
    assert_eq!(second.commit(one("zombie")).await, Err(LogError::Fenced));
    assert_eq!(first.commit(one("zombie")).await, Err(LogError::Fenced));
    third.commit(one("third")).await.unwrap();
    let records = read_all(&*engines.log, Topic::Messages, 0, 0).await;
    assert_eq!(values(&records), ["first", "second", "third"]);
}

/// Owners are replaced while they commit as fast as they can: what a claim finds is all that
/// there will ever be of the owners before.
pub async fn a_fenced_commit_leaves_nothing(at: &impl Setting) {
    let engines = at.open().await;
    let mut zombies = Vec::new();
    for round in 0..20 {
        let mut owner = engines.log.claim(1).await.unwrap();
        let end = engines.log.ends(Topic::Messages, 1).await.unwrap().end;
        let taken = owner.commit(vec![entry(Topic::Messages, 1, "k", Some(&format!("{round}")))]).await;
        assert_eq!(taken.unwrap(), [end], "nothing of an earlier owner came between");
        zombies.push(tokio::spawn(async move {
            let mut n = 0;
            let pair =
                |n| (0..2).map(move |m| entry(Topic::Messages, 1, "k", Some(&format!("{round}/{n}/{m}"))));
            while owner.commit(pair(n).collect()).await.is_ok() {
                n += 1;
            }
            n
        }));
    }
    let _last = engines.log.claim(1).await.unwrap();
    let mut committed = 20;
    for zombie in zombies {
        committed += 2 * zombie.await.unwrap();
    }
    let records = read_all(&*engines.log, Topic::Messages, 1, 0).await;
    assert_eq!(records.len(), committed, "acknowledged commits and no others");
}

pub async fn claims_of_other_partitions_do_not_fence(at: &impl Setting) {
    let engines = at.open().await;
    let mut owner = engines.log.claim(0).await.unwrap();
    let _other = engines.log.claim(1).await.unwrap();
    append(&*engines.log, vec![entry(Topic::Commands, 0, "k", Some("by anybody"))]).await;
    assert!(owner.commit(vec![entry(Topic::Messages, 0, "k", Some("v"))]).await.is_ok());
}
