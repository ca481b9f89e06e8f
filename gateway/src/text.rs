//! What no text may hold (PROTOCOL, conventions), found where it is written: U+0000 as JSON escapes
//! it, and in a URL U+0000 and what is no UTF-8, which is how half a surrogate would come.

use percent_encoding::percent_decode_str;

/// Whether a JSON text escapes U+0000 anywhere.
pub(crate) fn has_nul(json: &[u8]) -> bool {
    let mut rest = json;
    while let Some(at) = rest.iter().position(|byte| *byte == b'\\') {
        if rest[at + 1..].starts_with(b"u0000") {
            return true;
        }
        rest = rest.get(at + 2..).unwrap_or_default();
    }
    false
}

/// Whether the percent-encoded part of a URL is UTF-8 without U+0000.
pub(crate) fn is_plain(encoded: &str) -> bool {
    percent_decode_str(encoded).decode_utf8().is_ok_and(|text| !text.contains('\0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_escaped_nul_is_found_and_an_escaped_backslash_is_not_one() {
        assert!(has_nul(br#"{"a":"x\u0000"}"#));
        assert!(has_nul(br#"{"a":"\\\u0000"}"#));
        assert!(!has_nul(br#"{"a":"\\u0000"}"#));
        assert!(!has_nul(br#"{"a":"\u0001"}\"#));
    }

    #[test]
    fn a_url_holds_text() {
        for good in ["", "a=b&c=%F0%9F%91%8D", "100%", "%zz", "%2", "%+0", "%%CC%BC", "👍"] {
            assert!(is_plain(good), "{good}");
        }
        for bad in ["a=%00", "%ED%A0%80", "%ff", "%F0%9F", "%CC%%BC"] {
            assert!(!is_plain(bad), "{bad}");
        }
    }
}
