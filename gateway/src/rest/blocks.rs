//! Blocks: commands in the order of the direct conversation, which make no record (PROTOCOL §1).

use super::{
    ask,
    body::{Asking, Caller, In, Key, limit},
    members::PageOf,
};
use crate::{
    auth::{Identity, login::profile},
    commands,
    edge::Edge,
    presence,
    problem::Problem,
};
use axum::{extract::State, http::StatusCode};
use parlor_schemas::{ClientMsgId, ConversationId, UserId, frames::Profile};
use serde::Serialize;
use std::sync::Arc;

/// One page of those whom one blocks.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct BlockList {
    items: Vec<Profile>,
    next: Option<UserId>,
}

/// Blocks somebody.
#[utoipa::path(put, path = "/v1/me/blocks/{user_id}", tag = "me", params(("user_id" = String, Path)),
    responses((status = 204)))]
pub(crate) async fn put(
    State(edge): State<Arc<Edge>>,
    Caller(who): Caller,
    In(user): In<UserId>,
    Key(key): Key,
) -> Result<StatusCode, Problem> {
    if edge.engines.store.users(&[user]).await?.pop().flatten().is_none() {
        return Err(Problem::not_found("user"));
    }
    set(&edge, &who, user, key, true).await
}

/// Ends a block.
#[utoipa::path(delete, path = "/v1/me/blocks/{user_id}", tag = "me", params(("user_id" = String, Path)),
    responses((status = 204)))]
pub(crate) async fn delete(
    State(edge): State<Arc<Edge>>,
    Caller(who): Caller,
    In(user): In<UserId>,
    Key(key): Key,
) -> Result<StatusCode, Problem> {
    set(&edge, &who, user, key, false).await
}

async fn set(
    edge: &Edge,
    who: &Identity,
    user: UserId,
    key: ClientMsgId,
    on: bool,
) -> Result<StatusCode, Problem> {
    if user == who.user_id {
        return Err(Problem::invalid("user_id: somebody else"));
    }
    let id = ConversationId::direct(who.user_id, user);
    ask::ask(edge, who, id, key, commands::block(user, on)?).await?;
    edge.reads.follow_block(who.user_id, user, on).await;
    // Whoever watches the other one stops, or begins, to see.
    presence::hint(edge, vec![who.user_id, user], true).await;
    Ok(StatusCode::NO_CONTENT)
}

/// Lists those whom one blocks.
#[utoipa::path(get, path = "/v1/me/blocks", tag = "me", params(PageOf),
    responses((status = 200, body = BlockList)))]
pub(crate) async fn list(
    State(edge): State<Arc<Edge>>,
    Caller(who): Caller,
    Asking(page): Asking<PageOf>,
) -> Result<axum::Json<BlockList>, Problem> {
    let limit = limit(page.limit, 100)?;
    let after = page.cursor.as_deref().map(str::parse).transpose();
    let after: Option<UserId> = after.map_err(|_| Problem::invalid("cursor: unknown"))?;
    let store = &edge.engines.store;
    let blocked = store.blocks_of(who.user_id, after, limit).await?;
    let next = (blocked.len() >= limit).then(|| blocked.last().copied()).flatten();
    let items = store.users(&blocked).await?.iter().flatten().map(profile).collect();
    Ok(axum::Json(BlockList { items, next }))
}
