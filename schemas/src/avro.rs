//! Avro: the topics' values. The `.avsc` files under `schemas/avro/<topic>/<version>.avsc` are the
//! contract; the flat structs here mirror the newest version of each, field by field.
//!
//! Framing is Confluent's: a zero byte, the schema's id (4 bytes, big-endian), the Avro datum. Ids
//! are fixed: topic number × 1 000 + version ([`SchemaId`]).

mod codec;
mod command;
mod content;
mod push;
mod receipt;
mod record;
mod row;

pub use codec::{AvroError, SchemaId, schema_text};

use crate::{command::Command, push::PushJob, receipt::Receipt, record::Record, rows::Row};
use bytes::Bytes;

/// The value of a command.
pub fn encode_command(command: &Command) -> Bytes {
    codec::COMMANDS.encode(&command::Flat::from(command))
}

/// The command in a value of `chat.commands.v1`.
pub fn decode_command(value: &[u8]) -> Result<Command, AvroError> {
    codec::COMMANDS.decode::<command::Flat>(value)?.try_into()
}

/// The value of a record.
pub fn encode_record(record: &Record) -> Bytes {
    codec::MESSAGES.encode(&record::Flat::from(record))
}

/// The record in a value of `chat.messages.v1`.
pub fn decode_record(value: &[u8]) -> Result<Record, AvroError> {
    codec::MESSAGES.decode::<record::Flat>(value)?.try_into()
}

/// The value of a row.
pub fn encode_row(row: &Row) -> Bytes {
    codec::CONVERSATIONS.encode(&row::Flat::from(row))
}

/// The row in a value of `chat.conversations.v1`.
pub fn decode_row(value: &[u8]) -> Result<Row, AvroError> {
    codec::CONVERSATIONS.decode::<row::Flat>(value)?.try_into()
}

/// The value of a receipt.
pub fn encode_receipt(receipt: &Receipt) -> Bytes {
    codec::RECEIPTS.encode(&receipt::Flat::from(receipt))
}

/// The receipt in a value of `chat.receipts.v1`.
pub fn decode_receipt(value: &[u8]) -> Result<Receipt, AvroError> {
    Ok(codec::RECEIPTS.decode::<receipt::Flat>(value)?.into())
}

/// The value of a push job.
pub fn encode_push(job: &PushJob) -> Bytes {
    codec::PUSH.encode(&push::Flat::from(job))
}

/// The push job in a value of `chat.push.v1`.
pub fn decode_push(value: &[u8]) -> Result<PushJob, AvroError> {
    Ok(codec::PUSH.decode::<push::Flat>(value)?.into())
}

#[cfg(test)]
mod tests;
