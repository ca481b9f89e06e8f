//! What a former member still sees of a conversation: its shared settings and the number of members
//! as they were when it left, nothing later by any path (PROTOCOL §1).

use super::{ReadError, Reader, range::Query};
use parlor_engines::store::Info;
use parlor_schemas::{
    ConversationId, MediaId, Membership, UserId,
    record::{HistoryRule, Kind},
};
use serde::Deserialize;
use std::sync::Arc;

/// Members read at once.
const MEMBERS_PAGE: usize = 1024;

/// A conversation as of a leave; it never changes.
#[derive(Clone, Debug)]
pub(crate) struct Frozen {
    /// Shared settings.
    pub info: Info,
    /// Who stayed.
    pub members_count: u64,
}

/// Frozen conversations, by the leave.
pub(super) type FrozenCache = moka::sync::Cache<(ConversationId, u64), Arc<Frozen>>;

/// The body of a `conversation_changed` record.
#[derive(Default, Deserialize)]
struct Changed {
    title: Option<String>,
    avatar_media_id: Option<MediaId>,
    history: Option<HistoryRule>,
}

impl Changed {
    /// What is not known yet is taken from an earlier change.
    fn or(&mut self, earlier: Self) {
        self.title = self.title.take().or(earlier.title);
        self.avatar_media_id = self.avatar_media_id.or(earlier.avatar_media_id);
        self.history = self.history.or(earlier.history);
    }

    fn is_whole(&self) -> bool {
        self.title.is_some() && self.avatar_media_id.is_some() && self.history.is_some()
    }
}

impl Reader {
    /// The conversation as of `left`. `info`: as it is now.
    pub async fn frozen(&self, info: &Info, left: u64) -> Result<Arc<Frozen>, ReadError> {
        let id = info.conversation_id;
        if let Some(known) = self.frozen.get(&(id, left)) {
            return Ok(known);
        }
        let info = if info.seq <= left { info.clone() } else { self.info_at(id, left).await? };
        let frozen = Arc::new(Frozen { info, members_count: self.members_at(id, left).await? });
        // Only what is written up to the leave will stay so.
        let head = self.engines.store.heads(&[id]).await?.pop().flatten();
        if head.is_some_and(|head| head.seq >= left) {
            self.frozen.insert((id, left), frozen.clone());
        }
        Ok(frozen)
    }

    /// Shared settings as of a record: the newest changes at or below it over what the conversation
    /// was made with. Looks through at most `edge.fold_records_max` records; a change that lies
    /// further back is not seen, a later one never.
    async fn info_at(&self, id: ConversationId, seq: u64) -> Result<Info, ReadError> {
        let (mut changed, mut before, mut looked) = (Changed::default(), seq + 1, 0);
        while before > 1 && looked < self.fold_records_max && !changed.is_whole() {
            let run = self.run(id, Query::last(before, self.limits.fetch_records_max)).await?;
            let Some(first) = run.records.first() else { return Err(ReadError::NotYet) };
            before = first.seq;
            looked += run.records.len();
            for record in run.records.iter().rev().filter(|r| r.kind == Kind::ConversationChanged) {
                changed.or(serde_json::from_slice(record.body()).unwrap_or_default());
            }
        }
        let first = self.pick(id, &[1]).await?.pop().flatten().ok_or(ReadError::NotYet)?;
        let made = super::shapes::made(id, &first).ok_or(ReadError::NotYet)?;
        Ok(Info {
            title: changed.title.or(made.title),
            avatar_media_id: changed.avatar_media_id,
            history: changed.history.unwrap_or(made.history),
            seq,
            ..made
        })
    }

    /// Who was in it right after the record `left`; who has left and joined again since is not counted.
    async fn members_at(&self, id: ConversationId, left: u64) -> Result<u64, ReadError> {
        let stayed = |m: &&Membership| m.joined_seq <= left && m.left_seq.is_none_or(|gone| gone > left);
        let (mut count, mut after): (u64, Option<UserId>) = (0, None);
        loop {
            let page = self.engines.store.of_conversation(id, after, MEMBERS_PAGE).await?;
            count += page.iter().filter(stayed).count() as u64;
            after = page.last().map(|member| member.user_id);
            if page.len() < MEMBERS_PAGE {
                return Ok(count);
            }
        }
    }
}
