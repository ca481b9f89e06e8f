//! How far users are: the larger of the live and the stored marks.

use parlor_engines::{
    Engines,
    consume::{Feed, Stop},
};
use parlor_schemas::{ConversationId, UserId, receipt::Marks};

/// Marks, in the order asked.
pub(crate) async fn marks(
    engines: &Engines,
    feed: &Feed,
    of: &[(ConversationId, UserId)],
) -> Result<Vec<Marks>, Stop> {
    let live = feed.retry.run("read marks", || engines.live.live_marks(of)).await?;
    let stored = feed.retry.run("read marks", || engines.store.stored_marks(of)).await?;
    Ok(live.into_iter().zip(stored).map(|(live, stored)| live.marks.max(stored)).collect())
}
