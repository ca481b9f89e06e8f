//! Who may read an object, and who may refer to it (PROTOCOL §4): its owner, whoever may read a
//! message that refers to it, and everybody if it is the picture of a user. Decided when it is
//! asked, by the memberships and deletions as they are then.

use crate::{edge::Edge, problem::Problem, reads::range::Query};
use parlor_engines::{
    media::MediaError,
    store::{MediaRow, Reference},
};
use parlor_schemas::{Code, ConversationId, MediaId, RecordText, UserId, frames::INTEGER_MAX};
use std::collections::BTreeMap;

/// References read at once.
const PAGE: usize = 500;

impl From<MediaError> for Problem {
    fn from(error: MediaError) -> Self {
        match error {
            MediaError::Unavailable(_) => {
                tracing::warn!(%error, "media");
                Self::unavailable("media are not available; try again")
            }
            MediaError::Cut(_) => Self::invalid("the object did not arrive whole"),
        }
    }
}

/// The object, if the user may read it and it has been uploaded; `None` says no more than that.
pub(crate) async fn readable(edge: &Edge, user: UserId, id: MediaId) -> Result<Option<MediaRow>, Problem> {
    let Some(row) = edge.engines.store.media(&[id]).await?.pop().flatten() else { return Ok(None) };
    let may_read = row.owner_id == user || is_picture(edge, &row).await? || is_shown(edge, user, id).await?;
    if may_read && edge.engines.media.has(id).await? { Ok(Some(row)) } else { Ok(None) }
}

/// Whether it is the picture of its owner.
async fn is_picture(edge: &Edge, row: &MediaRow) -> Result<bool, Problem> {
    let owner = edge.engines.store.users(&[row.owner_id]).await?.pop().flatten();
    Ok(owner.is_some_and(|owner| owner.avatar_media_id == Some(row.media_id)))
}

/// Whether a message that the user may read refers to it.
async fn is_shown(edge: &Edge, user: UserId, id: MediaId) -> Result<bool, Problem> {
    let mut after = None;
    loop {
        let page = edge.engines.store.references(id, after, PAGE).await?;
        let mut seqs: BTreeMap<ConversationId, Vec<u64>> = BTreeMap::new();
        for reference in &page {
            seqs.entry(reference.conversation_id).or_default().push(reference.seq);
        }
        let keys: Vec<_> = seqs.keys().map(|conversation| (*conversation, user)).collect();
        let standings = edge.reads.patiently(|| edge.reads.standings(&keys)).await?;
        for standing in standings.into_iter().flatten() {
            let conversation = standing.conversation_id;
            let known = seqs.remove(&conversation).unwrap_or_default();
            for seq in known.into_iter().filter(|seq| *seq > 0 && standing.may_read(*seq)) {
                let record = edge.reads.record(user, conversation, seq).await?;
                if record.is_some_and(|record| refers(&record, id)) {
                    return Ok(true);
                }
            }
            if is_new_or_picture(edge, user, conversation, id).await? {
                return Ok(true);
            }
        }
        after = page.last().copied();
        if page.len() < PAGE {
            return Ok(false);
        }
    }
}

/// Whether a record refers to it that the persister has not written yet, or it is the picture of the
/// group, which members see who came after it was set.
async fn is_new_or_picture(
    edge: &Edge,
    user: UserId,
    conversation: ConversationId,
    id: MediaId,
) -> Result<bool, Problem> {
    let query = Query::last(INTEGER_MAX, edge.limits.fetch_records_max);
    let page = edge.reads.records(user, conversation, query).await?;
    if page.items.iter().any(|record| refers(record, id)) {
        return Ok(true);
    }
    let ids = [conversation];
    let info = edge.reads.patiently(|| edge.reads.infos(&ids)).await?.pop();
    let is_picture = info.is_some_and(|info| info.avatar_media_id == Some(id));
    let standing = edge.reads.standing(user, conversation).await?;
    Ok(is_picture && standing.is_some_and(|standing| standing.left_seq.is_none()))
}

/// Whether a record as it is shown refers to an object.
fn refers(record: &RecordText, id: MediaId) -> bool {
    #[derive(serde::Deserialize)]
    struct References {
        #[serde(default)]
        media: Vec<parlor_schemas::record::MediaRef>,
        avatar_media_id: Option<MediaId>,
    }
    !record.redacted
        && serde_json::from_slice::<References>(record.body()).is_ok_and(|body| {
            body.avatar_media_id == Some(id) || body.media.iter().any(|media| media.media_id == id)
        })
}

/// Why the user may not refer to these in a conversation, if so; else it is noted that the user is
/// about to. The verdict goes with the command: a resend of one that was done gets its ack all the
/// same (DESIGN §3).
pub(crate) async fn refer(
    edge: &Edge,
    user: UserId,
    conversation: ConversationId,
    media: &[MediaId],
) -> Result<Option<Code>, Problem> {
    for id in media {
        if readable(edge, user, *id).await?.is_none() {
            return Ok(Some(Code::NotFound));
        }
    }
    for id in media {
        let reference = Reference { conversation_id: conversation, seq: 0 };
        edge.engines.store.put_reference(*id, reference).await?;
    }
    Ok(None)
}
