//! Ids: one newtype each, all UUIDs, canonical lower-case text on every wire (PROTOCOL, conventions).

use serde::{Deserialize, Deserializer, Serialize, de::Error as _};
use std::{fmt, str::FromStr};
use uuid::Uuid;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, utoipa::ToSchema)]
        #[serde(transparent)]
        #[schema(value_type = String, format = Uuid)]
        pub struct $name(pub Uuid);

        impl $name {
            /// The 16 bytes, in the order that sorts like the text.
            pub fn as_bytes(&self) -> &[u8; 16] {
                self.0.as_bytes()
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }
        impl From<Uuid> for $name {
            fn from(id: Uuid) -> Self {
                Self(id)
            }
        }
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                if !from.is_human_readable() {
                    return Uuid::deserialize(from).map(Self);
                }
                from.deserialize_str(Text).and_then(|id| id.map(Self).map_err(D::Error::custom))
            }
        }
        impl FromStr for $name {
            type Err = NotCanonical;
            /// Canonical text only: what another spelling names is refused, so that one thing
            /// never has two names.
            fn from_str(text: &str) -> Result<Self, NotCanonical> {
                canonical(text).map(Self)
            }
        }
    };
}

id!(/// A user (v7).
    UserId);
id!(/// A device of a user (v7).
    DeviceId);
id!(/// A login on a device (v7); ends on logout.
    SessionId);
id!(/// A conversation (v5, see [`ConversationId::direct`] and [`ConversationId::group`]).
    ConversationId);
id!(/// The client's own id of a command (v7 by convention); the key of deduplication.
    ClientMsgId);
id!(/// A record's identity (TIMEUUID, v1).
    MessageId);
id!(/// An entry of the audit book (v7).
    AuditId);
id!(/// A stored object (v7).
    MediaId);
id!(/// One boot of a gateway: a new one at every start, so a stale route never reaches a new process.
    GatewayId);
id!(/// One boot of a publisher to gateways (a fanout).
    LinkId);

/// The text is not the canonical lower-case form of a UUID.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("not a canonical lower-case UUID")]
pub struct NotCanonical;

/// Parses in place: an id is read for every field of every record, and needs no copy.
struct Text;

impl serde::de::Visitor<'_> for Text {
    type Value = Result<Uuid, NotCanonical>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an id")
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(canonical(text))
    }
}

fn canonical(text: &str) -> Result<Uuid, NotCanonical> {
    let bytes = text.as_bytes();
    let plain = bytes.len() == 36 && !bytes.iter().any(u8::is_ascii_uppercase);
    if !plain {
        return Err(NotCanonical);
    }
    Uuid::try_parse(text).map_err(|_| NotCanonical)
}

/// Namespaces of the v5 ids: arbitrary, fixed for ever.
const DIRECT: Uuid = Uuid::from_u128(0x6f0e_6f39_1d5c_5d6e_9b4f_0d6a_c1a7_0001);
const GROUP: Uuid = Uuid::from_u128(0x6f0e_6f39_1d5c_5d6e_9b4f_0d6a_c1a7_0002);

impl ConversationId {
    /// The direct conversation of two users: the UUIDv5 of the two sorted ids, so that any gateway
    /// gives the same one (DESIGN §3). Alone with oneself it is a notebook.
    pub fn direct(a: UserId, b: UserId) -> Self {
        let (low, high) = if a <= b { (a, b) } else { (b, a) };
        Self(named(DIRECT, low.0, high.0))
    }

    /// The group that `creator` makes with this `Idempotency-Key`: making it twice gives the same.
    pub fn group(creator: UserId, key: ClientMsgId) -> Self {
        Self(named(GROUP, creator.0, key.0))
    }
}

fn named(namespace: Uuid, a: Uuid, b: Uuid) -> Uuid {
    let mut name = [0; 32];
    name[..16].copy_from_slice(a.as_bytes());
    name[16..].copy_from_slice(b.as_bytes());
    Uuid::new_v5(&namespace, &name)
}

impl ClientMsgId {
    /// The time inside a UUIDv7, milliseconds since 1970; `None` for every other version.
    pub fn v7_millis(&self) -> Option<i64> {
        (self.0.get_version_num() == 7).then(|| {
            let b = self.as_bytes();
            i64::from_be_bytes([0, 0, b[0], b[1], b[2], b[3], b[4], b[5]])
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn direct_is_the_same_from_both_sides() {
        let (a, b) = (UserId(Uuid::from_u128(1)), UserId(Uuid::from_u128(2)));
        assert_eq!(ConversationId::direct(a, b), ConversationId::direct(b, a));
        assert_ne!(ConversationId::direct(a, b), ConversationId::direct(a, a));
        assert_eq!(ConversationId::direct(a, b).0.get_version_num(), 5);
    }

    #[test]
    fn only_canonical_text_is_an_id() {
        let text = "0190f5c2-7b1e-7c3d-8e4f-5a6b7c8d9e0f";
        assert!(text.parse::<UserId>().is_ok());
        for bad in [&text.to_uppercase()[..], &text.replace('-', "")[..], "{…}", ""] {
            assert_eq!(bad.parse::<UserId>(), Err(NotCanonical), "{bad}");
        }
    }
}
