//! `dev/prove`: load and faults against real processes, and a checker that decides.

mod nemesis;

use anyhow::{Context as _, Result, ensure};
use clap::Parser;
use nemesis::{
    cells::{CELLS, Cell, On},
    engines::Instance,
    results::{Outcome, Results},
    run::{self, Plan},
    sabotages,
};
use std::path::PathBuf;

/// Load, faults, and the proof: every cell runs load under a fault, heals it, drains, and checks.
#[derive(Parser)]
#[command(name = "prove")]
struct Cli {
    #[command(flatten)]
    told: Told,
    /// Only these cells.
    #[arg(long)]
    cell: Vec<String>,
    /// Eight cells in a few minutes.
    #[arg(long)]
    quick: bool,
    /// Every cell that the given engines allow, but for those of `--points`.
    #[arg(long)]
    all: bool,
    /// Processes that die at named points; they need a build that can (feature `sabotage`).
    #[arg(long)]
    points: bool,
    /// Builds with defects: each must be noticed. `all`, or names of `engines/src/sabotage.rs`.
    #[arg(long)]
    sabotage: Vec<String>,
    /// Chooses the load and the order of faults; a failure is repeated with it.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How long a cell puts load and faults on.
    #[arg(long, default_value_t = 40)]
    seconds: u64,
    /// Messages a second, in all.
    #[arg(long, default_value_t = 100)]
    rate: u32,
    /// People; each has one to three devices.
    #[arg(long, default_value_t = 12)]
    people: usize,
    /// The `parlor` that is put to the proof.
    #[arg(long, default_value = "target/release/parlor")]
    binary: PathBuf,
    /// `dev/engines`.
    #[arg(long, default_value = "dev/engines")]
    engines: PathBuf,
    /// Real engines of one node each, as `dev/engines` names them; without, only embedded cells run.
    #[arg(long)]
    instance: Option<String>,
    /// Real engines of three nodes each.
    #[arg(long)]
    three: Option<String>,
    /// Where histories and results go.
    #[arg(long, default_value = "target/prove")]
    out: PathBuf,
}

/// What is only told.
#[derive(clap::Args)]
struct Told {
    /// Lists the cells and ends.
    #[arg(long)]
    list: bool,
    /// Says which real engines the chosen cells need (`one`, `three`), and ends.
    #[arg(long, hide = true)]
    needs: bool,
}

impl Cli {
    fn wants(&self, cell: &Cell) -> bool {
        let of_kind = if cell.has_points() { self.points } else { self.all || (self.quick && cell.quick) };
        of_kind || self.cell.iter().any(|id| id == cell.id)
    }

    /// What is put to the proof; histories have their directory then.
    fn binary(&self) -> Result<PathBuf> {
        std::fs::create_dir_all(&self.out)?;
        self.binary.canonicalize().with_context(|| format!("no {}", self.binary.display()))
    }

    fn plan(&self, binary: PathBuf) -> Plan {
        Plan {
            binary,
            seed: self.seed,
            seconds: self.seconds,
            rate: self.rate,
            people: self.people,
            out: self.out.clone(),
            sabotage: None,
        }
    }

    /// The cells that were asked for, each with the engines it is to run on.
    fn plans(&self) -> Result<Vec<(Cell, Option<Instance>)>> {
        for wanted in &self.cell {
            ensure!(CELLS.iter().any(|cell| cell.id == wanted), "no cell is called {wanted}; see --list");
        }
        let instance =
            |name: &Option<String>| name.clone().map(|name| Instance { script: self.engines.clone(), name });
        let (shared, three) = (instance(&self.instance), instance(&self.three));
        let mut plans = Vec::new();
        for cell in CELLS.iter().filter(|cell| self.wants(cell)) {
            if matches!(cell.on, On::Embedded | On::Both) {
                plans.push((*cell, None));
            }
            let real = if cell.on == On::Three { &three } else { &shared };
            if cell.on != On::Embedded
                && let Some(instance) = real
            {
                plans.push((*cell, Some(instance.clone())));
            }
        }
        Ok(plans)
    }
}

async fn sabotages(cli: &Cli) -> Result<()> {
    let name = cli.instance.clone().context("defects are looked for on real engines: --instance")?;
    let instance = Instance { script: cli.engines.clone(), name };
    let names: Vec<String> = cli.sabotage.iter().filter(|name| *name != "all").cloned().collect();
    let missed = sabotages::all(&names, &instance, &cli.plan(cli.binary()?)).await?;
    ensure!(missed.is_empty(), "not noticed: {}", missed.join(", "));
    println!("every defect was noticed");
    Ok(())
}

fn list() {
    for cell in CELLS {
        let quick = if cell.quick { "quick" } else { "" };
        println!("{:<28} {:<10} {quick:<6} {:?}", cell.id, format!("{:?}", cell.on), cell.acts);
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    let cli = Cli::parse();
    if cli.told.list {
        list();
        return Ok(());
    }
    if cli.told.needs {
        if !cli.sabotage.is_empty() {
            println!("one");
            return Ok(());
        }
        for (on, name) in [(On::Shared, "one"), (On::Three, "three")] {
            if CELLS
                .iter()
                .any(|cell| cli.wants(cell) && (cell.on == on || (on == On::Shared && cell.on == On::Both)))
            {
                println!("{name}");
            }
        }
        return Ok(());
    }
    let plans = cli.plans()?;
    if !cli.sabotage.is_empty() {
        return sabotages(&cli).await;
    }
    ensure!(
        !plans.is_empty(),
        "nothing to do: say --cell ID, --quick or --all (and --instance for real engines)"
    );
    let binary = cli.binary()?;
    let mut results = Results::default();
    for (n, (cell, instance)) in plans.iter().enumerate() {
        let on = if instance.is_some() { "real engines" } else { "embedded" };
        println!("[{}/{}] {} on {on}, seed {}", n + 1, plans.len(), cell.id, cli.seed);
        let plan = cli.plan(binary.clone());
        let outcome = match run::cell(cell, instance.clone(), &plan).await {
            Ok(outcome) => outcome,
            Err(error) => Outcome::broken(format!("{error:#}")),
        };
        println!("    {outcome}");
        results.add(cell.id, on, cli.seed, outcome);
        // After each: what was seen stays seen if the run is cut off.
        results.write(&cli.out)?;
    }
    println!("\n{}", results.markdown());
    println!("{} passed, {} failed", plans.len() - results.failed(), results.failed());
    ensure!(results.all_pass(), "{} of {} cells failed", results.failed(), plans.len());
    Ok(())
}
