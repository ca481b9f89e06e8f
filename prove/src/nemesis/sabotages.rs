//! The proof of the proof: a build with a defect must not pass (tests/PROOF.md).

use super::{
    cells::{CELLS, Cell},
    engines::Instance,
    run::{self, Plan},
};
use anyhow::{Context as _, Result};
use parlor_engines::sabotage::{ALL, Sabotage};

/// Runs, of one seed each, in which a defect has to be noticed.
const RUNS: u64 = 3;

/// Many conversations with few words: people, acts a second.
const QUIET: (usize, u32) = (40, 20);

/// The cell whose fault brings a defect to light.
fn cell(sabotage: Sabotage) -> Result<Cell> {
    let id = match sabotage {
        Sabotage::AckBeforeDurable => "gateway-kill-without-log",
        Sabotage::CommitBeforeWrite => "persister-kill-without-store",
        Sabotage::NoDedup | Sabotage::NoMemberCheck => "gateway-kill",
        Sabotage::RoutesBeforeTail => "gateway-herd",
        Sabotage::ClockTimestamps => "persister-clock",
        Sabotage::NoLiveCheck => "redis-flush",
        Sabotage::SeqFromRows => "ingest-kill",
        // Refused at once: a shorter silence than the driver's patience would be no failure.
        Sabotage::PastFailure => "cassandra-kill",
        Sabotage::UnboundedOutbox => "gateway-deaf-readers",
    };
    CELLS.iter().find(|cell| cell.id == id).copied().context(id)
}

/// What brings it to light is a conversation that falls silent just after somebody came back.
fn load(sabotage: Sabotage, plan: &Plan) -> Plan {
    let is_quiet = sabotage == Sabotage::RoutesBeforeTail;
    let (people, rate) = if is_quiet { QUIET } else { (plan.people, plan.rate) };
    Plan { rate, people, ..plan.clone() }
}

/// A run that did not come to its end shows a defect only where the system itself raised an alarm, or did
/// not come back when every fault was healed.
fn told(error: &str) -> (String, bool) {
    // Why a process ended by itself; what a cell measured; what it waited for in vain.
    const SIGNS: [&str; 3] = ["sockets that read nothing", " is not ready: ", " stays behind: "];
    let is_alarm = |line: &&str| line.starts_with("parlor: ") || SIGNS.iter().any(|sign| line.contains(sign));
    let alarm = error.lines().find(is_alarm);
    let said = alarm.or(error.lines().next()).unwrap_or_default();
    (said.to_owned(), alarm.is_some())
}

/// Whether each of these defects (all of them: none named) is noticed; the names of those that are not.
///
/// # Errors
/// A name is none of a defect.
pub async fn all(names: &[String], instance: &Instance, plan: &Plan) -> Result<Vec<&'static str>> {
    for name in names {
        ALL.iter().find(|(_, known)| known == name).with_context(|| format!("no defect is called {name}"))?;
    }
    let wanted = ALL.iter().filter(|(_, name)| names.is_empty() || names.iter().any(|known| known == name));
    let mut missed = Vec::new();
    for (sabotage, name) in wanted {
        let cell = cell(*sabotage)?;
        let mut is_noticed = false;
        for seed in (plan.seed..).take(RUNS as usize) {
            let plan = Plan { seed, sabotage: Some(*name), ..load(*sabotage, plan) };
            let (said, by) = match run::cell(&cell, Some(instance.clone()), &plan).await {
                Ok(outcome) if outcome.pass => ("nothing was noticed".to_owned(), false),
                Ok(outcome) => (outcome.violations.into_iter().next().unwrap_or_default(), true),
                Err(error) => told(&format!("{error:#}")),
            };
            println!("{name:<20} {} seed {seed}: {}", cell.id, said.chars().take(160).collect::<String>());
            is_noticed = by;
            if is_noticed {
                break;
            }
        }
        if !is_noticed {
            missed.push(*name);
        }
    }
    Ok(missed)
}
