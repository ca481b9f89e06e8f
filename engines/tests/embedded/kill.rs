//! A process is killed while it writes: everything that it was told is durable is there.

use crate::{
    conformance::{
        Setting as _, soon,
        words::{entry, read_all, values},
    },
    setting::Embedded,
};
use parlor_engines::{Engines, Log, SystemClock, Tuning, Urls, open};
use parlor_schemas::{Limits, Topic};
use std::{
    collections::HashSet,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    path::Path,
    process::{Command, Stdio},
    sync::Arc,
};

const DIRECTORY: &str = "PARLOR_TEST_WRITES_TO";
const WRITERS: u32 = 8;
const ROUNDS: usize = 5;

/// The same test is its own child: with the variable set it writes until it is killed.
#[tokio::test(flavor = "multi_thread")]
async fn everything_acknowledged_survives_a_kill() {
    if let Some(directory) = std::env::var_os(DIRECTORY) {
        write_for_ever(Path::new(&directory)).await;
    }
    let at = Embedded::new().await;
    let directory = at.path().join("data");
    let mut acknowledged = HashSet::new();
    for round in 0..ROUNDS {
        let until = 200 + round * 150;
        let told = tokio::task::block_in_place(|| run_and_kill(&directory, round, until));
        assert!(told.len() >= until);
        acknowledged.extend(told);
        check(&at.open().await, &acknowledged).await;
    }
}

/// Runs a child, kills it after so many acknowledgements, returns all that it told.
fn run_and_kill(directory: &Path, round: usize, until: usize) -> Vec<String> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "kill::everything_acknowledged_survives_a_kill", "--nocapture"])
        .env(DIRECTORY, directory)
        .env("PARLOR_TEST_ROUND", round.to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let (mut told, mut line) = (Vec::new(), String::new());
    while told.len() < until {
        line.clear();
        assert_ne!(output.read_line(&mut line).unwrap(), 0, "the child ended by itself");
        told.extend(acknowledgement(&line));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let mut rest = String::new();
    output.read_to_string(&mut rest).unwrap();
    // A last line may be cut.
    told.extend(rest.split_inclusive('\n').filter(|line| line.ends_with('\n')).filter_map(acknowledgement));
    told
}

fn acknowledgement(line: &str) -> Option<String> {
    Some(line.split_once("durable ")?.1.trim().to_owned())
}

/// All acknowledged values are there, each once, each writer's in order, and pairs are whole.
async fn check(engines: &Engines, acknowledged: &HashSet<String>) {
    let mut found = HashSet::new();
    for partition in 0..4 {
        let mut last = [(0, 0); WRITERS as usize];
        for value in values(&read_all(&*engines.log, Topic::Commands, partition, 0).await) {
            let mut numbers = value.split('/').map(|number| number.parse::<usize>().unwrap());
            let (round, writer, n) =
                (numbers.next().unwrap(), numbers.next().unwrap(), numbers.next().unwrap());
            let at = (round, n + 1);
            assert!(at > last[writer], "{value} after {:?}", last[writer]);
            last[writer] = at;
            assert!(found.insert(value));
        }
        let messages = values(&read_all(&*engines.log, Topic::Messages, partition, 0).await);
        let receipts = values(&read_all(&*engines.log, Topic::Receipts, partition, 0).await);
        assert_eq!(messages, receipts, "commits over two topics are all or nothing");
        found.extend(messages.into_iter().map(|value| format!("pair {value}")));
    }
    let lost: Vec<_> = acknowledged.difference(&found).collect();
    assert!(lost.is_empty(), "lost: {lost:?}");
}

async fn write_for_ever(directory: &Path) -> ! {
    let round = std::env::var("PARLOR_TEST_ROUND").unwrap();
    let urls = Urls { data: directory.to_owned(), ..Urls::default() };
    let engines = open(&urls, &Tuning::default(), &Limits::default(), Arc::new(SystemClock)).await.unwrap();
    for writer in 0..WRITERS {
        let (log, round) = (engines.log.clone(), round.clone());
        tokio::spawn(async move { append_for_ever(&*log, &round, writer).await });
    }
    let mut owner = engines.log.claim(0).await.unwrap();
    for n in 0.. {
        let value = format!("{round}/{n}");
        let entries = [Topic::Messages, Topic::Receipts].map(|topic| entry(topic, 0, "k", Some(&value)));
        owner.commit(entries.to_vec()).await.unwrap();
        tell(&format!("pair {value}"));
    }
    unreachable!("it is killed before it has counted so far")
}

async fn append_for_ever(log: &dyn Log, round: &str, writer: u32) {
    for n in 0.. {
        let value = format!("{round}/{writer}/{n}");
        let durable = log.append(vec![entry(Topic::Commands, writer % 4, "k", Some(&value))]).await.unwrap();
        soon("durability", durable).await.unwrap();
        tell(&value);
    }
}

/// One line, at once: the pipe keeps it when the process is gone.
fn tell(value: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "durable {value}").unwrap();
    out.flush().unwrap();
}
