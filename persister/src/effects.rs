//! What records mean to the store. A fold first says which earlier rows it needs (standings before
//! a leave or a role, settings before a change), then turns into effects.

use parlor_engines::{
    Engines,
    consume::{Retry, Stop, alarm},
    log::LogRecord,
    store::{Effect, Head, Info, Pinned, Reacted, StoredAck},
};
use parlor_schemas::{
    Ack, Body, ConversationId, Membership, Record, RecordText, UserId,
    header::{self, Header},
    membership::MembershipChange,
    receipt::Marks,
    record::{ConversationChanged, Op},
};
use std::collections::{BTreeMap, HashMap};

#[derive(Default)]
pub(crate) struct Fold {
    effects: Vec<Effect>,
    heads: BTreeMap<ConversationId, Head>,
    own: BTreeMap<(ConversationId, UserId), Marks>,
    /// With the place among the effects where each takes hold: right before its record, so that a
    /// membership change is readable before any later record (DESIGN §4).
    changes: Vec<(usize, ConversationId, MembershipChange)>,
    standings: HashMap<(ConversationId, UserId), Membership>,
    infos: BTreeMap<ConversationId, Info>,
    info_changes: Vec<(ConversationId, u64, ConversationChanged)>,
}

impl Fold {
    /// Takes the next record of its conversation in.
    pub(crate) fn add(&mut self, log_record: &LogRecord, record: &Record) -> Result<(), Stop> {
        let (id, place) = (record.conversation_id, self.effects.len());
        self.changes.extend(MembershipChange::of(record).into_iter().map(|change| (place, id, change)));
        self.repeat(log_record, record)?;
        self.heads.insert(id, Head { seq: record.seq, ord: record.ord, at: record.at });
        match &record.body {
            Body::Created(body) => {
                let info = Info {
                    conversation_id: id,
                    kind: body.conversation_kind,
                    title: body.title.clone(),
                    avatar_media_id: None,
                    history: body.history,
                    created_by: record.sender_id,
                    created_at: record.at,
                    seq: record.seq,
                };
                self.infos.insert(id, info);
            }
            Body::ConversationChanged(body) => self.info_changes.push((id, record.seq, body.clone())),
            _ => {}
        }
        Ok(())
    }

    /// Takes a record in that the store's head counts already: the rows that build on no earlier one, so
    /// that a rewind fills in what a table lacks, or has never had.
    pub(crate) fn repeat(&mut self, log_record: &LogRecord, record: &Record) -> Result<(), Stop> {
        let id = record.conversation_id;
        let header = log_record.header(header::NAME).and_then(|bytes| Header::decode(bytes));
        let header = header.ok_or_else(|| alarm(format!("offset {}: no header", log_record.offset)))?;
        self.effects.push(Effect::Record(id, RecordText::of(record)));
        self.effects.extend(said_of_another(record));
        self.effects
            .extend(record.body.media().into_iter().map(|media| Effect::Reference(media, id, record.seq)));
        let ack = StoredAck { payload_hash: header.payload_hash, ack: Ack::of(record, false) };
        self.effects.push(Effect::Ack(record.sender_id, ack));
        if record.kind().is_countable() {
            let marks = Marks { own_seq: record.seq, own_ord: record.ord, ..Marks::default() };
            self.own.insert((id, record.sender_id), marks);
        }
        Ok(())
    }

    /// Reads the earlier rows that the changes build on.
    pub(crate) async fn load(&mut self, engines: &Engines, retry: &Retry) -> Result<(), Stop> {
        let keys: Vec<_> = self.changes.iter().map(|(_, id, change)| (*id, change.user_id())).collect();
        if !keys.is_empty() {
            let found = retry.run("read standings", || engines.store.memberships(&keys)).await?;
            let known = keys.into_iter().zip(found);
            self.standings.extend(known.filter_map(|(key, found)| found.map(|standing| (key, standing))));
        }
        let ids: Vec<_> = self.info_changes.iter().map(|(id, _, _)| *id).collect();
        if !ids.is_empty() {
            for info in retry.run("read settings", || engines.store.infos(&ids)).await?.into_iter().flatten()
            {
                self.infos.entry(info.conversation_id).or_insert(info);
            }
        }
        Ok(())
    }

    /// The effects in log order, heads last: a head is there only when what it counts is.
    pub(crate) fn effects(mut self) -> Vec<Effect> {
        let mut changes = std::mem::take(&mut self.changes).into_iter().peekable();
        let records = std::mem::take(&mut self.effects);
        for (place, effect) in records.into_iter().enumerate() {
            while let Some((_, id, change)) = changes.next_if(|(at, _, _)| *at == place) {
                let key = (id, change.user_id());
                if let Some(after) = change.apply(self.standings.get(&key).copied()) {
                    self.standings.insert(key, after);
                    self.effects.push(Effect::Membership(after));
                }
            }
            self.effects.push(effect);
        }
        for (id, seq, change) in self.info_changes {
            if let Some(info) = self.infos.get_mut(&id) {
                info.seq = seq;
                info.title = change.title.or(info.title.take());
                info.avatar_media_id = change.avatar_media_id.or(info.avatar_media_id);
                info.history = change.history.unwrap_or(info.history);
            }
        }
        self.effects.extend(self.infos.into_values().map(Effect::Info));
        self.effects.extend(self.own.into_iter().map(|((id, user), marks)| Effect::Own(id, user, marks)));
        self.effects.extend(self.heads.into_iter().map(|(id, head)| Effect::Head(id, head)));
        self.effects
    }
}

/// What a record says of an earlier one. (Edits are found by their records.)
fn said_of_another(record: &Record) -> Option<Effect> {
    let (id, seq) = (record.conversation_id, record.seq);
    match &record.body {
        Body::Delete(body) => Some(Effect::Redact(id, body.target)),
        Body::Pin(body) => {
            Some(Effect::Pinned(id, Pinned { target: body.target, on: body.op == Op::Add, seq }))
        }
        Body::Reaction(body) => {
            let (user_id, emoji, on) = (record.sender_id, body.emoji.clone(), body.op == Op::Add);
            Some(Effect::Reacted(id, Reacted { target: body.target, user_id, emoji, on, seq }))
        }
        _ => None,
    }
}
