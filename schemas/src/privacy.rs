//! What a user lets others see (PROTOCOL §4, `PATCH /me`).

use serde::{Deserialize, Serialize};

/// To whom a user's status and last seen are told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum LastSeenTo {
    /// To every user.
    Everyone,
    /// To who shares a conversation.
    #[default]
    Contacts,
    /// To nobody else.
    Nobody,
}

impl LastSeenTo {
    /// As it stands on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Everyone => "everyone",
            Self::Contacts => "contacts",
            Self::Nobody => "nobody",
        }
    }
}

/// A user's choices.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Privacy {
    /// Of status and last seen.
    pub last_seen_to: LastSeenTo,
    /// Whether read marks are told, and others' are seen.
    pub read_receipts: bool,
}

/// The choices of a user who never chose.
impl Default for Privacy {
    fn default() -> Self {
        Self { last_seen_to: LastSeenTo::default(), read_receipts: true }
    }
}

impl Privacy {
    /// Whether read marks of the one are told to the other, and the other way round: both must tell
    /// theirs. `delivered` is always told.
    pub fn tells_reads_to(self, other: Self) -> bool {
        self.read_receipts && other.read_receipts
    }

    /// The choices after a change.
    #[must_use]
    pub fn changed(self, by: PrivacyChange) -> Self {
        Self {
            last_seen_to: by.last_seen_to.unwrap_or(self.last_seen_to),
            read_receipts: by.read_receipts.unwrap_or(self.read_receipts),
        }
    }
}

/// New choices; what is `None` stays.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct PrivacyChange {
    pub last_seen_to: Option<LastSeenTo>,
    pub read_receipts: Option<bool>,
}
