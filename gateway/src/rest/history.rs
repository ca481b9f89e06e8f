//! What was said: records as they are, messages folded, and how far one has read.

use super::body::{Asking, Caller, In, Json, limit};
use crate::{commands, edge::Edge, problem::Problem, reads::range::Query, settings::millis};
use axum::{
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use parlor_schemas::ConversationId;
use serde::Deserialize;
use std::sync::Arc;
use tokio::sync::oneshot;

/// A range of records.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Range {
    after: Option<u64>,
    before: Option<u64>,
    limit: Option<i64>,
}

/// The last messages of a range.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Back {
    before: Option<u64>,
    limit: Option<i64>,
}

/// How far one has read.
#[derive(Deserialize, utoipa::ToSchema)]
pub(crate) struct ReadUpTo {
    seq: u64,
}

fn json(text: String) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], text).into_response()
}

/// Records, ascending: the `records` frame.
#[utoipa::path(get, path = "/v1/conversations/{conversation_id}/records", tag = "history",
    params(("conversation_id" = String, Path), Range), responses((status = 200)))]
pub(crate) async fn records(
    State(edge): State<Arc<Edge>>,
    Caller(who): Caller,
    In(id): In<ConversationId>,
    Asking(range): Asking<Range>,
) -> Result<Response, Problem> {
    let after = range.after.or(if range.before.is_none() { Some(0) } else { None });
    let query = Query::new(after, range.before, range.limit, 100)?;
    let page = edge.reads.records(who.user_id, id, query).await?;
    Ok(json(page.head().splice(None, &page.items)))
}

/// Messages, newest first, folded.
#[utoipa::path(get, path = "/v1/conversations/{conversation_id}/messages", tag = "history",
    params(("conversation_id" = String, Path), Back), responses((status = 200)))]
pub(crate) async fn messages(
    State(edge): State<Arc<Edge>>,
    Caller(who): Caller,
    In(id): In<ConversationId>,
    Asking(back): Asking<Back>,
) -> Result<Response, Problem> {
    let limit = limit(back.limit, 50)?;
    back.before.map_or(Ok(()), |seq| commands::check_seq("before", seq))?;
    Ok(json(edge.reads.folded(who.user_id, id, back.before, limit).await?))
}

/// Sets the own read mark.
#[utoipa::path(put, path = "/v1/conversations/{conversation_id}/read", tag = "history",
    params(("conversation_id" = String, Path)), request_body = ReadUpTo, responses((status = 204)))]
pub(crate) async fn read(
    State(edge): State<Arc<Edge>>,
    Caller(who): Caller,
    In(id): In<ConversationId>,
    Json(body): Json<ReadUpTo>,
) -> Result<StatusCode, Problem> {
    commands::check_seq("seq", body.seq)?;
    edge.reads.member(who.user_id, id).await?;
    let (teller, told) = oneshot::channel();
    edge.marks.add(&who, id, body.seq, true, Some(teller))?;
    let late = || Problem::unavailable("the mark is not durable yet; set it again");
    let told = tokio::time::timeout(millis(edge.settings.rest_wait_ms), told).await;
    told.map_err(|_| late())?.map_err(|_| late())??;
    Ok(StatusCode::NO_CONTENT)
}
