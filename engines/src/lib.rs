//! The sockets: three ports (`log`, `store`, `live`), their adapters (private), and the consume
//! loop that serves every group. Only this crate names an engine.

pub mod clock;
pub mod consume;
pub mod health;
pub mod live;
pub mod log;
pub mod privacy;
pub mod store;
pub mod table;

mod cassandra;
mod embedded;
mod kafka;
mod open;
mod redis;

pub use clock::{Clock, SystemClock};
pub use health::Health;
pub use live::Live;
pub use log::Log;
pub use open::{Engines, Keep, OpenError, Tuning, Urls, init, open, open_log};
pub use privacy::Privacies;
pub use store::Store;
