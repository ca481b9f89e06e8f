//! How everything here is measured: rounds of ours and its baseline in turn, medians, the spread,
//! and a verdict only where the rounds agree.

#![allow(dead_code, unused_imports, reason = "each bench target uses its own part")]

mod journal;
mod process;
mod report;
mod series;
mod shown;

pub use journal::Journal;
pub use process::{cpu, fine_cpu, now, own_cpu, resident};
pub use report::{Judged, Report};
pub use series::{median, percentile_ms};

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::Duration,
};

/// What the command line and the environment ask for.
pub struct Run {
    /// Names of benchmarks; empty: all.
    wanted: Vec<String>,
    /// Rounds of each benchmark.
    pub rounds: usize,
    /// How long one side of one round loads, where the benchmark has no length of its own.
    pub round: Duration,
    /// Larger sizes, which take minutes (`BENCH_FULL=1`).
    pub is_full: bool,
    json: Option<PathBuf>,
}

/// Whose turn it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Parlor.
    Ours,
    /// What it is compared with.
    Baseline,
}

/// What one round of one side came to.
#[derive(Clone, Debug, Default)]
pub struct Sample {
    /// Units that were done: deliveries, records, connections.
    pub done: f64,
    /// CPU seconds for them.
    pub cpu: f64,
    /// Seconds of wall time.
    pub wall: f64,
    /// What else is worth telling.
    pub figures: Vec<(&'static str, f64)>,
}

/// The rounds of both sides.
#[derive(Default)]
pub struct Duel {
    ours: Vec<Sample>,
    baseline: Vec<Sample>,
}

impl Run {
    /// `[NAME …] [--json FILE]`, `BENCH_SECONDS`, `BENCH_ROUNDS`, `BENCH_JSON`, `BENCH_FULL`.
    pub fn from_command_line() -> Self {
        let number = |name: &str| {
            std::env::var(name).ok().and_then(|text| text.parse::<f64>().ok()).filter(|n| *n > 0.0)
        };
        let mut wanted = Vec::new();
        let mut json = std::env::var_os("BENCH_JSON").map(PathBuf::from);
        let mut arguments = std::env::args().skip(1).filter(|argument| argument != "--bench");
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--json" => json = arguments.next().map(PathBuf::from),
                _ => wanted.push(argument),
            }
        }
        Self {
            wanted,
            rounds: number("BENCH_ROUNDS").unwrap_or(3.0) as usize,
            round: Duration::from_secs_f64(number("BENCH_SECONDS").unwrap_or(3.0)),
            is_full: number("BENCH_FULL").is_some(),
            json,
        }
    }

    /// Whether a benchmark was asked for, by its name; says its name if so.
    pub fn wants(&self, name: &str) -> bool {
        let wants = self.wanted.is_empty() || self.wanted.iter().any(|wanted| wanted == name);
        if wants {
            println!("\n{name}");
        }
        wants
    }

    /// Names that no benchmark of `known` has.
    pub fn unknown(&self, known: &[&str]) -> Vec<String> {
        self.wanted.iter().filter(|wanted| !known.contains(&wanted.as_str())).cloned().collect()
    }

    /// Prints a report, and writes it down where that was asked for.
    pub fn tell(&self, report: &Report) {
        println!("{report}");
        if let Some(path) = &self.json {
            append(path, &report.json().to_string());
        }
    }

    /// Ours and the baseline in turn; who begins changes with every round, so that a machine that
    /// becomes slower treats both alike.
    pub async fn duel(&self, mut side: impl AsyncFnMut(Side) -> Sample) -> Duel {
        let mut duel = Duel::default();
        for round in 0..self.rounds {
            let order =
                if round % 2 == 0 { [Side::Ours, Side::Baseline] } else { [Side::Baseline, Side::Ours] };
            for turn in order {
                let sample = side(turn).await;
                match turn {
                    Side::Ours => duel.ours.push(sample),
                    Side::Baseline => duel.baseline.push(sample),
                }
            }
        }
        duel
    }

    /// Rounds of ours alone, where the aim is a number and not a comparison.
    pub async fn alone(&self, mut ours: impl AsyncFnMut() -> Sample) -> Duel {
        let mut duel = Duel::default();
        for _ in 0..self.rounds {
            duel.ours.push(ours().await);
        }
        duel
    }
}

fn append(path: &Path, line: &str) {
    use std::io::Write as _;
    let file = std::fs::OpenOptions::new().create(true).append(true).open(path);
    let written = file.and_then(|mut file| writeln!(file, "{line}"));
    written.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
}

impl Sample {
    /// CPU microseconds of each unit.
    pub fn cpu_us(&self) -> f64 {
        self.cpu * 1e6 / self.done.max(1.0)
    }

    /// Units per second.
    pub fn rate(&self) -> f64 {
        self.done / self.wall.max(1e-9)
    }

    /// One of its other figures.
    pub fn figure(&self, name: &str) -> f64 {
        self.figures.iter().find(|(known, _)| *known == name).map_or(f64::NAN, |(_, value)| *value)
    }
}

impl Duel {
    /// The rounds of one side, each as one number.
    pub fn values(&self, side: Side, value: impl Fn(&Sample) -> f64) -> Vec<f64> {
        let samples = if side == Side::Ours { &self.ours } else { &self.baseline };
        samples.iter().map(value).collect()
    }

    /// A report of CPU microseconds per `unit`.
    pub fn cpu(&self, bench: &'static str, case: impl Into<String>, unit: &str) -> Report {
        self.report(bench, case, &format!("µs CPU/{unit}"), Sample::cpu_us)
    }

    /// A report of units per second; higher is better.
    pub fn rate(&self, bench: &'static str, case: impl Into<String>, unit: &str) -> Report {
        self.report(bench, case, &format!("{unit}/s"), Sample::rate)
    }

    /// A report of any number of a sample.
    pub fn report(
        &self,
        bench: &'static str,
        case: impl Into<String>,
        unit: &str,
        value: impl Fn(&Sample) -> f64,
    ) -> Report {
        let baseline = (!self.baseline.is_empty()).then(|| self.values(Side::Baseline, &value));
        Report {
            bench,
            case: case.into(),
            unit: unit.to_owned(),
            ours: self.values(Side::Ours, &value),
            against: "baseline",
            baseline,
            judged: Judged::Nothing,
            at: None,
            figures: [("ours", medians(&self.ours)), ("baseline", medians(&self.baseline))].into(),
        }
    }
}

/// The medians of everything else that samples tell.
fn medians(samples: &[Sample]) -> BTreeMap<&'static str, f64> {
    let mut all: BTreeMap<&'static str, Vec<f64>> = BTreeMap::new();
    for (name, value) in samples.iter().flat_map(|sample| &sample.figures) {
        all.entry(name).or_default().push(*value);
    }
    all.into_iter().map(|(name, values)| (name, median(&values))).collect()
}
