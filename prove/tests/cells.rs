//! The fault matrix as its command line tells it.

use std::process::{Command, Output};

fn prove(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_prove")).args(arguments).output().expect("it runs")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("text")
}

#[test]
fn every_part_of_the_system_has_its_cells() {
    let listed = text(&prove(&["--list"]).stdout);
    let ids: Vec<&str> = listed.lines().filter_map(|line| line.split_whitespace().next()).collect();
    let with = |prefix: &str| ids.iter().filter(|id| id.starts_with(prefix)).count();
    let consumers = ["persister-", "fanout-", "pusher-", "indexer-", "consumers-"].map(with);
    let counts = [with("gateway-"), with("ingest-"), consumers.iter().sum(), with("cassandra-")];
    assert!(counts.iter().zip([10, 7, 9, 9]).all(|(count, least)| *count >= least), "{counts:?}");
    let counts = [with("redis-"), with("kafka-"), with("embedded-"), with("whole-")];
    assert!(counts.iter().zip([6, 3, 4, 4]).all(|(count, least)| *count >= least), "{counts:?}");
    let unique: std::collections::HashSet<_> = ids.iter().collect();
    assert_eq!(unique.len(), ids.len(), "an id names one cell");
    assert!(listed.lines().filter(|line| line.contains(" quick ")).count() >= 8);
}

#[test]
fn what_is_asked_wrongly_is_refused_with_the_reason() {
    for (arguments, reason) in [
        (&["--cell", "nothing"][..], "no cell is called nothing"),
        (&[], "nothing to do"),
        (&["--what"], "--what"),
    ] {
        let output = prove(arguments);
        assert!(!output.status.success(), "{arguments:?}");
        let said = text(&output.stderr);
        assert!(said.contains(reason), "{arguments:?}: {said}");
    }
}
