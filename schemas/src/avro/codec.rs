//! Cached writers and readers, one set per topic, and the framing.

use apache_avro::{
    Schema, reader::datum::GenericDatumReader, types::Value, writer::datum::GenericDatumWriter,
};
use bytes::Bytes;
use serde::{Serialize, de::DeserializeOwned};
use std::sync::LazyLock;

/// The largest allocation that decoding may ask for: no value of ours is larger, so a length that
/// says more is a broken value and not a reason to run out of memory.
const ALLOCATION_MAX: usize = 4 * 1024 * 1024;
const MAGIC: u8 = 0;
const PREFIX: usize = 5;

/// A schema's id in the framing: topic number × 1 000 + version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SchemaId(pub u32);

/// Why a value can't be decoded. Such a record is poison: it goes to the dead letters.
#[derive(Debug, thiserror::Error)]
pub enum AvroError {
    /// The bytes are not framed as they should be.
    #[error("not framed: {0} bytes, first {1:?}")]
    NotFramed(usize, Option<u8>),
    /// The schema is none of this topic's.
    #[error("schema id {0} is unknown here")]
    UnknownSchema(u32),
    /// The datum does not fit its schema.
    #[error("not a datum of its schema: {0}")]
    Datum(#[from] apache_avro::Error),
    /// Bytes are left over behind the datum.
    #[error("{0} bytes behind the datum")]
    Trailing(usize),
    /// A field that this kind needs is missing.
    #[error("field `{0}` is missing")]
    Missing(&'static str),
}

/// The writer and the readers of a topic.
pub(super) struct Codec {
    id: SchemaId,
    writer: GenericDatumWriter<'static>,
    reader: GenericDatumReader<'static>,
    /// Earlier versions, resolved to the newest.
    earlier: Vec<(SchemaId, GenericDatumReader<'static>)>,
}

/// All versions of each topic's schema, oldest first; the last one is written.
type Versions = [&'static str];

pub(super) static COMMANDS: LazyLock<Codec> = LazyLock::new(|| Codec::new(1, versions(1)));
pub(super) static MESSAGES: LazyLock<Codec> = LazyLock::new(|| Codec::new(2, versions(2)));
pub(super) static CONVERSATIONS: LazyLock<Codec> = LazyLock::new(|| Codec::new(3, versions(3)));
pub(super) static RECEIPTS: LazyLock<Codec> = LazyLock::new(|| Codec::new(4, versions(4)));
pub(super) static PUSH: LazyLock<Codec> = LazyLock::new(|| Codec::new(5, versions(5)));

fn versions(topic: u32) -> &'static Versions {
    match topic {
        1 => &[include_str!("../../avro/chat.commands.v1/1.avsc")],
        2 => &[include_str!("../../avro/chat.messages.v1/1.avsc")],
        3 => &[
            include_str!("../../avro/chat.conversations.v1/1.avsc"),
            include_str!("../../avro/chat.conversations.v1/2.avsc"),
        ],
        4 => &[include_str!("../../avro/chat.receipts.v1/1.avsc")],
        _ => {
            &[include_str!("../../avro/chat.push.v1/1.avsc"), include_str!("../../avro/chat.push.v1/2.avsc")]
        }
    }
}

/// The `.avsc` text of a schema id.
pub fn schema_text(id: SchemaId) -> Option<&'static str> {
    let topic = id.0 / 1000;
    let version = (id.0 % 1000).checked_sub(1)?;
    (1..=5).contains(&topic).then(|| versions(topic).get(version as usize).copied())?
}

impl Codec {
    fn new(topic: u32, versions: &'static Versions) -> Self {
        apache_avro::util::max_allocation_bytes(ALLOCATION_MAX);
        let parse = |text: &&str| -> &'static Schema {
            Box::leak(Box::new(Schema::parse_str(text).expect("a committed schema parses")))
        };
        let schemas: Vec<&'static Schema> = versions.iter().map(parse).collect();
        let id = |version: usize| SchemaId(topic * 1000 + version as u32 + 1);
        let (newest, older) = schemas.split_last().expect("every topic has a schema");
        let earlier = older.iter().enumerate().map(|(version, schema)| {
            let reader = GenericDatumReader::builder(schema).reader_schema(newest).build();
            (id(version), reader.expect("a committed schema resolves"))
        });
        Self {
            id: id(older.len()),
            writer: GenericDatumWriter::builder(newest)
                .human_readable(true)
                .build()
                .expect("a committed schema resolves"),
            reader: GenericDatumReader::builder(newest)
                .human_readable(true)
                .build()
                .expect("a committed schema resolves"),
            earlier: earlier.collect(),
        }
    }

    /// Frames and encodes.
    pub(super) fn encode(&self, value: &impl Serialize) -> Bytes {
        let mut out = Vec::with_capacity(512);
        out.push(MAGIC);
        out.extend(self.id.0.to_be_bytes());
        self.writer.write_ser(&mut out, value).expect("the flat struct mirrors its schema");
        out.into()
    }

    /// Decodes a framed value of any version.
    pub(super) fn decode<T: DeserializeOwned>(&self, value: &[u8]) -> Result<T, AvroError> {
        let Some((&[MAGIC, a, b, c, d], mut datum)) = value.split_first_chunk::<PREFIX>() else {
            return Err(AvroError::NotFramed(value.len(), value.first().copied()));
        };
        let id = SchemaId(u32::from_be_bytes([a, b, c, d]));
        let decoded = if id == self.id {
            self.reader.read_deser(&mut datum)?
        } else {
            let (_, reader) =
                self.earlier.iter().find(|(known, _)| *known == id).ok_or(AvroError::UnknownSchema(id.0))?;
            let resolved: Value = reader.read_value(&mut datum)?;
            apache_avro::from_value(&resolved)?
        };
        if datum.is_empty() { Ok(decoded) } else { Err(AvroError::Trailing(datum.len())) }
    }
}
