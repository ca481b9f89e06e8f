//! Access tokens: no token but ours says who it is. The input is a token, or (after a first byte of 0)
//! what is laid over ours from a place on.
#![no_main]

use ed25519_dalek::{SigningKey, pkcs8::EncodePrivateKey as _};
use parlor_gateway::fuzzing::Tokens;
use std::sync::LazyLock;

static TOKENS: LazyLock<Tokens> = LazyLock::new(|| {
    let key = SigningKey::from_bytes(&[7; 32]);
    let pem = key.to_pkcs8_pem(ed25519_dalek::pkcs8::spki::der::pem::LineEnding::LF).expect("a key");
    Tokens::new(pem.to_string())
});

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    if let [0, at, over @ ..] = data {
        let mut token = TOKENS.token.clone().into_bytes();
        let at = usize::from(*at) * token.len() / 256;
        for (byte, new) in token[at..].iter_mut().zip(over) {
            *byte = *new;
        }
        if let Ok(token) = String::from_utf8(token) {
            TOKENS.verify(&token);
        }
    } else if let Ok(token) = std::str::from_utf8(data) {
        TOKENS.verify(token);
    }
});
