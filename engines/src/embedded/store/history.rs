//! Records, heads, the dedup index.

use super::{
    EmbeddedStore,
    effects::{self, Prepared},
    values,
};
use crate::{
    embedded::{keys, pending::Pending, queue::OVERHEAD, tables::Table},
    store::{Effect, Head, History, StoreError, StoredAck},
};
use async_trait::async_trait;
use parlor_schemas::{
    ClientMsgId, ConversationId, RecordText, UserId,
    topics::{Offset, Partition},
};

/// Effects of one step: a large write does not hold the commits of others up.
const STEP_EFFECTS: usize = 512;

#[async_trait]
impl History for EmbeddedStore {
    async fn write(
        &self,
        partition: Partition,
        effects: Vec<Effect>,
        written_to: Offset,
    ) -> Result<(), StoreError> {
        let mut effects = effects.into_iter().map(Prepared::of).peekable();
        loop {
            let step: Vec<Prepared> = effects.by_ref().take(STEP_EFFECTS).collect();
            let weight = OVERHEAD + step.iter().map(|effect| OVERHEAD + effect.weight()).sum::<usize>();
            let is_last = effects.peek().is_none();
            let change = move |pending: &mut Pending| {
                step.into_iter().try_for_each(|effect| effect.apply(pending))?;
                if is_last { effects::written_to(pending, partition, written_to) } else { Ok(()) }
            };
            self.change(weight, change).await?;
            if is_last {
                return Ok(());
            }
        }
    }

    async fn written_to(&self, partition: Partition) -> Result<Offset, StoreError> {
        self.read(move |view| {
            let value = view.tables.get(Table::WrittenTo, &partition.to_be_bytes())?;
            Ok(value.as_deref().and_then(keys::number).unwrap_or_default())
        })
        .await
    }

    async fn heads(&self, of: &[ConversationId]) -> Result<Vec<Option<Head>>, StoreError> {
        let of = of.to_vec();
        self.read(move |view| view.pick(Table::Heads, of.iter().map(|id| id.as_bytes().to_vec()))).await
    }

    async fn records(
        &self,
        conversation: ConversationId,
        after: u64,
        before: u64,
        limit: usize,
        last: bool,
    ) -> Result<Vec<RecordText>, StoreError> {
        let Some(from) = after.checked_add(1).filter(|from| *from < before && limit > 0) else {
            return Ok(Vec::new());
        };
        self.read(move |view| {
            let range = keys::message(conversation, from)..keys::message(conversation, before);
            let rows = view.tables.range(Table::Messages, range);
            if !last {
                return values(rows.take(limit));
            }
            let mut records: Vec<RecordText> = values(rows.rev().take(limit))?;
            records.reverse();
            Ok(records)
        })
        .await
    }

    async fn pick(&self, of: &[(ConversationId, u64)]) -> Result<Vec<Option<RecordText>>, StoreError> {
        let of = of.to_vec();
        self.read(move |view| view.pick(Table::Messages, of.iter().map(|(id, seq)| keys::message(*id, *seq))))
            .await
    }

    async fn acks(
        &self,
        of: &[(ConversationId, UserId, ClientMsgId)],
    ) -> Result<Vec<Option<StoredAck>>, StoreError> {
        let of = of.to_vec();
        self.read(move |view| {
            let one = |(conversation, sender, id): &(ConversationId, UserId, ClientMsgId)| {
                let key = keys::client_message(*conversation, *sender, *id);
                view.get(Table::ClientMessages, &key)
            };
            of.iter().map(one).collect()
        })
        .await
    }
}
