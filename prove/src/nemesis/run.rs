//! One cell: load, faults one after another, healing, drain, verdict.

use super::{cells::Cell, engines::Instance, faults::Scene, results::Outcome};
use anyhow::{Context as _, Result};
use parlor_prove::{Run, Settings};
use rand::{Rng, SeedableRng, rngs::StdRng};
use std::{path::PathBuf, time::Duration};
use tokio::time::{Instant, sleep};

/// Between two faults: everything works, so that the next one meets a system at work.
const CALM_MS: std::ops::Range<u64> = 1_000..4_000;
/// Unanswered commands of one device.
const WINDOW: usize = 50;
/// The mean time between two sockets that are cut by their devices.
const RESTLESS_MS: u64 = 2_000;
/// Waiting for anything at the end takes at most so long.
const PATIENCE: Duration = Duration::from_secs(180);

/// What a cell is told.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The `parlor` that is put to the proof.
    pub binary: PathBuf,
    /// Of the load and of the pauses between faults.
    pub seed: u64,
    /// How long load and faults go on; a fault that has begun is healed first.
    pub seconds: u64,
    /// Acts a second, in all.
    pub rate: u32,
    /// People.
    pub people: usize,
    /// Where the history goes.
    pub out: PathBuf,
    /// The defect that the binary is told to have, if it was built to have some.
    pub sabotage: Option<&'static str>,
}

/// Runs a cell.
///
/// # Errors
/// Something did not come up again, or a view could not be read in the end: that fails the cell, too.
pub async fn cell(cell: &Cell, instance: Option<Instance>, plan: &Plan) -> Result<Outcome> {
    let began = Instant::now();
    let engines = if instance.is_some() { "real" } else { "embedded" };
    let mut scene = Scene::build(cell, plan, instance).await?;
    let outcome = play(cell, &mut scene, plan, engines).await;
    scene.clear().context("what the cell has made is not taken away")?;
    let seconds = began.elapsed().as_secs();
    outcome.map(|outcome| Outcome { seconds, ..outcome })
}

async fn play(cell: &Cell, scene: &mut Scene, plan: &Plan, engines: &str) -> Result<Outcome> {
    let run = Run::start(Settings {
        urls: scene.urls(),
        people: plan.people,
        rate: plan.rate,
        seed: plan.seed,
        history: plan.out.join(format!("{}-{engines}-{}.jsonl", cell.id, plan.seed)),
        window: WINDOW,
        restless_ms: RESTLESS_MS,
        patience: PATIENCE,
    })
    .await?;
    let faults = disturb(cell, scene, &run, plan).await?;
    let rested = run.rest().await?;
    let engines = scene.engines().await?;
    rested.dump(&engines).await?;
    engines.close().await;
    let finished = rested.check().await?;
    let report = &finished.report;
    let violations: Vec<String> =
        report.violations().map(|violation| format!("{}: {}", violation.rule, violation.sentence)).collect();
    let pass = report.is_clean();
    std::fs::write(finished.history.with_extension("txt"), report.to_string())?;
    if pass {
        // A clean history tells no more than its report, and takes much room.
        std::fs::remove_file(&finished.history)?;
    }
    Ok(Outcome { pass, faults, acked: report.acked, records: report.records, violations, seconds: 0 })
}

/// Does the acts of a cell again and again until the time is over; how many.
async fn disturb(cell: &Cell, scene: &mut Scene, run: &Run, plan: &Plan) -> Result<usize> {
    let mut random = StdRng::seed_from_u64(plan.seed);
    let until = Instant::now() + Duration::from_secs(plan.seconds);
    let mut faults = 0;
    for act in cell.acts.iter().cycle() {
        sleep(Duration::from_millis(random.random_range(CALM_MS))).await;
        if Instant::now() >= until && faults >= cell.acts.len() {
            break;
        }
        run.mark_fault(&format!("{act:?}")).await;
        scene.act(*act).await?;
        run.healed().await;
        faults += 1;
    }
    Ok(faults)
}
