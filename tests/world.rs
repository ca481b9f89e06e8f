//! A world of nodes, people and devices. Nodes run in this process on a temporary data directory;
//! devices are real WebSocket clients that speak only the protocol.

// Each test target uses its own part of the world.
#![allow(dead_code, unused_imports, missing_docs)]

mod device;
mod log;
mod nodes;
mod person;
mod shared;

pub use device::{Device, State};
pub use nodes::World;
pub use person::{Person, api, client};

/// Nothing that is waited for may take longer; a guard against hanging, not a measure.
pub const PATIENCE: std::time::Duration = std::time::Duration::from_secs(180);

/// Asks again and again until there is an answer.
pub async fn until<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let asking = async {
        loop {
            if let Some(answer) = ask().await {
                return answer;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, asking).await.unwrap_or_else(|_| panic!("waited in vain until {what}"))
}

/// A new UUIDv7 as text.
pub fn new_id() -> String {
    uuid::Uuid::now_v7().to_string()
}
