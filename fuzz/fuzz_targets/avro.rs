//! Values of all topics, record headers and link messages: what can be read is written and read the same,
//! and a record can be shown.
#![no_main]

use parlor_schemas::{RecordText, avro, header::Header, link::LinkMessage};

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let Some((topic, value)) = data.split_first() else { return };
    match topic % 7 {
        0 => {
            if let Ok(command) = avro::decode_command(value) {
                assert_eq!(avro::decode_command(&avro::encode_command(&command)).ok(), Some(command));
            }
        }
        1 => {
            if let Ok(record) = avro::decode_record(value) {
                let text = RecordText::of(&record);
                assert_eq!(text.seq, record.seq);
                assert_eq!(avro::decode_record(&avro::encode_record(&record)).ok(), Some(record));
            }
        }
        2 => {
            if let Ok(row) = avro::decode_row(value) {
                assert_eq!(avro::decode_row(&avro::encode_row(&row)).ok(), Some(row));
            }
        }
        3 => {
            if let Ok(receipt) = avro::decode_receipt(value) {
                assert_eq!(avro::decode_receipt(&avro::encode_receipt(&receipt)).ok(), Some(receipt));
            }
        }
        4 => {
            if let Ok(job) = avro::decode_push(value) {
                assert_eq!(avro::decode_push(&avro::encode_push(&job)).ok(), Some(job));
            }
        }
        5 => {
            if let Some(header) = Header::decode(value) {
                assert_eq!(header.encode(), value);
            }
        }
        _ => {
            if let Ok(message) = LinkMessage::decode(value) {
                assert_eq!(LinkMessage::decode(&message.encode()).ok(), Some(message));
            }
        }
    }
});
