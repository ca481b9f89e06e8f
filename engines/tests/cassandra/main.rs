//! The store on Cassandra: the suite that every adapter runs, and what is its alone. It needs a
//! server: `dev/engines up cassandra`, whose address it takes from `PARLOR_TEST_CASSANDRA`.

#[path = "../conformance/suite.rs"]
#[macro_use]
#[allow(dead_code, reason = "the suite's other ports")]
mod conformance;
mod decisions;
mod folding;
mod keyspaces;
mod large;
mod outage;
mod proxy;
#[cfg(feature = "engine-tls")]
mod secure;
mod setting;

store!(crate::setting::Cassandra);
