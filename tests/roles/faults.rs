//! Any process is killed, frozen for 20 s, or restarted, under load.

use crate::{
    roles::fleet::{Fleet, ROLES},
    roles::load::Load,
};
use std::time::Duration;

/// The sessions of a frozen process run out (10 s), and others take its partitions.
const FROZEN: Duration = Duration::from_secs(20);

/// How many faults of each kind; `PARLOR_FAULTS` for a longer run.
fn rounds() -> usize {
    std::env::var("PARLOR_FAULTS").ok().and_then(|n| n.parse().ok()).unwrap_or(1)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_process_of_any_role_loses_and_doubles_nothing() {
    let mut fleet = Fleet::two_of_each().await;
    let load = Load::start(&fleet).await;
    let mut kills = 0;
    for round in 0..rounds() {
        for role in ROLES {
            load.more(30).await;
            let number = fleet.of(role)[round % 2];
            fleet.kill(number);
            // Half of them stay away for a while, so that the other one has to do it all.
            if (round + kills) % 2 == 0 {
                load.more(20).await;
            }
            fleet.start(number);
            kills += 1;
            load.more(30).await;
            fleet.ready().await;
        }
    }
    let sent = load.check(&fleet).await;
    println!("{kills} kills, {sent} messages: each once, in order, at every member");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frozen_process_that_thaws_changes_nothing() {
    let fleet = Fleet::two_of_each().await;
    let load = Load::start(&fleet).await;
    let mut freezes = 0;
    for round in 0..rounds() {
        for role in ROLES {
            load.more(30).await;
            let number = fleet.of(role)[round % 2];
            fleet.freeze(number);
            // A zombie is one by its clock: nothing else tells when its sessions are over.
            tokio::time::sleep(FROZEN).await;
            if role != "gateway" {
                load.more(30).await;
            }
            fleet.thaw(number);
            freezes += 1;
            load.more(30).await;
            fleet.ready().await;
        }
    }
    let sent = load.check(&fleet).await;
    println!("{freezes} freezes, {sent} messages: each once, in order, at every member");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_of_any_role_is_not_noticed() {
    let mut fleet = Fleet::two_of_each().await;
    let load = Load::start(&fleet).await;
    for role in ROLES {
        for number in fleet.of(role) {
            load.more(20).await;
            fleet.stop(number).await;
            load.more(20).await;
            fleet.start(number);
            fleet.ready().await;
        }
    }
    let sent = load.check(&fleet).await;
    println!("every process restarted, {sent} messages: each once, in order, at every member");
}
