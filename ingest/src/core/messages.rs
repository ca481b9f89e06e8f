//! Messages, edits, deletes, reactions, pins: who may, on what (PROTOCOL §1).

use super::{Conversation, Draft, Facts, draft::Verdict};
use parlor_schemas::{
    Body, Code, Command, RecordText, Refusal, UserId,
    command::Action,
    record::{ConversationKind, Kind, Role},
};

impl Draft<'_> {
    pub(super) fn judge_message(&self, command: &Command, facts: &Facts) -> Result<Verdict, Refusal> {
        let conversation = self.conversation_of(command.conversation_id, command.sender_id)?;
        let sender = command.sender_id;
        let is_blocked = conversation.members.is_blocked(sender);
        if is_blocked && !matches!(command.action, Action::Delete(_)) {
            return Err(blocked());
        }
        let target = || self.target(&conversation, command, facts);
        let body = match &command.action {
            Action::Message(message) => {
                if let Some(reply_to) = message.reply_to {
                    in_sight(&conversation, sender, reply_to)?;
                }
                Body::Message(message.clone())
            }
            Action::Edit(edit) => {
                self.own_and_recent(target()?, sender)?;
                Body::Edit(edit.clone())
            }
            Action::Delete(delete) => {
                let target = target()?;
                if is_blocked && target.sender_id != sender {
                    return Err(blocked());
                }
                let in_group = conversation.members.conversation_kind == ConversationKind::Group;
                if !(in_group && role_of(&conversation, sender) >= Role::Admin) {
                    self.own_and_recent(target, sender)?;
                }
                Body::Delete(*delete)
            }
            Action::React(reaction) => {
                target()?;
                Body::Reaction(reaction.clone())
            }
            Action::Pin(pin) => {
                target()?;
                let in_group = conversation.members.conversation_kind == ConversationKind::Group;
                if in_group && role_of(&conversation, sender) < Role::Admin {
                    return Err(Refusal::new(Code::Forbidden, "only the owner and admins pin in a group"));
                }
                Body::Pin(*pin)
            }
            _ => return Err(Refusal::new(Code::Internal, "not a message command")),
        };
        Ok(Verdict::Record(body, None))
    }

    /// The target is there, in sight, a message, and neither deleted nor expired.
    fn target<'f>(
        &self,
        conversation: &Conversation,
        command: &Command,
        facts: &'f Facts,
    ) -> Result<&'f RecordText, Refusal> {
        let seq = command.action.target().unwrap_or_default();
        in_sight(conversation, command.sender_id, seq)?;
        // At or below the head it exists: found nowhere means that nobody could be asked.
        let fact = facts.target.as_ref().ok_or_else(|| {
            Refusal::new(Code::Unavailable, "the message can't be looked up now: try again with the same id")
        })?;
        if fact.text.kind != Kind::Message {
            return Err(Refusal::new(Code::InvalidRequest, "the target is no message"));
        }
        let gone = fact.deleted || fact.text.redacted || self.is_deleted(command.conversation_id, seq);
        if gone || fact.text.is_expired(self.log_time()) {
            return Err(Refusal::new(Code::Conflict, "the message is deleted or has expired"));
        }
        Ok(&fact.text)
    }

    fn own_and_recent(&self, target: &RecordText, sender: UserId) -> Result<(), Refusal> {
        if target.sender_id != sender {
            return Err(Refusal::new(Code::Forbidden, "this is somebody else's message"));
        }
        if target.at.plus_millis(self.limits().edit_window_ms) < self.log_time() {
            return Err(Refusal::new(
                Code::EditWindowOver,
                "messages can be edited and deleted for 48 hours",
            ));
        }
        Ok(())
    }
}

/// What the blocked one is told; deleting own messages stays open (PROTOCOL §1).
pub(super) fn blocked() -> Refusal {
    Refusal::new(Code::Blocked, "this person does not receive your messages")
}

/// The present role of a member.
pub(super) fn role_of(conversation: &Conversation, user: UserId) -> Role {
    conversation.members.present(user).map_or(Role::Member, |member| member.role)
}

fn in_sight(conversation: &Conversation, user: UserId, seq: u64) -> Result<(), Refusal> {
    let floor = conversation.members.present(user).map_or(u64::MAX, |member| member.floor);
    if seq > floor && seq <= conversation.seq {
        Ok(())
    } else {
        Err(Refusal::new(Code::NotFound, "there is no such message"))
    }
}
