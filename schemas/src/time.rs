//! Times: milliseconds since 1970 inside, RFC 3339 UTC with milliseconds on the wire; and the
//! TIMEUUID that names a record.

use crate::ids::{ConversationId, MessageId};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use sha2::{Digest, Sha256};
use std::fmt;
use uuid::Uuid;

/// Milliseconds since 1970, UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, utoipa::ToSchema)]
#[schema(value_type = String, format = DateTime)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// This time, `millis` later.
    #[must_use]
    pub fn plus_millis(self, millis: i64) -> Self {
        Self(self.0.saturating_add(millis))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Beyond the years that can be written it is the last one that can: a text that ends in an error
        // would end the process.
        let end = if self.0 < 0 { jiff::Timestamp::MIN } else { jiff::Timestamp::MAX };
        let time = jiff::Timestamp::from_millisecond(self.0).unwrap_or(end);
        write!(f, "{time:.3}")
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        if to.is_human_readable() { to.collect_str(self) } else { self.0.serialize(to) }
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        if !from.is_human_readable() {
            return i64::deserialize(from).map(Self);
        }
        let text = std::borrow::Cow::<'_, str>::deserialize(from)?;
        let time: jiff::Timestamp = text.parse().map_err(D::Error::custom)?;
        Ok(Self(time.as_millisecond()))
    }
}

/// 100 ns ticks between 1582-10-15 (the start of UUIDv1 time, RFC 9562) and 1970.
const GREGORIAN_TICKS: u64 = 0x01B2_1DD2_1381_4000;
const TICKS_PER_MILLI: u64 = 10_000;

/// UUIDv1 ticks of a time since 1970 in milliseconds.
pub fn ticks(at: Timestamp) -> u64 {
    GREGORIAN_TICKS + at.0.max(0) as u64 * TICKS_PER_MILLI
}

/// The time (milliseconds since 1970) of UUIDv1 ticks.
pub fn of_ticks(ticks: u64) -> Timestamp {
    Timestamp((ticks.saturating_sub(GREGORIAN_TICKS) / TICKS_PER_MILLI) as i64)
}

/// The TIMEUUID of a record: `ticks` rises with `seq`; clock_seq and node come from a hash of the
/// conversation, so that two conversations never share an id (DESIGN §3).
pub fn message_id(conversation: ConversationId, ticks: u64) -> MessageId {
    let hash = Sha256::digest(conversation.as_bytes());
    let mut bytes = [0; 16];
    bytes[0..4].copy_from_slice(&(ticks as u32).to_be_bytes());
    bytes[4..6].copy_from_slice(&((ticks >> 32) as u16).to_be_bytes());
    bytes[6..8].copy_from_slice(&(((ticks >> 48) as u16 & 0x0FFF) | 0x1000).to_be_bytes());
    bytes[8..16].copy_from_slice(&hash[..8]);
    bytes[8] = bytes[8] & 0x3F | 0x80;
    // A node that is not a network card says so by its multicast bit (RFC 9562 §6.10).
    bytes[10] |= 1;
    MessageId(Uuid::from_bytes(bytes))
}

/// The ticks inside a record's TIMEUUID.
pub fn message_ticks(id: MessageId) -> u64 {
    let b = id.as_bytes();
    let low = u64::from(u32::from_be_bytes([b[0], b[1], b[2], b[3]]));
    let mid = u64::from(u16::from_be_bytes([b[4], b[5]]));
    let high = u64::from(u16::from_be_bytes([b[6], b[7]]) & 0x0FFF);
    high << 48 | mid << 32 | low
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_has_milliseconds() {
        let at = Timestamp(1_795_168_800_123);
        assert_eq!(serde_json::to_string(&at).unwrap(), "\"2026-11-20T10:00:00.123Z\"");
        assert_eq!(Timestamp(1000).to_string(), "1970-01-01T00:00:01.000Z");
        let back: Timestamp = serde_json::from_str("\"2026-11-20T10:00:00.123Z\"").unwrap();
        assert_eq!(back, at);
    }

    #[test]
    fn every_number_has_a_text() {
        for (at, year) in [(i64::MIN, "-009999-"), (i64::MAX, "9999-"), (253_402_300_800_000, "9999-")] {
            let text = Timestamp(at).to_string();
            assert!(text.starts_with(year), "{text}");
            assert_eq!(serde_json::to_string(&Timestamp(at)).unwrap(), format!("\"{text}\""));
        }
    }

    #[test]
    fn a_message_id_is_a_v1_whose_time_reads_back() {
        let at = Timestamp(1_795_168_800_123);
        let id = message_id(ConversationId(Uuid::from_u128(7)), ticks(at) + 3);
        assert_eq!(id.0.get_version_num(), 1);
        assert_eq!(message_ticks(id), ticks(at) + 3);
        assert_eq!(of_ticks(message_ticks(id)), at);
        let (seconds, nanos) = id.0.get_timestamp().unwrap().to_unix();
        assert_eq!((seconds, nanos), (1_795_168_800, 123_000_300));
    }
}
