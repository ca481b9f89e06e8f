//! A disk that fails, and one that waits.

use super::*;
use crate::{
    Log as _, SystemClock,
    embedded::{EmbeddedLog, EmbeddedStore},
    log::{Entry, LogError},
    store::{Accounts as _, History as _, MarkStore as _, StoreError},
};
use bytes::Bytes;
use fjall::OwnedWriteBatch;
use parlor_schemas::UserId;
use std::sync::mpsc;

/// Commits as it is told, one word per commit.
struct Told(mpsc::Receiver<Result<(), &'static str>>);

impl Disk for Told {
    fn commit(&mut self, batch: OwnedWriteBatch) -> Result<(), Failure> {
        self.0.recv().unwrap_or(Ok(())).map_err(Failure::new)?;
        Synced.commit(batch)
    }
}

fn entry(value: &'static str) -> Entry {
    let value = Some(Bytes::from_static(value.as_bytes()));
    Entry { topic: Topic::Commands, partition: 0, key: Bytes::new(), value, headers: vec![] }
}

async fn running(directory: &Path) -> (Arc<Running>, mpsc::Sender<Result<(), &'static str>>) {
    let (tell, told) = mpsc::channel();
    let running = open_on(directory, &Tuning::default(), Arc::new(SystemClock), Told(told)).await;
    (running.unwrap(), tell)
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_readable_before_it_is_durable() {
    let directory = tempfile::tempdir().unwrap();
    let (running, tell) = running(directory.path()).await;
    let log = EmbeddedLog::new(running);
    let mut durable = log.append(vec![entry("a")]).await.unwrap();
    assert!(futures_util::poll!(&mut durable).is_pending());
    assert_eq!(log.ends(Topic::Commands, 0).await.unwrap().end, 0);
    assert!(log.read(Topic::Commands, 0, 1).await.is_err());
    tell.send(Ok(())).unwrap();
    durable.await.unwrap();
    assert_eq!(log.ends(Topic::Commands, 0).await.unwrap().end, 1);
    drop(tell);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_fsync_stops_all_writing_for_good() {
    let directory = tempfile::tempdir().unwrap();
    let (running, tell) = running(directory.path()).await;
    let (log, store) = (EmbeddedLog::new(running.clone()), EmbeddedStore::new(running));
    tell.send(Ok(())).unwrap();
    log.append(vec![entry("durable")]).await.unwrap().await.unwrap();
    let mut member = log.join(Group::Ingest).await.unwrap();

    let failing = log.append(vec![entry("lost")]).await.unwrap();
    let queued = log.append(vec![entry("queued")]).await.unwrap();
    tell.send(Err("no space left on device")).unwrap();
    let failed = LogError::Failed("no space left on device".to_owned());
    assert_eq!(failing.await, Err(failed.clone()));
    assert_eq!(queued.await, Err(failed.clone()), "what was queued behind it");

    assert_eq!(log.append(vec![entry("later")]).await.err(), Some(failed.clone()));
    assert_eq!(log.claim(0).await.err(), Some(failed.clone()));
    assert_eq!(member.store(vec![]).await, Err(failed));
    let failed = StoreError::Failed("no space left on device".to_owned());
    assert_eq!(store.write(0, vec![], 1).await, Err(failed.clone()));
    assert_eq!(store.raise(vec![]).await, Err(failed));

    // What was durable is still read, and nothing else.
    assert_eq!(log.ends(Topic::Commands, 0).await.unwrap().end, 1);
    let mut reader = log.read(Topic::Commands, 0, 0).await.unwrap();
    let crate::log::Read::Records(records) = reader.next().await.unwrap() else { panic!("one record") };
    assert_eq!(records.len(), 1);
    assert_eq!(reader.next().await, Ok(crate::log::Read::End(1)));
    assert_eq!(store.users(&[UserId(uuid::Uuid::nil())]).await, Ok(vec![None]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_takes_all_that_queued_meanwhile() {
    let directory = tempfile::tempdir().unwrap();
    let (running, tell) = running(directory.path()).await;
    let log = EmbeddedLog::new(running);
    let first = log.append(vec![entry("first")]).await.unwrap();
    let mut others = Vec::new();
    for _ in 0..100 {
        others.push(log.append(vec![entry("other")]).await.unwrap());
    }
    // The first commit has taken the first append at least, the second one all the rest.
    tell.send(Ok(())).unwrap();
    first.await.unwrap();
    tell.send(Ok(())).unwrap();
    for other in others {
        other.await.unwrap();
    }
    drop(tell);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_queue_is_bounded() {
    let directory = tempfile::tempdir().unwrap();
    let (running, tell) = running(directory.path()).await;
    let log = EmbeddedLog::new(running.clone());
    let big = || {
        let value = Some(Bytes::from(vec![0; running.shared.tuning.queue_bytes / 4]));
        vec![Entry { value, ..entry("") }]
    };
    let mut taken = Vec::new();
    let waiting = loop {
        let mut append = Box::pin(log.append(big()));
        match futures_util::poll!(&mut append) {
            std::task::Poll::Ready(durable) => taken.push(durable.unwrap()),
            std::task::Poll::Pending => break append,
        }
    };
    assert!((3..=4).contains(&taken.len()), "{}", taken.len());
    drop(tell);
    for durable in taken {
        durable.await.unwrap();
    }
    waiting.await.unwrap().await.unwrap();
}
