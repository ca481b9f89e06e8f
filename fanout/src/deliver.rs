//! Who gets what: a batch of records, the members rows, the routes → items per gateway.

use crate::links::Items;
use bytes::Bytes;
use parlor_engines::live::Route;
use parlor_schemas::{
    Ack, ConversationId, GatewayId, Outcome, Record, RecordText, UserId, frames::record_frame, link::Item,
    membership::MembershipChange, record::Kind, rows::MembersRow, view::ConversationChange,
};
use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
};

/// A batch being delivered.
pub(crate) struct Delivery<'a> {
    epoch: &'a str,
    records: Vec<Pending>,
    users: HashSet<UserId>,
    /// Conversations whose present members were counted already, as of this row.
    counted: HashMap<ConversationId, u64>,
}

struct Pending {
    seq: u64,
    row: Arc<MembersRow>,
    frame: Bytes,
    /// To whom the conversation is to be shown anew; nobody named: to all recipients.
    shows: Vec<(ConversationChange, Option<UserId>)>,
    gateway_id: GatewayId,
    request: u64,
    ack: Ack,
}

impl<'a> Delivery<'a> {
    pub(crate) fn new(epoch: &'a str) -> Self {
        Self { epoch, records: Vec::new(), users: HashSet::new(), counted: HashMap::new() }
    }

    /// Adds the next record, with a members row that is at least as new as the record.
    pub(crate) fn add(&mut self, record: &Record, text: &RecordText, row: Arc<MembersRow>) {
        // A row that is newer than the record says nothing of the records after it (who joins with one
        // of those is not counted yet), and whoever goes gets the record of going and nothing after it.
        let is_settled = row.members_seq < record.seq;
        let known = self.counted.get(&record.conversation_id);
        if !is_settled || known != Some(&row.members_seq) {
            let recipients = row.members.iter().filter(|member| member.receives(record.seq));
            self.users.extend(recipients.map(|member| member.user_id));
        }
        if is_settled {
            self.counted.insert(record.conversation_id, row.members_seq);
        }
        self.records.push(Pending {
            seq: record.seq,
            row,
            frame: record_frame(text, self.epoch),
            shows: shows(record),
            gateway_id: record.origin.gateway_id,
            request: record.origin.request,
            ack: Ack::of(record, false),
        });
    }

    /// Everyone whose routes are needed.
    pub(crate) fn users(&self) -> Vec<UserId> {
        self.users.iter().copied().collect()
    }

    /// The items, in record order: for every record its frame to each gateway that holds a
    /// recipient, then `sequenced` to the gateway that asked.
    pub(crate) fn items(self, users: &[UserId], routes: Vec<Vec<Route>>) -> Items {
        let routes: HashMap<UserId, Vec<Route>> = users.iter().copied().zip(routes).collect();
        let mut items = Vec::with_capacity(self.records.len() * 2);
        let mut last: Option<(ConversationId, u64, BTreeMap<GatewayId, Vec<u64>>)> = None;
        for pending in self.records {
            let (id, members_seq) = (pending.row.conversation_id, pending.row.members_seq);
            // The recipients of the record before it, if nobody came or went between.
            let same = last.as_ref().is_some_and(|(known, seq, _)| {
                *known == id && *seq == members_seq && members_seq < pending.seq
            });
            if !same {
                last = Some((id, members_seq, connections(&pending, &routes)));
                if members_seq >= pending.seq {
                    // The change itself, or before it: the recipients are this record's alone.
                    last.as_mut().expect("set above").1 = u64::MAX;
                }
            }
            for (gateway, connections) in last.iter().flat_map(|(_, _, by_gateway)| by_gateway) {
                let item = Item::Frame { connections: connections.clone(), text: pending.frame.clone() };
                items.push((*gateway, item));
            }
            let everyone = last.as_ref().map(|(_, _, by_gateway)| by_gateway);
            items.extend(
                pending.shows.iter().flat_map(|show| shown((id, pending.seq), show, everyone, &routes)),
            );
            let answer = Item::Answer { request: pending.request, outcome: Outcome::Sequenced(pending.ack) };
            items.push((pending.gateway_id, answer));
        }
        items
    }
}

fn connections(pending: &Pending, routes: &HashMap<UserId, Vec<Route>>) -> BTreeMap<GatewayId, Vec<u64>> {
    let mut by_gateway: BTreeMap<GatewayId, Vec<u64>> = BTreeMap::new();
    let recipients = pending.row.members.iter().filter(|member| member.receives(pending.seq));
    for route in recipients.filter_map(|member| routes.get(&member.user_id)).flatten() {
        by_gateway.entry(route.gateway_id).or_default().push(route.connection);
    }
    by_gateway
}

/// What a record changes about the conversation for its members (PROTOCOL §3, `conversation`).
fn shows(record: &Record) -> Vec<(ConversationChange, Option<UserId>)> {
    if record.kind() == Kind::ConversationChanged {
        return vec![(ConversationChange::Changed, None)];
    }
    let change = |change: MembershipChange| match change {
        MembershipChange::Joined(membership) => (ConversationChange::Joined, Some(membership.user_id)),
        MembershipChange::Left { user_id, .. } => (ConversationChange::Left, Some(user_id)),
        MembershipChange::Role { user_id, .. } => (ConversationChange::Changed, Some(user_id)),
    };
    MembershipChange::of(record).into_iter().map(change).collect()
}

/// The items that show it.
fn shown(
    (conversation_id, seq): (ConversationId, u64),
    (change, whom): &(ConversationChange, Option<UserId>),
    everyone: Option<&BTreeMap<GatewayId, Vec<u64>>>,
    routes: &HashMap<UserId, Vec<Route>>,
) -> Items {
    let mut by_gateway: BTreeMap<GatewayId, Vec<u64>> = BTreeMap::new();
    match whom {
        None => by_gateway = everyone.cloned().unwrap_or_default(),
        Some(user) => {
            for route in routes.get(user).into_iter().flatten() {
                by_gateway.entry(route.gateway_id).or_default().push(route.connection);
            }
        }
    }
    let item = |connections| Item::Show { connections, conversation_id, change: *change, seq };
    by_gateway.into_iter().map(|(gateway, connections)| (gateway, item(connections))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use parlor_schemas::{
        Body, ClientMsgId, DeviceId, Origin, Timestamp,
        record::{ConversationKind, HistoryRule, MemberGone, MemberRef, MembersAdded, Message, Role},
        rows::Member,
    };
    use uuid::Uuid;

    fn id<T: From<Uuid>>(number: u128) -> T {
        T::from(Uuid::from_u128(number))
    }

    fn record(seq: u64, members_seq: u64, body: Body) -> Record {
        Record {
            conversation_id: id(1),
            seq,
            ord: seq,
            members_seq,
            message_id: id(u128::from(seq)),
            at: Timestamp(0),
            sender_id: id(10),
            device_id: DeviceId(Uuid::nil()),
            client_msg_id: ClientMsgId(Uuid::nil()),
            body,
            origin: Origin { gateway_id: id(90), request: seq },
            source_offset: seq,
        }
    }

    fn member(user: u128, joined_seq: u64, left_seq: Option<u64>) -> Member {
        let (joined_at, left_at) = (Timestamp(0), left_seq.map(|_| Timestamp(0)));
        Member { user_id: id(user), role: Role::Member, floor: 0, joined_seq, joined_at, left_seq, left_at }
    }

    fn message(seq: u64, members_seq: u64) -> Record {
        record(seq, members_seq, Body::Message(Message { text: Some("x".into()), ..Message::default() }))
    }

    /// The items of a batch, all with a row as of record 10: they were committed together.
    fn items(members: Vec<Member>, records: &[Record]) -> Items {
        let row = Arc::new(MembersRow {
            conversation_id: id(1),
            conversation_kind: ConversationKind::Group,
            title: None,
            avatar_media_id: None,
            history: HistoryRule::Joined,
            members_seq: 10,
            members,
            blocked_by: vec![],
            sides: vec![],
        });
        let mut delivery = Delivery::new("1");
        for record in records {
            delivery.add(record, &RecordText::of(record), row.clone());
        }
        let users = delivery.users();
        let route = |user: &UserId| {
            let connection = user.0.as_u128() as u64;
            vec![Route { user_id: *user, device_id: id(0), gateway_id: id(90), connection }]
        };
        delivery.items(&users, users.iter().map(route).collect())
    }

    /// Who gets each record.
    fn recipients(items: Items) -> Vec<Vec<u64>> {
        let frames = items.into_iter().filter_map(|(_, item)| match item {
            Item::Frame { mut connections, .. } => {
                connections.sort_unstable();
                Some(connections)
            }
            _ => None,
        });
        frames.collect()
    }

    #[test]
    fn who_joins_within_the_batch_gets_the_own_join_and_what_follows() {
        let joined = MembersAdded {
            members: vec![MemberRef { user_id: id(11), role: Role::Member }],
            by: id(10),
            floor: 9,
            skipped: vec![],
        };
        let records = [message(9, 1), record(10, 10, Body::MembersAdded(joined)), message(11, 10)];
        let members = vec![member(10, 1, None), member(11, 10, None)];
        let items = items(members, &records);
        let shown: Vec<_> = items.iter().filter(|(_, item)| matches!(item, Item::Show { .. })).collect();
        let joined = Item::Show {
            connections: vec![11],
            conversation_id: id(1),
            change: ConversationChange::Joined,
            seq: 10,
        };
        assert_eq!(shown, [&(id(90), joined)], "who joins is shown the conversation, once");
        assert_eq!(recipients(items), [vec![10], vec![10, 11], vec![10, 11]]);
    }

    #[test]
    fn who_goes_within_the_batch_gets_the_own_going_and_nothing_after() {
        let gone = MemberGone { user_id: id(11), by: id(11), owner_id: None };
        let going = record(10, 10, Body::MemberLeft(gone));
        let records = [message(9, 1), going, message(11, 10), message(12, 10)];
        let members = vec![member(10, 1, None), member(11, 1, Some(10))];
        assert_eq!(recipients(items(members, &records)), [vec![10, 11], vec![10, 11], vec![10], vec![10]]);
    }
}
