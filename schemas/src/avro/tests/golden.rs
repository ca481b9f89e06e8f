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

fn path(topic: &str, version: u32) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("tests/golden/{topic}.{version}.json"))
}

fn check(topic: &str, schema: u32, samples: &[Value]) {
    assert!(codec::schema_text(codec::SchemaId(schema)).is_some(), "{topic} has schema {schema}");
    let now =
        json!({"schema": format!("{topic}/{}.avsc", schema % 1000), "schema_id": schema, "samples": samples});
    if std::env::var_os("PARLOR_BLESS").is_some() {
        fs::write(path(topic, schema % 1000), serde_json::to_string_pretty(&now).unwrap() + "\n").unwrap();
    }
    let golden: Value =
        serde_json::from_str(&fs::read_to_string(path(topic, schema % 1000)).unwrap()).unwrap();
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
    check("chat.conversations.v1", 3002, &all);
    let one = sample(&super::encode_receipt(&receipt()), &receipts::Flat::from(&receipt()));
    check("chat.receipts.v1", 4001, &[one]);
    let one = sample(&super::encode_push(&job()), &push::Flat::from(&job()));
    check("chat.push.v1", 5002, &[one]);
}

/// What an earlier version wrote is read by this one: every golden file that is left behind.
#[test]
fn what_was_written_before_is_read() {
    let bytes = |sample: &Value| -> Vec<u8> {
        let hex = sample["hex"].as_str().unwrap();
        (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
    };
    let golden = |topic: &str| -> Vec<Value> {
        let text = fs::read_to_string(path(topic, 1)).unwrap();
        serde_json::from_str::<Value>(&text).unwrap()["samples"].as_array().unwrap().clone()
    };
    let rows: Vec<_> = golden("chat.conversations.v1")
        .iter()
        .map(|sample| super::decode_row(&bytes(sample)).unwrap())
        .collect();
    let mut expected = super::rows();
    if let crate::Row::Members(row) = &mut expected[0] {
        row.sides.clear();
    }
    assert_eq!(rows, expected);
    let pushed = super::decode_push(&bytes(&golden("chat.push.v1")[0])).unwrap();
    assert_eq!(pushed, crate::push::PushJob { mention: false, ..super::job() });
}
