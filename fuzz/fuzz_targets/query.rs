//! Query strings: what is refused as no text is just what does not decode to text; and every route's
//! query can be tried.
#![no_main]

use parlor_gateway::fuzzing::{is_plain, queries};
use percent_encoding::percent_decode_str;

libfuzzer_sys::fuzz_target!(|query: &str| {
    let decoded: Vec<u8> = percent_decode_str(query).collect();
    let is_text = std::str::from_utf8(&decoded).is_ok() && !decoded.contains(&0);
    assert_eq!(is_plain(query), is_text, "{query:?}");
    queries(query);
});
