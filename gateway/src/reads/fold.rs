//! Messages with what later records say of them folded in: edits, deletes, reactions and pins. They may
//! come in any order and more than once; of two about the same thing the later record's word stands.

use parlor_engines::store::{Pinned, Reacted};
use parlor_schemas::{
    RecordText, Timestamp, UserId,
    record::{Edit, Kind, Message, Op, Pin, Reaction},
};
use std::{
    collections::{BTreeMap, HashMap},
    fmt::Write as _,
};

/// Messages by seq, open to what follows.
#[derive(Debug, Default)]
pub(super) struct Folding {
    by_seq: BTreeMap<u64, Folded>,
}

/// One message with what later records say about it.
#[derive(Debug)]
struct Folded {
    record: RecordText,
    edit: Option<Latest<(Edit, Timestamp)>>,
    is_deleted: bool,
    pinned: Option<Latest<bool>>,
    /// By emoji and user: whether it is there.
    reactions: BTreeMap<String, HashMap<UserId, Latest<bool>>>,
}

/// What a record made so.
#[derive(Debug)]
struct Latest<T> {
    seq: u64,
    value: T,
}

impl<T> Latest<T> {
    fn newer(seq: u64, value: T, known: Option<Self>) -> Self {
        known.filter(|known| known.seq > seq).unwrap_or(Self { seq, value })
    }
}

/// Records that are shown; the others are folded into them.
pub(super) fn is_shown(kind: Kind) -> bool {
    !matches!(kind, Kind::Edit | Kind::Delete | Kind::Reaction | Kind::Pin)
}

impl Folding {
    /// Of a run of records.
    pub(super) fn of(run: &[RecordText]) -> Self {
        let mut folding = Self::default();
        for record in run.iter().filter(|record| is_shown(record.kind)) {
            folding.show(record);
        }
        folding.apply_all(run);
        folding
    }

    /// The first and the last message.
    pub(super) fn ends(&self) -> Option<(u64, u64)> {
        Some((*self.by_seq.first_key_value()?.0, *self.by_seq.last_key_value()?.0))
    }

    /// Whether a message is there and not deleted.
    pub(super) fn stands(&self, seq: u64) -> bool {
        self.by_seq.get(&seq).is_some_and(|folded| !folded.is_deleted)
    }

    pub(super) fn show(&mut self, record: &RecordText) {
        let folded = Folded {
            is_deleted: record.redacted,
            record: record.clone(),
            edit: None,
            pinned: None,
            reactions: BTreeMap::new(),
        };
        self.by_seq.entry(record.seq).or_insert(folded);
    }

    /// Takes in what records say.
    pub(super) fn apply_all(&mut self, records: &[RecordText]) {
        for record in records {
            self.apply(record);
        }
    }

    /// Takes in what a record says.
    pub(super) fn apply(&mut self, record: &RecordText) {
        let Some(target) = record.target else { return };
        // Most records behind a page act on something else: their bodies are not read.
        let Some(folded) = self.by_seq.get_mut(&target) else { return };
        match record.kind {
            Kind::Edit if !record.redacted => {
                if let Ok(edit) = serde_json::from_slice(record.body()) {
                    folded.edit = Some(Latest::newer(record.seq, (edit, record.at), folded.edit.take()));
                }
            }
            Kind::Delete => folded.is_deleted = true,
            Kind::Reaction => {
                if let Ok(Reaction { emoji, op, .. }) = serde_json::from_slice(record.body()) {
                    let (user_id, on) = (record.sender_id, op == Op::Add);
                    self.react(Reacted { target, user_id, emoji, on, seq: record.seq });
                }
            }
            Kind::Pin => {
                if let Ok(Pin { op, .. }) = serde_json::from_slice(record.body()) {
                    self.pin(Pinned { target, on: op == Op::Add, seq: record.seq });
                }
            }
            _ => {}
        }
    }

    /// Takes in a reaction.
    pub(super) fn react(&mut self, reacted: Reacted) {
        let Some(folded) = self.by_seq.get_mut(&reacted.target) else { return };
        let users = folded.reactions.entry(reacted.emoji).or_default();
        let known = users.remove(&reacted.user_id);
        users.insert(reacted.user_id, Latest::newer(reacted.seq, reacted.on, known));
    }

    /// Takes in a pin.
    pub(super) fn pin(&mut self, pinned: Pinned) {
        let Some(folded) = self.by_seq.get_mut(&pinned.target) else { return };
        folded.pinned = Some(Latest::newer(pinned.seq, pinned.on, folded.pinned.take()));
    }

    /// The JSON objects, newest first.
    pub(super) fn json(&self, viewer: UserId) -> Vec<String> {
        self.by_seq.values().rev().map(|folded| folded.json(viewer)).collect()
    }
}

impl Folded {
    /// The record with the latest body, and what was folded into it.
    fn json(&self, viewer: UserId) -> String {
        if self.is_deleted {
            let redacted = self.record.redact();
            let text = String::from_utf8_lossy(redacted.json()).into_owned();
            return format!(r#"{},"deleted":true}}"#, &text[..text.len() - 1]);
        }
        let edit = self.edit.as_ref().map(|latest| &latest.value);
        let json = String::from_utf8_lossy(self.record.json());
        let mut out = match edit {
            None => json[..json.len() - 1].to_owned(),
            Some((edit, _)) => {
                let mut message: Message = serde_json::from_slice(self.record.body()).unwrap_or_default();
                message.text.clone_from(&edit.text);
                message.mentions.clone_from(&edit.mentions);
                message.media.clone_from(&edit.media);
                let body = serde_json::to_string(&message).unwrap_or_default();
                let prefix = json.len() - 1 - self.record.body().len();
                format!("{}{body}", &json[..prefix])
            }
        };
        match edit {
            Some((_, at)) => drop(write!(out, r#","edited_at":"{at}""#)),
            None => out.push_str(r#","edited_at":null"#),
        }
        let is_pinned = self.pinned.as_ref().is_some_and(|latest| latest.value);
        let _ = write!(out, r#","deleted":false,"pinned":{is_pinned},"reactions":{{"#);
        let mut comma = "";
        for (emoji, users) in &self.reactions {
            let count = users.values().filter(|latest| latest.value).count();
            if count > 0 {
                let emoji = serde_json::to_string(emoji).unwrap_or_default();
                let mine = users.get(&viewer).is_some_and(|latest| latest.value);
                let _ = write!(out, r#"{comma}{emoji}:{{"count":{count},"mine":{mine}}}"#);
                comma = ",";
            }
        }
        out.push_str("}}");
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reads::page::tests::text;
    use parlor_schemas::{
        Body, ClientMsgId, ConversationId, DeviceId, GatewayId, MessageId, Origin, Record, record::Target,
    };
    use uuid::Uuid;

    const ADA: UserId = UserId(Uuid::from_u128(3));
    const BOB: UserId = UserId(Uuid::from_u128(9));

    fn record(seq: u64, sender_id: UserId, body: Body) -> RecordText {
        RecordText::of(&Record {
            conversation_id: ConversationId(Uuid::from_u128(1)),
            seq,
            ord: 1,
            members_seq: 1,
            message_id: MessageId(Uuid::from_u128(2)),
            at: Timestamp(seq as i64),
            sender_id,
            device_id: DeviceId(Uuid::from_u128(4)),
            client_msg_id: ClientMsgId(Uuid::from_u128(5)),
            body,
            origin: Origin { gateway_id: GatewayId(Uuid::nil()), request: 0 },
            source_offset: 0,
        })
    }

    fn reaction(seq: u64, sender: UserId, op: Op) -> RecordText {
        record(seq, sender, Body::Reaction(Reaction { target: 1, emoji: "👍".into(), op }))
    }

    fn fold(later: &[RecordText]) -> serde_json::Value {
        let mut folding = Folding::of(&[text(1)]);
        folding.apply_all(later);
        serde_json::from_str(&folding.json(ADA)[0]).unwrap()
    }

    #[test]
    fn later_records_are_folded_in() {
        let edit = Edit { target: 1, text: Some("new".into()), ..Edit::default() };
        let view = fold(&[
            reaction(2, ADA, Op::Add),
            reaction(3, BOB, Op::Add),
            reaction(4, BOB, Op::Add),
            record(5, ADA, Body::Edit(edit)),
            record(6, ADA, Body::Pin(Pin { target: 1, op: Op::Add })),
        ]);
        assert_eq!(view["body"]["text"], "new");
        assert_eq!(view["edited_at"], "1970-01-01T00:00:00.005Z");
        assert_eq!(view["reactions"]["👍"], serde_json::json!({"count": 2, "mine": true}));
        assert_eq!((&view["pinned"], &view["deleted"]), (&true.into(), &false.into()));
        let view = fold(&[reaction(2, ADA, Op::Add), reaction(3, ADA, Op::Remove)]);
        assert_eq!(view["reactions"], serde_json::json!({}));
    }

    #[test]
    fn the_later_word_stands_in_whatever_order_they_come() {
        let mut folding = Folding::of(&[text(1)]);
        let edit = |seq, text: &str| {
            let text = Some(text.to_owned());
            record(seq, ADA, Body::Edit(Edit { target: 1, text, ..Edit::default() }))
        };
        folding.apply(&edit(7, "later"));
        folding.apply(&edit(6, "earlier"));
        folding.pin(Pinned { target: 1, on: false, seq: 9 });
        folding.apply(&record(8, ADA, Body::Pin(Pin { target: 1, op: Op::Add })));
        folding.react(Reacted { target: 1, user_id: BOB, emoji: "x".into(), on: false, seq: 5 });
        folding.apply(&reaction(3, BOB, Op::Add));
        folding.react(Reacted { target: 1, user_id: BOB, emoji: "👍".into(), on: false, seq: 2 });
        let view: serde_json::Value = serde_json::from_str(&folding.json(ADA)[0]).unwrap();
        assert_eq!((&view["body"]["text"], &view["pinned"]), (&"later".into(), &false.into()));
        assert_eq!(view["reactions"], serde_json::json!({"👍": {"count": 1, "mine": false}}));
        assert_eq!((folding.ends(), folding.stands(1), folding.stands(2)), (Some((1, 1)), true, false));
    }

    #[test]
    fn a_deleted_one_has_none_of_it() {
        let view = fold(&[reaction(2, ADA, Op::Add), record(3, ADA, Body::Delete(Target { target: 1 }))]);
        assert_eq!((&view["body"], &view["deleted"]), (&serde_json::json!({}), &true.into()));
        assert_eq!((view.get("reactions"), view.get("pinned")), (None, None));
    }
}
