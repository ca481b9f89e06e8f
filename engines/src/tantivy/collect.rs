//! A question as a query, and its hits newest first.

use super::Fields;
use crate::search::{Hit, Place, Question};
use parlor_schemas::{ConversationId, Timestamp, words::Run};
use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashMap},
    ops::Bound,
    sync::Arc,
};
use tantivy::{
    DocId, Score, Searcher, SegmentOrdinal, SegmentReader, TantivyError, Term,
    collector::{Collector, SegmentCollector},
    columnar::Column,
    query::{BooleanQuery, InvertedIndexRangeQuery, PhraseQuery, Query, TermQuery, TermSetQuery},
    schema::IndexRecordOption,
};
use uuid::Uuid;

/// The first hits of a question.
pub(super) fn hits(searcher: &Searcher, question: &Question) -> Result<Vec<Hit>, TantivyError> {
    let (_, fields) = Fields::new();
    let conversations = question.within.iter();
    let conversations =
        conversations.map(|(id, _)| Term::from_field_bytes(fields.conversation, id.as_bytes()));
    let mut all: Vec<Box<dyn Query>> = vec![Box::new(TermSetQuery::new(conversations))];
    all.extend(question.wanted.runs.iter().map(|run| run_query(&fields, run)));
    let newest = Newest {
        above: Arc::new(question.within.iter().map(|(id, floor)| (id.0.as_u128(), *floor)).collect()),
        below: question.below,
        limit: question.limit,
    };
    searcher.search(&BooleanQuery::intersection(all), &newest)
}

fn run_query(fields: &Fields, run: &Run) -> Box<dyn Query> {
    let term = |text: &String| Term::from_field_text(fields.words, text);
    match run {
        Run::Prefix(prefix) => {
            // Everything from the prefix on, up to what follows the last text that begins so: no
            // UTF-8 text has a byte above 0xF4.
            let end = [prefix.as_bytes(), &[0xFF]].concat();
            let mut last = Term::from_field_text(fields.words, "");
            last.append_bytes(&end);
            Box::new(InvertedIndexRangeQuery::new(Bound::Included(term(prefix)), Bound::Excluded(last)))
        }
        Run::Characters(characters) => match characters.as_slice() {
            [one] => Box::new(TermQuery::new(term(one), IndexRecordOption::Basic)),
            many => Box::new(PhraseQuery::new(many.iter().map(term).collect())),
        },
    }
}

/// Collects the newest hits above each conversation's floor.
struct Newest {
    above: Arc<HashMap<u128, u64>>,
    below: Option<Place>,
    limit: usize,
}

struct OfSegment {
    high: Column,
    low: Column,
    seq: Column,
    text_seq: Column,
    at: Column,
    above: Arc<HashMap<u128, u64>>,
    below: Option<Place>,
    limit: usize,
    /// The oldest on top.
    kept: BinaryHeap<Reverse<Hit>>,
}

impl Collector for Newest {
    type Fruit = Vec<Hit>;
    type Child = OfSegment;

    fn for_segment(
        &self,
        _ordinal: SegmentOrdinal,
        segment: &SegmentReader,
    ) -> Result<OfSegment, TantivyError> {
        let column = |name| segment.fast_fields().u64(name);
        Ok(OfSegment {
            high: column("high")?,
            low: column("low")?,
            seq: column("seq")?,
            text_seq: column("text_seq")?,
            at: column("at")?,
            above: self.above.clone(),
            below: self.below,
            limit: self.limit,
            kept: BinaryHeap::new(),
        })
    }

    fn requires_scoring(&self) -> bool {
        false
    }

    fn merge_fruits(&self, segments: Vec<Vec<Hit>>) -> Result<Vec<Hit>, TantivyError> {
        let mut hits: Vec<Hit> = segments.into_iter().flatten().collect();
        hits.sort_unstable_by(|a, b| b.cmp(a));
        hits.truncate(self.limit);
        Ok(hits)
    }
}

impl SegmentCollector for OfSegment {
    type Fruit = Vec<Hit>;

    fn collect(&mut self, document: DocId, _score: Score) {
        let number = |column: &Column| column.first(document).unwrap_or_default();
        let id = Uuid::from_u64_pair(number(&self.high), number(&self.low));
        let place = Place {
            at: Timestamp(number(&self.at) as i64),
            conversation_id: ConversationId(id),
            seq: number(&self.seq),
        };
        let is_above = self.above.get(&id.as_u128()).is_some_and(|floor| place.seq > *floor);
        if !is_above || self.below.is_some_and(|below| place >= below) {
            return;
        }
        self.kept.push(Reverse(Hit { place, text_seq: number(&self.text_seq) }));
        if self.kept.len() > self.limit {
            self.kept.pop();
        }
    }

    fn harvest(self) -> Vec<Hit> {
        self.kept.into_iter().map(|Reverse(hit)| hit).collect()
    }
}
