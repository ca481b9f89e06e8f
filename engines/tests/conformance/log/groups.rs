//! Groups: who has which partition, and where it goes on.

use crate::conformance::{
    Setting, soon,
    words::{append, entry, values},
};
use futures_util::FutureExt as _;
use parlor_engines::{
    Log,
    log::{Consumer, Event, LogError, LogRecord, StoredOffset},
};
use parlor_schemas::{
    Topic,
    topics::{Group, Offset, Partition},
};
use std::collections::BTreeMap;

fn stored(offset: Offset) -> StoredOffset {
    StoredOffset { offset, metadata: format!("at {offset}") }
}

async fn next(member: &mut Box<dyn Consumer>) -> Event {
    soon("an event", member.next()).await.unwrap()
}

/// Takes assignments until the member has so many partitions; starts each where it was stored.
async fn assigned(member: &mut Box<dyn Consumer>, count: usize) -> BTreeMap<Partition, Option<StoredOffset>> {
    let mut all = BTreeMap::new();
    while all.len() < count {
        if let Event::Assigned(more) = next(member).await {
            for (partition, stored) in more {
                let from = stored.as_ref().map_or(0, |stored| stored.offset);
                member.start(partition, from).await.unwrap();
                all.insert(partition, stored);
            }
        }
    }
    all
}

/// Records until there are so many.
async fn records(member: &mut Box<dyn Consumer>, count: usize) -> Vec<LogRecord> {
    let mut all = Vec::new();
    while all.len() < count {
        if let Event::Records(_, records) = next(member).await {
            all.extend(records);
        }
    }
    all
}

async fn write(log: &dyn Log, partition: Partition, count: usize) {
    let entries =
        (0..count).map(|n| entry(Topic::Messages, partition, "k", Some(&format!("{partition}/{n}"))));
    append(log, entries.collect()).await;
}

pub async fn a_member_gets_all_partitions_and_delivers_in_order(at: &impl Setting) {
    let engines = at.open().await;
    for partition in 0..4 {
        write(&*engines.log, partition, 2_500).await;
    }
    let mut member = engines.log.join(Group::Persister).await.unwrap();
    let mut starts = Vec::new();
    while starts.len() < 4 {
        let Event::Assigned(more) = next(&mut member).await else { panic!("nothing before it was started") };
        starts.extend(more);
    }
    for (partition, stored) in starts {
        assert_eq!(stored, None);
        member.start(partition, Offset::from(partition)).await.unwrap();
    }
    let (mut seen, mut ends) = (vec![Vec::new(); 4], [false; 4]);
    while ends != [true; 4] {
        match next(&mut member).await {
            Event::Records(partition, records) => seen[partition as usize].extend(records),
            Event::End(partition) => ends[partition as usize] = true,
            other => panic!("{other:?}"),
        }
    }
    for (seen, partition) in seen.iter().zip(0..) {
        let skipped = partition as usize;
        assert_eq!(values(seen), (skipped..2_500).map(|n| format!("{partition}/{n}")).collect::<Vec<_>>());
    }
    write(&*engines.log, 2, 1).await;
    assert!(matches!(next(&mut member).await, Event::Records(2, records) if records.len() == 1));
    assert_eq!(next(&mut member).await, Event::End(2), "told each time it is reached");
}

pub async fn stored_offsets_come_back(at: &impl Setting) {
    let engines = at.open().await;
    write(&*engines.log, 1, 10).await;
    let mut member = engines.log.join(Group::Fanout).await.unwrap();
    assigned(&mut member, 4).await;
    member.store(vec![(1, stored(4))]).await.unwrap();
    member.store(vec![(1, stored(7)), (3, stored(0))]).await.unwrap();
    member.leave().await.unwrap();
    let expected = [None, Some(stored(7)), None, Some(stored(0))];
    assert_eq!(engines.log.stored(Group::Fanout).await.unwrap(), expected);
    engines.close().await;
    let engines = at.open().await;
    assert_eq!(engines.log.stored(Group::Fanout).await.unwrap(), expected);
    let mut member = engines.log.join(Group::Fanout).await.unwrap();
    assert_eq!(assigned(&mut member, 4).await.into_values().collect::<Vec<_>>(), expected);
    assert_eq!(values(&records(&mut member, 3).await), ["1/7", "1/8", "1/9"]);
}

pub async fn rewind_is_for_groups_without_members(at: &impl Setting) {
    let engines = at.open().await;
    write(&*engines.log, 0, 10).await;
    let mut member = engines.log.join(Group::Pusher).await.unwrap();
    assigned(&mut member, 4).await;
    member.store(vec![(0, stored(9))]).await.unwrap();
    let refused = engines.log.rewind(Group::Pusher, 0, stored(2)).await;
    assert!(matches!(refused, Err(LogError::Failed(_))), "{refused:?}");
    member.leave().await.unwrap();
    engines.log.rewind(Group::Pusher, 0, stored(2)).await.unwrap();
    engines.close().await;
    let engines = at.open().await;
    assert_eq!(engines.log.stored(Group::Pusher).await.unwrap()[0], Some(stored(2)));
    let mut member = engines.log.join(Group::Pusher).await.unwrap();
    assigned(&mut member, 4).await;
    assert_eq!(values(&records(&mut member, 8).await)[0], "0/2");
}

pub async fn two_members_share_and_hand_over_after_release(at: &impl Setting) {
    let engines = at.open().await;
    let mut first = engines.log.join(Group::Persister).await.unwrap();
    assigned(&mut first, 4).await;
    let mut second = engines.log.join(Group::Persister).await.unwrap();
    let revoked = loop {
        if let Event::Revoked(revoked) = next(&mut first).await {
            break revoked;
        }
    };
    assert_eq!(revoked.len(), 2, "half of four, and the other half stays");
    // While the first one drains, the second one has nothing.
    write(&*engines.log, revoked[0], 1).await;
    assert_eq!(second.next().now_or_never(), None, "given before it was released");
    first.store(vec![(revoked[0], stored(1))]).await.unwrap();
    first.release(revoked[0]).await.unwrap();
    // A shared log may wait for the others that it revoked at the same time.
    first.release(revoked[1]).await.unwrap();
    let got = assigned(&mut second, 2).await;
    let expected = BTreeMap::from([(revoked[0], Some(stored(1))), (revoked[1], None)]);
    assert_eq!(got, expected, "with what was stored last");
    let late = first.store(vec![(revoked[0], stored(0))]).await;
    assert_eq!(late, Err(LogError::Fenced), "no longer the first one's");
    write(&*engines.log, revoked[1], 1).await;
    assert_eq!(records(&mut second, 1).await[0].partition, revoked[1]);
}

pub async fn a_member_that_is_gone_leaves_its_partitions(at: &impl Setting) {
    let engines = at.open().await;
    let first = engines.log.join(Group::Ingest).await.unwrap();
    let mut second = engines.log.join(Group::Ingest).await.unwrap();
    drop(first);
    assert_eq!(assigned(&mut second, 4).await.len(), 4);
    let mut third = engines.log.join(Group::Ingest).await.unwrap();
    let Event::Revoked(revoked) = (loop {
        let event = next(&mut second).await;
        if matches!(event, Event::Revoked(_)) {
            break event;
        }
    }) else {
        unreachable!()
    };
    second.leave().await.unwrap();
    let got = assigned(&mut third, 4).await;
    assert!(revoked.iter().all(|partition| got.contains_key(partition)));
}

pub async fn a_partition_of_another_is_fenced(at: &impl Setting) {
    let engines = at.open().await;
    let mut first = engines.log.join(Group::PushSender).await.unwrap();
    assert_eq!(assigned(&mut first, 4).await.len(), 4);
    let mut second = engines.log.join(Group::PushSender).await.unwrap();
    let refused = second.store(vec![(0, stored(5))]).await;
    assert_eq!(refused, Err(LogError::Fenced));
    assert_eq!(second.start(0, 0).await, Err(LogError::Fenced));
    assert_eq!(engines.log.stored(Group::PushSender).await.unwrap(), [None, None, None, None]);
    assert!(matches!(first.start(0, 99).await, Err(LogError::OutOfRange { .. })));
}

pub async fn a_paused_partition_delivers_nothing(at: &impl Setting) {
    let engines = at.open().await;
    let mut member = engines.log.join(Group::Persister).await.unwrap();
    assigned(&mut member, 4).await;
    member.pause(0, true).await.unwrap();
    write(&*engines.log, 0, 5).await;
    write(&*engines.log, 1, 5).await;
    assert!(records(&mut member, 5).await.iter().all(|record| record.partition == 1));
    member.pause(0, false).await.unwrap();
    assert_eq!(values(&records(&mut member, 5).await), ["0/0", "0/1", "0/2", "0/3", "0/4"]);
}

pub async fn groups_do_not_disturb_each_other(at: &impl Setting) {
    let engines = at.open().await;
    let mut persister = engines.log.join(Group::Persister).await.unwrap();
    let mut fanout = engines.log.join(Group::Fanout).await.unwrap();
    assigned(&mut persister, 4).await;
    assigned(&mut fanout, 4).await;
    write(&*engines.log, 3, 5).await;
    persister.store(vec![(3, stored(5))]).await.unwrap();
    assert_eq!(records(&mut persister, 5).await, records(&mut fanout, 5).await);
    assert_eq!(engines.log.stored(Group::Fanout).await.unwrap()[3], None);
}
