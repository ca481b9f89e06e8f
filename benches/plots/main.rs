//! Draws what the benchmarks wrote with `--json FILE` (or `BENCH_JSON`):
//! `cargo bench --bench plots -- FILE …` makes benches/plots/*.svg and the table in benches/README.md.
//! Of several runs of a case the last one counts.

#![allow(missing_docs)]

mod chart;
#[path = "../measure/shown.rs"]
mod shown;
mod table;

use chart::{Chart, Line};
use serde_json::Value;
use std::{collections::BTreeMap, path::Path};

type Points = BTreeMap<String, Vec<(f64, f64)>>;

fn main() {
    let files: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let mut reports: Vec<Value> = Vec::new();
    for file in &files {
        let text = std::fs::read_to_string(file).unwrap_or_else(|error| panic!("{file}: {error}"));
        for line in text.lines() {
            let report: Value = serde_json::from_str(line).expect("a report is JSON");
            let is_same = |other: &&mut Value| {
                ["bench", "case", "unit"].iter().all(|name| other[*name] == report[*name])
            };
            match reports.iter_mut().find(is_same) {
                Some(earlier) => *earlier = report,
                None => reports.push(report),
            }
        }
    }
    if reports.is_empty() {
        println!("nothing to draw: cargo bench --bench plots -- FILE …, made by --json FILE");
        return;
    }
    table::write(&root().join("benches/README.md"), &reports);
    let of = |bench: &str| reports.iter().filter(|report| report["bench"] == bench).collect::<Vec<_>>();
    draw("latency", "Latency against load", "sends/s", "ms, send to receive", latency(&of("e2e")));
    draw("fanout", "Cost of a delivery", "sockets", "µs CPU/delivery", costs(&of("ws_fanout"), ""));
    draw(
        "growth",
        "Cost against size",
        "conversations",
        "µs CPU/message",
        costs(&of("growth"), "conversations"),
    );
    draw("groups", "Cost against group size", "members", "µs CPU/message", costs(&of("growth"), "groups"));
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Where a report stands on the x axis, and on which line.
fn place(report: &Value) -> Option<(&str, f64)> {
    Some((report["line"].as_str()?, report["x"].as_f64()?))
}

fn latency(reports: &[&Value]) -> Points {
    let mut points = Points::new();
    for report in reports {
        let Some((line, x)) = place(report) else { continue };
        for (figure, name) in [("receive_p50_ms", "p50"), ("receive_p99_ms", "p99")] {
            if let Some(y) = report["figures"]["ours"][figure].as_f64() {
                points.entry(format!("{line}, {name}")).or_default().push((x, y));
            }
            if let Some(y) = report["figures"]["baseline"][figure].as_f64() {
                points.entry(format!("raw tokio, {name}")).or_default().push((x, y));
            }
        }
    }
    points
}

/// Ours and the baseline of each line; `only`: one line.
fn costs(reports: &[&Value], only: &str) -> Points {
    let mut points = Points::new();
    for report in reports {
        let Some((line, x)) = place(report) else { continue };
        if !only.is_empty() && line != only {
            continue;
        }
        let against = report["against"].as_str().unwrap_or("baseline");
        for (side, name) in [("ours", "parlor"), ("baseline", against)] {
            if let Some(y) = report[side]["median"].as_f64() {
                points.entry(format!("{name}, {line}")).or_default().push((x, y));
            }
        }
    }
    points
}

fn draw(name: &str, title: &str, x: &str, y: &str, points: Points) {
    if points.is_empty() {
        return;
    }
    let lines = points.into_iter().map(|(name, mut points)| {
        points.sort_by(|a, b| a.0.total_cmp(&b.0));
        Line { name, points }
    });
    let chart = Chart { title, x, y, lines: lines.collect() };
    let path = root().join(format!("benches/plots/{name}.svg"));
    std::fs::write(&path, chart.svg()).expect("the plot can be written");
    println!("benches/plots/{name}.svg");
}
