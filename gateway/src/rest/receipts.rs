//! Who got and who read a message, and when.

use super::{
    body::{Asking, Caller, In, limit},
    members::PageOf,
};
use crate::{commands, edge::Edge, problem::Problem};
use axum::extract::State;
use parlor_schemas::{ConversationId, Timestamp, UserId, record::Kind};
use serde::Serialize;
use std::sync::Arc;

/// When somebody got or read it.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct ReceiptAt {
    user_id: UserId,
    at: Timestamp,
}

/// One page of members who got and read a message: without its sender; who read stands in both, where
/// read marks are told (PROTOCOL §4, `read_receipts`).
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct Receipts {
    delivered: Vec<ReceiptAt>,
    read: Vec<ReceiptAt>,
    next: Option<UserId>,
}

/// Lists who got and who read a message, by pages of members (a page may say nothing of anybody).
#[utoipa::path(get, path = "/v1/conversations/{conversation_id}/messages/{seq}/receipts", tag = "messages",
    params(("conversation_id" = String, Path), ("seq" = u64, Path), PageOf),
    responses((status = 200, body = Receipts)))]
pub(crate) async fn list(
    State(edge): State<Arc<Edge>>,
    Caller(who): Caller,
    In((id, seq)): In<(ConversationId, u64)>,
    Asking(page): Asking<PageOf>,
) -> Result<axum::Json<Receipts>, Problem> {
    let limit = limit(page.limit, 100)?;
    let after = page.cursor.as_deref().map(str::parse).transpose();
    let after: Option<UserId> = after.map_err(|_| Problem::invalid("cursor: unknown"))?;
    commands::check_seq("seq", seq)?;
    edge.reads.member(who.user_id, id).await?;
    let record = edge.reads.record(who.user_id, id, seq).await?;
    let record = record.ok_or_else(|| Problem::not_found("message"))?;
    if record.kind != Kind::Message {
        return Err(Problem::invalid("seq: of a message"));
    }
    let store = &edge.engines.store;
    let members =
        edge.reads.patiently(|| async { Ok(store.of_conversation(id, after, limit).await?) }).await?;
    let next = (members.len() >= limit).then(|| members.last().map(|m| m.user_id)).flatten();
    let untold = edge.reads.patiently(|| edge.reads.blocked_peer(who.user_id, id)).await?;
    // Marks below the floor are never made, so that a mark of who came later says nothing of before.
    let may_have = members.iter().filter(|m| m.left_seq.is_none() && m.may_read(seq)).map(|m| m.user_id);
    let users: Vec<UserId> =
        may_have.filter(|user| *user != record.sender_id && Some(*user) != untold).collect();
    let reached = edge.reads.patiently(|| async { Ok(store.reached(id, seq, &users).await?) }).await?;
    let told = edge.reads.patiently(|| edge.reads.tells_reads(who.user_id, &users)).await?;
    let (mut delivered, mut read) = (Vec::new(), Vec::new());
    for ((user_id, reached), tells_read) in users.into_iter().zip(reached).zip(told) {
        delivered.extend(reached.delivered_at.map(|at| ReceiptAt { user_id, at }));
        read.extend(reached.read_at.filter(|_| tells_read).map(|at| ReceiptAt { user_id, at }));
    }
    Ok(axum::Json(Receipts { delivered, read, next }))
}
