//! Members of a conversation.

use super::{
    ask::{self, AckBody},
    body::{Asking, Caller, In, Json, Key, limit},
};
use crate::{commands, edge::Edge, problem::Problem};
use axum::{extract::State, http::StatusCode, response::Response};
use parlor_schemas::{
    ConversationId, Timestamp, UserId,
    receipt::Marks,
    record::{Role, Skipped},
    strict,
};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// A member with its marks; they are the marks, not the own view. Those of whom one blocks are not told,
/// and `read_seq` is 0 where it is hidden (PROTOCOL §4, `read_receipts`).
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct MemberView {
    user_id: UserId,
    role: Role,
    joined_at: Timestamp,
    delivered_seq: u64,
    read_seq: u64,
}

/// One page of members.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct Members {
    items: Vec<MemberView>,
    next: Option<UserId>,
}

/// One page of a list.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct PageOf {
    pub(super) cursor: Option<String>,
    pub(super) limit: Option<i64>,
}

/// People to be added.
#[derive(Deserialize, utoipa::ToSchema)]
pub(crate) struct Adding {
    user_ids: Vec<UserId>,
}

/// A role to be given.
#[derive(Deserialize, utoipa::ToSchema)]
pub(crate) struct RoleBody {
    #[serde(deserialize_with = "strict::word")]
    role: Role,
}

/// Lists the present members.
#[utoipa::path(get, path = "/v1/conversations/{conversation_id}/members", tag = "members",
    params(("conversation_id" = String, Path), PageOf), responses((status = 200, body = Members)))]
pub(crate) async fn list(
    State(edge): State<Arc<Edge>>,
    Caller(who): Caller,
    In(id): In<ConversationId>,
    Asking(page): Asking<PageOf>,
) -> Result<axum::Json<Members>, Problem> {
    let limit = limit(page.limit, 100)?;
    let after = page.cursor.as_deref().map(str::parse).transpose();
    let after: Option<UserId> = after.map_err(|_| Problem::invalid("cursor: unknown"))?;
    edge.reads.member(who.user_id, id).await?;
    let standings = edge.reads.patiently(|| edge.reads.members(id, after, limit)).await?;
    let next = (standings.len() >= limit).then(|| standings.last().map(|m| m.user_id)).flatten();
    let present: Vec<_> = standings.into_iter().filter(|m| m.left_seq.is_none()).collect();
    let of: Vec<_> = present.iter().map(|m| (id, m.user_id)).collect();
    let marks = edge.reads.patiently(|| edge.reads.marks(&of)).await?;
    let untold = edge.reads.patiently(|| edge.reads.blocked_peer(who.user_id, id)).await?;
    let users: Vec<UserId> = present.iter().map(|m| m.user_id).collect();
    let told = edge.reads.patiently(|| edge.reads.tells_reads(who.user_id, &users)).await?;
    let items = present
        .into_iter()
        .zip(marks)
        .zip(told)
        .map(|((member, live), tells_read)| {
            let marks = if untold == Some(member.user_id) { Marks::default() } else { live.marks };
            MemberView {
                user_id: member.user_id,
                role: member.role,
                joined_at: member.joined_at,
                delivered_seq: marks.delivered_seq,
                read_seq: if tells_read { marks.read_seq } else { 0 },
            }
        })
        .collect();
    Ok(axum::Json(Members { items, next }))
}

/// Who of `asked`, without `but`, can be added by `adder`; the reason if nobody can.
pub(super) async fn resolve(
    edge: &Edge,
    asked: &[UserId],
    but: Option<UserId>,
    adder: UserId,
) -> Result<(Vec<UserId>, Vec<Skipped>), Problem> {
    if asked.len() > edge.limits.members_max {
        return Err(Problem::invalid(format!("at most {} members", edge.limits.members_max)));
    }
    let resolved = edge.reads.resolve(asked, but, adder).await?;
    match resolved.1.first() {
        Some(skipped) if resolved.0.is_empty() => {
            Err(Problem::new(skipped.code, "nobody of them can be added"))
        }
        _ => Ok(resolved),
    }
}

/// Adds members.
#[utoipa::path(post, path = "/v1/conversations/{conversation_id}/members", tag = "members",
    params(("conversation_id" = String, Path)), request_body = Adding,
    responses((status = 200, body = AckBody)))]
pub(crate) async fn add(
    State(edge): State<Arc<Edge>>,
    Caller(who): Caller,
    In(id): In<ConversationId>,
    Key(key): Key,
    Json(body): Json<Adding>,
) -> Result<Response, Problem> {
    if body.user_ids.is_empty() {
        return Err(Problem::invalid("user_ids: at least one"));
    }
    // Nobody is left out: adding oneself is adding somebody who is in.
    let resolved = resolve(&edge, &body.user_ids, None, who.user_id).await?;
    let asked = commands::add_members(&body.user_ids, resolved)?;
    Ok(ask::acked(StatusCode::OK, ask::ask(&edge, &who, id, key, asked).await?))
}

/// Gives a role.
#[utoipa::path(patch, path = "/v1/conversations/{conversation_id}/members/{user_id}", tag = "members",
    params(("conversation_id" = String, Path), ("user_id" = String, Path)), request_body = RoleBody,
    responses((status = 200, body = AckBody)))]
pub(crate) async fn role(
    State(edge): State<Arc<Edge>>,
    Caller(who): Caller,
    In((id, user)): In<(ConversationId, UserId)>,
    Key(key): Key,
    Json(body): Json<RoleBody>,
) -> Result<Response, Problem> {
    let asked = commands::change_role(user, body.role)?;
    Ok(ask::acked(StatusCode::OK, ask::ask(&edge, &who, id, key, asked).await?))
}

/// Removes a member.
#[utoipa::path(delete, path = "/v1/conversations/{conversation_id}/members/{user_id}", tag = "members",
    params(("conversation_id" = String, Path), ("user_id" = String, Path)),
    responses((status = 200, body = AckBody)))]
pub(crate) async fn remove(
    State(edge): State<Arc<Edge>>,
    Caller(who): Caller,
    In((id, user)): In<(ConversationId, UserId)>,
    Key(key): Key,
) -> Result<Response, Problem> {
    let asked = commands::remove_member(user)?;
    Ok(ask::acked(StatusCode::OK, ask::ask(&edge, &who, id, key, asked).await?))
}

/// Leaves.
#[utoipa::path(post, path = "/v1/conversations/{conversation_id}/leave", tag = "members",
    params(("conversation_id" = String, Path)), responses((status = 200, body = AckBody)))]
pub(crate) async fn leave(
    State(edge): State<Arc<Edge>>,
    Caller(who): Caller,
    In(id): In<ConversationId>,
    Key(key): Key,
) -> Result<Response, Problem> {
    Ok(ask::acked(StatusCode::OK, ask::ask(&edge, &who, id, key, commands::leave()?).await?))
}
