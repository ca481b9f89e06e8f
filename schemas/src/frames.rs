//! Frames of the socket (PROTOCOL §3): what clients may send, what the server says, and why it
//! closes. The texts that go to many receivers are encoded once, here.

use crate::{
    error::Code,
    ids::{ClientMsgId, ConversationId, DeviceId, MediaId, MessageId, UserId},
    limits::Limits,
    presence::{Here, PresenceView},
    record::{Message, Op, Skipped},
    strict,
    text::RecordText,
    time::Timestamp,
    view::{ConversationChange, ConversationShown},
};
use bytes::Bytes;
use serde::{Deserialize, Deserializer, Serialize, de};
use std::{borrow::Cow, fmt, ops::Deref};

/// The subprotocol's name.
pub const SUBPROTOCOL: &str = "parlor.v1";
/// A frame's `id` has at most so many characters.
pub const ID_MAX_CHARS: usize = 64;
/// Integers of the protocol stay below 2^53, so that JavaScript reads them exactly.
pub const INTEGER_MAX: u64 = (1 << 53) - 1;

/// A text borrowed from the frame where it holds no escapes.
#[derive(Clone, Debug, Default, PartialEq, Eq, utoipa::ToSchema)]
#[schema(value_type = String)]
pub struct Text<'a>(pub Cow<'a, str>);

impl Deref for Text<'_> {
    type Target = str;
    fn deref(&self) -> &str {
        &self.0
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> de::Visitor<'de> for Visitor {
            type Value = Text<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }
            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Borrowed(text)))
            }
            fn visit_str<E>(self, text: &str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }
        }
        from.deserialize_str(Visitor)
    }
}

/// Any client frame, flat: every field of every type, so that one pass without buffering reads it.
/// Which of them a type needs is [`FIELDS`]; the others are ignored.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[allow(missing_docs)]
pub struct ClientFrame<'a> {
    #[serde(borrow, rename = "type")]
    pub kind: Text<'a>,
    #[serde(borrow, default)]
    pub id: Option<Text<'a>>,
    #[serde(default)]
    pub conversation_id: Option<ConversationId>,
    #[serde(default)]
    pub client_msg_id: Option<ClientMsgId>,
    #[serde(default, deserialize_with = "strict::maybe_object")]
    pub body: Option<Message>,
    #[serde(default)]
    pub target: Option<u64>,
    #[serde(borrow, default)]
    pub emoji: Option<Text<'a>>,
    #[serde(default, deserialize_with = "strict::maybe_word")]
    pub op: Option<Op>,
    #[serde(default)]
    pub seq: Option<u64>,
    #[serde(default)]
    pub after: Option<u64>,
    #[serde(default)]
    pub before: Option<u64>,
    #[serde(default)]
    pub limit: Option<i64>,
    #[serde(borrow, default)]
    pub since: Option<Text<'a>>,
    #[serde(borrow, default)]
    pub token: Option<Text<'a>>,
    #[serde(borrow, default, deserialize_with = "strict::maybe_object")]
    pub device: Option<DeviceAsked<'a>>,
    #[serde(default)]
    pub on: Option<bool>,
    #[serde(default, deserialize_with = "strict::maybe_word")]
    pub status: Option<Here>,
    #[serde(default)]
    pub user_ids: Option<Vec<UserId>>,
}

/// The known fields of each client frame besides `type` and `id`. A frame type that does not stand
/// here is unknown.
pub const FIELDS: [(&str, &[&str]); 16] = [
    ("auth", &["token", "device"]),
    ("reauth", &["token"]),
    ("heads", &["since"]),
    ("fetch", &["conversation_id", "after", "before", "limit"]),
    ("send", &["conversation_id", "client_msg_id", "body"]),
    ("edit", &["conversation_id", "client_msg_id", "target", "body"]),
    ("delete", &["conversation_id", "client_msg_id", "target"]),
    ("react", &["conversation_id", "client_msg_id", "target", "emoji", "op"]),
    ("pin", &["conversation_id", "client_msg_id", "target", "op"]),
    ("read", &["conversation_id", "seq"]),
    ("delivered", &["conversation_id", "seq"]),
    ("typing", &["conversation_id", "on"]),
    ("presence", &["status"]),
    ("watch", &["user_ids"]),
    ("unwatch", &["user_ids"]),
    ("ping", &[]),
];

/// The known fields of a frame type; `None` if there is no such type.
pub fn fields_of(kind: &str) -> Option<&'static [&'static str]> {
    FIELDS.iter().find(|(name, _)| *name == kind).map(|(_, fields)| *fields)
}

/// The device that logs in, as the client describes it.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[allow(missing_docs)]
pub struct DeviceAsked<'a> {
    #[serde(deserialize_with = "strict::word")]
    pub kind: DeviceKind,
    #[serde(borrow)]
    pub name: Text<'a>,
    /// An IANA time zone, for texts about other people's presence; UTC without it.
    #[serde(borrow, default)]
    pub tz: Option<Text<'a>>,
}

/// What sort of device it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum DeviceKind {
    Web,
    Mobile,
    Desktop,
}

impl DeviceKind {
    /// As it stands on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Web => "web",
            Self::Mobile => "mobile",
            Self::Desktop => "desktop",
        }
    }
}

/// A user as others see it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[allow(missing_docs)]
pub struct Profile {
    pub user_id: UserId,
    pub username: String,
    pub display_name: String,
    pub avatar_media_id: Option<MediaId>,
}

/// One conversation as `heads` shows it.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
#[allow(missing_docs)]
pub struct HeadItem<'a> {
    pub conversation_id: ConversationId,
    #[schema(value_type = String)]
    pub epoch: &'a str,
    pub head_seq: u64,
    pub head_ord: u64,
    pub floor: u64,
    /// The own view: the `read` mark or the own last message, whichever is later.
    pub read_seq: u64,
    pub read_ord: u64,
    pub unread: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peer_read_seq: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peer_delivered_seq: Option<u64>,
    pub left: bool,
    pub at: Timestamp,
}

/// The numbers that clients go by.
#[derive(Clone, Copy, Debug, Serialize, utoipa::ToSchema)]
#[allow(missing_docs)]
pub struct HelloLimits<'a> {
    #[serde(flatten)]
    pub limits: &'a Limits,
    /// Bytes of a client's frame.
    pub frame_max: usize,
    /// `fetch` and `heads` in flight.
    pub fetches_max: usize,
    /// Time for `auth`.
    pub auth_timeout_ms: u64,
    /// Users that one connection watches.
    pub watched_max: usize,
}

/// What the server says, but for `record` and `records`, whose texts are spliced ([`record_frame`],
/// [`RecordsHead`]).
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum ServerFrame<'a> {
    Hello {
        connection_id: &'a str,
        server_id: &'a str,
        now: Timestamp,
        heartbeat_ms: u64,
        timeout_ms: u64,
        limits: HelloLimits<'a>,
    },
    Ready {
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<&'a str>,
        user: &'a Profile,
        device_id: DeviceId,
        connection_id: &'a str,
    },
    Ok {
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<&'a str>,
    },
    Accepted {
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<&'a str>,
        client_msg_id: ClientMsgId,
    },
    Sequenced {
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<&'a str>,
        conversation_id: ConversationId,
        client_msg_id: ClientMsgId,
        seq: u64,
        ord: u64,
        message_id: MessageId,
        at: Timestamp,
        duplicate: bool,
        #[serde(skip_serializing_if = "<[Skipped]>::is_empty")]
        skipped: &'a [Skipped],
        #[serde(skip_serializing_if = "Option::is_none")]
        owner_id: Option<UserId>,
    },
    Error {
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<&'a str>,
        code: Code,
        message: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        retry_after_ms: Option<u64>,
        #[serde(skip_serializing_if = "Option::is_none")]
        conversation_id: Option<ConversationId>,
        #[serde(skip_serializing_if = "Option::is_none")]
        now: Option<Timestamp>,
    },
    Heads {
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<&'a str>,
        items: &'a [HeadItem<'a>],
        more: bool,
        #[serde(skip_serializing_if = "Option::is_none")]
        as_of: Option<&'a str>,
    },
    Receipt {
        conversation_id: ConversationId,
        user_id: UserId,
        delivered_seq: u64,
        read_seq: u64,
        at: Timestamp,
    },
    Conversation {
        conversation: ConversationShown<'a>,
        change: ConversationChange,
    },
    Typing {
        conversation_id: ConversationId,
        user_id: UserId,
        on: bool,
    },
    Presence {
        /// Of the `watch` that it answers.
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<&'a str>,
        #[serde(flatten)]
        presence: &'a PresenceView,
    },
    Pong {
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<&'a str>,
        now: Timestamp,
    },
    Reconnect {
        after_ms: u64,
        reason: &'a str,
    },
}

impl ServerFrame<'_> {
    /// The frame's text.
    pub fn text(&self) -> String {
        serde_json::to_string(self).expect("a frame is valid JSON")
    }
}

/// The `record` frame: live delivery, the same text for every receiver.
pub fn record_frame(record: &RecordText, epoch: &str) -> Bytes {
    let mut out = Vec::with_capacity(record.json().len() + epoch.len() + 40);
    out.extend_from_slice(br#"{"type":"record","record":"#);
    out.extend_from_slice(record.json());
    out.extend_from_slice(br#","epoch":"#);
    serde_json::to_writer(&mut out, epoch).expect("a text is valid JSON");
    out.push(b'}');
    out.into()
}

/// What stands around the items of `records`, the frame and the body of `/records`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct RecordsHead<'a> {
    pub conversation_id: ConversationId,
    pub upto: u64,
    pub more: bool,
    pub head_seq: u64,
    pub floor: u64,
    pub epoch: &'a str,
}

impl RecordsHead<'_> {
    /// The object with its items spliced in, unparsed. `id`: the frame's (none over REST).
    pub fn splice(&self, id: Option<&str>, items: &[RecordText]) -> String {
        use fmt::Write as _;
        let weight: usize = items.iter().map(|record| record.json().len() + 1).sum();
        let mut out = String::with_capacity(weight + 320);
        out.push_str(r#"{"type":"records","#);
        if let Some(id) = id {
            let id = serde_json::to_string(id).expect("a text is valid JSON");
            let _ = write!(out, r#""id":{id},"#);
        }
        let _ = write!(out, r#""conversation_id":"{}","items":["#, self.conversation_id);
        for (i, record) in items.iter().enumerate() {
            if i > 0 {
                out.push(',');
            }
            out.push_str(&String::from_utf8_lossy(record.json()));
        }
        let epoch = serde_json::to_string(self.epoch).expect("a text is valid JSON");
        let _ = write!(
            out,
            r#"],"upto":{},"more":{},"head_seq":{},"floor":{},"epoch":{epoch}}}"#,
            self.upto, self.more, self.head_seq, self.floor
        );
        out
    }
}

/// Why the server closes (PROTOCOL §3, close codes).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Close {
    /// 1012: reconnect and resume.
    Restart,
    /// 4001: refresh the token, then reconnect.
    BadToken,
    /// 4002: no `auth` in time.
    NoAuth,
    /// 4003: log in again.
    SessionEnded,
    /// 4008: too much, too often.
    RateLimit,
    /// 4009: neither a frame nor a ping in time.
    Silent,
    /// 4010: the outbox is full; resume by cursor.
    TooSlow,
    /// 4011: not JSON, not an object, not text, or too large.
    BadFrame,
    /// 4012: at a limit of connections.
    TooMany,
}

impl Close {
    /// The code on the wire.
    pub fn code(self) -> u16 {
        match self {
            Self::Restart => 1012,
            Self::BadToken => 4001,
            Self::NoAuth => 4002,
            Self::SessionEnded => 4003,
            Self::RateLimit => 4008,
            Self::Silent => 4009,
            Self::TooSlow => 4010,
            Self::BadFrame => 4011,
            Self::TooMany => 4012,
        }
    }

    /// The reason on the wire: JSON where the client is to come back by itself.
    pub fn reason(self, retry_after_ms: u64) -> String {
        match self {
            Self::Restart | Self::RateLimit | Self::TooSlow | Self::TooMany => {
                format!(r#"{{"retry_after_ms":{retry_after_ms}}}"#)
            }
            Self::BadToken => "token bad or expired".into(),
            Self::NoAuth => "no auth in time".into(),
            Self::SessionEnded => "session ended".into(),
            Self::Silent => "silent".into(),
            Self::BadFrame => "bad frame".into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_borrows_what_has_no_escapes() {
        let frame: ClientFrame<'_> = serde_json::from_str(
            r#"{"type":"send","id":"a\u0041","body":{"text":"x","new":1},"later":[{}]}"#,
        )
        .unwrap();
        assert!(matches!(frame.kind.0, Cow::Borrowed("send")));
        assert_eq!(&*frame.id.unwrap(), "aA");
        assert_eq!(frame.body.unwrap().text.as_deref(), Some("x"));
        assert!(serde_json::from_str::<ClientFrame<'_>>(r#"{"type":"send","type":"x"}"#).is_err());
    }

    #[test]
    fn every_type_has_fields_of_the_flat_struct() {
        assert_eq!(fields_of("ping"), Some(&[][..]));
        assert_eq!(fields_of("dance"), None);
    }

    #[test]
    fn absent_fields_are_left_out() {
        let text = ServerFrame::Error {
            id: None,
            code: Code::Unavailable,
            message: "later",
            retry_after_ms: Some(5),
            conversation_id: None,
            now: None,
        }
        .text();
        assert_eq!(text, r#"{"type":"error","code":"unavailable","message":"later","retry_after_ms":5}"#);
    }
}
