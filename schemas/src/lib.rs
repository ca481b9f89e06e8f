//! The words of Parlor: ids, commands, records, rows, receipts, push jobs, frames, topics and
//! their Avro. Everything that two crates must agree on stands here, and nothing else: no tokio,
//! no I/O, no clock.

pub mod ack;
pub mod avro;
pub mod command;
pub mod error;
pub mod frames;
pub mod header;
pub mod ids;
pub mod limits;
pub mod link;
pub mod membership;
pub mod presence;
pub mod privacy;
pub mod push;
pub mod receipt;
pub mod record;
pub mod rows;
pub mod strict;
pub mod text;
pub mod time;
pub mod topics;
pub mod view;
pub mod words;

pub use ack::{Ack, Answer, Outcome, Refusal};
pub use command::{Action, Command, Origin};
pub use error::Code;
pub use ids::{
    AuditId, ClientMsgId, ConversationId, DeviceId, GatewayId, LinkId, MediaId, MessageId, SessionId, UserId,
};
pub use limits::Limits;
pub use membership::Membership;
pub use privacy::{LastSeenTo, Privacy, PrivacyChange};
pub use receipt::Receipt;
pub use record::{Body, Record};
pub use rows::Row;
pub use text::RecordText;
pub use time::Timestamp;
pub use topics::Topic;
pub use view::ConversationView;
