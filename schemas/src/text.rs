//! A record as its wire text: encoded once by a consumer, then stored, kept in the tail, spliced
//! into frames and redacted without being parsed again.

use crate::{
    ids::{ClientMsgId, ConversationId, DeviceId, MessageId, UserId},
    record::{Kind, Record},
    time::Timestamp,
};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use std::io::Write as _;

/// A record's JSON with the few fields that reads decide by.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RecordText {
    /// Its place.
    pub seq: u64,
    /// Countable records up to it.
    pub ord: u64,
    /// What it is.
    pub kind: Kind,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub sender_id: UserId,
    /// The record acted on.
    pub target: Option<u64>,
    /// When an expiring message ends.
    pub expires_at: Option<Timestamp>,
    /// Its body is gone for good.
    pub redacted: bool,
    /// The whole object; `body` is its last field.
    json: Bytes,
    /// Where the body's value starts in `json`.
    body_at: u32,
}

/// Everything in a record's text but its body: what a store keeps in columns.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub struct Columns {
    pub conversation_id: ConversationId,
    pub seq: u64,
    pub ord: u64,
    pub message_id: MessageId,
    pub kind: Kind,
    pub at: Timestamp,
    pub sender_id: UserId,
    pub device_id: DeviceId,
    pub client_msg_id: ClientMsgId,
    pub target: Option<u64>,
    pub expires_at: Option<Timestamp>,
}

impl RecordText {
    /// Encodes a record.
    pub fn of(record: &Record) -> Self {
        let columns = Columns {
            conversation_id: record.conversation_id,
            seq: record.seq,
            ord: record.ord,
            message_id: record.message_id,
            kind: record.kind(),
            at: record.at,
            sender_id: record.sender_id,
            device_id: record.device_id,
            client_msg_id: record.client_msg_id,
            target: record.body.target(),
            expires_at: record.expires_at(),
        };
        let write =
            |out: &mut Vec<u8>| serde_json::to_writer(out, &record.body).expect("a body is valid JSON");
        Self::with_body(&columns, write)
    }

    /// Put together again from what a store kept: the columns, and what [`RecordText::body`] gave.
    pub fn restore(columns: &Columns, body: &[u8], redacted: bool) -> Self {
        let text = Self::with_body(columns, |out| out.extend_from_slice(body));
        if redacted { text.redact() } else { text }
    }

    fn with_body(columns: &Columns, write_body: impl FnOnce(&mut Vec<u8>)) -> Self {
        let mut out = Vec::with_capacity(512);
        write!(
            out,
            r#"{{"conversation_id":"{}","seq":{},"ord":{},"message_id":"{}","kind":"{}","at":"{}","sender_id":"{}","device_id":"{}","client_msg_id":"{}","body":"#,
            columns.conversation_id,
            columns.seq,
            columns.ord,
            columns.message_id,
            columns.kind.as_str(),
            columns.at,
            columns.sender_id,
            columns.device_id,
            columns.client_msg_id,
        )
        .expect("writing to a Vec succeeds");
        let body_at = out.len() as u32;
        write_body(&mut out);
        out.push(b'}');
        Self {
            seq: columns.seq,
            ord: columns.ord,
            kind: columns.kind,
            at: columns.at,
            sender_id: columns.sender_id,
            target: columns.target,
            expires_at: columns.expires_at,
            redacted: false,
            json: out.into(),
            body_at,
        }
    }

    /// The JSON object.
    pub fn json(&self) -> &Bytes {
        &self.json
    }

    /// The JSON of the body alone.
    pub fn body(&self) -> &[u8] {
        if self.redacted { b"{}" } else { &self.json[self.body_at as usize..self.json.len() - 1] }
    }

    /// Whether an expiring message has ended by `now`.
    pub fn is_expired(&self, now: Timestamp) -> bool {
        self.expires_at.is_some_and(|end| end <= now)
    }

    /// The same record without its body: `{}`, or `{target}` for an edit (PROTOCOL §1).
    #[must_use]
    pub fn redact(&self) -> Self {
        if self.redacted {
            return self.clone();
        }
        let mut out = Vec::with_capacity(self.body_at as usize + 40);
        out.extend_from_slice(&self.json[..self.body_at as usize]);
        match (self.kind, self.target) {
            (Kind::Edit, Some(target)) => write!(out, r#"{{"target":{target}}}"#),
            _ => write!(out, "{{}}"),
        }
        .expect("writing to a Vec succeeds");
        out.extend_from_slice(br#","redacted":true}"#);
        Self { redacted: true, json: out.into(), ..self.clone() }
    }

    /// What it weighs in a buffer, bytes.
    pub fn weight(&self) -> usize {
        self.json.len() + std::mem::size_of::<Self>()
    }
}

/// Redacts, within a run of records, every target of `deleted`, every edit of one, and what has
/// expired. Deletes inside the run itself are found too.
pub fn redact_run(run: &mut [RecordText], deleted: impl Fn(u64) -> bool, now: Timestamp) {
    let within: std::collections::HashSet<u64> =
        run.iter().filter(|r| r.kind == Kind::Delete).filter_map(|r| r.target).collect();
    let gone = |seq: u64| within.contains(&seq) || deleted(seq);
    for record in run {
        let edit_of_gone = record.kind == Kind::Edit && record.target.is_some_and(gone);
        if !record.redacted && (edit_of_gone || gone(record.seq) || record.is_expired(now)) {
            *record = record.redact();
        }
    }
}
