//! Conversations and who is in them.

use super::{
    CassandraStore,
    rows::{self, InfoRow, StandingRow},
};
use crate::store::{Conversations, Info, StoreError};
use async_trait::async_trait;
use parlor_schemas::{ConversationId, Membership, UserId};

/// Sorts above every id.
const ABOVE_ALL: [u8; 17] = [0xFF; 17];

#[async_trait]
impl Conversations for CassandraStore {
    async fn infos(&self, of: &[ConversationId]) -> Result<Vec<Option<Info>>, StoreError> {
        let one = async |id: &ConversationId| {
            let row = self.requests.row::<InfoRow>("read infos", &self.statements.info, (id.0,)).await?;
            row.map(|row| Ok(row.info(*id)?)).transpose()
        };
        self.requests.each(of, one).await
    }

    async fn memberships(
        &self,
        of: &[(ConversationId, UserId)],
    ) -> Result<Vec<Option<Membership>>, StoreError> {
        let one = async |(conversation, user): &(ConversationId, UserId)| {
            let values = (conversation.0, &user.as_bytes()[..]);
            let statement = &self.statements.participant;
            let row = self.requests.row::<StandingRow>("read memberships", statement, values).await?;
            row.map(|row| Ok(rows::membership(row, |_| (*conversation, *user))?)).transpose()
        };
        self.requests.each(of, one).await
    }

    async fn of_user(
        &self,
        user: UserId,
        before: Option<ConversationId>,
        limit: usize,
    ) -> Result<Vec<Membership>, StoreError> {
        if limit == 0 {
            return Ok(Vec::new());
        }
        let before = before.as_ref().map_or(&ABOVE_ALL[..], |id| &id.as_bytes()[..]);
        let values = (user.0, before, row_limit(limit));
        let rows =
            self.requests.rows::<StandingRow>("read of_user", &self.statements.of_user, values).await?;
        let one = |row| Ok(rows::membership(row, |id| (ConversationId(id), user))?);
        rows.into_iter().map(one).collect()
    }

    async fn of_conversation(
        &self,
        conversation: ConversationId,
        after: Option<UserId>,
        limit: usize,
    ) -> Result<Vec<Membership>, StoreError> {
        if limit == 0 {
            return Ok(Vec::new());
        }
        let after = after.as_ref().map_or(&[][..], |id| &id.as_bytes()[..]);
        let values = (conversation.0, after, row_limit(limit));
        let statement = &self.statements.participants;
        let rows = self.requests.rows::<StandingRow>("read of_conversation", statement, values).await?;
        let one = |row| Ok(rows::membership(row, |id| (conversation, UserId(id)))?);
        rows.into_iter().map(one).collect()
    }
}

fn row_limit(limit: usize) -> i32 {
    i32::try_from(limit).unwrap_or(i32::MAX)
}
