//! The persister's effects as rows, phase by phase (the module above says why in that order).

use super::{
    CassandraStore,
    batches::{self, Place, Write},
    records::{Ids, bucket},
    rows,
};
use crate::{
    sabotage::{self, Sabotage},
    store::{Effect, Head, Info, Reference, StoreError, StoredAck},
};
use parlor_schemas::{ConversationId, Membership, RecordText, UserId, receipt::Marks, record::Kind};
use scylla::value::{CqlTimeuuid, MaybeUnset};
use std::collections::{BTreeMap, BTreeSet, HashSet};

/// Above the write time of every version of a text: what is emptied stays empty.
const GONE: i64 = 1 << 53;
/// The longest time to live that Cassandra takes: 20 years.
const TTL_MAX_S: i64 = 20 * 365 * 86_400;
/// Seqs asked for in one `IN`.
const ASKED_MAX: usize = 100;

/// The effects of one `write`, by phase.
#[derive(Default)]
pub(super) struct Phases<'a> {
    standings: Vec<Write<'a>>,
    rows: Vec<Write<'a>>,
    heads: Vec<Write<'a>>,
    /// Edits that carry a text, by what they edit.
    edits: BTreeMap<(ConversationId, u64), Vec<u64>>,
    redacted: BTreeSet<(ConversationId, u64)>,
}

impl CassandraStore {
    /// Writes all effects, in phases.
    pub(super) async fn apply(&self, effects: Vec<Effect>) -> Result<(), StoreError> {
        let mut phases = Phases::default();
        for effect in effects {
            self.add(&mut phases, effect)?;
        }
        batches::write(&self.requests, "write standings", phases.standings).await?;
        batches::write(&self.requests, "write records", phases.rows).await?;
        self.empty_edits(&phases.edits, &phases.redacted).await?;
        batches::write(&self.requests, "write heads", phases.heads).await
    }

    fn add<'a>(&'a self, phases: &mut Phases<'a>, effect: Effect) -> Result<(), StoreError> {
        match effect {
            Effect::Record(conversation, text) => return self.add_record(phases, conversation, &text),
            Effect::Redact(conversation, target) => {
                phases.rows.push(self.emptying(conversation, target));
                phases.redacted.insert((conversation, target));
            }
            Effect::Pinned(conversation, pinned) => phases.rows.push(self.pin(conversation, pinned)),
            Effect::Reacted(conversation, reacted) => phases.rows.push(self.reaction(conversation, reacted)),
            Effect::Ack(sender, stored) => phases.rows.push(self.ack(sender, &stored)),
            Effect::Membership(membership) => phases.standings.extend(self.standings(&membership)),
            Effect::Info(info) => phases.rows.push(self.info(&info)),
            Effect::Head(conversation, head) => phases.heads.push(self.head(conversation, head)),
            Effect::Reference(media, conversation_id, seq) => {
                phases.rows.push(self.reference(media, Reference { conversation_id, seq }));
            }
            Effect::Own(conversation, user, marks) => {
                phases.rows.extend(self.raising(conversation, user, marks));
            }
        }
        Ok(())
    }

    fn add_record<'a>(
        &'a self,
        phases: &mut Phases<'a>,
        conversation: ConversationId,
        text: &RecordText,
    ) -> Result<(), StoreError> {
        let ids = Ids::of(text)?;
        // The text of one that came without its body is no version of it.
        let body =
            if text.redacted { String::new() } else { String::from_utf8_lossy(text.body()).into_owned() };
        let (seq, bytes) = (text.seq as i64, body.len());
        let values = (
            conversation.0,
            bucket(text.seq),
            seq,
            text.ord as i64,
            CqlTimeuuid::from(ids.message_id.0),
            text.kind.as_str(),
            rows::time(text.at),
            text.sender_id.0,
            ids.device_id.0,
            ids.client_msg_id.0,
            // Left out, not null: a null would be a tombstone.
            MaybeUnset::from_option(text.target.map(|target| target as i64)),
            MaybeUnset::from_option(text.expires_at.map(rows::time)),
            body,
            self.rank(seq),
        );
        let place = Place::Records(conversation.0, bucket(text.seq));
        phases.rows.push(Write::new(place, &self.statements.put_record, values).with_bytes(bytes));
        if text.redacted {
            phases.rows.push(self.emptying(conversation, text.seq));
        }
        if let (Kind::Edit, Some(target)) = (text.kind, text.target) {
            let place = Place::Edits(conversation.0, bucket(target));
            let values = (conversation.0, bucket(target), target as i64, seq, seq);
            phases.rows.push(Write::new(place, &self.statements.put_edit, values));
            phases.edits.entry((conversation, target)).or_default().push(text.seq);
        }
        Ok(())
    }

    /// The write time of a row that is folded is its rank.
    pub(super) fn rank(&self, rank: i64) -> i64 {
        if sabotage::is(Sabotage::ClockTimestamps) { self.clock.now().0 * 1_000 } else { rank }
    }

    fn emptying(&self, conversation: ConversationId, seq: u64) -> Write<'_> {
        let rank = self.rank(GONE + seq as i64);
        let values = (rank, conversation.0, bucket(seq), seq as i64);
        Write::new(Place::Records(conversation.0, bucket(seq)), &self.statements.empty_record, values)
    }

    /// Empties the edits of what is gone. An edit's row is written before its target is looked at
    /// here, and a target is emptied before its edits are looked for: so of an edit and a delete
    /// that are written at the same time, at least one sees the other.
    async fn empty_edits(
        &self,
        edits: &BTreeMap<(ConversationId, u64), Vec<u64>>,
        redacted: &BTreeSet<(ConversationId, u64)>,
    ) -> Result<(), StoreError> {
        let mut gone = BTreeSet::new();
        let found = self.requests.each(redacted, |(conversation, target)| {
            let values = (conversation.0, bucket(*target), *target as i64);
            self.requests.rows::<(i64,)>("read edits", &self.statements.edits, values)
        });
        for ((conversation, _), seqs) in redacted.iter().zip(found.await?) {
            gone.extend(seqs.into_iter().map(|(seq,)| (*conversation, seq as u64)));
        }
        let targets = edits.keys().copied().collect();
        for target in self.redacted(&targets).await? {
            gone.extend(edits[&target].iter().map(|seq| (target.0, *seq)));
        }
        let writes = gone.into_iter().map(|(conversation, seq)| self.emptying(conversation, seq));
        batches::write(&self.requests, "empty edits", writes.collect()).await
    }

    /// Which of some records are gone.
    pub(super) async fn redacted(
        &self,
        of: &BTreeSet<(ConversationId, u64)>,
    ) -> Result<HashSet<(ConversationId, u64)>, StoreError> {
        let mut asked: Vec<(ConversationId, i64, Vec<i64>)> = Vec::new();
        for (conversation, seq) in of {
            let (place, seq) = ((*conversation, bucket(*seq)), *seq as i64);
            match asked.last_mut() {
                Some((id, bucket, seqs)) if (*id, *bucket) == place && seqs.len() < ASKED_MAX => {
                    seqs.push(seq);
                }
                _ => asked.push((place.0, place.1, vec![seq])),
            }
        }
        let found = self.requests.each(&asked, |(conversation, bucket, seqs)| {
            let values = (conversation.0, *bucket, seqs);
            self.requests.rows::<(i64, Option<bool>)>("read redactions", &self.statements.redacted, values)
        });
        let found = found.await?;
        let gone = asked.iter().zip(found).flat_map(|((conversation, ..), rows)| {
            let gone = rows.into_iter().filter(|(_, redacted)| *redacted == Some(true));
            gone.map(|(seq, _)| (*conversation, seq as u64))
        });
        Ok(gone.collect())
    }

    /// An answer. It lives its whole time from its write on, so that no clock of a persister
    /// shortens it: what is too old is for ingest to say, by log time (DESIGN §3).
    fn ack(&self, sender: UserId, stored: &StoredAck) -> Write<'_> {
        let ack = &stored.ack;
        let ttl = (self.acks_ms / 1_000).clamp(1, TTL_MAX_S) as i32;
        let more = rows::more(ack);
        let bytes = more.len();
        let values = (
            ack.conversation_id.0,
            sender.0,
            ack.client_msg_id.0,
            stored.payload_hash.to_vec(),
            ack.seq as i64,
            ack.ord as i64,
            CqlTimeuuid::from(ack.message_id.0),
            rows::time(ack.at),
            more,
            ttl,
            ack.seq as i64,
        );
        let place = Place::Ack(ack.conversation_id.0, sender.0, ack.client_msg_id.0);
        Write::new(place, &self.statements.put_ack, values).with_bytes(bytes)
    }

    fn standings(&self, of: &Membership) -> [Write<'_>; 2] {
        let (conversation, user) = (of.conversation_id, of.user_id);
        let (seq, role, floor, joined_seq, joined_at, left) = rows::standing(of);
        let in_conversation = (
            conversation.0,
            user.as_bytes().to_vec(),
            seq,
            role.clone(),
            floor,
            joined_seq,
            joined_at,
            left,
            seq,
        );
        let of_user =
            (user.0, conversation.as_bytes().to_vec(), seq, role, floor, joined_seq, joined_at, left, seq);
        [
            Write::new(
                Place::Participants(conversation.0),
                &self.statements.put_participant,
                in_conversation,
            ),
            Write::new(Place::ByUser(user.0), &self.statements.put_by_user, of_user),
        ]
    }

    fn info(&self, of: &Info) -> Write<'_> {
        let title = of.title.clone().unwrap_or_default();
        let bytes = title.len();
        let values = (
            of.conversation_id.0,
            rows::word(&of.kind),
            of.title.is_some(),
            title,
            of.avatar_media_id.map_or(uuid::Uuid::nil(), |id| id.0),
            rows::word(&of.history),
            of.created_by.0,
            rows::time(of.created_at),
            of.seq as i64,
            of.seq as i64,
        );
        Write::new(Place::Info(of.conversation_id.0), &self.statements.put_info, values).with_bytes(bytes)
    }

    fn head(&self, conversation: ConversationId, head: Head) -> Write<'_> {
        let seq = head.seq as i64;
        let values = (conversation.0, seq, head.ord as i64, rows::time(head.at), self.rank(seq));
        Write::new(Place::Head(conversation.0), &self.statements.put_head, values)
    }

    /// A write for each mark that is set.
    pub(super) fn raising(
        &self,
        conversation: ConversationId,
        user: UserId,
        marks: Marks,
    ) -> impl Iterator<Item = Write<'_>> {
        let statements = &self.statements;
        let all = [
            (marks.delivered_seq, &statements.raise_delivered_seq),
            (marks.read_seq, &statements.raise_read_seq),
            (marks.read_ord, &statements.raise_read_ord),
            (marks.own_seq, &statements.raise_own_seq),
            (marks.own_ord, &statements.raise_own_ord),
        ];
        let set = all.into_iter().filter(|(mark, _)| *mark > 0);
        set.map(move |(mark, statement)| {
            let values = (conversation.0, user.0, mark as i64, mark as i64);
            Write::new(Place::Marks(conversation.0), statement, values)
        })
    }
}
