//! The fields that commands and records share, spelled once.

/// Declares a flat struct whose fields stand in the order of its schema, with the shared content
/// fields in their place.
macro_rules! flat {
    ($(#[$doc:meta])* { $($(#[$attr:meta])* $before:ident: $before_type:ty),* $(,)? } content { $($after:ident: $after_type:ty),* $(,)? }) => {
        #[derive(serde::Serialize, serde::Deserialize)]
        $(#[$doc])*
        pub(super) struct Flat {
            $($(#[$attr])* $before: $before_type,)*
            text: Option<String>,
            reply_to: Option<i64>,
            mentions: Vec<crate::ids::UserId>,
            media: Vec<crate::ids::MediaId>,
            forwarded_from_conversation_id: Option<crate::ids::ConversationId>,
            forwarded_from_seq: Option<i64>,
            ttl_ms: Option<i64>,
            target: Option<i64>,
            emoji: Option<String>,
            op: Option<crate::record::Op>,
            $($after: $after_type,)*
        }

        impl Flat {
            fn set_message(&mut self, message: crate::record::Message) {
                self.text = message.text;
                self.reply_to = message.reply_to.map(|seq| seq as i64);
                self.mentions = message.mentions;
                self.media = message.media.into_iter().map(|media| media.media_id).collect();
                self.forwarded_from_conversation_id = message.forwarded_from.map(|from| from.conversation_id);
                self.forwarded_from_seq = message.forwarded_from.map(|from| from.seq as i64);
                self.ttl_ms = message.ttl_ms.map(|ttl| ttl as i64);
            }

            fn set_edit(&mut self, edit: crate::record::Edit) {
                self.target = Some(edit.target as i64);
                self.text = edit.text;
                self.mentions = edit.mentions;
                self.media = edit.media.into_iter().map(|media| media.media_id).collect();
            }

            fn set_reaction(&mut self, reaction: crate::record::Reaction) {
                self.target = Some(reaction.target as i64);
                self.emoji = Some(reaction.emoji);
                self.op = Some(reaction.op);
            }

            fn set_pin(&mut self, pin: crate::record::Pin) {
                self.target = Some(pin.target as i64);
                self.op = Some(pin.op);
            }

            fn take_message(&mut self) -> crate::record::Message {
                crate::record::Message {
                    text: self.text.take(),
                    reply_to: self.reply_to.map(|seq| seq as u64),
                    mentions: std::mem::take(&mut self.mentions),
                    media: self.take_media(),
                    forwarded_from: self.forwarded_from_conversation_id.zip(self.forwarded_from_seq).map(
                        |(conversation_id, seq)| crate::record::ForwardedFrom { conversation_id, seq: seq as u64 },
                    ),
                    ttl_ms: self.ttl_ms.map(|ttl| ttl as u64),
                }
            }

            fn take_edit(&mut self) -> Result<crate::record::Edit, super::AvroError> {
                Ok(crate::record::Edit {
                    target: self.target()?,
                    text: self.text.take(),
                    mentions: std::mem::take(&mut self.mentions),
                    media: self.take_media(),
                })
            }

            fn take_reaction(&mut self) -> Result<crate::record::Reaction, super::AvroError> {
                Ok(crate::record::Reaction {
                    target: self.target()?,
                    emoji: need(self.emoji.take(), "emoji")?,
                    op: need(self.op, "op")?,
                })
            }

            fn take_pin(&self) -> Result<crate::record::Pin, super::AvroError> {
                Ok(crate::record::Pin { target: self.target()?, op: need(self.op, "op")? })
            }

            fn take_media(&mut self) -> Vec<crate::record::MediaRef> {
                let media = std::mem::take(&mut self.media);
                media.into_iter().map(|media_id| crate::record::MediaRef { media_id }).collect()
            }

            fn target(&self) -> Result<u64, super::AvroError> {
                need(self.target, "target").map(|seq| seq as u64)
            }
        }
    };
}

pub(super) use flat;

/// A field that this kind can't be without.
pub(super) fn need<T>(field: Option<T>, name: &'static str) -> Result<T, super::AvroError> {
    field.ok_or(super::AvroError::Missing(name))
}
