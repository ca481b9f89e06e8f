//! Commands about messages. Each answers with the ack.

use super::{
    ask::{self, AckBody},
    body::{Caller, In, Json, Key},
};
use crate::{
    auth::Identity,
    commands::{self, Asked},
    edge::Edge,
    problem::Problem,
};
use axum::{extract::State, http::StatusCode, response::Response};
use parlor_schemas::{
    ClientMsgId, ConversationId,
    record::{Message, Op},
    strict,
};
use serde::Deserialize;
use std::sync::Arc;

/// A message's content.
#[derive(Deserialize, utoipa::ToSchema)]
pub(crate) struct MessageBody {
    #[serde(deserialize_with = "strict::object")]
    body: Message,
}

/// Asks and answers 200 (201 for a new message) with the ack.
async fn answer(
    edge: &Edge,
    who: &Identity,
    to: (ConversationId, ClientMsgId),
    asked: Asked,
    status: StatusCode,
) -> Result<Response, Problem> {
    Ok(ask::acked(status, ask::ask(edge, who, to.0, to.1, asked).await?))
}

/// Sends a message.
#[utoipa::path(post, path = "/v1/conversations/{conversation_id}/messages", tag = "messages",
    params(("conversation_id" = String, Path)), request_body = MessageBody,
    responses((status = 201, body = AckBody)))]
pub(crate) async fn send(
    State(edge): State<Arc<Edge>>,
    Caller(who): Caller,
    In(id): In<ConversationId>,
    Key(key): Key,
    Json(MessageBody { body }): Json<MessageBody>,
) -> Result<Response, Problem> {
    let asked = commands::send(body, &edge.limits)?;
    answer(&edge, &who, (id, key), asked, StatusCode::CREATED).await
}

/// Edits a message.
#[utoipa::path(patch, path = "/v1/conversations/{conversation_id}/messages/{seq}", tag = "messages",
    params(("conversation_id" = String, Path), ("seq" = u64, Path)), request_body = MessageBody,
    responses((status = 200, body = AckBody)))]
pub(crate) async fn edit(
    State(edge): State<Arc<Edge>>,
    Caller(who): Caller,
    In((id, seq)): In<(ConversationId, u64)>,
    Key(key): Key,
    Json(MessageBody { body }): Json<MessageBody>,
) -> Result<Response, Problem> {
    let asked = commands::edit(seq, body, &edge.limits)?;
    answer(&edge, &who, (id, key), asked, StatusCode::OK).await
}

/// Deletes a message.
#[utoipa::path(delete, path = "/v1/conversations/{conversation_id}/messages/{seq}", tag = "messages",
    params(("conversation_id" = String, Path), ("seq" = u64, Path)),
    responses((status = 200, body = AckBody)))]
pub(crate) async fn delete(
    State(edge): State<Arc<Edge>>,
    Caller(who): Caller,
    In((id, seq)): In<(ConversationId, u64)>,
    Key(key): Key,
) -> Result<Response, Problem> {
    answer(&edge, &who, (id, key), commands::delete(seq)?, StatusCode::OK).await
}

/// Sets a reaction.
#[utoipa::path(put, path = "/v1/conversations/{conversation_id}/messages/{seq}/reactions/{emoji}",
    tag = "messages",
    params(("conversation_id" = String, Path), ("seq" = u64, Path), ("emoji" = String, Path)),
    responses((status = 200, body = AckBody)))]
pub(crate) async fn react(
    State(edge): State<Arc<Edge>>,
    Caller(who): Caller,
    In((id, seq, emoji)): In<(ConversationId, u64, String)>,
    Key(key): Key,
) -> Result<Response, Problem> {
    let asked = commands::react(seq, &emoji, Op::Add, &edge.limits)?;
    answer(&edge, &who, (id, key), asked, StatusCode::OK).await
}

/// Takes a reaction back.
#[utoipa::path(delete, path = "/v1/conversations/{conversation_id}/messages/{seq}/reactions/{emoji}",
    tag = "messages",
    params(("conversation_id" = String, Path), ("seq" = u64, Path), ("emoji" = String, Path)),
    responses((status = 200, body = AckBody)))]
pub(crate) async fn unreact(
    State(edge): State<Arc<Edge>>,
    Caller(who): Caller,
    In((id, seq, emoji)): In<(ConversationId, u64, String)>,
    Key(key): Key,
) -> Result<Response, Problem> {
    let asked = commands::react(seq, &emoji, Op::Remove, &edge.limits)?;
    answer(&edge, &who, (id, key), asked, StatusCode::OK).await
}

/// Pins a message.
#[utoipa::path(put, path = "/v1/conversations/{conversation_id}/messages/{seq}/pin", tag = "messages",
    params(("conversation_id" = String, Path), ("seq" = u64, Path)),
    responses((status = 200, body = AckBody)))]
pub(crate) async fn pin(
    State(edge): State<Arc<Edge>>,
    Caller(who): Caller,
    In((id, seq)): In<(ConversationId, u64)>,
    Key(key): Key,
) -> Result<Response, Problem> {
    answer(&edge, &who, (id, key), commands::pin(seq, Op::Add)?, StatusCode::OK).await
}

/// Takes a pin away.
#[utoipa::path(delete, path = "/v1/conversations/{conversation_id}/messages/{seq}/pin", tag = "messages",
    params(("conversation_id" = String, Path), ("seq" = u64, Path)),
    responses((status = 200, body = AckBody)))]
pub(crate) async fn unpin(
    State(edge): State<Arc<Edge>>,
    Caller(who): Caller,
    In((id, seq)): In<(ConversationId, u64)>,
    Key(key): Key,
) -> Result<Response, Problem> {
    answer(&edge, &who, (id, key), commands::pin(seq, Op::Remove)?, StatusCode::OK).await
}
