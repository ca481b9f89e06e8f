//! Commands as clients ask for them, from the socket and from REST alike: their form is checked
//! here, and their payload hashed, so that the same request has the same hash on both ways.

use crate::{auth::Identity, edge::Edge, media, problem::Problem, waiters::Asker};
use parlor_schemas::{
    Action, ClientMsgId, Code, Command, ConversationId, Limits, MediaId, Origin, UserId,
    command::{Hash, payload_hash},
    frames::INTEGER_MAX,
    record::{Edit, ForwardedFrom, HistoryRule, MediaRef, Message, Op, Pin, Reaction, Role, Skipped, Target},
};
use serde::Serialize;

/// Bytes of names that people give to themselves and to devices.
pub(crate) const NAME_MAX: usize = 256;

/// What is asked, checked.
#[derive(Debug)]
pub(crate) struct Asked {
    /// What ingest is to do.
    pub action: Action,
    /// Over what the client asked.
    pub hash: Hash,
    /// The edge's own verdict, for a command that turns out to be new (`Command::refused`).
    pub refused: Option<Code>,
}

impl Asked {
    fn new(hash: Hash, action: Action) -> Self {
        Self { action, hash, refused: None }
    }
}

/// What a command refers to that ingest can't look at: the edge gives a verdict on it.
#[derive(Debug, Default)]
pub(crate) struct Sources {
    forwarded_from: Option<ForwardedFrom>,
    media: Vec<MediaId>,
}

impl Sources {
    /// `None`: there is nothing to look at.
    pub fn of(action: &Action) -> Option<Self> {
        let ids = |media: &[MediaRef]| media.iter().map(|media| media.media_id).collect();
        let sources = match action {
            Action::Message(body) => Self { forwarded_from: body.forwarded_from, media: ids(&body.media) },
            Action::Edit(body) => Self { forwarded_from: None, media: ids(&body.media) },
            Action::Change { avatar_media_id, .. } => {
                Self { forwarded_from: None, media: avatar_media_id.iter().copied().collect() }
            }
            _ => Self::default(),
        };
        (sources.forwarded_from.is_some() || !sources.media.is_empty()).then_some(sources)
    }

    /// Why the user may not use them in a conversation, if so. It goes with the command: a resend of
    /// one that was done gets its ack though the original is gone since.
    pub async fn verdict(
        &self,
        edge: &Edge,
        user: UserId,
        conversation: ConversationId,
    ) -> Result<Option<Code>, Problem> {
        if let Some(from) = self.forwarded_from {
            let record = match edge.reads.record(user, from.conversation_id, from.seq).await {
                Ok(record) => record,
                Err(problem) if problem.code.is_definite() => return Ok(Some(problem.code)),
                Err(problem) => return Err(problem),
            };
            if record.is_none_or(|record| record.redacted) {
                return Ok(Some(Code::NotFound));
            }
        }
        media::refer(edge, user, conversation, &self.media).await
    }
}

fn hash(kind: &str, fields: &impl Serialize) -> Result<Hash, Problem> {
    payload_hash(kind, fields).map_err(|_| Problem::invalid("not JSON"))
}

/// A message.
pub(crate) fn send(body: Message, limits: &Limits) -> Result<Asked, Problem> {
    check_message(&body, limits)?;
    Ok(Asked::new(hash("send", &body)?, Action::Message(body)))
}

/// The form of a message's content, of a new one and of one that replaces another's.
fn check_message(body: &Message, limits: &Limits) -> Result<(), Problem> {
    check_content(body.text.as_deref(), &body.mentions, body.media.len(), limits)?;
    if let Some(seq) = body.reply_to {
        check_seq("body.reply_to", seq)?;
    }
    if let Some(from) = &body.forwarded_from {
        check_seq("body.forwarded_from.seq", from.seq)?;
    }
    if body.ttl_ms.is_some_and(|ttl| !(limits.ttl_min_ms..=limits.ttl_max_ms).contains(&ttl)) {
        return Err(Problem::invalid(format!(
            "body.ttl_ms: from {} to {}",
            limits.ttl_min_ms, limits.ttl_max_ms
        )));
    }
    Ok(())
}

/// New text, mentions and media of a message.
pub(crate) fn edit(target: u64, body: Message, limits: &Limits) -> Result<Asked, Problem> {
    check_seq("target", target)?;
    check_message(&body, limits)?;
    let edit = Edit { target, text: body.text, mentions: body.mentions, media: body.media };
    Ok(Asked::new(hash("edit", &edit)?, Action::Edit(edit)))
}

/// A deletion.
pub(crate) fn delete(target: u64) -> Result<Asked, Problem> {
    check_seq("target", target)?;
    let target = Target { target };
    Ok(Asked::new(hash("delete", &target)?, Action::Delete(target)))
}

/// A reaction set or taken back.
pub(crate) fn react(target: u64, emoji: &str, op: Op, limits: &Limits) -> Result<Asked, Problem> {
    check_seq("target", target)?;
    check_text("emoji", emoji, limits.emoji_max)?;
    if emoji.is_empty() {
        return Err(Problem::invalid("emoji: empty"));
    }
    let reaction = Reaction { target, emoji: emoji.to_owned(), op };
    Ok(Asked::new(hash("react", &reaction)?, Action::React(reaction)))
}

/// A pin set or taken away.
pub(crate) fn pin(target: u64, op: Op) -> Result<Asked, Problem> {
    check_seq("target", target)?;
    let pin = Pin { target, op };
    Ok(Asked::new(hash("pin", &pin)?, Action::Pin(pin)))
}

/// A direct conversation.
pub(crate) fn create_direct(peer_id: UserId) -> Result<Asked, Problem> {
    #[derive(Serialize)]
    struct Fields {
        peer_id: UserId,
    }
    Ok(Asked::new(hash("create_direct", &Fields { peer_id })?, Action::CreateDirect { peer_id }))
}

/// A group as it is asked for; who of the members can be added is found out later.
pub(crate) fn create_group(
    title: Option<String>,
    history: HistoryRule,
    asked: &[UserId],
    resolved: (Vec<UserId>, Vec<Skipped>),
    limits: &Limits,
) -> Result<Asked, Problem> {
    #[derive(Serialize)]
    struct Fields<'a> {
        title: Option<&'a str>,
        history: HistoryRule,
        member_ids: &'a [UserId],
    }
    if let Some(title) = &title {
        check_text("title", title, limits.title_max)?;
    }
    let (member_ids, skipped) = resolved;
    let fields = Fields { title: title.as_deref(), history, member_ids: asked };
    let hash = hash("create_group", &fields)?;
    Ok(Asked::new(hash, Action::CreateGroup { title, history, member_ids, skipped }))
}

/// People to be added.
pub(crate) fn add_members(asked: &[UserId], resolved: (Vec<UserId>, Vec<Skipped>)) -> Result<Asked, Problem> {
    let (member_ids, skipped) = resolved;
    Ok(Asked::new(hash("add_members", &asked)?, Action::AddMembers { member_ids, skipped }))
}

/// A member to be removed.
pub(crate) fn remove_member(user_id: UserId) -> Result<Asked, Problem> {
    Ok(Asked::new(hash("remove_member", &user_id)?, Action::RemoveMember { user_id }))
}

/// A block of the other side of a direct conversation, or its end.
pub(crate) fn block(user_id: UserId, on: bool) -> Result<Asked, Problem> {
    Ok(Asked::new(hash("block", &(user_id, on))?, Action::Block { user_id, on }))
}

/// Leaving.
pub(crate) fn leave() -> Result<Asked, Problem> {
    Ok(Asked::new(hash("leave", &())?, Action::Leave))
}

/// A role to be given.
pub(crate) fn change_role(user_id: UserId, role: Role) -> Result<Asked, Problem> {
    Ok(Asked::new(hash("change_role", &(user_id, role))?, Action::ChangeRole { user_id, role }))
}

/// Shared settings to be changed.
pub(crate) fn change(
    title: Option<String>,
    avatar_media_id: Option<MediaId>,
    history: Option<HistoryRule>,
    limits: &Limits,
) -> Result<Asked, Problem> {
    if let Some(title) = &title {
        check_text("title", title, limits.title_max)?;
    }
    if title.is_none() && avatar_media_id.is_none() && history.is_none() {
        return Err(Problem::invalid("nothing to change: title, avatar_media_id, history"));
    }
    let hash = hash("change", &(&title, avatar_media_id, history))?;
    Ok(Asked::new(hash, Action::Change { title, avatar_media_id, history }))
}

/// Hands a command to the publisher; its answer goes to the asker.
pub(crate) fn submit(
    edge: &Edge,
    from: &Identity,
    to: (ConversationId, ClientMsgId),
    asked: Asked,
    asker: Asker,
) -> Result<(), Problem> {
    let (conversation_id, client_msg_id) = to;
    let request = edge.waiters.add(asker, conversation_id, client_msg_id);
    let command = Command {
        conversation_id,
        sender_id: from.user_id,
        device_id: from.device_id,
        client_msg_id,
        payload_hash: asked.hash,
        origin: Origin { gateway_id: edge.gateway_id, request },
        action: asked.action,
        refused: asked.refused,
    };
    edge.commands.try_send(command).map_err(|_| {
        edge.waiters.forget(request);
        Problem::unavailable("too many commands are waiting; try again with the same id")
    })
}

fn check_content(
    text: Option<&str>,
    mentions: &[UserId],
    media: usize,
    limits: &Limits,
) -> Result<(), Problem> {
    if let Some(text) = text {
        check_text("body.text", text, limits.text_max)?;
    }
    if text.is_none_or(str::is_empty) && media == 0 {
        return Err(Problem::invalid("body: text or media must be there"));
    }
    if mentions.len() > limits.mentions_max {
        return Err(Problem::invalid(format!("body.mentions: at most {}", limits.mentions_max)));
    }
    if media > limits.media_max {
        return Err(Problem::invalid(format!("body.media: at most {}", limits.media_max)));
    }
    Ok(())
}

/// Text within its limit, without U+0000.
pub(crate) fn check_text(field: &str, text: &str, max: usize) -> Result<(), Problem> {
    if text.len() > max {
        return Err(Problem::new(Code::TooLarge, format!("{field}: at most {max} bytes")));
    }
    if text.contains('\0') {
        return Err(Problem::invalid(format!("{field}: U+0000 is not allowed")));
    }
    Ok(())
}

/// A place in a conversation.
pub(crate) fn check_seq(field: &str, seq: u64) -> Result<(), Problem> {
    if seq == 0 || seq > INTEGER_MAX {
        return Err(Problem::invalid(format!("{field}: from 1 to 2^53 - 1")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Message {
        Message { text: Some(text.into()), ..Message::default() }
    }

    #[test]
    fn the_form_of_a_message() {
        let limits = Limits::default();
        let code = |body| send(body, &limits).map(|_| ()).map_err(|problem| problem.code);
        assert_eq!(code(text(" ")), Ok(()), "spaces are text");
        assert_eq!(code(text("")), Err(Code::InvalidRequest));
        assert_eq!(code(Message::default()), Err(Code::InvalidRequest));
        assert_eq!(code(text("a\0b")), Err(Code::InvalidRequest));
        assert_eq!(code(text(&"x".repeat(limits.text_max + 1))), Err(Code::TooLarge));
        assert_eq!(code(Message { ttl_ms: Some(1), ..text("x") }), Err(Code::InvalidRequest));
        assert_eq!(code(Message { reply_to: Some(0), ..text("x") }), Err(Code::InvalidRequest));
    }

    #[test]
    fn the_hash_is_of_kind_and_fields() {
        let limits = Limits::default();
        let hash = |asked: Result<Asked, Problem>| asked.unwrap().hash;
        assert_eq!(hash(send(text("a"), &limits)), hash(send(text("a"), &limits)));
        assert_ne!(hash(send(text("a"), &limits)), hash(send(text("b"), &limits)));
        assert_ne!(hash(delete(3)), hash(delete(4)));
        assert_ne!(hash(pin(3, Op::Add)), hash(pin(3, Op::Remove)));
    }
}
