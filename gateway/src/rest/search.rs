//! Search in the own conversations (PROTOCOL §4). The index knows words and places; what is shown is
//! read where messages are read, with the asker's rights as they are now.

use super::body::{Asking, Caller, limit};
use crate::{auth::Identity, edge::Edge, problem::Problem};
use axum::{Json, extract::State};
use parlor_engines::search::{Hit, Place, Question, SearchError};
use parlor_schemas::{
    Code, ConversationId, Timestamp, UserId,
    record::{Edit, Kind, Message},
    words::Wanted,
};
use serde::{Deserialize, Serialize};
use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};
use uuid::Uuid;

/// Conversations read at once.
const CONVERSATIONS_PAGE: usize = 1_000;

/// A question.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Asked {
    /// Each of its words must begin a word of the message; characters of scripts without spaces are
    /// found as they stand.
    q: String,
    /// Only in this one.
    #[param(value_type = Option<String>)]
    conversation_id: Option<ConversationId>,
    cursor: Option<String>,
    limit: Option<i64>,
}

/// A message that was found.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct FoundItem {
    conversation_id: ConversationId,
    seq: u64,
    at: Timestamp,
    sender_id: UserId,
    /// Plain text around what was found.
    snippet: String,
}

/// One page, newest first.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct FoundPage {
    items: Vec<FoundItem>,
    /// A page may be short, even empty, and have a next one.
    next: Option<String>,
}

impl From<SearchError> for Problem {
    fn from(error: SearchError) -> Self {
        tracing::warn!(%error, "search");
        Self::unavailable("search is not available; try again")
    }
}

/// Finds messages in the own conversations.
#[utoipa::path(get, path = "/v1/search", tag = "search", params(Asked),
    responses((status = 200, body = FoundPage)))]
pub(crate) async fn search(
    State(edge): State<Arc<Edge>>,
    Caller(who): Caller,
    Asking(asked): Asking<Asked>,
) -> Result<Json<FoundPage>, Problem> {
    edge.buckets.user(who.user_id)?;
    let settings = &edge.settings;
    if asked.q.len() > settings.search_text_max {
        return Err(Problem::new(Code::TooLarge, format!("q: at most {} bytes", settings.search_text_max)));
    }
    let wanted = Wanted::parse(&asked.q, settings.search_words_max)
        .ok_or_else(|| Problem::invalid(format!("q: 1 to {} words", settings.search_words_max)))?;
    let limit = limit(asked.limit, 50)?;
    let mut below = match &asked.cursor {
        Some(cursor) => Some(place_of(cursor).ok_or_else(|| Problem::invalid("cursor: not one of ours"))?),
        None => None,
    };
    let within = match asked.conversation_id {
        Some(id) => vec![(id, edge.reads.member(who.user_id, id).await?.floor)],
        None => own(&edge, who.user_id).await?,
    };
    let mut items = Vec::new();
    for _ in 0..settings.search_rounds_max {
        let ask = limit - items.len();
        let question = Question { wanted: wanted.clone(), within: within.clone(), below, limit: ask };
        let hits = edge.engines.search.find(question).await?;
        let is_last = hits.len() < ask;
        below = hits.last().map_or(below, |hit| Some(hit.place));
        items.extend(shown(&edge, &who, &wanted, hits).await?);
        if is_last || items.len() == limit {
            let next = below.filter(|_| !is_last).map(cursor_of);
            return Ok(Json(FoundPage { items, next }));
        }
    }
    Ok(Json(FoundPage { items, next: below.map(cursor_of) }))
}

/// All conversations that the user is in, with the floors.
async fn own(edge: &Edge, user: UserId) -> Result<Vec<(ConversationId, u64)>, Problem> {
    let reads = &edge.reads;
    let read = || async {
        let (_, recent) = reads.engines.live.recent(user).await?;
        let (mut own, mut before) = (Vec::new(), None);
        loop {
            let (page, next) = reads.conversations_of(user, &recent, before, CONVERSATIONS_PAGE).await?;
            let present = page.iter().map(|s| s.membership).filter(|m| m.left_seq.is_none());
            own.extend(present.map(|m| (m.conversation_id, m.floor)));
            if next.is_none() {
                return Ok(own);
            }
            before = next;
        }
    };
    reads.patiently(read).await
}

/// The hits as the user may see them now. The texts first, the memberships after them (DESIGN §4).
async fn shown(
    edge: &Edge,
    who: &Identity,
    wanted: &Wanted,
    hits: Vec<Hit>,
) -> Result<Vec<FoundItem>, Problem> {
    let mut items = Vec::with_capacity(hits.len());
    for hit in hits {
        items.extend(item_of(edge, who.user_id, wanted, hit).await?);
    }
    let ids: HashSet<ConversationId> = items.iter().map(|item| item.conversation_id).collect();
    let keys: Vec<_> = ids.into_iter().map(|id| (id, who.user_id)).collect();
    let standings = edge.reads.patiently(|| edge.reads.standings(&keys)).await?;
    let present: HashMap<ConversationId, bool> = standings
        .into_iter()
        .flatten()
        .map(|standing| (standing.conversation_id, standing.left_seq.is_none()))
        .collect();
    items.retain(|item: &FoundItem| present.get(&item.conversation_id) == Some(&true));
    Ok(items)
}

/// `None`: not to be seen (any more), or not what the index remembers.
async fn item_of(edge: &Edge, user: UserId, wanted: &Wanted, hit: Hit) -> Result<Option<FoundItem>, Problem> {
    let Place { conversation_id, seq, .. } = hit.place;
    let read = async |seq| match edge.reads.record(user, conversation_id, seq).await {
        Ok(record) => Ok(record.filter(|record| !record.redacted)),
        // Left, or thrown out, since the index was asked.
        Err(problem) if matches!(problem.code, Code::NotFound | Code::NotAMember) => Ok(None),
        Err(problem) => Err(problem),
    };
    let Some(message) = read(seq).await? else { return Ok(None) };
    let text = if hit.text_seq == seq {
        serde_json::from_slice::<Message>(message.body()).ok().and_then(|body| body.text)
    } else {
        let edit = read(hit.text_seq).await?.filter(|record| record.kind == Kind::Edit);
        edit.and_then(|edit| serde_json::from_slice::<Edit>(edit.body()).ok()).and_then(|edit| edit.text)
    };
    let snippet = text.and_then(|text| wanted.snippet(&text, edge.settings.snippet_chars));
    Ok(snippet.map(|snippet| FoundItem {
        conversation_id,
        seq,
        at: message.at,
        sender_id: message.sender_id,
        snippet,
    }))
}

fn cursor_of(place: Place) -> String {
    format!("{}.{}.{}", place.at.0, place.conversation_id.0.simple(), place.seq)
}

fn place_of(cursor: &str) -> Option<Place> {
    let mut parts = cursor.split('.');
    let at = Timestamp(parts.next()?.parse().ok()?);
    let conversation_id = ConversationId(Uuid::try_parse(parts.next()?).ok()?);
    let seq = parts.next()?.parse().ok()?;
    parts.next().is_none().then_some(Place { at, conversation_id, seq })
}

/// What can be read as a cursor is one of ours (for fuzz targets).
#[cfg(feature = "fuzzing")]
pub(super) fn read_cursor(text: &str) {
    if let Some(place) = place_of(text) {
        assert_eq!(place_of(&cursor_of(place)), Some(place), "{text:?}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_reads_back() {
        let place = Place { at: Timestamp(7), conversation_id: ConversationId(Uuid::from_u128(9)), seq: 3 };
        assert_eq!(place_of(&cursor_of(place)), Some(place));
        for bad in ["", "1", "1.x.2", "1.00000000000000000000000000000009.2.3", "a.b.c"] {
            assert_eq!(place_of(bad), None, "{bad}");
        }
    }
}
