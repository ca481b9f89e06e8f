//! Views that fold edits, deletes, reactions and pins into the messages they target.

use super::{ReadError, Reader, heads::Item, range::Query};
use crate::problem::Problem;
use parlor_engines::store::Info;
use parlor_schemas::{
    ConversationId, RecordText, Timestamp, UserId,
    frames::INTEGER_MAX,
    record::{Edit, Kind, Message, Op, Pin, Reaction},
};
use std::{
    collections::{BTreeMap, HashSet},
    fmt::Write as _,
};

/// Records looked through for a conversation's newest message.
const LAST_MESSAGE_LOOK: usize = 200;
/// Members read at once.
const MEMBERS_PAGE: usize = 1024;

/// One message with what later records say about it.
#[derive(Debug)]
struct Folded {
    record: RecordText,
    edit: Option<(Edit, Timestamp)>,
    is_deleted: bool,
    is_pinned: bool,
    reactions: BTreeMap<String, HashSet<UserId>>,
}

/// Messages by seq, open to what follows.
#[derive(Debug, Default)]
struct Folding {
    by_seq: BTreeMap<u64, Folded>,
}

/// Records that are shown; the others are folded into them.
fn is_shown(kind: Kind) -> bool {
    !matches!(kind, Kind::Edit | Kind::Delete | Kind::Reaction | Kind::Pin)
}

impl Folding {
    fn show(&mut self, record: &RecordText) {
        let folded = Folded {
            is_deleted: record.redacted,
            record: record.clone(),
            edit: None,
            is_pinned: false,
            reactions: BTreeMap::new(),
        };
        self.by_seq.entry(record.seq).or_insert(folded);
    }

    /// Applies a record; they come ascending.
    fn apply(&mut self, record: &RecordText) {
        let Some(target) = record.target.and_then(|seq| self.by_seq.get_mut(&seq)) else { return };
        match record.kind {
            Kind::Edit if !record.redacted => {
                if let Ok(edit) = serde_json::from_slice(record.body()) {
                    target.edit = Some((edit, record.at));
                }
            }
            Kind::Delete => target.is_deleted = true,
            Kind::Reaction => {
                let Ok(reaction) = serde_json::from_slice::<Reaction>(record.body()) else { return };
                let users = target.reactions.entry(reaction.emoji).or_default();
                match reaction.op {
                    Op::Add => users.insert(record.sender_id),
                    Op::Remove => users.remove(&record.sender_id),
                };
            }
            Kind::Pin => {
                let Ok(pin) = serde_json::from_slice::<Pin>(record.body()) else { return };
                target.is_pinned = pin.op == Op::Add;
            }
            _ => {}
        }
    }
}

impl Folded {
    /// The JSON object: the record with the latest body, and what was folded into it.
    fn json(&self, viewer: UserId) -> String {
        if self.is_deleted {
            let redacted = self.record.redact();
            let text = String::from_utf8_lossy(redacted.json()).into_owned();
            return format!(r#"{},"deleted":true}}"#, &text[..text.len() - 1]);
        }
        let json = String::from_utf8_lossy(self.record.json());
        let mut out = match &self.edit {
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
        match &self.edit {
            Some((_, at)) => drop(write!(out, r#","edited_at":"{at}""#)),
            None => out.push_str(r#","edited_at":null"#),
        }
        let _ = write!(out, r#","deleted":false,"pinned":{},"reactions":{{"#, self.is_pinned);
        let shown = self.reactions.iter().filter(|(_, users)| !users.is_empty());
        for (i, (emoji, users)) in shown.enumerate() {
            let emoji = serde_json::to_string(emoji).unwrap_or_default();
            let comma = if i > 0 { "," } else { "" };
            let mine = users.contains(&viewer);
            let _ = write!(out, r#"{comma}{emoji}:{{"count":{},"mine":{mine}}}"#, users.len());
        }
        out.push_str("}}");
        out
    }
}

impl Reader {
    /// One page of `/messages`: `{items, next}`, newest first.
    ///
    /// Folded from the records themselves: those of the page, and all later ones up to the head
    /// (bounded by `edge.fold_records_max`, so what happened to a very old page may lack its
    /// newest reactions). Tables of reactions and pins replace this in a later issue.
    pub async fn folded(
        &self,
        user: UserId,
        conversation: ConversationId,
        before: Option<u64>,
        limit: usize,
    ) -> Result<String, Problem> {
        let mut upper = before.unwrap_or(INTEGER_MAX);
        Query::new(None, Some(upper), None, limit)?;
        let mut window: Vec<RecordText> = Vec::new();
        let mut shown = 0;
        let mut has_more = true;
        while shown < limit && has_more && window.len() < self.fold_records_max {
            let query = Query::last(upper, self.limits.fetch_records_max);
            let page = self.records(user, conversation, query).await?;
            has_more = page.more;
            let Some(first) = page.items.first() else { break };
            upper = first.seq;
            shown += page.items.iter().filter(|record| is_shown(record.kind)).count();
            window.splice(0..0, page.items);
        }
        // The oldest ones above the limit wait for the next page.
        let surplus: Vec<u64> = window
            .iter()
            .filter(|r| is_shown(r.kind))
            .map(|r| r.seq)
            .take(shown.saturating_sub(limit))
            .collect();
        if let Some(last) = surplus.last() {
            window.retain(|record| record.seq > *last);
            has_more = true;
        }
        let oldest = window.iter().find(|r| is_shown(r.kind)).map(|r| r.seq);
        let mut folding = Folding::default();
        for record in &window {
            if is_shown(record.kind) {
                folding.show(record);
            }
            folding.apply(record);
        }
        if let Some(last) = window.last() {
            self.fold_on(user, conversation, last.seq, &mut folding).await?;
        }
        let items: Vec<String> = folding.by_seq.values().rev().map(|folded| folded.json(user)).collect();
        let next = oldest.filter(|_| has_more).map_or("null".to_owned(), |seq| format!("\"{seq}\""));
        Ok(format!(r#"{{"items":[{}],"next":{next}}}"#, items.join(",")))
    }

    /// Applies what came after a page.
    async fn fold_on(
        &self,
        user: UserId,
        conversation: ConversationId,
        mut after: u64,
        folding: &mut Folding,
    ) -> Result<(), Problem> {
        let mut count = 0;
        loop {
            let query = Query::first(after, self.limits.fetch_records_max);
            let page = self.records(user, conversation, query).await?;
            page.items.iter().for_each(|record| folding.apply(record));
            count += page.items.len();
            after = page.upto;
            if !page.more || count >= self.fold_records_max {
                return Ok(());
            }
        }
    }

    /// A conversation's newest message, folded, if it is not far below the head.
    pub async fn last_message(&self, user: UserId, item: &Item) -> Result<Option<String>, ReadError> {
        let id = item.membership.conversation_id;
        let query = Query::last(item.head_seq + 1, LAST_MESSAGE_LOOK);
        let page = self.records(user, id, query).await?;
        let Some(at) = page.items.iter().rposition(|record| record.kind == Kind::Message) else {
            return Ok(None);
        };
        let mut folding = Folding::default();
        folding.show(&page.items[at]);
        page.items[at..].iter().for_each(|record| folding.apply(record));
        Ok(folding.by_seq.values().next().map(|folded| folded.json(user)))
    }

    /// Shared settings, in the order asked; from the first record where the persister is behind.
    pub async fn infos(&self, of: &[ConversationId]) -> Result<Vec<Info>, ReadError> {
        let mut infos = Vec::with_capacity(of.len());
        for (id, info) in of.iter().zip(self.engines.store.infos(of).await?) {
            infos.push(match info {
                Some(info) => info,
                None => self.created(*id).await?.ok_or(ReadError::NotYet)?.1,
            });
        }
        Ok(infos)
    }

    /// Present members; a few seconds old.
    pub async fn members_count(&self, id: ConversationId) -> Result<u64, ReadError> {
        if let Some(count) = self.counts.get(&id) {
            return Ok(count);
        }
        let (mut count, mut after) = (0, None);
        loop {
            let page = self.engines.store.of_conversation(id, after, MEMBERS_PAGE).await?;
            count += page.iter().filter(|member| member.left_seq.is_none()).count() as u64;
            after = page.last().map(|member| member.user_id);
            if page.len() < MEMBERS_PAGE {
                break;
            }
        }
        if count == 0 {
            // Not written yet, or everybody has left.
            let created = self.created(id).await?;
            return Ok(created.map_or(0, |(created, _)| created.members.len() as u64));
        }
        self.counts.insert(id, count);
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reads::page::tests::text;
    use parlor_schemas::{Body, ClientMsgId, DeviceId, GatewayId, MessageId, Origin, Record, record::Target};
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
        let mut folding = Folding::default();
        folding.show(&text(1));
        for record in later {
            folding.apply(record);
        }
        serde_json::from_str(&folding.by_seq[&1].json(ADA)).unwrap()
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
    fn a_deleted_one_has_none_of_it() {
        let view = fold(&[reaction(2, ADA, Op::Add), record(3, ADA, Body::Delete(Target { target: 1 }))]);
        assert_eq!((&view["body"], &view["deleted"]), (&serde_json::json!({}), &true.into()));
        assert_eq!((view.get("reactions"), view.get("pinned")), (None, None));
    }
}
