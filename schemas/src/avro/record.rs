//! `chat.messages.v1`, field by field.

use super::{
    AvroError,
    content::{flat, need},
};
use crate::{
    command::Origin,
    ids::{ClientMsgId, ConversationId, DeviceId, GatewayId, MediaId, MessageId, UserId},
    record::{
        Body, ConversationChanged, ConversationKind, Created, HistoryRule, Kind, MemberGone, MemberRef,
        MembersAdded, Record, Role, RoleChanged, Skipped, Target,
    },
    time::Timestamp,
};

flat!(
    /// A record, flat.
    #[serde(rename = "Record")]
    {
        conversation_id: ConversationId,
        seq: i64,
        ord: i64,
        members_seq: i64,
        message_id: MessageId,
        kind: Kind,
        at: i64,
        sender_id: UserId,
        device_id: DeviceId,
        client_msg_id: ClientMsgId,
    }
    content {
        conversation_kind: Option<ConversationKind>,
        title: Option<String>,
        avatar_media_id: Option<MediaId>,
        history: Option<HistoryRule>,
        members: Vec<MemberRef>,
        floor: Option<i64>,
        user_id: Option<UserId>,
        role: Option<Role>,
        by: Option<UserId>,
        owner_id: Option<UserId>,
        skipped: Vec<Skipped>,
        gateway_id: GatewayId,
        request: i64,
        source_offset: i64,
    }
);

impl From<&Record> for Flat {
    fn from(record: &Record) -> Self {
        let mut flat = Self {
            conversation_id: record.conversation_id,
            seq: record.seq as i64,
            ord: record.ord as i64,
            members_seq: record.members_seq as i64,
            message_id: record.message_id,
            kind: record.kind(),
            at: record.at.0,
            sender_id: record.sender_id,
            device_id: record.device_id,
            client_msg_id: record.client_msg_id,
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
            conversation_kind: None,
            title: None,
            avatar_media_id: None,
            history: None,
            members: Vec::new(),
            floor: None,
            user_id: None,
            role: None,
            by: None,
            owner_id: record.body.owner_id(),
            skipped: record.body.skipped().to_vec(),
            gateway_id: record.origin.gateway_id,
            request: record.origin.request as i64,
            source_offset: record.source_offset as i64,
        };
        flat.set_body(record.body.clone());
        flat
    }
}

impl Flat {
    fn set_body(&mut self, body: Body) {
        match body {
            Body::Message(message) => self.set_message(message),
            Body::Edit(edit) => self.set_edit(edit),
            Body::Delete(delete) => self.target = Some(delete.target as i64),
            Body::Reaction(reaction) => self.set_reaction(reaction),
            Body::Pin(pin) => self.set_pin(pin),
            Body::Created(body) => {
                self.conversation_kind = Some(body.conversation_kind);
                self.title = body.title;
                self.history = Some(body.history);
                self.members = body.members;
            }
            Body::MembersAdded(body) => {
                (self.members, self.by, self.floor) = (body.members, Some(body.by), Some(body.floor as i64));
            }
            Body::MemberRemoved(body) | Body::MemberLeft(body) => {
                (self.user_id, self.by) = (Some(body.user_id), Some(body.by));
            }
            Body::RoleChanged(body) => {
                (self.user_id, self.role, self.by) = (Some(body.user_id), Some(body.role), Some(body.by));
            }
            Body::ConversationChanged(body) => {
                (self.title, self.avatar_media_id) = (body.title, body.avatar_media_id);
                (self.history, self.by) = (body.history, Some(body.by));
            }
        }
    }

    fn take_body(&mut self) -> Result<Body, AvroError> {
        Ok(match self.kind {
            Kind::Message => Body::Message(self.take_message()),
            Kind::Edit => Body::Edit(self.take_edit()?),
            Kind::Delete => Body::Delete(Target { target: self.target()? }),
            Kind::Reaction => Body::Reaction(self.take_reaction()?),
            Kind::Pin => Body::Pin(self.take_pin()?),
            Kind::Created => Body::Created(Created {
                conversation_kind: need(self.conversation_kind, "conversation_kind")?,
                title: self.title.take(),
                history: need(self.history, "history")?,
                members: std::mem::take(&mut self.members),
                owner_id: self.owner_id,
                skipped: std::mem::take(&mut self.skipped),
            }),
            Kind::MembersAdded => Body::MembersAdded(MembersAdded {
                members: std::mem::take(&mut self.members),
                by: need(self.by, "by")?,
                floor: need(self.floor, "floor")? as u64,
                skipped: std::mem::take(&mut self.skipped),
            }),
            Kind::MemberRemoved => Body::MemberRemoved(self.member_gone()?),
            Kind::MemberLeft => Body::MemberLeft(self.member_gone()?),
            Kind::RoleChanged => Body::RoleChanged(RoleChanged {
                user_id: need(self.user_id, "user_id")?,
                role: need(self.role, "role")?,
                by: need(self.by, "by")?,
                owner_id: self.owner_id,
            }),
            Kind::ConversationChanged => Body::ConversationChanged(ConversationChanged {
                title: self.title.take(),
                avatar_media_id: self.avatar_media_id,
                history: self.history,
                by: need(self.by, "by")?,
            }),
        })
    }

    fn member_gone(&self) -> Result<MemberGone, AvroError> {
        Ok(MemberGone {
            user_id: need(self.user_id, "user_id")?,
            by: need(self.by, "by")?,
            owner_id: self.owner_id,
        })
    }
}

impl TryFrom<Flat> for Record {
    type Error = AvroError;

    fn try_from(mut flat: Flat) -> Result<Self, AvroError> {
        Ok(Self {
            body: flat.take_body()?,
            conversation_id: flat.conversation_id,
            seq: flat.seq as u64,
            ord: flat.ord as u64,
            members_seq: flat.members_seq as u64,
            message_id: flat.message_id,
            at: Timestamp(flat.at),
            sender_id: flat.sender_id,
            device_id: flat.device_id,
            client_msg_id: flat.client_msg_id,
            origin: Origin { gateway_id: flat.gateway_id, request: flat.request as u64 },
            source_offset: flat.source_offset as u64,
        })
    }
}
