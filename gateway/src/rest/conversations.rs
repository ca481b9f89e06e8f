//! Conversations: making, listing, changing.

use super::{
    ask::{self, AckBody},
    body::{Asking, Caller, In, Json, Key, limit},
    members::{self, PageOf},
};
use crate::{answers::LOOK_EVERY, auth::Identity, commands, edge::Edge, problem::Problem, settings::millis};
use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use parlor_schemas::{
    ClientMsgId, ConversationId, ConversationView, MediaId, Outcome, UserId,
    record::{ConversationKind, HistoryRule},
    strict,
};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// A conversation to be made.
#[derive(Deserialize, utoipa::ToSchema)]
pub(crate) struct Making {
    #[serde(deserialize_with = "strict::word")]
    kind: ConversationKind,
    member_ids: Vec<UserId>,
    #[serde(default)]
    title: Option<String>,
    #[serde(default, deserialize_with = "strict::maybe_word")]
    history: Option<HistoryRule>,
}

/// Shared settings; absent stays.
#[derive(Deserialize, utoipa::ToSchema)]
pub(crate) struct Change {
    #[serde(default)]
    title: Option<String>,
    #[serde(default)]
    avatar_media_id: Option<MediaId>,
    #[serde(default, deserialize_with = "strict::maybe_word")]
    history: Option<HistoryRule>,
}

/// One page of conversations.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct Conversations {
    items: Vec<ConversationView>,
    next: Option<ConversationId>,
}

/// Makes a conversation, or finds the direct one that there is.
#[utoipa::path(post, path = "/v1/conversations", tag = "conversations", request_body = Making,
    responses((status = 201, body = ConversationView), (status = 200, body = ConversationView)))]
pub(crate) async fn create(
    State(edge): State<Arc<Edge>>,
    Caller(who): Caller,
    Key(key): Key,
    Json(body): Json<Making>,
) -> Result<Response, Problem> {
    let (status, id) = match body.kind {
        ConversationKind::Direct => direct(&edge, &who, key, &body).await?,
        ConversationKind::Group => group(&edge, &who, key, body).await?,
    };
    let view = super::view::one(&edge, who.user_id, id).await?;
    Ok((status, axum::Json(view)).into_response())
}

async fn direct(
    edge: &Edge,
    who: &Identity,
    key: ClientMsgId,
    body: &Making,
) -> Result<(StatusCode, ConversationId), Problem> {
    if body.title.is_some() || body.history.is_some() {
        return Err(Problem::invalid("a direct conversation has no title and no history rule"));
    }
    let others: Vec<UserId> = body.member_ids.iter().copied().filter(|id| *id != who.user_id).collect();
    let peer = match others[..] {
        [peer] => peer,
        // Alone with oneself it is a notebook.
        [] if !body.member_ids.is_empty() => who.user_id,
        _ => return Err(Problem::invalid("member_ids: the one other side")),
    };
    let id = ConversationId::direct(who.user_id, peer);
    if edge.engines.store.users(&[peer]).await?.pop().flatten().is_none_or(|user| user.is_deleted()) {
        return Err(Problem::not_found("user"));
    }
    let outcome = ask::ask(edge, who, id, key, commands::create_direct(peer)?).await?;
    if let Outcome::Done { .. } = outcome {
        until_readable(edge, who.user_id, id).await?;
    }
    Ok((status_of(&outcome), id))
}

/// That it exists comes straight from the sequencer: of two that race, the other one's record may not be
/// readable yet.
async fn until_readable(edge: &Edge, user: UserId, id: ConversationId) -> Result<(), Problem> {
    let readable = async {
        while edge.reads.standing(user, id).await?.is_none() {
            tokio::time::sleep(LOOK_EVERY).await;
        }
        Ok(())
    };
    let waited = tokio::time::timeout(millis(edge.settings.rest_wait_ms), readable).await;
    waited.unwrap_or_else(|_| Err(Problem::unavailable("it can't be read yet: repeat")))
}

async fn group(
    edge: &Edge,
    who: &Identity,
    key: ClientMsgId,
    body: Making,
) -> Result<(StatusCode, ConversationId), Problem> {
    let id = ConversationId::group(who.user_id, key);
    if body.member_ids.len() >= edge.limits.members_max {
        return Err(Problem::invalid(format!(
            "member_ids: a group has at most {} members",
            edge.limits.members_max
        )));
    }
    let resolved = members::resolve(edge, &body.member_ids, Some(who.user_id), who.user_id).await?;
    let history = body.history.unwrap_or_default();
    let asked = commands::create_group(body.title, history, &body.member_ids, resolved, &edge.limits)?;
    let outcome = ask::ask(edge, who, id, key, asked).await?;
    Ok((status_of(&outcome), id))
}

fn status_of(outcome: &Outcome) -> StatusCode {
    match outcome {
        Outcome::Sequenced(ack) if !ack.duplicate => StatusCode::CREATED,
        _ => StatusCode::OK,
    }
}

/// Lists the own conversations, newest id first.
#[utoipa::path(get, path = "/v1/conversations", tag = "conversations", params(PageOf),
    responses((status = 200, body = Conversations)))]
pub(crate) async fn list(
    State(edge): State<Arc<Edge>>,
    Caller(who): Caller,
    Asking(page): Asking<PageOf>,
) -> Result<axum::Json<Conversations>, Problem> {
    let limit = limit(page.limit, 100)?;
    let before = page.cursor.as_deref().map(str::parse).transpose();
    let before: Option<ConversationId> = before.map_err(|_| Problem::invalid("cursor: unknown"))?;
    let reads = &edge.reads;
    let (standings, next) = reads
        .patiently(|| async {
            let (_, recent) = edge.engines.live.recent(who.user_id).await?;
            reads.conversations_of(who.user_id, &recent, before, limit).await
        })
        .await?;
    let items = super::view::many(&edge, who.user_id, &standings).await?;
    Ok(axum::Json(Conversations { items, next }))
}

/// One conversation.
#[utoipa::path(get, path = "/v1/conversations/{conversation_id}", tag = "conversations",
    params(("conversation_id" = String, Path)), responses((status = 200, body = ConversationView)))]
pub(crate) async fn get(
    State(edge): State<Arc<Edge>>,
    Caller(who): Caller,
    In(id): In<ConversationId>,
) -> Result<axum::Json<ConversationView>, Problem> {
    Ok(axum::Json(super::view::one(&edge, who.user_id, id).await?))
}

/// Changes the shared settings.
#[utoipa::path(patch, path = "/v1/conversations/{conversation_id}", tag = "conversations",
    params(("conversation_id" = String, Path)), request_body = Change,
    responses((status = 200, body = AckBody)))]
pub(crate) async fn change(
    State(edge): State<Arc<Edge>>,
    Caller(who): Caller,
    In(id): In<ConversationId>,
    Key(key): Key,
    Json(body): Json<Change>,
) -> Result<Response, Problem> {
    let asked = commands::change(body.title, body.avatar_media_id, body.history, &edge.limits)?;
    Ok(ask::acked(StatusCode::OK, ask::ask(&edge, &who, id, key, asked).await?))
}
