//! The edge: WebSocket, REST, accounts, the web page.
//!
//! | what | where |
//! |---|---|
//! | the way in | [`run`], `serve` (accept loop), `socket` (pump, session, outbox), `rest`, `web` |
//! | who is it | `auth` |
//! | commands out | `commands` (form), `waiters` (who asked), `publish` (to the log), `answers` |
//! | records in | `bus` (live bus), `links` (holes), `hub` (to sockets), `hints` (views), `catch_up`, `routes` |
//! | reads and marks | `reads`, `marks` |
//! | who is here, who types | `presence`, `typing` |
//! | media | `media` (who may), `rest/media` |
//! | administration | `admin` (also for the command line), `rest/admin` |
//! | the end | `sweep`, `drain` |

pub mod admin;
mod answers;
mod auth;
mod bus;
mod catch_up;
mod clock;
mod commands;
mod drain;
mod edge;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod hints;
mod hub;
mod links;
mod marks;
mod media;
mod presence;
mod problem;
mod publish;
mod rates;
mod reads;
mod rest;
mod role;
mod routes;
mod serve;
mod settings;
mod socket;
mod sweep;
mod tasks;
mod text;
mod typing;
mod waiters;
mod web;

pub use rest::{asyncapi::document as asyncapi, openapi::document as openapi};
pub use role::run;
pub use settings::{Argon2Cost, AuthSettings, EdgeLimits, Rate, Rates, Settings};
