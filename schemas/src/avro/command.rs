//! `chat.commands.v1`, field by field.

use super::{
    AvroError,
    content::{flat, need},
};
use crate::{
    command::{Action, Command, Hash, Origin},
    error::Code,
    ids::{ClientMsgId, ConversationId, DeviceId, GatewayId, MediaId, UserId},
    record::{HistoryRule, Role, Skipped, Target},
};
use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename = "Action", rename_all = "snake_case")]
enum ActionName {
    Message,
    Edit,
    Delete,
    React,
    Pin,
    CreateDirect,
    CreateGroup,
    AddMembers,
    RemoveMember,
    Leave,
    ChangeRole,
    Change,
    Block,
    Unblock,
}

flat!(
    /// A command, flat.
    #[serde(rename = "Command")]
    {
        conversation_id: ConversationId,
        sender_id: UserId,
        device_id: DeviceId,
        client_msg_id: ClientMsgId,
        #[serde(with = "apache_avro::serde::fixed")]
        payload_hash: Hash,
        gateway_id: GatewayId,
        request: i64,
        action: ActionName,
    }
    content {
        user_id: Option<UserId>,
        role: Option<Role>,
        title: Option<String>,
        avatar_media_id: Option<MediaId>,
        history: Option<HistoryRule>,
        member_ids: Vec<UserId>,
        skipped: Vec<Skipped>,
        refused: Option<Code>,
    }
);

impl From<&Command> for Flat {
    fn from(command: &Command) -> Self {
        let mut flat = Self {
            conversation_id: command.conversation_id,
            sender_id: command.sender_id,
            device_id: command.device_id,
            client_msg_id: command.client_msg_id,
            payload_hash: command.payload_hash,
            gateway_id: command.origin.gateway_id,
            request: command.origin.request as i64,
            action: ActionName::Leave,
            text: None,
            reply_to: None,
            mentions: Vec::new(),
            media: Vec::new(),
            forwarded_from_conversation_id: None,
            forwarded_from_seq: None,
            ttl_ms: None,
            target: None,
            emoji: None,
            op: None,
            user_id: None,
            role: None,
            title: None,
            avatar_media_id: None,
            history: None,
            member_ids: Vec::new(),
            skipped: Vec::new(),
            refused: command.refused,
        };
        flat.action = flat.set_action(command.action.clone());
        flat
    }
}

impl Flat {
    fn set_action(&mut self, action: Action) -> ActionName {
        match action {
            Action::Message(message) => return self.named(ActionName::Message, |f| f.set_message(message)),
            Action::Edit(edit) => return self.named(ActionName::Edit, |f| f.set_edit(edit)),
            Action::React(reaction) => return self.named(ActionName::React, |f| f.set_reaction(reaction)),
            Action::Pin(pin) => return self.named(ActionName::Pin, |f| f.set_pin(pin)),
            Action::Delete(delete) => self.target = Some(delete.target as i64),
            Action::CreateDirect { peer_id } => {
                self.user_id = Some(peer_id);
                return ActionName::CreateDirect;
            }
            Action::CreateGroup { title, history, member_ids, skipped } => {
                (self.title, self.history, self.member_ids, self.skipped) =
                    (title, Some(history), member_ids, skipped);
                return ActionName::CreateGroup;
            }
            Action::AddMembers { member_ids, skipped } => {
                (self.member_ids, self.skipped) = (member_ids, skipped);
                return ActionName::AddMembers;
            }
            Action::RemoveMember { user_id } => {
                self.user_id = Some(user_id);
                return ActionName::RemoveMember;
            }
            Action::Leave => return ActionName::Leave,
            Action::ChangeRole { user_id, role } => {
                (self.user_id, self.role) = (Some(user_id), Some(role));
                return ActionName::ChangeRole;
            }
            Action::Change { title, avatar_media_id, history } => {
                (self.title, self.avatar_media_id, self.history) = (title, avatar_media_id, history);
                return ActionName::Change;
            }
            Action::Block { user_id, on } => {
                self.user_id = Some(user_id);
                return if on { ActionName::Block } else { ActionName::Unblock };
            }
        }
        ActionName::Delete
    }

    fn named(&mut self, name: ActionName, set: impl FnOnce(&mut Self)) -> ActionName {
        set(self);
        name
    }

    fn take_action(&mut self) -> Result<Action, AvroError> {
        Ok(match self.action {
            ActionName::Message => Action::Message(self.take_message()),
            ActionName::Edit => Action::Edit(self.take_edit()?),
            ActionName::Delete => Action::Delete(Target { target: self.target()? }),
            ActionName::React => Action::React(self.take_reaction()?),
            ActionName::Pin => Action::Pin(self.take_pin()?),
            ActionName::CreateDirect => Action::CreateDirect { peer_id: need(self.user_id, "user_id")? },
            ActionName::CreateGroup => Action::CreateGroup {
                title: self.title.take(),
                history: need(self.history, "history")?,
                member_ids: std::mem::take(&mut self.member_ids),
                skipped: std::mem::take(&mut self.skipped),
            },
            ActionName::AddMembers => Action::AddMembers {
                member_ids: std::mem::take(&mut self.member_ids),
                skipped: std::mem::take(&mut self.skipped),
            },
            ActionName::RemoveMember => Action::RemoveMember { user_id: need(self.user_id, "user_id")? },
            ActionName::Leave => Action::Leave,
            ActionName::ChangeRole => {
                Action::ChangeRole { user_id: need(self.user_id, "user_id")?, role: need(self.role, "role")? }
            }
            ActionName::Change => Action::Change {
                title: self.title.take(),
                avatar_media_id: self.avatar_media_id,
                history: self.history,
            },
            ActionName::Block => Action::Block { user_id: need(self.user_id, "user_id")?, on: true },
            ActionName::Unblock => Action::Block { user_id: need(self.user_id, "user_id")?, on: false },
        })
    }
}

impl TryFrom<Flat> for Command {
    type Error = AvroError;

    fn try_from(mut flat: Flat) -> Result<Self, AvroError> {
        Ok(Self {
            action: flat.take_action()?,
            refused: flat.refused,
            conversation_id: flat.conversation_id,
            sender_id: flat.sender_id,
            device_id: flat.device_id,
            client_msg_id: flat.client_msg_id,
            payload_hash: flat.payload_hash,
            origin: Origin { gateway_id: flat.gateway_id, request: flat.request as u64 },
        })
    }
}
