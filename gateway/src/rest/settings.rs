//! What one sets for oneself in a conversation: mute, archive, pin, draft, marked as unread.

use super::{
    body::{Caller, In, Json},
    view,
};
use crate::{commands, edge::Edge, hints, problem::Problem};
use axum::extract::State;
use parlor_engines::store::SettingsChange;
use parlor_schemas::{ConversationId, ConversationView, Limits, Timestamp};
use serde::{Deserialize, Deserializer};
use std::sync::Arc;

/// A field that may be absent (stays), null (clears) or given.
#[derive(Debug, Default, PartialEq)]
pub(super) enum Field<T> {
    /// It was not there.
    #[default]
    Absent,
    /// It was null.
    Null,
    /// It was given.
    Given(T),
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Field<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Ok(Option::deserialize(from)?.map_or(Self::Null, Self::Given))
    }
}

impl<T> Field<T> {
    /// What to write: nothing, `none` for null, or the value.
    fn or(self, none: T) -> Option<T> {
        match self {
            Self::Absent => None,
            Self::Null => Some(none),
            Self::Given(value) => Some(value),
        }
    }
}

/// The own settings of a conversation: absent stays, null clears.
#[derive(Deserialize, utoipa::ToSchema)]
pub(crate) struct OwnSettings {
    /// No push before it, but for mentions.
    #[serde(default)]
    #[schema(value_type = Option<Timestamp>)]
    muted_until: Field<Timestamp>,
    #[serde(default)]
    #[schema(value_type = Option<bool>)]
    archived: Field<bool>,
    #[serde(default)]
    #[schema(value_type = Option<bool>)]
    pinned: Field<bool>,
    /// An unsent text; empty clears, too.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    draft: Field<String>,
    #[serde(default)]
    #[schema(value_type = Option<bool>)]
    marked_unread: Field<bool>,
}

impl OwnSettings {
    fn change(self, limits: &Limits) -> Result<SettingsChange, Problem> {
        if let Field::Given(draft) = &self.draft {
            commands::check_text("draft", draft, limits.draft_max)?;
        }
        if matches!(self.muted_until, Field::Given(until) if until.0 <= 0) {
            return Err(Problem::invalid("muted_until: a time after 1970; null unmutes"));
        }
        Ok(SettingsChange {
            muted_until: self.muted_until.or(Timestamp(0)),
            archived: self.archived.or(false),
            pinned: self.pinned.or(false),
            draft: self.draft.or(String::new()),
            marked_unread: self.marked_unread.or(false),
        })
    }
}

/// Changes the own settings of a conversation; the own other devices hear of it.
#[utoipa::path(put, path = "/v1/conversations/{conversation_id}/settings", tag = "conversations",
    params(("conversation_id" = String, Path)), request_body = OwnSettings,
    responses((status = 200, body = ConversationView)))]
pub(crate) async fn put(
    State(edge): State<Arc<Edge>>,
    Caller(who): Caller,
    In(id): In<ConversationId>,
    Json(body): Json<OwnSettings>,
) -> Result<axum::Json<ConversationView>, Problem> {
    edge.buckets.user(who.user_id)?;
    let change = body.change(&edge.limits)?;
    edge.reads.member(who.user_id, id).await?;
    if change != SettingsChange::default() {
        edge.engines.store.change_settings(who.user_id, id, &change).await?;
        hints::tell_settings(&edge, &who, id).await;
    }
    Ok(axum::Json(view::one(&edge, who.user_id, id).await?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(json: &str) -> Result<SettingsChange, Problem> {
        serde_json::from_str::<OwnSettings>(json).unwrap().change(&Limits::default())
    }

    #[test]
    fn absent_stays_and_null_clears() {
        assert_eq!(change("{}"), Ok(SettingsChange::default()));
        let cleared = change(r#"{"muted_until":null,"archived":null,"draft":null}"#).unwrap();
        assert_eq!((cleared.muted_until, cleared.archived), (Some(Timestamp(0)), Some(false)));
        assert_eq!((cleared.draft.as_deref(), cleared.pinned), (Some(""), None));
        let set = change(r#"{"pinned":true,"draft":"x","muted_until":"2026-11-20T10:00:00.000Z"}"#).unwrap();
        assert_eq!((set.pinned, set.draft.as_deref()), (Some(true), Some("x")));
        assert!(set.muted_until.is_some_and(|until| until.0 > 0));
        assert!(change(r#"{"muted_until":"1970-01-01T00:00:00.000Z"}"#).is_err());
        assert!(change(&format!(r#"{{"draft":"{}"}}"#, "x".repeat(20_000))).is_err());
    }
}
