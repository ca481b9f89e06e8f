//! The frames of a load: numbered, so that what comes back can be told apart by looking at bytes.

use crate::socket::find;

/// The number behind `#` in a message's text.
pub fn number(frame: &[u8]) -> Option<u64> {
    Some(field(frame, b"#")).filter(|number| *number > 0)
}

/// The number behind `name`; 0 if there is none.
pub fn field(frame: &[u8], name: &[u8]) -> u64 {
    let start = find(frame, name).map_or(frame.len(), |at| at + name.len());
    let digits = frame[start..].iter().take_while(|byte| byte.is_ascii_digit());
    digits.fold(0, |number, digit| number * 10 + u64::from(digit - b'0'))
}

/// The number inside a client_msg_id made by [`client_msg_id`].
pub fn number_of_id(frame: &[u8]) -> Option<u64> {
    let at = find(frame, b"\"client_msg_id\":\"")? + 17;
    let id = frame.get(at..at + 36)?;
    u64::from_str_radix(std::str::from_utf8(&id[24..36]).ok()?, 16).ok()
}

fn client_msg_id(number: u64) -> String {
    let mut id = uuid::Uuid::now_v7().into_bytes();
    id[10..16].copy_from_slice(&number.to_be_bytes()[2..8]);
    uuid::Uuid::from_bytes(id).to_string()
}

/// A `send` frame with a text of 64 characters that carries the number.
pub fn send_frame(conversation: &str, number: u64) -> String {
    let id = client_msg_id(number);
    format!(
        r##"{{"type":"send","id":"{number}","conversation_id":"{conversation}","client_msg_id":"{id}","body":{{"text":"#{number} the quick brown fox jumps over the lazy dog, twice a day"}}}}"##
    )
}
