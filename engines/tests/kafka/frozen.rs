//! A process that is stopped for longer than its session: its partitions are another's when it
//! wakes, and it learns so.

use crate::{
    conformance::{Setting as _, soon},
    setting::Kafka,
};
use parlor_engines::{
    SystemClock,
    log::{Event, LogError, StoredOffset},
    open_log,
};
use parlor_schemas::topics::Group;
use std::{
    io::{BufRead as _, BufReader, Lines},
    process::{Child, ChildStdout, Command, Stdio},
    sync::Arc,
};

/// The prefix of the deployment that the child joins.
const CHILD: &str = "PARLOR_TEST_FREEZES_AS";
/// The shortest that brokers allow.
const SESSION_MS: u32 = 6_000;

#[tokio::test(flavor = "multi_thread")]
async fn a_member_that_was_frozen_learns_that_its_partitions_are_lost() {
    if let Ok(prefix) = std::env::var(CHILD) {
        be_frozen(prefix).await;
        return;
    }
    let mut at = Kafka::new().await;
    at.tuning.kafka.session_ms = SESSION_MS;
    let engines = at.open().await;
    let (mut child, mut lines) = child(&at.tuning.kafka.prefix);
    tokio::task::block_in_place(|| wait_for(&mut lines, "told: assigned 4"));
    let mut other = engines.log.join(Group::Pusher).await.unwrap();
    signal(&child, "STOP");
    let mut got = 0;
    while got < 4 {
        let event = tokio::time::timeout(std::time::Duration::from_secs(60), other.next()).await;
        if let Event::Assigned(assigned) = event.expect("the frozen one's partitions").unwrap() {
            got += assigned.len();
        }
    }
    let mine = StoredOffset { offset: 0, metadata: "the other's".to_owned() };
    other.store(vec![(0, mine.clone())]).await.unwrap();
    signal(&child, "CONT");
    tokio::task::block_in_place(|| wait_for(&mut lines, "told: lost 4"));
    tokio::task::block_in_place(|| wait_for(&mut lines, "told: fenced"));
    child.kill().unwrap();
    child.wait().unwrap();
    other.leave().await.unwrap();
    assert_eq!(engines.log.stored(Group::Pusher).await.unwrap()[0], Some(mine));
}

/// The same test is its own child.
fn child(prefix: &str) -> (Child, Lines<BufReader<ChildStdout>>) {
    let name = "frozen::a_member_that_was_frozen_learns_that_its_partitions_are_lost";
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture"])
        .env(CHILD, prefix)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    (child, lines)
}

fn wait_for(lines: &mut Lines<BufReader<ChildStdout>>, wanted: &str) {
    let found = lines.by_ref().map_while(Result::ok).any(|line| line.contains(wanted));
    assert!(found, "the child ended without {wanted:?}");
}

fn signal(child: &Child, signal: &str) {
    let killed = Command::new("kill").args([format!("-{signal}"), child.id().to_string()]).status();
    assert!(killed.unwrap().success());
}

async fn be_frozen(prefix: String) {
    let mut at = Kafka::at(crate::setting::broker());
    at.tuning.kafka.prefix = prefix;
    at.tuning.kafka.session_ms = SESSION_MS;
    let log = open_log(&crate::setting::broker(), &at.tuning, Arc::new(SystemClock)).await.unwrap();
    let mut member = log.join(Group::Pusher).await.unwrap();
    loop {
        // It lives until it is killed.
        let event = tokio::time::timeout(std::time::Duration::from_secs(120), member.next()).await;
        match event.expect("the end").unwrap() {
            Event::Assigned(assigned) => {
                let count = assigned.len();
                for (partition, _) in assigned {
                    // What is lost before it is started is told as lost.
                    drop(soon("a start", member.start(partition, 0)).await);
                }
                println!("told: assigned {count}");
            }
            Event::Lost(lost) => {
                println!("told: lost {}", lost.len());
                let stale = StoredOffset { offset: 0, metadata: "a zombie's".to_owned() };
                if member.store(vec![(0, stale)]).await == Err(LogError::Fenced) {
                    println!("told: fenced");
                }
            }
            _ => {}
        }
    }
}
