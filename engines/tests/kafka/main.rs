//! The log on a real Kafka: the suite that every adapter runs, and what is Kafka's alone. Needs a
//! running broker: `PARLOR_TEST_KAFKA=kafka://host:port` (`dev/engines up kafka` brings one up).

#[path = "../conformance/suite.rs"]
#[macro_use]
#[allow(dead_code, reason = "the suite's other ports")]
mod conformance;
mod broker;
mod frozen;
mod members;

mod setting;
mod topics;
mod transactions;

log!(crate::setting::Kafka);
