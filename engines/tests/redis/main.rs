//! Redis as the live engine: the suite that every adapter runs, and what is its alone. Needs a
//! running server: `PARLOR_TEST_REDIS=redis://host:port` (`dev/engines up redis` brings one up).

#[path = "../conformance/suite.rs"]
#[macro_use]
#[allow(dead_code, reason = "the suite's other ports")]
mod conformance;
mod loss;
mod routes;
mod server;
mod setting;
mod topologies;

live!(crate::setting::Redis);
