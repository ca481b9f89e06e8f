//! What no text may hold (PROTOCOL, conventions), found where it is written: U+0000 as JSON escapes
//! it, and in a URL U+0000 and what is no UTF-8, which is how half a surrogate would come.

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
    let mut bytes = Vec::with_capacity(encoded.len());
    let mut rest = encoded;
    while let Some((before, behind)) = rest.split_once('%') {
        bytes.extend_from_slice(before.as_bytes());
        // A number may have a sign, what a percent sign begins may not.
        let digits = behind.get(..2).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
        let byte = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match byte {
            Some(byte) => {
                bytes.push(byte);
                rest = &behind[2..];
            }
            // A lone percent sign stands for itself.
            None => rest = behind,
        }
    }
    bytes.extend_from_slice(rest.as_bytes());
    !bytes.contains(&0) && std::str::from_utf8(&bytes).is_ok()
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
        for good in ["", "a=b&c=%F0%9F%91%8D", "100%", "%zz", "%2", "%+0", "👍"] {
            assert!(is_plain(good), "{good}");
        }
        for bad in ["a=%00", "%ED%A0%80", "%ff", "%F0%9F"] {
            assert!(!is_plain(bad), "{bad}");
        }
    }
}
