//! Push tokens, and how far users were notified.

use super::{
    CassandraStore,
    batches::{self, Place, Write},
};
use crate::store::{PushToken, Pushed, Pushes, StoreError};
use async_trait::async_trait;
use parlor_schemas::{ConversationId, DeviceId, UserId};
use uuid::Uuid;

#[async_trait]
impl Pushes for CassandraStore {
    /// The tokens before it go in the same mutation, at an earlier write time.
    async fn put_token(&self, token: &PushToken) -> Result<(), StoreError> {
        let (user, device) = (token.user_id.0, token.device_id.0);
        let (before, now) = (self.stamps.next(), self.stamps.next());
        let place = Place::PushTokens(user);
        let values = (user, device, token.token.clone(), token.platform.clone(), now);
        let writes = vec![
            Write::new(place, &self.statements.delete_tokens, (before, user, device)),
            Write::new(place, &self.statements.put_token, values).with_bytes(token.token.len()),
        ];
        batches::write(&self.requests, "put token", writes).await
    }

    async fn delete_tokens(&self, user: UserId, device: DeviceId) -> Result<(), StoreError> {
        let values = (self.stamps.next(), user.0, device.0);
        self.put("delete tokens", &self.statements.delete_tokens, values).await
    }

    async fn drop_token(&self, token: &PushToken) -> Result<(), StoreError> {
        let values = (self.stamps.next(), token.user_id.0, token.device_id.0, &token.token);
        self.put("drop token", &self.statements.drop_token, values).await
    }

    async fn tokens(&self, of: &[UserId]) -> Result<Vec<Vec<PushToken>>, StoreError> {
        let one = async |user: &UserId| {
            let statement = &self.statements.tokens;
            let rows =
                self.requests.rows::<(Uuid, String, Option<String>)>("read tokens", statement, (user.0,));
            let token = |(device, token, platform): (Uuid, String, Option<String>)| PushToken {
                user_id: *user,
                device_id: DeviceId(device),
                platform: platform.unwrap_or_default(),
                token,
            };
            Ok(rows.await?.into_iter().map(token).collect())
        };
        self.requests.each(of, one).await
    }

    async fn raise_pushed(&self, of: Vec<(UserId, ConversationId, Pushed)>) -> Result<(), StoreError> {
        let mut writes = Vec::new();
        for (user, conversation, pushed) in of {
            let all = [
                (pushed.notified_seq, &self.statements.raise_notified),
                (pushed.cancelled_seq, &self.statements.raise_cancelled),
            ];
            for (seq, statement) in all.into_iter().filter(|(seq, _)| *seq > 0) {
                let values = (user.0, conversation.0, seq as i64, seq as i64);
                writes.push(Write::new(Place::Pushed(user.0), statement, values));
            }
        }
        batches::write(&self.requests, "raise pushed", writes).await
    }

    async fn pushed(&self, of: &[(UserId, ConversationId)]) -> Result<Vec<Pushed>, StoreError> {
        let one = async |(user, conversation): &(UserId, ConversationId)| {
            let (statement, values) = (&self.statements.pushed, (user.0, conversation.0));
            let row = self.requests.row::<(Option<i64>, Option<i64>)>("read pushed", statement, values);
            let number = |seq: Option<i64>| seq.unwrap_or_default() as u64;
            Ok(row.await?.map_or(Pushed::default(), |(notified, cancelled)| Pushed {
                notified_seq: number(notified),
                cancelled_seq: number(cancelled),
            }))
        };
        self.requests.each(of, one).await
    }
}
