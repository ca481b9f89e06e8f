//! What the embedded log reads back from its disk: blocks of records, and the journal before the database
//! opens it.
#![no_main]

use bytes::Bytes;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    parlor_engines::fuzzing::block(&Bytes::copy_from_slice(data));
    parlor_engines::fuzzing::journal(data);
});
