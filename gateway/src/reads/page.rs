//! A run of records cut to what one member may see and one answer may carry.

use super::range::{Query, Run};
use parlor_schemas::{ConversationId, Membership, RecordText, frames::RecordsHead};
use std::sync::Arc;

/// The answer to `fetch` and `/records`.
#[derive(Debug)]
pub(crate) struct Page {
    /// Whose log it is.
    pub conversation_id: ConversationId,
    /// Ascending, without holes.
    pub items: Vec<RecordText>,
    /// Everything up to here is in it.
    pub upto: u64,
    /// More can be had now, in the direction of the query.
    pub more: bool,
    /// The last seq this user may see.
    pub head_seq: u64,
    /// The user sees from above it.
    pub floor: u64,
    /// The deployment's.
    pub epoch: Arc<str>,
}

impl Page {
    /// Cuts a run to floor < seq ≤ left, to the limit, and to bytes; at least one record stays.
    pub fn cut(run: Run, standing: &Membership, query: Query, bytes_max: usize, epoch: Arc<str>) -> Self {
        let mut items: Vec<RecordText> =
            run.records.into_iter().filter(|record| standing.may_read(record.seq)).collect();
        let fits = |records: &mut dyn Iterator<Item = &RecordText>| {
            let mut bytes = 0;
            records
                .take(query.limit)
                .enumerate()
                .take_while(|(i, record)| {
                    bytes += record.json().len();
                    *i == 0 || bytes <= bytes_max
                })
                .count()
        };
        let count = items.len();
        let keep = if query.is_last { fits(&mut items.iter().rev()) } else { fits(&mut items.iter()) };
        if query.is_last {
            items.drain(..count - keep);
        } else {
            items.truncate(keep);
        }
        let head_seq = standing.left_seq.unwrap_or(run.head_seq.max(standing.seq));
        let nothing = if query.is_last { query.before - 1 } else { query.after.max(standing.floor) };
        Self {
            conversation_id: standing.conversation_id,
            upto: items.last().map_or(nothing.min(head_seq), |record| record.seq),
            more: keep < count,
            items,
            head_seq,
            floor: standing.floor,
            epoch,
        }
    }

    /// What stands around the items.
    pub fn head(&self) -> RecordsHead<'_> {
        RecordsHead {
            conversation_id: self.conversation_id,
            upto: self.upto,
            more: self.more,
            head_seq: self.head_seq,
            floor: self.floor,
            epoch: &self.epoch,
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use parlor_schemas::{
        Body, ClientMsgId, DeviceId, GatewayId, MessageId, Origin, Record, Timestamp, UserId,
        record::{Message, Role},
    };
    use uuid::Uuid;

    /// A message of 100 bytes of text.
    pub(crate) fn text(seq: u64) -> RecordText {
        RecordText::of(&Record {
            conversation_id: ConversationId(Uuid::from_u128(1)),
            seq,
            ord: seq,
            members_seq: 1,
            message_id: MessageId(Uuid::from_u128(2)),
            at: Timestamp(seq as i64),
            sender_id: UserId(Uuid::from_u128(3)),
            device_id: DeviceId(Uuid::from_u128(4)),
            client_msg_id: ClientMsgId(Uuid::from_u128(5)),
            body: Body::Message(Message { text: Some("x".repeat(100)), ..Message::default() }),
            origin: Origin { gateway_id: GatewayId(Uuid::nil()), request: 0 },
            source_offset: 0,
        })
    }

    pub(crate) fn standing(floor: u64, left_seq: Option<u64>) -> Membership {
        Membership {
            conversation_id: ConversationId(Uuid::from_u128(1)),
            user_id: UserId(Uuid::from_u128(3)),
            seq: left_seq.unwrap_or(floor + 1),
            role: Role::Member,
            floor,
            joined_seq: floor + 1,
            joined_at: Timestamp(0),
            left_seq,
        }
    }

    fn cut(
        run: std::ops::RangeInclusive<u64>,
        who: &Membership,
        query: Query,
        bytes: usize,
    ) -> (Vec<u64>, u64, bool, u64) {
        let run = Run { records: run.map(text).collect(), head_seq: 20, used_store: false };
        let page = Page::cut(run, who, query, bytes, "e".into());
        (page.items.iter().map(|r| r.seq).collect(), page.upto, page.more, page.head_seq)
    }

    #[test]
    fn by_limit_and_bytes_with_at_least_one() {
        let who = standing(0, None);
        assert_eq!(cut(1..=4, &who, Query::first(0, 3), 1 << 20), (vec![1, 2, 3], 3, true, 20));
        assert_eq!(cut(1..=3, &who, Query::first(0, 3), 1 << 20), (vec![1, 2, 3], 3, false, 20), "not yet");
        assert_eq!(cut(1..=3, &who, Query::first(0, 3), 1), (vec![1], 1, true, 20));
        assert_eq!(cut(5..=8, &who, Query::last(9, 3), 1 << 20), (vec![6, 7, 8], 8, true, 20));
        assert_eq!(cut(5..=8, &who, Query::last(9, 3), 1), (vec![8], 8, true, 20));
    }

    #[test]
    fn by_floor_and_leave() {
        let gone = standing(4, Some(7));
        assert_eq!(cut(5..=9, &gone, Query::first(4, 200), 1 << 20), (vec![5, 6, 7], 7, false, 7));
        assert_eq!(cut(8..=9, &gone, Query::first(7, 200), 1 << 20), (vec![], 7, false, 7));
        assert_eq!(cut(1..=6, &gone, Query::last(7, 200), 1 << 20), (vec![5, 6], 6, false, 7));
    }

    #[test]
    #[allow(clippy::reversed_empty_ranges)]
    fn nothing_is_not_yet() {
        let who = standing(0, None);
        assert_eq!(cut(1..=0, &who, Query::first(5, 200), 1 << 20), (vec![], 5, false, 20));
        assert_eq!(cut(1..=0, &who, Query::first(20, 200), 1 << 20), (vec![], 20, false, 20));
    }
}
