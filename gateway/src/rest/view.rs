//! A conversation as its member sees it over REST.

use crate::{
    edge::Edge,
    problem::Problem,
    reads::{ReadError, heads::Item, standings::Standing},
};
use parlor_schemas::{
    ConversationId, MediaId, Timestamp, UserId,
    record::{ConversationKind, HistoryRule, Role},
};
use serde::Serialize;
use serde_json::value::RawValue;

/// The view (PROTOCOL §4).
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct ConversationView {
    conversation_id: ConversationId,
    kind: ConversationKind,
    title: Option<String>,
    avatar_media_id: Option<MediaId>,
    history: HistoryRule,
    role: Role,
    members_count: u64,
    head_seq: u64,
    head_ord: u64,
    read_seq: u64,
    unread: u64,
    floor: u64,
    epoch: String,
    /// The newest message, folded.
    #[schema(value_type = Option<Object>)]
    last_message: Option<Box<RawValue>>,
    /// Of the head.
    at: Timestamp,
    muted_until: Option<Timestamp>,
    archived: bool,
    pinned: bool,
    draft: Option<String>,
    left: bool,
}

/// The view of one conversation; strangers get `not_found`.
pub(super) async fn one(edge: &Edge, user: UserId, id: ConversationId) -> Result<ConversationView, Problem> {
    let membership = edge.reads.standing(user, id).await?;
    let membership = membership.ok_or_else(|| Problem::not_found("conversation"))?;
    let view = many(edge, user, &[Standing { membership, version: 0 }]).await?.pop();
    view.ok_or_else(|| Problem::not_found("conversation"))
}

/// The views of many, in the order given.
pub(super) async fn many(
    edge: &Edge,
    user: UserId,
    standings: &[Standing],
) -> Result<Vec<ConversationView>, Problem> {
    edge.reads.patiently(|| views(edge, user, standings)).await
}

async fn views(
    edge: &Edge,
    user: UserId,
    standings: &[Standing],
) -> Result<Vec<ConversationView>, ReadError> {
    let reads = &edge.reads;
    let items: Vec<Item> = reads.items(user, standings).await?;
    let ids: Vec<ConversationId> = standings.iter().map(|s| s.membership.conversation_id).collect();
    let infos = reads.infos(&ids).await?;
    let mut views = Vec::with_capacity(items.len());
    for (item, info) in items.into_iter().zip(infos) {
        let membership = item.membership;
        let last_message = reads.last_message(user, &item).await?;
        views.push(ConversationView {
            conversation_id: membership.conversation_id,
            kind: info.kind,
            title: info.title,
            avatar_media_id: info.avatar_media_id,
            history: info.history,
            role: membership.role,
            members_count: reads.members_count(membership.conversation_id).await?,
            head_seq: item.head_seq,
            head_ord: item.head.ord,
            read_seq: item.read_seq,
            unread: item.unread(),
            floor: membership.floor,
            epoch: reads.epoch.to_string(),
            last_message: last_message.and_then(|text| RawValue::from_string(text).ok()),
            at: item.head.at,
            muted_until: None,
            archived: false,
            pinned: false,
            draft: None,
            left: membership.left_seq.is_some(),
        });
    }
    Ok(views)
}
