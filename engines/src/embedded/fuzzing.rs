//! Doors for fuzz targets (feature `fuzzing`): what the embedded log reads back from its disk, pure.

use super::{block, journal};
use crate::log::Entry;
use bytes::Bytes;
use parlor_schemas::Topic;

/// Reads bytes as a block of the log. What can be read is written anew and reads back the same, from
/// any offset.
pub fn block(bytes: &Bytes) {
    const FIRST: u64 = 40;
    let Ok(records) = block::records(3, FIRST, bytes, 0) else { return };
    let head = block::head(bytes).expect("records without a head");
    let mut builder = block::Builder::new(FIRST, head.at, head.before);
    for record in &records {
        builder.push(Entry {
            topic: Topic::Messages,
            partition: record.partition,
            key: record.key.clone(),
            value: record.value.clone(),
            headers: record.headers.clone(),
        });
    }
    let again = builder.finish().bytes;
    assert_eq!(block::records(3, FIRST, &again, 0).expect("our own block"), records);
    let half = FIRST + records.len() as u64 / 2;
    let later = block::records(3, FIRST, bytes, half).expect("as before");
    assert_eq!(later, records[records.len() / 2..]);
}

/// Looks for the intact batches of a journal. Cut there, it is intact as a whole, and cutting more never
/// makes it longer.
pub fn journal(bytes: &[u8]) {
    let intact = journal::intact(bytes);
    assert!(intact <= bytes.len());
    assert_eq!(journal::intact(&bytes[..intact]), intact);
    assert!(journal::intact(&bytes[..bytes.len() / 2]) <= intact);
    journal::has_batch(&bytes[intact..]);
}
