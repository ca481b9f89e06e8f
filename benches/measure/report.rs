//! One line for people, one JSON object for plots.

use super::{
    series::{median, spread},
    shown::shown,
};
use serde_json::{Value, json};
use std::{collections::BTreeMap, fmt};

/// Rounds that differ by more than this say nothing.
const SPREAD_MAX: f64 = 0.25;
/// Fewer rounds have no spread worth the name.
const ROUNDS_MIN: usize = 3;

/// What the figures are held against.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Judged {
    /// There is no aim.
    Nothing,
    /// Costs: baseline / ours is at least this.
    Efficiency(f64),
    /// Rates: ours / baseline is at least this.
    Rate(f64),
    /// Costs: ours / baseline is at most this.
    Times(f64),
    /// Costs: ours / baseline is 1, give or take this.
    Flat(f64),
    /// Ours alone is at most this.
    AtMost(f64),
}

/// The figures of one case.
#[derive(Clone, Debug)]
pub struct Report {
    /// The benchmark.
    pub bench: &'static str,
    /// Which load or size.
    pub case: String,
    /// Of the figures.
    pub unit: String,
    /// One figure per round.
    pub ours: Vec<f64>,
    /// The name of the baseline.
    pub against: &'static str,
    /// Its figures, round by round.
    pub baseline: Option<Vec<f64>>,
    /// The aim.
    pub judged: Judged,
    /// For plots: the line it belongs to, and where on it.
    pub at: Option<(String, f64)>,
    /// Medians of other figures, by side.
    pub figures: BTreeMap<&'static str, BTreeMap<&'static str, f64>>,
}

impl Report {
    /// With the baseline's name.
    #[must_use]
    pub fn against(mut self, name: &'static str) -> Self {
        self.against = name;
        self
    }

    /// With an aim.
    #[must_use]
    pub fn judged(mut self, judged: Judged) -> Self {
        self.judged = judged;
        self
    }

    /// With a place in a plot.
    #[must_use]
    pub fn at(mut self, line: impl Into<String>, x: f64) -> Self {
        self.at = Some((line.into(), x));
        self
    }

    /// The ratio of each round in the direction of the aim, its sign, and the aim.
    fn ratios(&self) -> Option<(Vec<f64>, String, bool)> {
        let pairs = |ratio: fn(f64, f64) -> f64| -> Option<Vec<f64>> {
            let baseline = self.baseline.as_ref()?;
            Some(self.ours.iter().zip(baseline).map(|(ours, baseline)| ratio(*ours, *baseline)).collect())
        };
        let up: fn(f64, f64) -> f64 = |ours, baseline| ours / baseline;
        let down: fn(f64, f64) -> f64 = |ours, baseline| baseline / ours;
        let judge = |ratios: Vec<f64>, aim: String, holds: &dyn Fn(f64) -> bool| {
            let reached = holds(median(&ratios));
            Some((ratios, aim, reached))
        };
        match self.judged {
            Judged::Nothing => None,
            Judged::Efficiency(aim) => judge(pairs(down)?, format!("≥ {aim}"), &|r| r >= aim),
            Judged::Rate(aim) => judge(pairs(up)?, format!("≥ {aim}"), &|r| r >= aim),
            Judged::Times(aim) => judge(pairs(up)?, format!("≤ {aim}"), &|r| r <= aim),
            Judged::Flat(aim) => judge(pairs(up)?, format!("1 ± {aim}"), &|r| (r - 1.0).abs() <= aim),
            Judged::AtMost(aim) => judge(self.ours.clone(), format!("≤ {aim}"), &|r| r <= aim),
        }
    }

    /// `reached`, `missed`, or that the rounds do not tell.
    fn verdict(&self) -> Option<(f64, String, &'static str, f64)> {
        let (ratios, aim, reached) = self.ratios()?;
        let spread = spread(&ratios);
        let verdict = match (ratios.len() >= ROUNDS_MIN && spread <= SPREAD_MAX, reached) {
            (false, _) => "no verdict",
            (true, true) => "reached",
            (true, false) => "missed",
        };
        Some((median(&ratios), aim, verdict, spread))
    }

    /// Everything, for plots and tables.
    pub fn json(&self) -> Value {
        let side =
            |values: &[f64]| json!({"median": median(values), "spread": spread(values), "rounds": values});
        let verdict = self.verdict().map(|(ratio, aim, verdict, spread)| {
            json!({"ratio": ratio, "aim": aim, "verdict": verdict, "spread": spread})
        });
        json!({
            "bench": self.bench,
            "case": self.case,
            "unit": self.unit,
            "ours": side(&self.ours),
            "against": self.against,
            "baseline": self.baseline.as_deref().map(side),
            "verdict": verdict,
            "line": self.at.as_ref().map(|(line, _)| line),
            "x": self.at.as_ref().map(|(_, x)| x),
            "figures": self.figures,
        })
    }
}

fn percent(part: f64) -> String {
    if part.is_finite() { format!("{:.0} %", part * 100.0) } else { "?".to_owned() }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let side = |values: &[f64]| format!("{} (spread {})", shown(median(values)), percent(spread(values)));
        write!(f, "| {} | {} | ours {} |", self.case, self.unit, side(&self.ours))?;
        if let Some(baseline) = &self.baseline {
            write!(f, " {} {} |", self.against, side(baseline))?;
        }
        if let Some((ratio, aim, verdict, spread)) = self.verdict() {
            write!(f, " ratio {} (aim {aim}): {verdict}, spread {} |", shown(ratio), percent(spread))?;
        } else if let Some(baseline) = &self.baseline {
            write!(f, " ours / baseline {} |", shown(median(&self.ours) / median(baseline)))?;
        }
        for (side, figures) in self.figures.iter().filter(|(_, figures)| !figures.is_empty()).rev() {
            let figures: Vec<_> =
                figures.iter().map(|(name, value)| format!("{name} {}", shown(*value))).collect();
            write!(f, "\n    {side}: {}", figures.join(", "))?;
        }
        Ok(())
    }
}
