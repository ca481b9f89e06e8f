use super::world::{End, World, command, user, v7};
use parlor_schemas::{
    Body, Code, ConversationId, Limits, Outcome, UserId,
    command::Action,
    record::{HistoryRule, Kind, Message, Role},
    topics::Offset,
};

const START: i64 = 1_795_168_800_000;

/// A group of user 0 (owner), 1 and 2, and one command after the other.
struct Group {
    world: World,
    id: ConversationId,
    next: Offset,
}

impl Group {
    fn new(history: HistoryRule) -> Self {
        let id = ConversationId::group(user(0), v7(START, 0));
        let mut group = Self { world: World::new(Limits::default(), 0), id, next: 0 };
        let create =
            Action::CreateGroup { title: None, history, member_ids: vec![user(1), user(2)], skipped: vec![] };
        group.does(user(0), create).unwrap();
        group
    }

    /// The record that a command makes, or the code it is refused with.
    fn does(&mut self, who: UserId, action: Action) -> Result<Body, Code> {
        let command = command(self.id, who, v7(START, 100 + u128::from(self.next)), action);
        let before = self.world.records.len();
        self.world.answers.clear();
        self.world.batch(&[(self.next, START, command)], End::Committed, false, 0);
        self.next += 1;
        match self.world.answers.first().map(|answer| &answer.outcome) {
            Some(Outcome::Refused(refusal)) => Err(refusal.code),
            Some(other) => panic!("{other:?}"),
            None => Ok(self.world.records[before].1.body.clone()),
        }
    }

    fn says(&mut self, who: UserId) -> Result<Body, Code> {
        self.does(who, Action::Message(Message { text: Some("x".into()), ..Message::default() }))
    }

    fn role(&self, who: UserId) -> Option<Role> {
        let conversation = self.world.core.conversations.get(&self.id)?;
        conversation.members.present(who).map(|member| member.role)
    }
}

fn add(user_id: UserId) -> Action {
    Action::AddMembers { member_ids: vec![user_id], skipped: vec![] }
}

#[test]
fn removed_then_sent_has_one_answer() {
    let mut group = Group::new(HistoryRule::Joined);
    assert!(group.says(user(1)).is_ok());
    assert!(group.does(user(0), Action::RemoveMember { user_id: user(1) }).is_ok());
    assert_eq!(group.says(user(1)), Err(Code::NotAMember));
    assert_eq!(group.says(user(7)), Err(Code::NotFound));
    // In one batch, too.
    let remove = command(group.id, user(0), v7(START, 900), Action::RemoveMember { user_id: user(2) });
    let say = command(group.id, user(2), v7(START, 901), Action::Message(Message::default()));
    let (at, count) = (group.next, group.world.records.len());
    group.world.batch(&[(at, START, remove), (at + 1, START, say)], End::Committed, false, 0);
    assert_eq!(group.world.records.len(), count + 1);
}

#[test]
fn roles_decide_who_may() {
    let mut group = Group::new(HistoryRule::Joined);
    let admin = Action::ChangeRole { user_id: user(1), role: Role::Admin };
    assert_eq!(group.does(user(1), admin.clone()), Err(Code::Forbidden));
    assert_eq!(group.does(user(1), add(user(3))), Err(Code::Forbidden));
    group.does(user(0), admin).unwrap();
    group.does(user(1), add(user(3))).unwrap();
    assert_eq!(group.does(user(1), Action::RemoveMember { user_id: user(0) }), Err(Code::Forbidden));
    group.does(user(1), Action::RemoveMember { user_id: user(3) }).unwrap();
    assert_eq!(group.does(user(1), Action::RemoveMember { user_id: user(3) }), Err(Code::NotFound));
    let title = |t: &str| Action::Change { title: Some(t.into()), avatar_media_id: None, history: None };
    assert_eq!(group.does(user(2), title("x")), Err(Code::Forbidden));
    group.does(user(1), title("x")).unwrap();
}

#[test]
fn an_owner_who_gives_or_goes_leaves_an_owner() {
    let mut group = Group::new(HistoryRule::Joined);
    let body = group.does(user(0), Action::ChangeRole { user_id: user(2), role: Role::Owner }).unwrap();
    assert_eq!(body.owner_id(), Some(user(2)));
    assert_eq!((group.role(user(0)), group.role(user(2))), (Some(Role::Admin), Some(Role::Owner)));
    // To the oldest admin, else the oldest member.
    assert_eq!(group.does(user(2), Action::Leave).unwrap().owner_id(), Some(user(0)));
    assert_eq!(group.does(user(0), Action::Leave).unwrap().owner_id(), Some(user(1)));
    assert_eq!(group.does(user(1), Action::Leave).unwrap().owner_id(), None);
    assert_eq!(group.says(user(1)), Err(Code::NotAMember));
}

#[test]
fn the_floor_is_the_join_and_moves_up_with_a_rejoin() {
    for (history, floors) in [(HistoryRule::Joined, (1, 3)), (HistoryRule::All, (0, 0))] {
        let mut group = Group::new(history);
        let floor_of = |body: Body| match body {
            Body::MembersAdded(body) => body.floor,
            other => panic!("{other:?}"),
        };
        let first = floor_of(group.does(user(0), add(user(5))).unwrap());
        group.does(user(5), Action::Leave).unwrap();
        let second = floor_of(group.does(user(0), add(user(5))).unwrap());
        assert_eq!((first, second), floors);
        let again = group.does(user(0), add(user(5))).unwrap();
        assert!(matches!(again, Body::MembersAdded(body) if body.members.is_empty()));
    }
}

#[test]
fn a_block_is_part_of_the_order_and_makes_no_record() {
    let (a, b) = (user(0), user(1));
    let id = ConversationId::direct(a, b);
    let mut world = World::new(Limits::default(), 0);
    let say = || Action::Message(Message { text: Some("x".into()), ..Message::default() });
    let actions = [
        (b, Action::Block { user_id: a, on: true }),
        (a, Action::CreateDirect { peer_id: b }),
        (b, Action::CreateDirect { peer_id: a }),
        (a, say()),
        (b, say()),
        (b, Action::Block { user_id: a, on: false }),
        (a, say()),
    ];
    for (n, (who, action)) in actions.into_iter().enumerate() {
        let n = n as u64;
        world.batch(
            &[(n, START, command(id, who, v7(START, 10 + u128::from(n)), action))],
            End::CrashAfter,
            true,
            0,
        );
        world.rebuild();
    }
    let kinds: Vec<_> = world.log().iter().map(|record| (record.kind(), record.sender_id)).collect();
    assert_eq!(kinds, [(Kind::Created, b), (Kind::Message, b), (Kind::Message, a)]);
}
