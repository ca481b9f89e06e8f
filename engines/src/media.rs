//! # The media port
//!
//! Objects that never change: what was kept under an id is what was announced for it, byte by byte,
//! for ever. What an object is called, whose it is and who may read it stands in the store. What
//! every adapter promises:
//!
//! - **Right or not there.** An object is there only when all of it has arrived, with the size and
//!   the SHA-256 that were announced. A cut or wrong one leaves nothing.
//! - **Kept when done.** An `Ok(true)` survives the loss of power.
//! - **Bounded.** Whatever its size, an object goes through in pieces.

mod folder;

pub(crate) use folder::Folder;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::BoxStream;
use parlor_schemas::MediaId;
use std::ops::Range;

/// What went wrong, by what the caller does about it.
#[derive(Clone, Debug, thiserror::Error, PartialEq)]
pub enum MediaError {
    /// Retry later.
    #[error("media are unavailable: {0}")]
    Unavailable(String),
    /// The one who sends it has stopped: nothing is kept.
    #[error("the object did not arrive: {0}")]
    Cut(String),
}

/// What was announced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Announced {
    /// Bytes.
    pub size: u64,
    /// Of all of them.
    pub sha256: [u8; 32],
}

/// An object in pieces.
pub type Pieces = BoxStream<'static, Result<Bytes, std::io::Error>>;

/// Objects.
#[async_trait]
pub trait Media: Send + Sync + 'static {
    /// Keeps an object if it is what was announced; `false`: it is something else, and nothing is
    /// kept. Again with the same announcement changes nothing.
    async fn put(&self, id: MediaId, announced: Announced, pieces: Pieces) -> Result<bool, MediaError>;

    /// Whether it is there.
    async fn has(&self, id: MediaId) -> Result<bool, MediaError>;

    /// The bytes of `range`, if it is there; fewer where it ends.
    async fn get(&self, id: MediaId, range: Range<u64>) -> Result<Option<Pieces>, MediaError>;
}
