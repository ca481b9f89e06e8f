//! Cursors of lists, and the `since` of heads.
#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| parlor_gateway::fuzzing::cursors(text));
