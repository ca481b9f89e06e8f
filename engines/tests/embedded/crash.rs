//! Crashes leave a journal that is cut or torn at its end: what was acknowledged before is there,
//! whole commits only, and damage that hits acknowledged data is never passed over in silence.

use crate::{
    conformance::{
        Setting as _,
        words::{append, entry, read_all, values},
    },
    setting::Embedded,
};
use parlor_engines::OpenError;
use parlor_schemas::Topic;
use std::{
    fs,
    path::{Path, PathBuf},
};

const COMMITS: usize = 40;

/// A directory with commits of a few records each, and the length of its journal after each.
async fn written() -> (Embedded, PathBuf, Vec<usize>) {
    let at = Embedded::new().await;
    let engines = at.open().await;
    let journal = newest_journal(&at.path().join("data/engine"));
    let mut lengths = Vec::new();
    for n in 0..COMMITS {
        let records = [Topic::Messages, Topic::Receipts, Topic::Messages];
        let entries = records.map(|topic| entry(topic, 0, "k", Some(&format!("{n} {}", "x".repeat(n * 7)))));
        append(&*engines.log, entries.to_vec()).await;
        lengths.push(used(&journal));
    }
    engines.close().await;
    // Most of what is reserved behind the last commit goes, for the copies' sake.
    let file = fs::OpenOptions::new().write(true).open(&journal).unwrap();
    file.set_len(lengths[COMMITS - 1] as u64 + 5_000).unwrap();
    (at, journal, lengths)
}

fn newest_journal(database: &Path) -> PathBuf {
    let journals = fs::read_dir(database).unwrap().map(|file| file.unwrap().path());
    journals.filter(|path| path.extension().is_some_and(|extension| extension == "jnl")).max().unwrap()
}

/// Bytes of a journal up to the zeros that are reserved.
fn used(journal: &Path) -> usize {
    let bytes = fs::read(journal).unwrap();
    bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1)
}

/// The commits that are there: whole ones, in order, from the first on.
async fn commits(at: &Embedded) -> Result<usize, OpenError> {
    let engines = at.try_open().await?;
    let messages = values(&read_all(&*engines.log, Topic::Messages, 0, 0).await);
    let receipts = values(&read_all(&*engines.log, Topic::Receipts, 0, 0).await);
    for (n, pair) in messages.chunks(2).enumerate() {
        let expected = format!("{n} {}", "x".repeat(n * 7));
        assert_eq!(pair, [expected.clone(), expected.clone()]);
        assert_eq!(receipts[n], expected);
    }
    assert_eq!(messages.len(), receipts.len() * 2, "no half commit");
    // And it goes on from there.
    append(&*engines.log, vec![entry(Topic::Push, 0, "k", Some("after"))]).await;
    engines.close().await;
    Ok(receipts.len())
}

/// The directory as it was, with another journal.
fn put_back(kept: &Path, at: &Embedded, journal: &Path, bytes: &[u8]) {
    let data = at.path().join("data");
    fs::remove_dir_all(&data).unwrap();
    copy(kept, &data);
    fs::write(journal, bytes).unwrap();
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for file in fs::read_dir(from).unwrap() {
        let file = file.unwrap();
        let to = to.join(file.file_name());
        if file.file_type().unwrap().is_dir() {
            copy(&file.path(), &to);
        } else {
            fs::copy(file.path(), to).unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_journal_cut_anywhere_gives_the_commits_before_the_cut() {
    let (at, journal, lengths) = written().await;
    let kept = tempfile::tempdir().unwrap();
    copy(&at.path().join("data"), kept.path());
    let bytes = fs::read(&journal).unwrap();
    for cut in (lengths[0]..=lengths[COMMITS - 1]).step_by(1_301) {
        put_back(kept.path(), &at, &journal, &bytes[..cut]);
        let expected = lengths.iter().filter(|length| **length <= cut).count();
        assert_eq!(commits(&at).await.unwrap(), expected, "cut at {cut}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_torn_last_commit_is_cut_and_older_damage_is_refused() {
    let (at, journal, lengths) = written().await;
    let kept = tempfile::tempdir().unwrap();
    copy(&at.path().join("data"), kept.path());
    let bytes = fs::read(&journal).unwrap();
    let (start, end) = (lengths[COMMITS - 2], lengths[COMMITS - 1]);
    // Sectors of the last commit that never reached the disk.
    for torn in (start..end).step_by(131) {
        let mut damaged = bytes.clone();
        damaged[torn..(torn + 64).min(end)].fill(0);
        put_back(kept.path(), &at, &journal, &damaged);
        assert_eq!(commits(&at).await.unwrap(), COMMITS - 1, "torn at {torn}");
    }
    for at_byte in (lengths[0]..start).step_by(3_701) {
        let mut damaged = bytes.clone();
        damaged[at_byte..at_byte + 8].fill(0xA5);
        put_back(kept.path(), &at, &journal, &damaged);
        let refused = commits(&at).await.unwrap_err();
        let OpenError::Damaged { at: place, .. } = &refused else { panic!("{refused}") };
        assert!(lengths.contains(&(*place as usize)), "named where the damaged commit begins");
        // The advice of the message: cut there, and what was before is there.
        fs::OpenOptions::new().write(true).open(&journal).unwrap().set_len(*place).unwrap();
        let expected = lengths.iter().filter(|length| **length <= *place as usize).count();
        assert_eq!(commits(&at).await.unwrap(), expected);
    }
}
