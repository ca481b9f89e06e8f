//! The client's rule (PROTOCOL §2): apply only `cursor + 1`, drop smaller, fetch the hole.

use serde_json::Value;
use std::collections::BTreeMap;

/// A device's copy of one conversation's log.
#[derive(Clone, Debug, Default)]
pub struct Log {
    pub cursor: u64,
    pub head: u64,
    pub records: Vec<Value>,
    aside: BTreeMap<u64, Value>,
    /// Something the server must never do.
    pub violation: Option<String>,
}

impl Log {
    /// Applies a record, or keeps it aside.
    pub fn take(&mut self, record: Value) {
        let seq = record["seq"].as_u64().expect("a seq");
        self.head = self.head.max(seq);
        if seq <= self.cursor {
            let known = self.records.iter().find(|known| known["seq"] == record["seq"]);
            if known.is_some_and(|known| known["message_id"] != record["message_id"]) {
                self.violation = Some(format!("two records {seq}: {known:?} and {record}"));
            }
            return;
        }
        self.aside.insert(seq, record);
        while let Some(next) = self.aside.remove(&(self.cursor + 1)) {
            self.cursor += 1;
            self.records.push(next);
        }
    }

    /// A cursor below the floor is set to the floor.
    pub fn raise_floor(&mut self, floor: u64) {
        self.cursor = self.cursor.max(floor);
        self.aside.retain(|seq, _| *seq > floor);
    }

    pub fn is_behind(&self) -> bool {
        self.head > self.cursor
    }

    /// The texts of the messages, in order.
    pub fn texts(&self) -> Vec<String> {
        self.records.iter().filter_map(|record| record["body"]["text"].as_str()).map(str::to_owned).collect()
    }
}
