//! A record as its wire text: encoded once by a consumer, then stored, kept in the tail, spliced
//! into frames and redacted without being parsed again.

use crate::{
    ids::UserId,
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

impl RecordText {
    /// Encodes a record.
    pub fn of(record: &Record) -> Self {
        let mut out = Vec::with_capacity(512);
        write!(
            out,
            r#"{{"conversation_id":"{}","seq":{},"ord":{},"message_id":"{}","kind":"{}","at":"{}","sender_id":"{}","device_id":"{}","client_msg_id":"{}","body":"#,
            record.conversation_id,
            record.seq,
            record.ord,
            record.message_id,
            record.kind().as_str(),
            record.at,
            record.sender_id,
            record.device_id,
            record.client_msg_id,
        )
        .expect("writing to a Vec succeeds");
        let body_at = out.len() as u32;
        serde_json::to_writer(&mut out, &record.body).expect("a body is valid JSON");
        out.push(b'}');
        Self {
            seq: record.seq,
            ord: record.ord,
            kind: record.kind(),
            at: record.at,
            sender_id: record.sender_id,
            target: record.body.target(),
            expires_at: record.expires_at(),
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
