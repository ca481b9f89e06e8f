//! A run of a conversation's records: from the tail where it reaches, else from the store and
//! continued by the tail. The range is read first, the membership second (DESIGN §4).

use super::{ReadError, Reader, page::Page};
use crate::problem::Problem;
use parlor_engines::{
    live::TailRead,
    sabotage::{self, Sabotage},
};
use parlor_schemas::{
    ConversationId, RecordText, UserId, frames::INTEGER_MAX, record::Kind, text::redact_run,
};
use std::collections::HashSet;

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Query {
    /// Above this seq.
    pub after: u64,
    /// Below this seq.
    pub before: u64,
    /// At most so many.
    pub limit: usize,
    /// The last ones of the range instead of the first.
    pub is_last: bool,
}

impl Query {
    /// Checks the numbers of `fetch` and `/records`; `none`: the limit where none is given.
    pub fn new(
        after: Option<u64>,
        before: Option<u64>,
        limit: Option<i64>,
        none: usize,
    ) -> Result<Self, Problem> {
        let limit = match limit {
            None => none,
            Some(limit) if limit <= 0 => return Err(Problem::invalid("limit: at least 1")),
            Some(limit) => usize::try_from(limit).unwrap_or(usize::MAX),
        };
        if after.is_some_and(|seq| seq > INTEGER_MAX)
            || before.is_some_and(|seq| seq == 0 || seq > INTEGER_MAX)
        {
            return Err(Problem::invalid("after, before: below 2^53, before at least 1"));
        }
        if after.is_none() && before.is_none() {
            return Err(Problem::invalid("after or before: missing"));
        }
        Ok(Self {
            after: after.unwrap_or(0),
            before: before.unwrap_or(INTEGER_MAX),
            limit,
            is_last: after.is_none(),
        })
    }

    /// The last ones below `before`.
    pub fn last(before: u64, limit: usize) -> Self {
        Self { after: 0, before, limit, is_last: true }
    }

    /// The first ones above `after`.
    pub fn first(after: u64, limit: usize) -> Self {
        Self { after, before: INTEGER_MAX, limit, is_last: false }
    }
}

/// A run without holes, before anybody's floor is applied.
#[derive(Debug, Default)]
pub(crate) struct Run {
    /// Ascending; one more than asked for, where there is one more.
    pub records: Vec<RecordText>,
    /// The head as far as this read knows.
    pub head_seq: u64,
    /// The store was needed.
    pub used_store: bool,
}

impl Reader {
    /// The `records` of a user: floor < seq ≤ left, redacted, at least one if there is one.
    pub async fn records(
        &self,
        user: UserId,
        conversation: ConversationId,
        query: Query,
    ) -> Result<Page, Problem> {
        let query = Query { limit: query.limit.min(self.limits.fetch_records_max), ..query };
        self.patiently(|| self.records_once(user, conversation, query)).await
    }

    async fn records_once(
        &self,
        user: UserId,
        conversation: ConversationId,
        mut query: Query,
    ) -> Result<Page, ReadError> {
        loop {
            let run = self.run(conversation, query).await?;
            let standing = self.standing_once(user, conversation, run.used_store).await?;
            let mut standing = standing.ok_or_else(|| Problem::not_found("conversation"))?;
            if sabotage::is(Sabotage::NoMemberCheck) {
                (standing.floor, standing.left_seq) = (0, None);
            }
            if !query.is_last && query.after < standing.floor {
                // Read again from the floor on, and the membership behind it again.
                query.after = standing.floor;
                continue;
            }
            return Ok(Page::cut(run, &standing, query, self.limits.fetch_bytes_max, self.epoch.clone()));
        }
    }

    /// One record, as the user may read it.
    pub async fn record(
        &self,
        user: UserId,
        conversation: ConversationId,
        seq: u64,
    ) -> Result<Option<RecordText>, Problem> {
        let query = Query { after: seq.saturating_sub(1), before: seq + 1, limit: 1, is_last: false };
        let page = self.records(user, conversation, query).await?;
        Ok(page.items.into_iter().find(|record| record.seq == seq))
    }

    pub(super) async fn run(&self, conversation: ConversationId, query: Query) -> Result<Run, ReadError> {
        let Query { after, before, limit, is_last } = query;
        let tail = self.engines.live.tail(conversation, after, before, limit + 1, is_last).await?;
        let mut run = if is_enough(&tail, query) {
            let head_seq = tail.head.map_or(0, |head| head.seq);
            let mut records = tail.records;
            redact_run(&mut records, |_| false, self.engines.clock.now());
            Run { records, head_seq, used_store: false }
        } else {
            self.run_of_store(conversation, query, tail).await?
        };
        run.head_seq = run.head_seq.max(run.records.last().map_or(0, |record| record.seq));
        self.redact_edits(conversation, &mut run.records).await?;
        Ok(run)
    }

    async fn run_of_store(
        &self,
        conversation: ConversationId,
        query: Query,
        mut tail: TailRead,
    ) -> Result<Run, ReadError> {
        let Query { after, before, limit, is_last } = query;
        let store = &self.engines.store;
        let stored_head = store.heads(&[conversation]).await?.pop().flatten().map_or(0, |head| head.seq);
        let mut deleted: HashSet<u64> = tail.deleted.drain(..).collect();
        let records = if is_last {
            let upper = tail.records.first().map_or(before, |record| record.seq);
            let room = limit + 1 - tail.records.len().min(limit + 1);
            let stored = store.records(conversation, 0, upper, room, true).await?;
            joined_back(stored, tail.records)
        } else {
            let stored =
                contiguous(store.records(conversation, after, before, limit + 1, false).await?, after);
            let end = stored.last().map_or(after, |record| record.seq);
            let room = limit + 1 - stored.len();
            let joins = tail.records.first().is_some_and(|record| record.seq <= end + 1);
            if !joins && room > 0 && tail.head.is_some_and(|head| head.seq > end) {
                // The tail began above what was asked, or moved on meanwhile: its run from here.
                let next = self.engines.live.tail(conversation, end, before, room, false).await?;
                deleted.extend(&next.deleted);
                tail = TailRead { head: next.head.or(tail.head), ..next };
            }
            joined(stored, tail.records, end, limit + 1)
        };
        let mut records = records;
        redact_run(&mut records, |seq| deleted.contains(&seq), self.engines.clock.now());
        let head_seq = stored_head.max(tail.head.map_or(0, |head| head.seq));
        Ok(Run { records, head_seq, used_store: true })
    }

    /// Edits of a message that has expired carry its text too (PROTOCOL §1). Whether the target has
    /// ended stands in the target alone.
    async fn redact_edits(
        &self,
        conversation: ConversationId,
        run: &mut [RecordText],
    ) -> Result<(), ReadError> {
        let targets: HashSet<u64> =
            run.iter().filter(|r| r.kind == Kind::Edit && !r.redacted).filter_map(|r| r.target).collect();
        if targets.is_empty() {
            return Ok(());
        }
        let mut ended: HashSet<u64> = run.iter().filter(|r| r.redacted).map(|r| r.seq).collect();
        let within: HashSet<u64> = run.iter().map(|r| r.seq).collect();
        let outside: Vec<u64> = targets.difference(&within).copied().collect();
        let now = self.engines.clock.now();
        for target in self.pick(conversation, &outside).await?.into_iter().flatten() {
            if target.redacted || target.is_expired(now) {
                ended.insert(target.seq);
            }
        }
        for record in run.iter_mut().filter(|r| r.kind == Kind::Edit) {
            if record.target.is_some_and(|target| ended.contains(&target)) {
                *record = record.redact();
            }
        }
        Ok(())
    }

    /// Single records, from the store or, where it has not got them yet, the tail.
    pub(super) async fn pick(
        &self,
        conversation: ConversationId,
        seqs: &[u64],
    ) -> Result<Vec<Option<RecordText>>, ReadError> {
        if seqs.is_empty() {
            return Ok(Vec::new());
        }
        let of: Vec<_> = seqs.iter().map(|seq| (conversation, *seq)).collect();
        let mut found = self.engines.store.pick(&of).await?;
        for (record, seq) in found.iter_mut().zip(seqs) {
            if record.is_none() {
                let tail = self.engines.live.tail(conversation, seq - 1, seq + 1, 1, false).await?;
                *record = tail.records.into_iter().next();
            }
        }
        Ok(found)
    }
}

/// Whether the tail alone answers: it has the first record asked for, or its head says that there
/// is nothing; for the last ones, all of them.
fn is_enough(tail: &TailRead, query: Query) -> bool {
    let first = tail.records.first().map(|record| record.seq);
    if query.is_last {
        return first == Some(1) || tail.records.len() > query.limit;
    }
    let is_nothing = tail.head.is_some_and(|head| query.after >= head.seq);
    first == Some(query.after + 1) || is_nothing || query.after + 1 >= query.before
}

/// The run from `after` + 1 up to the first hole.
fn contiguous(records: Vec<RecordText>, after: u64) -> Vec<RecordText> {
    let mut next = after + 1;
    records
        .into_iter()
        .take_while(|record| {
            let fits = record.seq == next;
            next += 1;
            fits
        })
        .collect()
}

/// The stored run, continued by the tail where it joins without a hole.
fn joined(mut stored: Vec<RecordText>, tail: Vec<RecordText>, end: u64, limit: usize) -> Vec<RecordText> {
    let above: Vec<RecordText> = tail.into_iter().filter(|record| record.seq > end).collect();
    stored.extend(contiguous(above, end));
    stored.truncate(limit);
    stored
}

/// The tail's run, continued downwards by the store where it joins without a hole.
fn joined_back(stored: Vec<RecordText>, tail: Vec<RecordText>) -> Vec<RecordText> {
    let mut run: Vec<RecordText> = Vec::with_capacity(stored.len() + tail.len());
    for record in stored.into_iter().chain(tail).rev() {
        if run.last().is_some_and(|above| above.seq != record.seq + 1) {
            break;
        }
        run.push(record);
    }
    run.reverse();
    run
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reads::page::tests::text;
    use parlor_engines::live::LiveHead;
    use parlor_schemas::Timestamp;

    fn texts(seqs: impl IntoIterator<Item = u64>) -> Vec<RecordText> {
        seqs.into_iter().map(text).collect()
    }

    fn seqs(run: &[RecordText]) -> Vec<u64> {
        run.iter().map(|record| record.seq).collect()
    }

    #[test]
    fn the_store_is_continued_where_it_joins() {
        assert_eq!(seqs(&joined(texts(1..=3), texts(3..=5), 3, 9)), [1, 2, 3, 4, 5]);
        assert_eq!(seqs(&joined(texts(1..=3), texts(5..=6), 3, 9)), [1, 2, 3], "a hole is not yet");
        assert_eq!(seqs(&joined(texts([]), texts(4..=6), 3, 2)), [4, 5]);
        assert_eq!(seqs(&contiguous(texts([4, 5, 7]), 3)), [4, 5]);
        assert_eq!(seqs(&contiguous(texts([5]), 3)), [] as [u64; 0]);
    }

    #[test]
    fn downwards_alike() {
        assert_eq!(seqs(&joined_back(texts(1..=3), texts(4..=5))), [1, 2, 3, 4, 5]);
        assert_eq!(seqs(&joined_back(texts(1..=2), texts(4..=5))), [4, 5]);
        assert_eq!(seqs(&joined_back(texts([1, 2, 4]), texts([]))), [4]);
    }

    #[test]
    fn when_the_tail_is_enough() {
        let head = LiveHead { seq: 9, ord: 9, at: Timestamp(0), version: 1 };
        let tail = |records: &[u64]| TailRead {
            records: texts(records.iter().copied()),
            deleted: Vec::new(),
            head: Some(head),
        };
        assert!(is_enough(&tail(&[5, 6]), Query::first(4, 10)));
        assert!(!is_enough(&tail(&[5, 6]), Query::first(3, 10)));
        assert!(is_enough(&tail(&[]), Query::first(9, 10)), "nothing above the head");
        assert!(!is_enough(&tail(&[8, 9]), Query::last(10, 2)));
        assert!(is_enough(&tail(&[7, 8, 9]), Query::last(10, 2)));
        assert!(!is_enough(&TailRead::default(), Query::first(0, 10)), "not live: the store knows");
    }

    #[test]
    fn the_numbers_of_a_query() {
        assert!(Query::new(None, None, None, 200).is_err());
        assert!(Query::new(Some(0), None, Some(0), 200).is_err());
        assert!(Query::new(None, Some(0), None, 200).is_err());
        assert_eq!(Query::new(Some(3), None, None, 200).unwrap(), Query::first(3, 200));
        assert_eq!(Query::new(None, Some(3), Some(5), 200).unwrap(), Query::last(3, 5));
    }
}
