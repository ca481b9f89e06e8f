//! A client's text as a frame, the fast way and the slow one.
#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| parlor_gateway::fuzzing::frame(text));
