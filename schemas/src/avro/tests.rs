mod compatibility;
mod golden;

use super::*;
use crate::{
    command::{Action, Origin},
    error::Code,
    push::PushAction,
    record::*,
    rows::*,
    time::Timestamp,
};
use uuid::Uuid;

fn id<T: From<Uuid>>(n: u128) -> T {
    T::from(Uuid::from_u128(n))
}

fn origin() -> Origin {
    Origin { gateway_id: id(90), request: 91 }
}

fn message() -> Message {
    Message {
        text: Some("hi 👋 مرحبا".into()),
        reply_to: Some(3),
        mentions: vec![id(5), id(6)],
        media: vec![MediaRef { media_id: id(7) }],
        forwarded_from: Some(ForwardedFrom { conversation_id: id(8), seq: 9 }),
        ttl_ms: Some(1000),
    }
}

fn skipped() -> Vec<Skipped> {
    vec![Skipped { user_id: id(40), code: Code::NotFound }]
}

fn bodies() -> Vec<Body> {
    let members = vec![
        MemberRef { user_id: id(1), role: Role::Owner },
        MemberRef { user_id: id(2), role: Role::Member },
    ];
    let gone = MemberGone { user_id: id(2), by: id(1), owner_id: Some(id(3)) };
    vec![
        Body::Message(message()),
        Body::Message(Message { text: Some(" ".into()), ..Message::default() }),
        Body::Edit(Edit { target: 4, text: Some("x".into()), mentions: vec![id(5)], media: vec![] }),
        Body::Delete(Target { target: 4 }),
        Body::Reaction(Reaction { target: 4, emoji: "👍🏽".into(), op: Op::Add }),
        Body::Pin(Pin { target: 4, op: Op::Remove }),
        Body::Created(Created {
            conversation_kind: ConversationKind::Group,
            title: Some("t".into()),
            history: HistoryRule::All,
            members: members.clone(),
            owner_id: Some(id(1)),
            skipped: skipped(),
        }),
        Body::MembersAdded(MembersAdded { members, by: id(1), floor: 16, skipped: skipped() }),
        Body::MemberRemoved(gone),
        Body::MemberLeft(gone),
        Body::RoleChanged(RoleChanged { user_id: id(2), role: Role::Admin, by: id(1), owner_id: None }),
        Body::ConversationChanged(ConversationChanged {
            title: None,
            avatar_media_id: Some(id(11)),
            history: Some(HistoryRule::Joined),
            by: id(1),
        }),
    ]
}

fn record(body: Body) -> Record {
    Record {
        conversation_id: id(10),
        seq: 17,
        ord: 12,
        members_seq: 5,
        message_id: crate::time::message_id(id(10), 99),
        at: Timestamp(1_795_168_800_123),
        sender_id: id(1),
        device_id: id(12),
        client_msg_id: id(13),
        body,
        origin: origin(),
        source_offset: 33,
    }
}

#[test]
fn records_come_back_as_they_were() {
    for body in bodies() {
        let record = record(body);
        assert_eq!(decode_record(&encode_record(&record)).unwrap(), record);
    }
}

fn commands() -> Vec<Command> {
    let actions = vec![
        Action::Message(message()),
        Action::Edit(Edit { target: 4, text: Some("x".into()), ..Edit::default() }),
        Action::Delete(Target { target: 4 }),
        Action::React(Reaction { target: 4, emoji: "👍".into(), op: Op::Remove }),
        Action::Pin(Pin { target: 4, op: Op::Add }),
        Action::CreateDirect { peer_id: id(2) },
        Action::CreateGroup {
            title: None,
            history: HistoryRule::Joined,
            member_ids: vec![id(2)],
            skipped: skipped(),
        },
        Action::AddMembers { member_ids: vec![], skipped: vec![] },
        Action::RemoveMember { user_id: id(2) },
        Action::Leave,
        Action::ChangeRole { user_id: id(2), role: Role::Owner },
        Action::Change { title: Some("n".into()), avatar_media_id: None, history: Some(HistoryRule::All) },
        Action::Block { user_id: id(2), on: true },
        Action::Block { user_id: id(2), on: false },
    ];
    let command = |action| Command {
        conversation_id: id(10),
        sender_id: id(1),
        device_id: id(12),
        client_msg_id: id(13),
        payload_hash: [7; 16],
        origin: origin(),
        action,
        refused: Some(Code::NotFound),
    };
    actions.into_iter().map(command).collect()
}

#[test]
fn commands_come_back_as_they_were() {
    for command in commands() {
        assert_eq!(decode_command(&encode_command(&command)).unwrap(), command);
    }
}

fn rows() -> Vec<Row> {
    let member = Member {
        user_id: id(1),
        role: Role::Owner,
        floor: 0,
        joined_seq: 1,
        joined_at: Timestamp(5),
        left_seq: Some(9),
        left_at: Some(Timestamp(6)),
    };
    vec![
        Row::Members(MembersRow {
            conversation_id: id(10),
            conversation_kind: ConversationKind::Group,
            title: Some("t".into()),
            avatar_media_id: None,
            history: HistoryRule::All,
            members_seq: 9,
            members: vec![member],
            blocked_by: vec![id(2)],
            sides: vec![id(1), id(2)],
        }),
        Row::Head(HeadRow { conversation_id: id(10), seq: 9, ord: 8, ticks: 7 }),
        Row::Position(PositionRow {
            partition: 3,
            next_command: 1,
            log_time: Timestamp(2),
            covered: 3,
            remembered: 4,
            forgotten: Some(5),
            forgotten_at: Timestamp(6),
        }),
    ]
}

fn receipt() -> Receipt {
    Receipt {
        conversation_id: id(10),
        user_id: id(1),
        device_id: id(2),
        delivered_seq: 3,
        read_seq: 2,
        read_ord: 1,
        at: Timestamp(4),
    }
}

fn job() -> PushJob {
    PushJob {
        job_id: PushJob::id(id(1), id(10), 3, PushAction::Notify),
        user_id: id(1),
        conversation_id: id(10),
        action: PushAction::Notify,
        seq: 3,
        sender_id: id(2),
        at: Timestamp(4),
        mention: true,
    }
}

#[test]
fn rows_receipts_and_jobs_come_back_as_they_were() {
    for row in rows() {
        assert_eq!(decode_row(&encode_row(&row)).unwrap(), row);
    }
    assert_eq!(decode_receipt(&encode_receipt(&receipt())).unwrap(), receipt());
    assert_eq!(decode_push(&encode_push(&job())).unwrap(), job());
}

#[test]
fn broken_values_are_errors() {
    let good = encode_record(&record(bodies().remove(0)));
    for cut in 0..good.len() {
        assert!(decode_record(&good[..cut]).is_err(), "cut at {cut}");
    }
    let mut longer = good.to_vec();
    longer.push(0);
    assert!(matches!(decode_record(&longer), Err(AvroError::Trailing(1))));
    let mut other = good.to_vec();
    other[4] = 77;
    assert!(matches!(decode_record(&other), Err(AvroError::UnknownSchema(_))));
    assert!(decode_command(&good).is_err(), "a record is no command");
}
