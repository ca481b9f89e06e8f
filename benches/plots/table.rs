//! The table of results in benches/README.md, between its two marks.

use crate::shown::shown;
use serde_json::Value;
use std::{fmt::Write as _, fs, path::Path};

const BEGIN: &str = "<!-- results -->";
const END: &str = "<!-- end of results -->";

/// Writes the reports' rows where the last ones stood.
pub fn write(readme: &Path, reports: &[Value]) {
    let text = fs::read_to_string(readme).expect("the README can be read");
    let (head, rest) = text.split_once(BEGIN).expect("the README has a place for results");
    let (_, tail) = rest.split_once(END).expect("the README has an end of results");
    let rows = rows(reports);
    fs::write(readme, format!("{head}{BEGIN}\n{rows}{END}{tail}")).expect("the README can be written");
}

fn rows(reports: &[Value]) -> String {
    let mut out = String::from(
        "| benchmark | case | unit | ours | baseline | ratio | aim | verdict | spread |\n|---|---|---|---|---|---|---|---|---|\n",
    );
    for report in reports {
        let verdict = &report["verdict"];
        let ratio = verdict["ratio"]
            .as_f64()
            .or_else(|| Some(report["ours"]["median"].as_f64()? / report["baseline"]["median"].as_f64()?));
        let baseline = report["baseline"]["median"].as_f64();
        let baseline = baseline.map(|value| format!("{} ({})", shown(value), word(&report["against"])));
        writeln!(
            out,
            "| {} | {} | {} | {} | {} | {} | {} | {} | {} |",
            word(&report["bench"]),
            word(&report["case"]),
            word(&report["unit"]),
            report["ours"]["median"].as_f64().map(shown).unwrap_or_default(),
            baseline.unwrap_or_default(),
            ratio.map(shown).unwrap_or_default(),
            word(&verdict["aim"]),
            word(&verdict["verdict"]),
            spread(report),
        )
        .expect("writing to a text succeeds");
    }
    out
}

fn word(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// Of the ratio where there is an aim, else of ours.
fn spread(report: &Value) -> String {
    let spread = report["verdict"]["spread"].as_f64().or_else(|| report["ours"]["spread"].as_f64());
    spread.map(|spread| format!("{:.0} %", spread * 100.0)).unwrap_or_default()
}
