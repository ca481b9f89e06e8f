//! Who is here, and since when not (PROTOCOL §3, `presence`).

use crate::{
    ids::{ConversationId, UserId},
    time::Timestamp,
};
use bytes::Bytes;
use serde::{Deserialize, Serialize};

/// What a connection says of its user; the larger of a user's connections counts.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Here {
    /// Connected, and nothing was done for a while (the client decides when: 5 minutes).
    Away,
    /// Connected.
    Online,
}

/// A user's status as others see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum Status {
    Online,
    Away,
    /// Not connected, or hidden from who asks.
    Offline,
}

impl From<Option<Here>> for Status {
    fn from(here: Option<Here>) -> Self {
        match here {
            Some(Here::Online) => Self::Online,
            Some(Here::Away) => Self::Away,
            None => Self::Offline,
        }
    }
}

/// A user's presence as one other user sees it: the body of REST's answers and of the `presence`
/// frame.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = Presence)]
pub struct PresenceView {
    /// Whose.
    pub user_id: UserId,
    /// Hidden is `offline`.
    pub status: Status,
    /// `null` while connected, for one who never connected, and where it is hidden.
    pub last_seen: Option<Timestamp>,
    /// In English, in the viewer's time zone: "Last seen today at 2:30 PM"; empty where there is
    /// nothing to say.
    pub text: String,
}

/// Who types, on its way from the gateways to fanout; nobody keeps it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Typing {
    pub conversation_id: ConversationId,
    pub user_id: UserId,
    pub on: bool,
}

/// Who types, as it travels on the live bus.
pub fn encode_typing(typing: &[Typing]) -> Bytes {
    postcard::to_stdvec(typing).expect("ids can be encoded").into()
}

/// Who types, of the bytes on the live bus.
pub fn decode_typing(bytes: &[u8]) -> Result<Vec<Typing>, postcard::Error> {
    postcard::from_bytes(bytes)
}
