use super::*;
use fjall::{Database, KeyspaceCreateOptions, PersistMode};

/// A journal as the database writes it, with the ends of its batches.
fn journal() -> (Vec<u8>, Vec<usize>) {
    let directory = tempfile::tempdir().unwrap();
    {
        let database = Database::builder(directory.path()).open().unwrap();
        let keyspace = database.keyspace("rows", KeyspaceCreateOptions::default).unwrap();
        for n in 0..5u8 {
            let mut batch = database.batch().durability(Some(PersistMode::SyncData));
            (0..=n).for_each(|m| batch.insert(&keyspace, [n, m], vec![m; 1 + 100 * usize::from(n)]));
            batch.remove(&keyspace, [n]);
            batch.commit().unwrap();
        }
    }
    let (_, path) = journals(directory.path()).unwrap().pop().unwrap();
    let bytes = fs::read(path).unwrap();
    let (mut ends, mut at) = (Vec::new(), 0);
    while let Some(batch) = batch(&bytes[at..]) {
        at += batch.length;
        ends.push(at);
    }
    (bytes[..at].to_vec(), ends)
}

#[test]
fn reads_the_databases_own_format() {
    let (bytes, ends) = journal();
    assert_eq!(ends.len(), 5);
    assert_eq!(intact(&bytes), bytes.len());
}

#[test]
fn a_cut_leaves_whole_batches_only() {
    let (bytes, ends) = journal();
    for length in 0..bytes.len() {
        let expected = ends.iter().copied().rfind(|end| *end <= length).unwrap_or(0);
        assert_eq!(intact(&bytes[..length]), expected);
        assert!(!has_batch(&bytes[expected..length]));
    }
}

#[test]
fn damage_before_an_intact_batch_is_told_from_a_torn_end() {
    let (bytes, ends) = journal();
    for at in 0..bytes.len() {
        let mut damaged = bytes.clone();
        damaged[at] ^= 0x55;
        let whole = ends.iter().copied().rfind(|end| *end <= at).unwrap_or(0);
        let is_last = whole == ends[ends.len() - 2];
        let number = whole + 5..whole + 13;
        if number.contains(&at) {
            // Found by its order, or as good as any other in this place.
            let intact = intact(&damaged);
            assert!(intact == bytes.len() || is_last || has_batch(&damaged[intact..]), "{at}");
            continue;
        }
        assert_eq!(intact(&damaged), whole, "{at}");
        assert_eq!(has_batch(&damaged[whole..]), !is_last, "{at}");
    }
}
