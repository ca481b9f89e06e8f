//! Query strings: what is refused as no text is just what its parser would have to guess; and every
//! route's query can be tried.
#![no_main]

use form_urlencoded::parse;
use parlor_gateway::fuzzing::{is_plain, queries};

/// Stands for what is no text, or for itself.
const GUESSED: char = '\u{FFFD}';

libfuzzer_sys::fuzz_target!(|query: &str| {
    queries(query);
    let has = |wanted: char| parse(query.as_bytes()).any(|(k, v)| k.contains(wanted) || v.contains(wanted));
    if is_plain(query) {
        assert!(!has('\0'), "{query:?}");
    } else {
        assert!(has('\0') || has(GUESSED), "{query:?}");
    }
});
