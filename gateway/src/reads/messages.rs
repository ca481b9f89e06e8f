//! Pages of messages with everything folded in that was said of them since, however long after.

use super::{
    ReadError, Reader,
    fold::{Folding, is_shown},
    heads::Item,
    range::Query,
};
use crate::problem::Problem;
use parlor_engines::store::Edited;
use parlor_schemas::{ConversationId, RecordText, UserId, frames::INTEGER_MAX, record::Kind};
use std::collections::BTreeMap;

/// Records looked through for a conversation's newest message.
const LAST_MESSAGE_LOOK: usize = 200;

impl Reader {
    /// One page of `/messages`: `{items, next}`, newest first. Folded from the page's own records, from
    /// what the store has of later ones by their targets, and from the records that are not stored yet;
    /// [`ReadError::NotYet`] if those are more than `edge.fold_records_max`.
    pub async fn folded(
        &self,
        user: UserId,
        conversation: ConversationId,
        before: Option<u64>,
        limit: usize,
    ) -> Result<String, Problem> {
        let (window, has_more) = self.window(user, conversation, before, limit).await?;
        let folding = self.patiently(|| self.fold_window(user, conversation, &window)).await?;
        let first = window.first().filter(|_| has_more);
        let next = first.map_or("null".to_owned(), |first| format!("\"{}\"", first.seq));
        Ok(format!(r#"{{"items":[{}],"next":{next}}}"#, folding.json(user).join(",")))
    }

    /// The records of a page, and whether older ones are there.
    async fn window(
        &self,
        user: UserId,
        conversation: ConversationId,
        before: Option<u64>,
        limit: usize,
    ) -> Result<(Vec<RecordText>, bool), Problem> {
        let mut upper = before.unwrap_or(INTEGER_MAX);
        Query::new(None, Some(upper), None, limit)?;
        let mut window: Vec<RecordText> = Vec::new();
        let (mut shown, mut has_more) = (0, true);
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
        let surplus = shown.saturating_sub(limit);
        let last = window.iter().filter(|r| is_shown(r.kind)).map(|r| r.seq).take(surplus).last();
        if let Some(last) = last {
            window.retain(|record| record.seq > last);
            has_more = true;
        }
        Ok((window, has_more))
    }

    /// A page with what came after it. Whoever has left is told nothing later: where a later word has
    /// taken the place of one from before the leave, the records behind the page are looked through, at
    /// most `edge.fold_records_max`.
    async fn fold_window(
        &self,
        user: UserId,
        conversation: ConversationId,
        window: &[RecordText],
    ) -> Result<Folding, ReadError> {
        let mut folding = Folding::of(window);
        let (Some((first, last)), Some(end)) = (folding.ends(), window.last()) else { return Ok(folding) };
        let stored = self.engines.store.heads(&[conversation]).await?.pop().flatten();
        let mut acts = self.engines.store.acts(conversation, first, last).await?;
        // Looked at behind what was read, so that a leave before it is seen.
        let standing = self.standing_once(user, conversation, true).await?;
        let left = standing.ok_or_else(|| Problem::not_found("conversation"))?.left_seq;
        let is_told = |seq: u64| left.is_none_or(|left| seq <= left);
        let count = acts.pins.len() + acts.reactions.len();
        acts.pins.retain(|pinned| is_told(pinned.seq));
        acts.reactions.retain(|reacted| is_told(reacted.seq));
        acts.edits.retain(|edited| is_told(edited.seq) && folding.stands(edited.target));
        let is_whole = count == acts.pins.len() + acts.reactions.len();
        for edit in self.pick(conversation, &newest(&acts.edits)).await?.into_iter().flatten() {
            folding.apply(&edit);
        }
        acts.pins.into_iter().for_each(|pinned| folding.pin(pinned));
        acts.reactions.into_iter().for_each(|reacted| folding.react(reacted));
        let after = if is_whole { stored.map_or(0, |head| head.seq) } else { end.seq };
        if !self.fold_on(user, conversation, after, &mut folding).await? && is_whole {
            return Err(ReadError::NotYet);
        }
        Ok(folding)
    }

    /// Applies the records above `after`; whether those were all that there are.
    async fn fold_on(
        &self,
        user: UserId,
        conversation: ConversationId,
        mut after: u64,
        folding: &mut Folding,
    ) -> Result<bool, Problem> {
        let mut count = 0;
        while count < self.fold_records_max {
            let query = Query::first(after, self.limits.fetch_records_max);
            let page = self.records(user, conversation, query).await?;
            folding.apply_all(&page.items);
            count += page.items.len();
            after = page.upto;
            if !page.more {
                return Ok(after >= page.head_seq);
            }
        }
        Ok(false)
    }

    /// A conversation's newest message, folded, if it is not far below the head.
    pub async fn last_message(&self, user: UserId, item: &Item) -> Result<Option<String>, ReadError> {
        let id = item.membership.conversation_id;
        let query = Query::last(item.head_seq + 1, LAST_MESSAGE_LOOK);
        let page = self.records(user, id, query).await?;
        let newest = page.items.iter().rposition(|record| record.kind == Kind::Message);
        Ok(newest.and_then(|at| {
            let mut folding = Folding::default();
            folding.show(&page.items[at]);
            folding.apply_all(&page.items[at..]);
            folding.json(user).pop()
        }))
    }
}

/// The newest edit of each message.
fn newest(edits: &[Edited]) -> Vec<u64> {
    let mut by_target = BTreeMap::<u64, u64>::new();
    for edit in edits {
        let seq = by_target.entry(edit.target).or_default();
        *seq = edit.seq.max(*seq);
    }
    by_target.into_values().collect()
}
