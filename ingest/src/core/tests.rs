//! Properties of the core: any batching and any crash point give the same log; seq is contiguous;
//! deduplication is exact whatever the clocks of clients and brokers, the lag of the store and the
//! rebuilds; membership is decided in order.

mod membership;
mod properties;
mod world;
