//! Golden files: the bytes that we write, with the fields that they must decode to. Another Avro
//! implementation reads the same files (`schemas/tests/independent.py`).
//!
//! After a wanted change: `PARLOR_BLESS=1 cargo test -p parlor-schemas`, and read the difference.

use super::{
    super::{codec, command, push, receipt as receipts, record as records, row},
    bodies, commands, job, receipt, record, rows,
};
use serde::Serialize;
use serde_json::{Value, json};
use std::{fmt::Write, fs, path::PathBuf};

fn sample(encoded: &[u8], flat: &impl Serialize) -> Value {
    let mut hex = String::new();
    for byte in encoded {
        write!(hex, "{byte:02x}").unwrap();
    }
    json!({"hex": hex, "fields": flat})
}

fn path(topic: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("tests/golden/{topic}.1.json"))
}

fn check(topic: &str, schema: u32, samples: &[Value]) {
    assert!(codec::schema_text(codec::SchemaId(schema)).is_some(), "{topic} has schema {schema}");
    let now =
        json!({"schema": format!("{topic}/{}.avsc", schema % 1000), "schema_id": schema, "samples": samples});
    if std::env::var_os("PARLOR_BLESS").is_some() {
        fs::write(path(topic), serde_json::to_string_pretty(&now).unwrap() + "\n").unwrap();
    }
    let golden: Value = serde_json::from_str(&fs::read_to_string(path(topic)).unwrap()).unwrap();
    assert_eq!(golden, now, "{topic}: what is written has changed; data teams read what was written before");
}

#[test]
fn what_is_written_has_not_changed() {
    let all: Vec<_> =
        commands().iter().map(|c| sample(&super::encode_command(c), &command::Flat::from(c))).collect();
    check("chat.commands.v1", 1001, &all);
    let all: Vec<_> = bodies()
        .into_iter()
        .map(record)
        .map(|r| sample(&super::encode_record(&r), &records::Flat::from(&r)))
        .collect();
    check("chat.messages.v1", 2001, &all);
    let all: Vec<_> = rows().iter().map(|r| sample(&super::encode_row(r), &row::Flat::from(r))).collect();
    check("chat.conversations.v1", 3001, &all);
    let one = sample(&super::encode_receipt(&receipt()), &receipts::Flat::from(&receipt()));
    check("chat.receipts.v1", 4001, &[one]);
    let one = sample(&super::encode_push(&job()), &push::Flat::from(&job()));
    check("chat.push.v1", 5001, &[one]);
}
