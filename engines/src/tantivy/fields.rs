//! The fields of the index's documents.

use crate::search::Place;
use parlor_schemas::{ConversationId, words};
use tantivy::{
    TantivyDocument, Term,
    schema::{FAST, Field, INDEXED, IndexRecordOption, Schema, TextFieldIndexing, TextOptions},
    tokenizer::{PreTokenizedString, Token},
};

/// One document per message.
#[derive(Clone, Copy)]
pub(super) struct Fields {
    /// Conversation and seq: what a change finds its document by.
    pub(super) key: Field,
    /// What questions are restricted by.
    pub(super) conversation: Field,
    pub(super) partition: Field,
    /// The conversation's id in two halves, for reading it by document.
    pub(super) high: Field,
    pub(super) low: Field,
    pub(super) seq: Field,
    pub(super) text_seq: Field,
    pub(super) at: Field,
    /// Only of messages that expire.
    pub(super) ends: Field,
    pub(super) words: Field,
}

/// What a document is made of.
pub(super) struct Message<'a> {
    pub(super) partition: u32,
    pub(super) place: Place,
    pub(super) text_seq: u64,
    pub(super) ends: Option<u64>,
    pub(super) text: &'a str,
}

impl Fields {
    pub(super) fn new() -> (Schema, Self) {
        let mut schema = Schema::builder();
        let words = TextFieldIndexing::default()
            .set_tokenizer("raw")
            .set_index_option(IndexRecordOption::WithFreqsAndPositions)
            .set_fieldnorms(false);
        let fields = Self {
            key: schema.add_bytes_field("key", INDEXED),
            conversation: schema.add_bytes_field("conversation", INDEXED),
            partition: schema.add_u64_field("partition", INDEXED),
            high: schema.add_u64_field("high", FAST),
            low: schema.add_u64_field("low", FAST),
            seq: schema.add_u64_field("seq", FAST),
            text_seq: schema.add_u64_field("text_seq", FAST),
            at: schema.add_u64_field("at", FAST),
            ends: schema.add_u64_field("ends", INDEXED | FAST),
            words: schema.add_text_field("words", TextOptions::default().set_indexing_options(words)),
        };
        (schema.build(), fields)
    }

    pub(super) fn key_of(&self, conversation: ConversationId, seq: u64) -> Term {
        let key = [conversation.as_bytes(), &seq.to_be_bytes()[..]].concat();
        Term::from_field_bytes(self.key, &key)
    }

    pub(super) fn document(&self, message: &Message) -> TantivyDocument {
        let Place { at, conversation_id, seq } = message.place;
        let (high, low) = conversation_id.0.as_u64_pair();
        let mut document = TantivyDocument::new();
        document.add_bytes(self.key, self.key_of(conversation_id, seq).serialized_value_bytes());
        document.add_bytes(self.conversation, conversation_id.as_bytes());
        document.add_u64(self.partition, message.partition.into());
        document.add_u64(self.high, high);
        document.add_u64(self.low, low);
        document.add_u64(self.seq, seq);
        document.add_u64(self.text_seq, message.text_seq);
        document.add_u64(self.at, at.0.max(0) as u64);
        if let Some(ends) = message.ends {
            document.add_u64(self.ends, ends);
        }
        document.add_pre_tokenized_text(self.words, tokens(message.text));
        document
    }
}

/// The words with their positions. Between words that are not glued together there is a gap, so that
/// a run of characters never reaches over it.
fn tokens(text: &str) -> PreTokenizedString {
    let mut position = 0;
    let tokens = words::words(text).into_iter().map(|word| {
        position += if word.is_glued { 1 } else { 2 };
        Token { offset_from: word.start, offset_to: word.end, position, text: word.text, position_length: 1 }
    });
    PreTokenizedString { tokens: tokens.collect(), text: String::new() }
}
