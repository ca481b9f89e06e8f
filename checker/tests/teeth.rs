//! The checker's teeth: random histories of a correct system are clean, and whatever is broken in
//! them on purpose is found by the rule that is meant for it.

#![allow(missing_docs)]

mod teeth {
    pub mod acts;
    pub mod ending;
    pub mod mutations;
    pub mod system;
}

use parlor_checker::{Damaged, Report, Writer, check, history::Entry, rules};
use rand::{SeedableRng, rngs::StdRng};
use std::collections::BTreeMap;
use teeth::{mutations, system::System};

/// Clean histories that may give no violation.
const CLEAN: u64 = 1_000;
/// At most so many histories are searched for something that a mutation can break,
const SEARCHED: u64 = 150;
/// until so many are broken.
const BROKEN: usize = 12;
/// What is drawn by lot may be nothing that can be broken; it is drawn again.
const TRIES: usize = 8;

fn written(entries: Vec<Entry>) -> Vec<u8> {
    let at_us = entries.last().map_or(0, |entry| entry.at_us);
    let mut writer = Writer::new(Vec::new());
    for entry in entries {
        writer.write(entry).expect("memory takes it");
    }
    writer.finish(at_us).expect("memory takes it")
}

fn checked(entries: Vec<Entry>) -> Report {
    check(written(entries).as_slice()).expect("a whole history")
}

#[test]
fn clean_histories_have_no_violations() {
    let mut checked_of: BTreeMap<String, u64> = BTreeMap::new();
    for seed in 0..CLEAN {
        let report = checked(System::history(seed));
        assert!(report.is_clean(), "seed {seed}: {report}");
        for outcome in report.rules {
            assert!(outcome.not_checked.len() <= 1, "seed {seed}: {outcome:?}");
            *checked_of.entry(outcome.rule).or_default() += outcome.checked;
        }
    }
    // A rule that had nothing to check has not been tested.
    for name in rules::names() {
        assert!(checked_of[name] > CLEAN, "{name}: {}", checked_of[name]);
    }
}

#[test]
fn every_mutation_is_caught_by_its_rule() {
    for (name, rule, mutate) in mutations::ALL {
        let mut broken = 0;
        for seed in 0..SEARCHED {
            if broken == BROKEN {
                break;
            }
            let clean = System::history(seed);
            let mut random = StdRng::seed_from_u64(seed);
            let tries = (0..TRIES).find_map(|_| {
                let mut entries = clean.clone();
                mutate(&mut entries, &mut random).map(|()| entries)
            });
            let Some(entries) = tries else { continue };
            broken += 1;
            let history = written(entries);
            let mut report = check(history.as_slice()).expect("a whole history");
            report.quote(history.as_slice()).expect("memory can be read");
            let outcome = report.rule(rule).expect("a rule");
            assert!(outcome.violations_count > 0, "{name}, seed {seed}: {rule} did not see it: {report}");
            let first = &outcome.violations[0];
            assert_eq!(first.quoted.len(), first.lines.len(), "{first:?}");
            assert!(!first.lines.is_empty() && first.lines.len() <= 8, "{name}: {first:?}");
        }
        assert!(broken == BROKEN, "{name}: only {broken} histories have what it breaks");
    }
}

#[test]
fn every_rule_has_a_mutation() {
    for name in rules::names() {
        assert!(mutations::ALL.iter().any(|(_, rule, _)| *rule == name), "{name}");
    }
}

#[test]
fn a_damaged_history_is_refused() {
    let whole = written(System::history(1));
    let text = String::from_utf8(whole.clone()).expect("text");
    let lines: Vec<&str> = text.lines().collect();
    let without = |gone: usize| {
        let kept = lines.iter().enumerate().filter(|(at, _)| *at != gone).map(|(_, line)| *line);
        kept.collect::<Vec<_>>().join("\n") + "\n"
    };
    let refused = |bytes: &[u8]| check(bytes).expect_err("it is damaged").to_string();
    assert!(check(whole.as_slice()).is_ok());
    let cut = refused(&whole[..whole.len() - 10]);
    assert!(cut.contains(&format!("line {} of the history is damaged", lines.len())), "{cut}");
    assert!(refused(without(lines.len() - 1).as_bytes()).contains("not its end"));
    assert!(matches!(
        check(without(lines.len() / 2).as_bytes()),
        Err(Damaged::NotWhole(_) | Damaged::Line { .. })
    ));
    assert!(refused(without(0).as_bytes()).contains("begins with `run`"));
    let bent = text.replacen("\"at_us\"", "\"at\"", 3);
    assert!(refused(bent.as_bytes()).contains("line 1 of the history is damaged"));
    let other = text.replacen("\"version\":1", "\"version\":2", 1);
    assert!(refused(other.as_bytes()).contains("of version 2"));
}
