//! Who is here, over REST.

use super::body::{Asking, Caller, In, Json};
use crate::{
    edge::Edge,
    presence::{
        look::{self, Seen},
        text,
    },
    problem::Problem,
};
use axum::extract::State;
use jiff::tz::TimeZone;
use parlor_schemas::{UserId, presence::PresenceView};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// The viewer's time zone.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Where {
    /// An IANA name; UTC without it.
    tz: Option<String>,
}

/// Whose presence is asked for.
#[derive(Deserialize, utoipa::ToSchema)]
pub(crate) struct Whose {
    user_ids: Vec<UserId>,
}

/// The presence of many, in the order asked.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct Presences {
    items: Vec<PresenceView>,
}

impl Where {
    fn zone(&self) -> Result<TimeZone, Problem> {
        self.tz.as_deref().map_or(Ok(TimeZone::UTC), text::zone)
    }
}

async fn views(
    edge: &Edge,
    viewer: UserId,
    of: &[UserId],
    tz: &TimeZone,
) -> Result<Vec<PresenceView>, Problem> {
    edge.buckets.look(viewer, of.len())?;
    let seen = look::as_seen_by(edge, viewer, of).await?;
    let now = edge.engines.clock.now();
    let view = |(user, seen): (&UserId, Option<Seen>)| seen.unwrap_or(Seen::HIDDEN).view(*user, now, tz);
    Ok(of.iter().zip(seen).map(view).collect())
}

/// A user's status and last seen. Strangers, the blocked and who hides it are `offline`, without a
/// last seen.
#[utoipa::path(get, path = "/v1/users/{user_id}/presence", tag = "presence",
    params(("user_id" = String, Path), Where), responses((status = 200, body = PresenceView)))]
pub(crate) async fn one(
    State(edge): State<Arc<Edge>>,
    Caller(who): Caller,
    In(user): In<UserId>,
    Asking(asked): Asking<Where>,
) -> Result<axum::Json<PresenceView>, Problem> {
    let tz = asked.zone()?;
    if edge.engines.store.users(&[user]).await?.pop().flatten().is_none() {
        return Err(Problem::not_found("user"));
    }
    let view = views(&edge, who.user_id, &[user], &tz).await?.pop();
    view.map(axum::Json).ok_or_else(|| Problem::not_found("user"))
}

/// The presence of many; who is not there is `offline`, too.
#[utoipa::path(post, path = "/v1/presence", tag = "presence", params(Where), request_body = Whose,
    responses((status = 200, body = Presences)))]
pub(crate) async fn many(
    State(edge): State<Arc<Edge>>,
    Caller(who): Caller,
    Asking(asked): Asking<Where>,
    Json(body): Json<Whose>,
) -> Result<axum::Json<Presences>, Problem> {
    let (tz, max) = (asked.zone()?, edge.settings.watched_max);
    if body.user_ids.len() > max {
        return Err(Problem::invalid(format!("user_ids: at most {max}")));
    }
    Ok(axum::Json(Presences { items: views(&edge, who.user_id, &body.user_ids, &tz).await? }))
}
