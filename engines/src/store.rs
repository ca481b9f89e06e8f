//! # The store port
//!
//! Users, conversations, history, marks. Written by the persister (history, conversations, marks,
//! blocks)
//! and by the gateway (accounts, sessions, users' own
//! settings). What every adapter promises:
//!
//! - **Rewriting changes nothing.** Every write is an upsert that is right in any order and any
//!   number of times: records are inserted once, memberships and conversations keep the larger
//!   `seq`, marks keep the maximum, a redaction never comes undone.
//! - **A write that returned `Ok` is readable** by every later read, and survives a crash no less
//!   than the offset that is stored after it.
//! - **`written_to` is last**: it is readable only when everything before it is.
//! - **Down is an error**, never an empty answer.

mod accounts;
mod acts;
mod admin;
mod blocks;
mod history;
mod media;
mod pushes;
mod settings;
mod visibility;

pub use accounts::{Accounts, Device, Session, Sessions, User};
pub use acts::{ActRows, Acts, Edited, Pinned, Reacted};
pub use admin::{AccountState, Admin, AuditEntry, StateChange};
pub use blocks::{Block, Blocks};
pub(crate) use history::REACHED_LOOK;
pub use history::{Conversations, Effect, Head, History, Info, MarkStore, Reached, StoredAck};
pub use media::{MediaRow, MediaRows, Reference};
pub use pushes::{PushToken, Pushed, Pushes};
pub use settings::{OwnSettings, SettingsChange, UserSettings};
pub use visibility::Visibility;

/// What went wrong, by what the caller does about it.
#[derive(Clone, Debug, thiserror::Error, PartialEq)]
pub enum StoreError {
    /// Retry later; a write's outcome is unknown (writing it again is safe).
    #[error("the store is unavailable: {0}")]
    Unavailable(String),
    /// Stop: it will not get better without a person.
    #[error("the store has failed: {0}")]
    Failed(String),
}

/// All of the store.
pub trait Store:
    History
    + ActRows
    + Conversations
    + MarkStore
    + Blocks
    + Accounts
    + Sessions
    + UserSettings
    + Pushes
    + Visibility
    + Admin
    + MediaRows
{
}
impl<T> Store for T where
    T: History
        + ActRows
        + Conversations
        + MarkStore
        + Blocks
        + Accounts
        + Sessions
        + UserSettings
        + Pushes
        + Visibility
        + Admin
        + MediaRows
{
}
