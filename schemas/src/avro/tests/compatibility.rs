//! `FULL_TRANSITIVE`: every version of a schema reads what every other version wrote. What is only
//! partly readable counts as unreadable.

use super::super::codec::{SchemaId, schema_text};
use apache_avro::{
    Schema,
    schema_compatibility::{Compatibility, SchemaCompatibility},
};

/// Why two versions of a schema can't live together, in words.
fn difference(older: &str, newer: &str) -> Result<(), String> {
    let (a, b) = (Schema::parse_str(older).unwrap(), Schema::parse_str(newer).unwrap());
    for (writer, reader, says) in
        [(&a, &b, "the newer can't read the older"), (&b, &a, "the older can't read the newer")]
    {
        match SchemaCompatibility::can_read(writer, reader) {
            Ok(Compatibility::Full) => {}
            Ok(Compatibility::Partial) => return Err(format!("{says}: only some values can be read")),
            Err(error) => return Err(format!("{says}: {error}")),
        }
    }
    Ok(())
}

#[test]
fn all_versions_of_every_schema_read_each_other() {
    for topic in 1..=5 {
        let versions: Vec<_> = (1..1000).map_while(|v| schema_text(SchemaId(topic * 1000 + v))).collect();
        assert!(!versions.is_empty());
        for (n, newer) in versions.iter().enumerate() {
            for (m, older) in versions[..n].iter().enumerate() {
                if let Err(why) = difference(older, newer) {
                    panic!("topic {topic}, versions {} and {}: {why}", m + 1, n + 1);
                }
            }
        }
    }
}

#[test]
fn every_field_is_documented() {
    for topic in 1..=5 {
        let text = schema_text(SchemaId(topic * 1000 + 1)).unwrap();
        let schema: serde_json::Value = serde_json::from_str(text).unwrap();
        for field in schema["fields"].as_array().unwrap() {
            assert!(field["doc"].as_str().is_some_and(|doc| doc.len() > 3), "{}", field["name"]);
        }
    }
}

#[test]
fn the_check_finds_what_would_break_a_reader() {
    let with = |fields: &str| format!(r#"{{"type":"record","name":"R","fields":[{fields}]}}"#);
    let a = r#"{"name":"a","type":"long"}"#;
    let enumeration = |symbols: &str, default: &str| {
        format!(r#"{{"name":"e","type":{{"type":"enum","name":"E","symbols":[{symbols}]{default}}}}}"#)
    };
    let good = [
        (with(a), with(&format!(r#"{a},{{"name":"b","type":["null","string"],"default":null}}"#))),
        (with(a), with(&format!(r#"{a},{{"name":"b","type":"long","default":0}}"#))),
    ];
    for (older, newer) in good {
        assert_eq!(difference(&older, &newer), Ok(()));
    }
    let bad = [
        (with(a), with(&format!(r#"{a},{{"name":"b","type":"string"}}"#))),
        (with(&format!(r#"{a},{{"name":"b","type":"string"}}"#)), with(a)),
        (with(a), with(r#"{"name":"a","type":"string"}"#)),
        (with(a), with(r#"{"name":"a","type":"double"}"#)),
        (with(&enumeration(r#""x""#, "")), with(&enumeration(r#""x","y""#, ""))),
    ];
    for (older, newer) in bad {
        let why = difference(&older, &newer).expect_err("it would break a reader");
        assert!(why.contains("can't read"), "{why}");
    }
}
