//! The own account as a whole: taken away, or taken along.
//!
//! **Deleting** leaves every group (the owner's hand-over rule applies), refuses every later login,
//! empties the profile, shows nobody when the user was last seen, and ends all sessions. What was said
//! stays, by a "deleted user" without a name; direct conversations stay with the other side. The name
//! is free after `auth.name_free_ms`.
//! Each step may be done again: after an `unavailable` the same call goes on where it was.

use super::{ask, body::Caller, view};
use crate::{
    admin,
    auth::{Identity, sessions},
    clock, commands,
    edge::Edge,
    problem::Problem,
    reads::{range::Query, standings::Standing},
};
use axum::{
    body::{Body, Bytes},
    extract::State,
    http::{HeaderValue, StatusCode, header},
    response::Response,
};
use parlor_engines::store::{StateChange, User};
use parlor_schemas::{
    ClientMsgId, Code, ConversationId, ConversationView, LastSeenTo, PrivacyChange, Timestamp, UserId,
    frames::INTEGER_MAX,
    record::{ConversationKind, Kind},
};
use serde::Serialize;
use serde_json::json;
use std::sync::Arc;
use tokio::sync::mpsc;

/// Conversations, and blocks, read at once.
const CONVERSATIONS_PAGE: usize = 200;
/// Pieces of an export that wait for the client; the next one waits for room.
const PIECES: usize = 4;

/// Takes the own account away.
#[utoipa::path(delete, path = "/v1/me", tag = "me", responses((status = 204)))]
pub(crate) async fn delete(
    State(edge): State<Arc<Edge>>,
    Caller(who): Caller,
) -> Result<StatusCode, Problem> {
    leave_groups(&edge, &who).await?;
    let store = &edge.engines.store;
    let user = store.users(&[who.user_id]).await?.pop().flatten();
    let user = user.ok_or_else(Problem::unauthenticated)?;
    store.change_state(who.user_id, StateChange::Deleted(edge.engines.clock.now())).await?;
    let empty = User {
        display_name: String::new(),
        email: None,
        avatar_media_id: None,
        password_hash: String::new(),
        ..user
    };
    store.put_user(&empty).await?;
    edge.reads.forget_profile(who.user_id);
    // Somebody may have added the user meanwhile; from now on nobody can.
    leave_groups(&edge, &who).await?;
    let unseen = PrivacyChange { last_seen_to: Some(LastSeenTo::Nobody), read_receipts: None };
    store.change_privacy(who.user_id, unseen).await?;
    edge.reads.privacies.forget(who.user_id);
    for device in store.devices(who.user_id).await? {
        store.delete_device(who.user_id, device.device_id).await?;
    }
    let ended = admin::end_all(&edge.engines, who.user_id).await?;
    sessions::close(&edge, &ended);
    Ok(StatusCode::NO_CONTENT)
}

async fn leave_groups(edge: &Edge, who: &Identity) -> Result<(), Problem> {
    let mut before = None;
    loop {
        let (page, next) = conversations(edge, who.user_id, before).await?;
        let memberships = page.iter().map(|standing| &standing.membership);
        let present: Vec<ConversationId> =
            memberships.filter(|m| m.left_seq.is_none()).map(|m| m.conversation_id).collect();
        let infos = edge.reads.patiently(|| edge.reads.infos(&present)).await?;
        for info in infos.into_iter().filter(|info| info.kind == ConversationKind::Group) {
            let key = ClientMsgId(clock::v7(edge.engines.clock.now()));
            match ask::ask_at_once(edge, who, info.conversation_id, key, commands::leave()?).await {
                Ok(_) => {}
                // Somebody else was faster.
                Err(problem) if problem.code == Code::NotAMember => {}
                Err(problem) => return Err(problem),
            }
        }
        if next.is_none() {
            return Ok(());
        }
        before = next;
    }
}

async fn conversations(
    edge: &Edge,
    user: UserId,
    before: Option<ConversationId>,
) -> Result<(Vec<Standing>, Option<ConversationId>), Problem> {
    let reads = &edge.reads;
    let read = || async {
        let (_, recent) = reads.engines.live.recent(user).await?;
        reads.conversations_of(user, &recent, before, CONVERSATIONS_PAGE).await
    };
    reads.patiently(read).await
}

/// Everything of one's own as one JSON object, made while it is read: `profile`, `devices`, `blocks`
/// (user ids), `conversations` (views with the own settings), `messages` (the own records that are messages or edits, as `/records` shows them).
/// It ends early, so that it is no valid JSON, if an engine fails on the way.
#[utoipa::path(get, path = "/v1/me/export", tag = "me", responses((status = 200)))]
pub(crate) async fn export(State(edge): State<Arc<Edge>>, Caller(who): Caller) -> Result<Response, Problem> {
    edge.buckets.user(who.user_id)?;
    let user = edge.engines.store.users(&[who.user_id]).await?.pop().flatten();
    let user = user.ok_or_else(Problem::unauthenticated)?;
    let (pieces, waiting) = mpsc::channel(PIECES);
    let export = Export { edge: edge.clone(), user, pieces };
    edge.tasks.spawn(export.run());
    let stream = futures_util::stream::unfold(waiting, |mut waiting| async {
        waiting.recv().await.map(|piece: Result<Bytes, std::io::Error>| (piece, waiting))
    });
    let mut response = Response::new(Body::from_stream(stream));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let name = HeaderValue::from_static("attachment; filename=\"parlor-export.json\"");
    headers.insert(header::CONTENT_DISPOSITION, name);
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

/// Writes an export into a bounded queue, page by page.
struct Export {
    edge: Arc<Edge>,
    user: User,
    pieces: mpsc::Sender<Result<Bytes, std::io::Error>>,
}

/// The client has gone away, or an engine has.
enum Broken {
    Gone,
    Engine(Problem),
}

impl From<Problem> for Broken {
    fn from(problem: Problem) -> Self {
        Self::Engine(problem)
    }
}

impl Export {
    async fn run(self) {
        if let Err(Broken::Engine(problem)) = self.write().await {
            // The connection is cut: what arrived is no whole JSON, so nobody takes it for complete.
            let error = std::io::Error::other(problem.detail.into_owned());
            drop(self.pieces.send(Err(error)).await);
        }
    }

    async fn say(&self, text: String) -> Result<(), Broken> {
        self.pieces.send(Ok(text.into())).await.map_err(|_| Broken::Gone)
    }

    async fn write(&self) -> Result<(), Broken> {
        let user = &self.user;
        let privacy = self.edge.engines.store.privacies(&[user.user_id]).await.map_err(Problem::from)?;
        let privacy = privacy.into_iter().next().unwrap_or_default();
        let profile = json!({
            "user_id": user.user_id, "username": user.username, "display_name": user.display_name,
            "email": user.email, "avatar_media_id": user.avatar_media_id, "created_at": user.created_at,
            "last_seen_to": privacy.last_seen_to, "read_receipts": privacy.read_receipts,
        });
        let devices = self.edge.engines.store.devices(user.user_id).await.map_err(Problem::from)?;
        let devices: Vec<_> = devices
            .iter()
            .map(|device| {
                json!({
                    "device_id": device.device_id, "kind": device.kind, "name": device.name,
                    "created_at": device.created_at, "last_used_at": device.last_used_at,
                })
            })
            .collect();
        let (devices, blocks) = (json!(devices), json!(self.blocks().await?));
        let head =
            format!(r#"{{"profile":{profile},"devices":{devices},"blocks":{blocks},"conversations":["#);
        self.say(head).await?;
        let mut is_first = true;
        let mut before = None;
        loop {
            let (page, next) = conversations(&self.edge, user.user_id, before).await?;
            for item in self.described(&page).await? {
                self.item(&item, &mut is_first).await?;
            }
            if next.is_none() {
                break;
            }
            before = next;
        }
        self.say(r#"],"messages":["#.to_owned()).await?;
        self.messages().await?;
        self.say("]}\n".to_owned()).await
    }

    async fn item(&self, item: &str, is_first: &mut bool) -> Result<(), Broken> {
        let comma = if std::mem::take(is_first) { "" } else { "," };
        self.say(format!("{comma}{item}")).await
    }

    /// The views, with the own settings, and without the words of others.
    async fn described(&self, page: &[Standing]) -> Result<Vec<String>, Problem> {
        #[derive(Serialize)]
        struct Item {
            #[serde(flatten)]
            view: ConversationView,
            joined_at: Timestamp,
        }
        let views = view::many(&self.edge, self.user.user_id, page).await?;
        let items = views.into_iter().zip(page).map(|(view, standing)| Item {
            view: ConversationView { last_message: None, ..view },
            joined_at: standing.membership.joined_at,
        });
        Ok(items.map(|item| json!(item).to_string()).collect())
    }

    /// Whom the user blocks.
    async fn blocks(&self) -> Result<Vec<UserId>, Problem> {
        let (mut blocks, mut after) = (Vec::new(), None);
        loop {
            let page =
                self.edge.engines.store.blocks_of(self.user.user_id, after, CONVERSATIONS_PAGE).await?;
            after = page.last().copied();
            let is_last = page.len() < CONVERSATIONS_PAGE;
            blocks.extend(page);
            if is_last {
                return Ok(blocks);
            }
        }
    }

    async fn messages(&self) -> Result<(), Broken> {
        let mut is_first = true;
        let mut before = None;
        loop {
            let (page, next) = conversations(&self.edge, self.user.user_id, before).await?;
            for standing in page {
                self.messages_of(standing.membership.conversation_id, &mut is_first).await?;
            }
            if next.is_none() {
                return Ok(());
            }
            before = next;
        }
    }

    async fn messages_of(&self, id: ConversationId, is_first: &mut bool) -> Result<(), Broken> {
        let mut after = 0;
        while after < INTEGER_MAX {
            let query = Query::first(after, self.edge.limits.fetch_records_max);
            let page = self.edge.reads.records(self.user.user_id, id, query).await?;
            let own = page.items.iter().filter(|record| {
                record.sender_id == self.user.user_id && matches!(record.kind, Kind::Message | Kind::Edit)
            });
            for record in own {
                self.item(&String::from_utf8_lossy(record.json()), is_first).await?;
            }
            if !page.more {
                return Ok(());
            }
            after = page.upto;
        }
        Ok(())
    }
}
