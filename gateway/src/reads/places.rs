//! What stands at a place of a conversation, as far as arithmetic on it needs: `ord` and `at` never
//! change, so they are kept.

use super::{ReadError, Reader};
use parlor_schemas::{ConversationId, Timestamp};

/// `ord` and `at` of a record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Place {
    /// Countable records up to it.
    pub ord: u64,
    /// When.
    pub at: Timestamp,
}

impl Reader {
    /// The place of a record; the beginning of all for 0; `None` where no engine has it (yet).
    pub async fn place(&self, conversation: ConversationId, seq: u64) -> Result<Option<Place>, ReadError> {
        if seq == 0 {
            return Ok(Some(Place::default()));
        }
        if let Some(place) = self.places.get(&(conversation, seq)) {
            return Ok(Some(place));
        }
        let tail = self.engines.live.tail(conversation, seq - 1, seq + 1, 1, false).await?;
        let found = match tail.records.into_iter().next() {
            Some(record) => Some(record),
            None => self.engines.store.pick(&[(conversation, seq)]).await?.pop().flatten(),
        };
        let place = found.map(|record| Place { ord: record.ord, at: record.at });
        if let Some(place) = place {
            self.places.insert((conversation, seq), place);
        }
        Ok(place)
    }
}
