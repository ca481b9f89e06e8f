//! What the cells came to, as Markdown for people and JSON for machines.

use anyhow::Result;
use serde::Serialize;
use std::{
    fmt::{self, Display, Write as _},
    path::Path,
};

/// What one cell came to.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Outcome {
    /// No rule is violated, and everything came up again.
    pub pass: bool,
    /// Faults that were done and healed.
    pub faults: usize,
    /// Operations that were acknowledged with a place.
    pub acked: u64,
    /// Distinct records that were seen.
    pub records: u64,
    /// What was violated, or what broke.
    pub violations: Vec<String>,
    /// From the beginning of the cell to the verdict.
    pub seconds: u64,
}

impl Outcome {
    /// The cell itself could not be done.
    pub fn broken(why: String) -> Self {
        Self { violations: vec![why], ..Self::default() }
    }
}

impl Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = if self.pass { "pass" } else { "FAILED" };
        let Self { faults, acked, records, seconds, .. } = self;
        write!(f, "{verdict}: {faults} faults, {acked} acked, {records} records, {seconds} s")?;
        self.violations.iter().take(5).try_for_each(|violation| write!(f, "\n      {violation}"))
    }
}

#[derive(Serialize)]
struct Row {
    cell: &'static str,
    engines: &'static str,
    seed: u64,
    #[serde(flatten)]
    outcome: Outcome,
}

/// All of them.
#[derive(Default, Serialize)]
pub struct Results {
    rows: Vec<Row>,
}

impl Results {
    /// One more.
    pub fn add(&mut self, cell: &'static str, engines: &'static str, seed: u64, outcome: Outcome) {
        self.rows.push(Row { cell, engines, seed, outcome });
    }

    /// Whether nothing failed.
    pub fn all_pass(&self) -> bool {
        self.failed() == 0
    }

    /// How many did.
    pub fn failed(&self) -> usize {
        self.rows.iter().filter(|row| !row.outcome.pass).count()
    }

    /// A table.
    pub fn markdown(&self) -> String {
        let mut text = String::from(
            "| cell | engines | seed | verdict | faults | acked | records | s |\n|---|---|---|---|---|---|---|---|\n",
        );
        for Row { cell, engines, seed, outcome } in &self.rows {
            let verdict = if outcome.pass { "pass" } else { "**failed**" };
            let Outcome { faults, acked, records, seconds, .. } = outcome;
            // Writing to a string can't fail.
            let _ = writeln!(
                text,
                "| {cell} | {engines} | {seed} | {verdict} | {faults} | {acked} | {records} | {seconds} |"
            );
        }
        text
    }

    /// `results.md` and `results.json`.
    ///
    /// # Errors
    /// They can't be written.
    pub fn write(&self, directory: &Path) -> Result<()> {
        std::fs::write(directory.join("results.md"), self.markdown())?;
        std::fs::write(directory.join("results.json"), serde_json::to_vec_pretty(self)?)?;
        Ok(())
    }
}
