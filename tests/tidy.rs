//! The house's own rules, checked: sizes, directions, banned calls, dead files.

use std::{
    fs,
    path::{Path, PathBuf},
};

const CRATES: [&str; 11] = [
    "schemas",
    "engines",
    "ingest",
    "persister",
    "fanout",
    "pusher",
    "indexer",
    "gateway",
    "checker",
    "prove",
    "models",
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn walk(directory: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).expect("the folder can be read") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if path.is_dir() {
            if !["target", "node_modules", "vendor", ".git", "data"].contains(&name) {
                walk(&path, files);
            }
        } else {
            files.push(path);
        }
    }
}

/// Files with one of these endings, with their text.
fn sources(endings: &[&str]) -> Vec<(String, String)> {
    let mut files = Vec::new();
    walk(root(), &mut files);
    let relative = |path: &Path| path.strip_prefix(root()).expect("below the root").display().to_string();
    let wanted = files.iter().filter(|path| {
        path.extension().and_then(|ending| ending.to_str()).is_some_and(|ending| endings.contains(&ending))
    });
    wanted.map(|path| (relative(path), fs::read_to_string(path).expect("text"))).collect()
}

fn rust() -> Vec<(String, String)> {
    sources(&["rs"])
}

/// Reports all offences at once.
fn none(offences: &[String], rule: &str) {
    assert!(offences.is_empty(), "{rule}:\n  {}", offences.join("\n  "));
}

#[test]
fn no_file_is_over_500_lines() {
    let long: Vec<_> = sources(&["rs", "js", "mjs", "css", "sh"])
        .into_iter()
        .map(|(path, text)| (path, text.lines().count()))
        .filter(|(_, lines)| *lines > 500)
        .map(|(path, lines)| format!("{path}: {lines}"))
        .collect();
    none(&long, "a file is one idea, at most 500 lines");
}

#[test]
fn no_function_is_over_70_lines() {
    let mut long = Vec::new();
    for (path, text) in rust() {
        let lines: Vec<&str> = text.lines().collect();
        for (start, line) in lines.iter().enumerate() {
            let trimmed = line.trim_start();
            let indent = line.len() - trimmed.len();
            let is_function = [
                "fn ",
                "pub fn ",
                "async fn ",
                "pub async fn ",
                "pub(crate) fn ",
                "pub(super) fn ",
                "pub(crate) async fn ",
                "pub(super) async fn ",
            ]
            .iter()
            .any(|start| trimmed.starts_with(start));
            if !is_function || trimmed.ends_with(';') {
                continue;
            }
            // The formatter puts the closing brace of a function under its first letter.
            let end = lines[start..].iter().position(|l| l.len() == indent + 1 && l.ends_with('}'));
            if end.is_some_and(|length| length + 1 > 70) {
                long.push(format!("{path}:{}: {} lines", start + 1, end.unwrap_or(0) + 1));
            }
        }
    }
    none(&long, "a function is at most 70 lines");
}

#[test]
fn arrows_point_down_only() {
    let roles = ["ingest", "persister", "fanout", "pusher", "indexer", "gateway"];
    let mut wrong = Vec::new();
    for name in CRATES {
        let manifest = fs::read_to_string(root().join(name).join("Cargo.toml")).expect("a manifest");
        let dependencies = manifest.split("[dev-dependencies]").next().unwrap_or_default();
        for other in CRATES {
            let is_used = dependencies.contains(&format!("parlor-{other}.workspace"));
            let may = match name {
                // A model of the design that used the code would find the code right.
                "schemas" | "models" => false,
                // Whoever judges the servers shares nothing with them but the words.
                "engines" | "checker" => other == "schemas",
                "prove" => ["schemas", "engines", "checker"].contains(&other),
                _ => other == "schemas" || other == "engines",
            };
            if is_used && !may {
                wrong.push(format!("{name} → {other}"));
            }
        }
        assert!(
            roles.contains(&name) || ["schemas", "engines", "checker", "prove", "models"].contains(&name)
        );
    }
    none(&wrong, "src → roles → engines → schemas, and roles never see each other");
}

#[test]
fn only_engines_names_an_engine() {
    let mut wrong = Vec::new();
    for name in CRATES.iter().filter(|name| **name != "engines") {
        let manifest = fs::read_to_string(root().join(name).join("Cargo.toml")).expect("a manifest");
        for engine in ["fjall", "rdkafka", "scylla", "redis", "tantivy", "tokio-postgres"] {
            if manifest.lines().any(|line| line.starts_with(engine)) {
                wrong.push(format!("{name} depends on {engine}"));
            }
        }
    }
    none(&wrong, "only engines names an engine");
}

#[test]
fn schemas_does_no_io() {
    let manifest = fs::read_to_string(root().join("schemas/Cargo.toml")).expect("a manifest");
    assert!(!manifest.contains("tokio"), "schemas knows nothing of tokio");
    let offences: Vec<_> = rust()
        .into_iter()
        .filter(|(path, _)| path.starts_with("schemas/src") && !path.contains("/tests/"))
        .filter(|(_, text)| {
            ["std::fs", "std::net", "std::env", "SystemTime", "Instant::now"]
                .iter()
                .any(|io| text.contains(io))
        })
        .map(|(path, _)| path)
        .collect();
    none(&offences, "schemas is words only");
}

#[test]
fn nothing_hides_a_clock_or_a_stub() {
    // Spelled in two halves, so that this file does not name them.
    let banned = [
        ("SystemTime::", "now"),
        ("std::time::Instant::", "now"),
        ("todo", "!("),
        ("unimplemented", "!("),
        ("#[ign", "ore"),
        ("db", "g!("),
    ];
    let mut wrong = Vec::new();
    for (path, text) in rust() {
        if path == "engines/src/clock.rs" || path.starts_with("benches/") {
            continue;
        }
        for (number, line) in text.lines().enumerate() {
            for (a, b) in banned {
                if line.contains(&format!("{a}{b}")) {
                    wrong.push(format!("{path}:{}: {a}{b}", number + 1));
                }
            }
        }
    }
    none(&wrong, "clocks are passed in, and nothing is a stub");
}

#[test]
fn no_drawer_has_an_empty_name() {
    let mut files = Vec::new();
    walk(root(), &mut files);
    let wrong: Vec<_> = files
        .iter()
        .filter(|path| {
            let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
            ["util", "utils", "common", "helper", "helpers", "manager", "misc"].contains(&stem)
                || path.file_name().is_some_and(|name| name == "mod.rs")
        })
        .map(|path| path.display().to_string())
        .collect();
    none(&wrong, "every file is named after what it holds");
}

#[test]
fn every_rust_file_is_reachable() {
    let all = rust();
    let mut dead = Vec::new();
    for (path, _) in &all {
        let file = Path::new(path);
        let stem = file.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
        let top = ["lib", "main", "build"].contains(&stem)
            || path.starts_with("benches/")
            || path.starts_with("fuzz/")
            || path.contains("/examples/");
        let is_target = path.starts_with("tests/") && file.components().count() == 2
            || path.contains("engines/tests/")
            || path == "checker/tests/teeth.rs";
        if top || is_target {
            continue;
        }
        let declared = all.iter().any(|(_, text)| {
            text.lines().any(|line| {
                let line = line.trim().trim_start_matches("pub ").trim_start_matches("pub(crate) ");
                line.trim_start_matches("pub(super) ") == format!("mod {stem};")
            })
        });
        if !declared {
            dead.push(path.clone());
        }
    }
    none(&dead, "every file belongs to a module");
}

#[test]
fn the_defaults_name_every_version_once() {
    for name in CRATES {
        let manifest = fs::read_to_string(root().join(name).join("Cargo.toml")).expect("a manifest");
        let versions: Vec<_> = manifest
            .lines()
            .filter(|line| line.contains("version = \"") && !line.starts_with("version"))
            .map(|line| format!("{name}: {line}"))
            .collect();
        none(&versions, "versions stand in the root Cargo.toml alone");
    }
}
