//! Making conversations, and who is in them (PROTOCOL §1, "who may").

use super::{
    Conversation, Draft,
    draft::{Verdict, no_members},
    messages::{blocked, role_of},
};
use parlor_schemas::{
    Body, Code, Command, ConversationId, Refusal, Timestamp, UserId,
    command::Action,
    record::{
        ConversationChanged, ConversationKind, Created, HistoryRule, MemberGone, MemberRef, MembersAdded,
        Role, RoleChanged, Skipped,
    },
    rows::{Member, MembersRow},
};

fn refuse<T>(code: Code, message: &str) -> Result<T, Refusal> {
    Err(Refusal::new(code, message))
}

impl Draft<'_> {
    pub(super) fn judge_group(&self, command: &Command) -> Result<Verdict, Refusal> {
        let (id, sender) = (command.conversation_id, command.sender_id);
        match &command.action {
            Action::CreateDirect { peer_id } => return self.create_direct(id, sender, *peer_id),
            Action::CreateGroup { title, history, member_ids, skipped } => {
                let made = Made { title: title.clone(), history: *history, member_ids, skipped };
                return self.create_group(id, sender, &made);
            }
            Action::Block { user_id, on } => return Ok(self.block(id, sender, *user_id, *on)),
            _ => {}
        }
        let conversation = self.conversation_of(id, sender)?;
        if conversation.members.conversation_kind == ConversationKind::Direct {
            if conversation.members.is_blocked(sender) {
                return Err(blocked());
            }
            return refuse(Code::Forbidden, "a direct conversation never changes");
        }
        match &command.action {
            Action::AddMembers { member_ids, skipped } => {
                self.add(&conversation, sender, member_ids, skipped)
            }
            Action::RemoveMember { user_id } if *user_id == sender => Ok(self.leave(&conversation, sender)),
            Action::RemoveMember { user_id } => self.remove(&conversation, sender, *user_id),
            Action::Leave => Ok(self.leave(&conversation, sender)),
            Action::ChangeRole { user_id, role } => change_role(&conversation, sender, *user_id, *role),
            Action::Change { title, avatar_media_id, history } => {
                needs(&conversation, sender, Role::Admin, "only the owner and admins change a group")?;
                let mut row = (*conversation.members).clone();
                row.title = title.clone().or(row.title);
                row.avatar_media_id = avatar_media_id.or(row.avatar_media_id);
                row.history = history.unwrap_or(row.history);
                let body = ConversationChanged {
                    title: title.clone(),
                    avatar_media_id: *avatar_media_id,
                    history: *history,
                    by: sender,
                };
                Ok(Verdict::Record(Body::ConversationChanged(body), Some(row)))
            }
            _ => refuse(Code::Internal, "not a group command"),
        }
    }

    fn create_direct(&self, id: ConversationId, sender: UserId, peer: UserId) -> Result<Verdict, Refusal> {
        let known = self.conversation(id);
        if let Some(known) = &known {
            if known.members.is_blocked(sender) {
                return Err(blocked());
            }
            if known.seq > 0 {
                return Ok(Verdict::Done);
            }
        }
        let mut users = vec![sender];
        users.extend((peer != sender).then_some(peer));
        let members: Vec<_> =
            users.into_iter().map(|user_id| MemberRef { user_id, role: Role::Member }).collect();
        // Blocks may have come before the conversation.
        let before = known.map_or_else(|| no_members(id), |known| (*known.members).clone());
        let mut row = MembersRow { history: HistoryRule::All, ..before };
        self.enter(&mut row, 1, 0, &members);
        let body = Created {
            conversation_kind: ConversationKind::Direct,
            title: None,
            history: HistoryRule::All,
            members,
            owner_id: None,
            skipped: Vec::new(),
        };
        Ok(Verdict::Record(Body::Created(body), Some(row)))
    }

    fn create_group(&self, id: ConversationId, sender: UserId, made: &Made<'_>) -> Result<Verdict, Refusal> {
        if self.conversation(id).is_some() {
            return Ok(Verdict::Done);
        }
        let mut members = vec![MemberRef { user_id: sender, role: Role::Owner }];
        for user_id in made.member_ids {
            if members.iter().all(|member| member.user_id != *user_id) {
                members.push(MemberRef { user_id: *user_id, role: Role::Member });
            }
        }
        self.fits(members.len())?;
        let mut row = MembersRow {
            conversation_kind: ConversationKind::Group,
            title: made.title.clone(),
            history: made.history,
            ..no_members(id)
        };
        self.enter(&mut row, 1, 0, &members);
        let body = Created {
            conversation_kind: ConversationKind::Group,
            title: made.title.clone(),
            history: made.history,
            members,
            owner_id: Some(sender),
            skipped: made.skipped.to_vec(),
        };
        Ok(Verdict::Record(Body::Created(body), Some(row)))
    }

    fn block(&self, id: ConversationId, sender: UserId, other: UserId, on: bool) -> Verdict {
        let mut row = self.conversation(id).map_or_else(|| no_members(id), |c| (*c.members).clone());
        if row.blocked_by.contains(&sender) == on {
            return Verdict::Done;
        }
        row.sides = vec![sender.min(other), sender.max(other)];
        if on {
            row.blocked_by.push(sender);
        } else {
            row.blocked_by.retain(|by| *by != sender);
        }
        Verdict::Row(row)
    }

    fn add(
        &self,
        conversation: &Conversation,
        sender: UserId,
        asked: &[UserId],
        skipped: &[Skipped],
    ) -> Result<Verdict, Refusal> {
        needs(conversation, sender, Role::Admin, "only the owner and admins add people")?;
        if let (true, Some(first)) = (asked.is_empty(), skipped.first()) {
            return refuse(first.code, "none of them can be added");
        }
        let mut members: Vec<MemberRef> = Vec::new();
        for user_id in asked {
            let is_in = conversation.members.present(*user_id).is_some();
            if !is_in && members.iter().all(|member| member.user_id != *user_id) {
                members.push(MemberRef { user_id: *user_id, role: Role::Member });
            }
        }
        self.fits(conversation.members.all_present().count() + members.len())?;
        let seq = conversation.seq + 1;
        let floor = if conversation.members.history == HistoryRule::All { 0 } else { seq - 1 };
        let mut row = (*conversation.members).clone();
        self.enter(&mut row, seq, floor, &members);
        let body = MembersAdded { members, by: sender, floor, skipped: skipped.to_vec() };
        Ok(Verdict::Record(Body::MembersAdded(body), Some(row)))
    }

    fn remove(&self, conversation: &Conversation, sender: UserId, user: UserId) -> Result<Verdict, Refusal> {
        needs(conversation, sender, Role::Admin, "only the owner and admins remove people")?;
        let Some(member) = conversation.members.present(user) else {
            return refuse(Code::NotFound, "this person is not in the group");
        };
        if role_of(conversation, sender) <= member.role {
            return refuse(Code::Forbidden, "admins remove plain members only");
        }
        let row = self.without(conversation, user);
        let gone = MemberGone { user_id: user, by: sender, owner_id: None };
        Ok(Verdict::Record(Body::MemberRemoved(gone), Some(row)))
    }

    /// An owner who leaves hands over to the oldest admin, else the oldest member.
    fn leave(&self, conversation: &Conversation, user: UserId) -> Verdict {
        let was_owner = role_of(conversation, user) == Role::Owner;
        let mut row = self.without(conversation, user);
        let oldest = |role: Role| row.all_present().find(|m| m.role == role).map(|m| m.user_id);
        let heir = was_owner.then(|| oldest(Role::Admin).or_else(|| oldest(Role::Member))).flatten();
        if let Some(member) = row.members.iter_mut().find(|m| Some(m.user_id) == heir && m.left_seq.is_none())
        {
            member.role = Role::Owner;
        }
        let gone = MemberGone { user_id: user, by: user, owner_id: heir };
        Verdict::Record(Body::MemberLeft(gone), Some(row))
    }

    fn fits(&self, count: usize) -> Result<(), Refusal> {
        let max = self.limits().members_max;
        if count <= max {
            return Ok(());
        }
        Err(Refusal::new(Code::TooLarge, format!("a group has at most {max} members")))
    }

    /// Puts members in, as of the record `seq`.
    fn enter(&self, row: &mut MembersRow, seq: u64, floor: u64, members: &[MemberRef]) {
        row.members_seq = seq;
        row.members.retain(|old| members.iter().all(|new| new.user_id != old.user_id));
        row.members.extend(members.iter().map(|member| Member {
            user_id: member.user_id,
            role: member.role,
            floor,
            joined_seq: seq,
            joined_at: self.log_time(),
            left_seq: None,
            left_at: None,
        }));
        self.trim(row);
    }

    /// The row after `user` has gone with the next record.
    fn without(&self, conversation: &Conversation, user: UserId) -> MembersRow {
        let mut row = (*conversation.members).clone();
        row.members_seq = conversation.seq + 1;
        for member in row.members.iter_mut().filter(|m| m.user_id == user && m.left_seq.is_none()) {
            member.left_seq = Some(row.members_seq);
            member.left_at = Some(self.log_time());
        }
        self.trim(&mut row);
        row
    }

    /// Former members stay for 24 h, at most the newest 1 024 (DESIGN §3).
    fn trim(&self, row: &mut MembersRow) {
        let since: Timestamp = self.log_time().plus_millis(-self.limits().former_members_ms);
        row.members.retain(|m| m.left_at.is_none_or(|at| at >= since));
        let mut left: Vec<u64> = row.members.iter().filter_map(|m| m.left_seq).collect();
        if let Some(excess) = left.len().checked_sub(self.limits().former_members_max + 1) {
            left.sort_unstable();
            let oldest_kept = left[excess + 1..].first().copied().unwrap_or(u64::MAX);
            row.members.retain(|m| m.left_seq.is_none_or(|seq| seq >= oldest_kept));
        }
    }
}

/// What was asked of a new group.
struct Made<'a> {
    title: Option<String>,
    history: HistoryRule,
    member_ids: &'a [UserId],
    skipped: &'a [Skipped],
}

fn needs(conversation: &Conversation, user: UserId, role: Role, message: &str) -> Result<(), Refusal> {
    if role_of(conversation, user) >= role { Ok(()) } else { refuse(Code::Forbidden, message) }
}

fn change_role(
    conversation: &Conversation,
    sender: UserId,
    user: UserId,
    role: Role,
) -> Result<Verdict, Refusal> {
    needs(conversation, sender, Role::Owner, "only the owner changes roles")?;
    if conversation.members.present(user).is_none() {
        return refuse(Code::NotFound, "this person is not in the group");
    }
    if user == sender {
        return refuse(Code::Forbidden, "give the group to somebody else first");
    }
    let mut row = (*conversation.members).clone();
    row.members_seq = conversation.seq + 1;
    for member in row.members.iter_mut().filter(|m| m.left_seq.is_none()) {
        if member.user_id == user {
            member.role = role;
        } else if member.user_id == sender && role == Role::Owner {
            member.role = Role::Admin;
        }
    }
    let owner_id = (role == Role::Owner).then_some(user);
    let body = RoleChanged { user_id: user, role, by: sender, owner_id };
    Ok(Verdict::Record(Body::RoleChanged(body), Some(row)))
}
