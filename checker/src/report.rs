//! What the checker found.

use crate::reader;
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    io::{self, BufRead},
};

/// At most so many violations of a rule are kept; the others are counted.
pub const KEPT_MAX: usize = 20;

/// Characters of a quoted line that the text shows; the JSON has them all.
const SHOWN_MAX: usize = 360;

/// The findings, rule by rule.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Lines of the history.
    pub lines: u64,
    /// Distinct records in it.
    pub records: u64,
    /// Operations that were acknowledged with a place.
    pub acked: u64,
    /// In the order of the rules.
    pub rules: Vec<Outcome>,
}

/// What became of one rule.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// Its name.
    pub rule: String,
    /// What it asks for.
    pub asks: String,
    /// How many things it looked at.
    pub checked: u64,
    /// What it could not look at, and why.
    pub not_checked: Vec<String>,
    /// All that there are, kept or not.
    pub violations_count: u64,
    /// The first [`KEPT_MAX`].
    pub violations: Vec<Violation>,
}

/// A broken promise.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Violation {
    /// The rule's name.
    pub rule: String,
    /// What happened, for a person.
    pub sentence: String,
    /// The shortest list of lines of the history that shows it, from 1, rising.
    pub lines: Vec<u64>,
    /// Those lines ([`Report::quote`]).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub quoted: Vec<String>,
}

impl Outcome {
    pub(crate) fn new(rule: &str, asks: &str) -> Self {
        Self { rule: rule.to_owned(), asks: asks.to_owned(), ..Self::default() }
    }

    pub(crate) fn violation(&mut self, sentence: String, lines: impl IntoIterator<Item = u64>) {
        self.violations_count += 1;
        if self.violations.len() < KEPT_MAX {
            let lines: BTreeSet<u64> = lines.into_iter().filter(|line| *line > 0).collect();
            let (rule, lines) = (self.rule.clone(), lines.into_iter().collect());
            self.violations.push(Violation { rule, sentence, lines, quoted: Vec::new() });
        }
    }

    pub(crate) fn unchecked(&mut self, why: impl Into<String>) {
        let why = why.into();
        if !self.not_checked.contains(&why) && self.not_checked.len() < KEPT_MAX {
            self.not_checked.push(why);
        }
    }
}

impl Report {
    /// No promise was broken, as far as could be seen.
    pub fn is_clean(&self) -> bool {
        self.rules.iter().all(|rule| rule.violations_count == 0)
    }

    /// All violations that were kept.
    pub fn violations(&self) -> impl Iterator<Item = &Violation> {
        self.rules.iter().flat_map(|rule| &rule.violations)
    }

    /// One rule's outcome.
    pub fn rule(&self, name: &str) -> Option<&Outcome> {
        self.rules.iter().find(|outcome| outcome.rule == name)
    }

    /// Puts the lines that show each violation into the report, from the history once more.
    pub fn quote(&mut self, history: impl BufRead) -> io::Result<()> {
        let wanted: BTreeSet<u64> = self.violations().flat_map(|violation| violation.lines.clone()).collect();
        let wanted: Vec<u64> = wanted.into_iter().collect();
        let texts: BTreeMap<u64, String> =
            wanted.iter().copied().zip(reader::lines(history, &wanted)?).collect();
        for violation in self.rules.iter_mut().flat_map(|rule| &mut rule.violations) {
            violation.quoted = violation.lines.iter().filter_map(|line| texts.get(line).cloned()).collect();
        }
        Ok(())
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { lines, records, acked, .. } = self;
        writeln!(f, "{acked} acknowledged operations, {records} records, {lines} lines of history")?;
        for outcome in &self.rules {
            let verdict = match (outcome.violations_count, outcome.checked) {
                (0, 0) => "not checked",
                (0, _) => "kept",
                _ => "BROKEN",
            };
            writeln!(f, "{verdict:11} {:13} {:>9} checked  {}", outcome.rule, outcome.checked, outcome.asks)?;
            for why in &outcome.not_checked {
                writeln!(f, "            not checked: {why}")?;
            }
            for violation in &outcome.violations {
                writeln!(f, "            {}", violation.sentence)?;
                for (line, text) in violation.lines.iter().zip(&violation.quoted) {
                    let start: String = text.chars().take(SHOWN_MAX).collect();
                    let rest = if start.len() < text.len() { " …" } else { "" };
                    writeln!(f, "              {line}: {start}{rest}")?;
                }
            }
            let kept = outcome.violations.len() as u64;
            if outcome.violations_count > kept {
                writeln!(f, "            and {} more", outcome.violations_count - kept)?;
            }
        }
        let broken = self.rules.iter().filter(|rule| rule.violations_count > 0).count();
        let unseen = self.rules.iter().filter(|rule| rule.checked == 0).count();
        match (broken, unseen) {
            (0, 0) => write!(f, "every promise was kept"),
            (0, _) => write!(f, "no promise was broken; {unseen} rules had nothing to check"),
            _ => write!(f, "{broken} promises were BROKEN"),
        }
    }
}
