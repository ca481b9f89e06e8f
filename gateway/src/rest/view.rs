//! A conversation as its member sees it over REST.

use crate::{
    edge::Edge,
    problem::Problem,
    reads::{ReadError, heads::Item, standings::Standing},
};
use parlor_schemas::{ConversationId, ConversationView, UserId};
use serde_json::value::RawValue;

/// The view of one conversation; strangers get `not_found`.
pub(crate) async fn one(edge: &Edge, user: UserId, id: ConversationId) -> Result<ConversationView, Problem> {
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
    let own: Vec<_> = ids.iter().map(|id| (user, *id)).collect();
    let settings = edge.engines.store.settings(&own).await?;
    let mut views = Vec::with_capacity(items.len());
    for ((item, info), own) in items.into_iter().zip(infos).zip(settings) {
        let membership = item.membership;
        let last_message = reads.last_message(user, &item).await?;
        let (info, members_count) = match membership.left_seq {
            Some(left) => {
                let frozen = reads.frozen(&info, left).await?;
                (frozen.info.clone(), frozen.members_count)
            }
            None => (info, reads.members_count(membership.conversation_id).await?),
        };
        views.push(ConversationView {
            conversation_id: membership.conversation_id,
            kind: info.kind,
            title: info.title,
            avatar_media_id: info.avatar_media_id,
            history: info.history,
            role: membership.role,
            members_count,
            head_seq: item.head_seq,
            head_ord: item.head.ord,
            read_seq: item.read_seq,
            unread: item.unread(),
            floor: membership.floor,
            epoch: reads.epoch.to_string(),
            last_message: last_message.and_then(|text| RawValue::from_string(text).ok()),
            at: item.head.at,
            muted_until: own.muted_until,
            archived: own.archived,
            pinned: own.pinned,
            draft: own.draft,
            marked_unread: own.marked_unread,
            left: membership.left_seq.is_some(),
        });
    }
    Ok(views)
}
