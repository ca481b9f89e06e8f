//! Tables of a Markdown page: what a person reads is what the cases are made of.

/// A row: its cells by the names of their columns.
#[derive(Clone)]
pub struct Row(Vec<(&'static str, &'static str)>);

impl Row {
    /// The cell of a column.
    pub fn of(&self, column: &str) -> &'static str {
        let cell = self.0.iter().find(|(name, _)| *name == column);
        cell.unwrap_or_else(|| panic!("a column {column:?} in {:?}", self.0)).1
    }

    /// All cells from one column on, with their columns' names.
    pub fn from(&self, column: &str) -> &[(&'static str, &'static str)] {
        let at = self.0.iter().position(|(name, _)| *name == column);
        &self.0[at.unwrap_or_else(|| panic!("a column {column:?} in {:?}", self.0))..]
    }
}

/// The rows of the table under a heading.
pub fn rows(page: &'static str, heading: &str) -> Vec<Row> {
    let start = format!("\n## {heading}\n");
    let (_, text) = page.split_once(start.as_str()).unwrap_or_else(|| panic!("a heading {heading:?}"));
    let text = text.split("\n## ").next().unwrap_or_default();
    let mut lines = text.lines().filter(|line| line.starts_with('|')).map(cells);
    let names = lines.next().unwrap_or_else(|| panic!("a table under {heading:?}"));
    let rows = lines.skip(1).map(|cells| {
        assert_eq!(cells.len(), names.len(), "every row of {heading:?} has all columns: {cells:?}");
        Row(names.iter().copied().zip(cells).collect())
    });
    rows.collect()
}

fn cells(line: &'static str) -> Vec<&'static str> {
    let inner = line.trim().trim_start_matches('|').trim_end_matches('|');
    inner.split('|').map(|cell| cell.trim().trim_matches('`')).collect()
}

/// A cell's verdict, and the value that stands behind it, if one does.
pub fn verdict_of(cell: &'static str) -> (&'static str, Option<&'static str>) {
    match cell.split_once(' ') {
        Some((verdict, value)) => (verdict, Some(value)),
        None => (cell, None),
    }
}

/// Reports all failures at once.
pub fn none(failures: &[String]) {
    assert!(failures.is_empty(), "{} cases differ:\n  {}", failures.len(), failures.join("\n  "));
}

/// A text with its `$words` replaced; what is no word stays.
pub fn with_words(text: &str, meaning: impl Fn(&str) -> Option<String>) -> String {
    let mut out = String::with_capacity(text.len() + 256);
    let mut parts = text.split('$');
    out.push_str(parts.next().unwrap_or_default());
    for part in parts {
        let end = part.find(|c: char| !c.is_ascii_lowercase() && c != '_').unwrap_or(part.len());
        let (word, rest) = part.split_at(end);
        out.push_str(&meaning(word).unwrap_or_else(|| format!("${word}")));
        out.push_str(rest);
    }
    out
}
