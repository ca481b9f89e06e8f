//! The sockets: the ports (`log`, `store`, `live`, `media`, `search`), their adapters (private), and the consume
//! loop that serves every group. Only this crate names an engine.

pub mod clock;
pub mod consume;
pub mod crash;
pub mod health;
pub mod live;
pub mod log;
pub mod media;
pub mod privacy;
pub mod sabotage;
pub mod search;
pub mod store;
pub mod table;

mod cassandra;
mod embedded;
mod kafka;
mod open;
mod redis;
mod tantivy;

pub use clock::{Clock, SkewedClock, SystemClock};
#[cfg(feature = "fuzzing")]
pub use embedded::fuzzing;
pub use health::Health;
pub use live::Live;
pub use log::Log;
pub use media::Media;
pub use open::{Engines, Keep, OpenError, Tuning, Urls, init, open, open_log};
pub use privacy::Privacies;
pub use search::{Index, Search};
pub use store::Store;
