//! The embedded engines: `log` and `store` on one fjall database in the data directory, `live` in
//! the process.
//!
//! ```text
//!  append, commit, store writes ──▶ queue (bounded) ──▶ committer thread ──▶ one batch, one fsync
//!                                                            │
//!                      ring of the newest records ◀── publish┴──▶ answers
//!  consumers, readers ◀── ring, or the database for what is older
//! ```
//!
//! One thread writes: it takes everything that queued during the fsync before, gives offsets,
//! decides what must be decided (fencing, unique names), writes one batch, and only when that is
//! on the disk makes it readable and answers. The first failed write is the last: it is latched,
//! and every waiter and every later write gets it as the reason.

mod block;
mod committer;
mod consumer;
mod directory;
mod failure;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod groups;
mod journal;
mod keys;
mod live;
mod log;
mod partition;
mod pending;
mod queue;
mod reader;
mod retention;
mod running;
mod store;
mod tables;

pub(crate) use live::EmbeddedLive;
pub(crate) use log::EmbeddedLog;
pub(crate) use running::open;
pub(crate) use store::EmbeddedStore;
