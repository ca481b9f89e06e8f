//! The embedded engines: the suite that every adapter runs, and what is theirs alone.

#[path = "../conformance/suite.rs"]
#[macro_use]
mod conformance;
mod crash;
mod directory;
mod kill;
mod retain;
mod setting;

all!(crate::setting::Embedded);
