//! `/v1/admin` (PROTOCOL §4): for those whom `parlor admin grant` made administrators.

use super::{
    body::{Asking, In, limit},
    members::PageOf,
};
use crate::{
    admin::{self, Account, AdminError, ConversationFacts, DeadLetter, GroupLag},
    auth::{Identity, sessions},
    edge::Edge,
    problem::Problem,
    reads::ReadError,
};
use axum::{
    Json,
    extract::{FromRequestParts, State},
    http::{StatusCode, request::Parts},
};
use parlor_engines::store::AuditEntry;
use parlor_schemas::{
    AuditId, Code, ConversationId, Timestamp, UserId,
    record::{ConversationKind, HistoryRule, Role},
};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Dead letters shown of each group and partition.
const LETTERS: u64 = 100;

impl From<AdminError> for Problem {
    fn from(error: AdminError) -> Self {
        match error {
            AdminError::NotFound(what) => Self::not_found(what),
            AdminError::IsAdmin => Self::new(Code::Forbidden, error.to_string()),
            AdminError::Store(error) => error.into(),
            AdminError::Live(error) => error.into(),
            AdminError::Log(error) => error.into(),
        }
    }
}

/// An administrator calls.
pub(crate) struct Admin(Identity);

impl FromRequestParts<Arc<Edge>> for Admin {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, edge: &Arc<Edge>) -> Result<Self, Problem> {
        let super::body::Caller(who) = super::body::Caller::from_request_parts(parts, edge).await?;
        let state = edge.engines.store.account_states(&[who.user_id]).await?.pop().unwrap_or_default();
        if state.is_admin { Ok(Self(who)) } else { Err(Problem::new(Code::Forbidden, "administrators only")) }
    }
}

/// A user as administrators see it.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct AccountView {
    user_id: UserId,
    username: String,
    display_name: String,
    email: Option<String>,
    created_at: Timestamp,
    is_admin: bool,
    banned_at: Option<Timestamp>,
    deleted_at: Option<Timestamp>,
}

impl From<Account> for AccountView {
    fn from(Account { user, state }: Account) -> Self {
        Self {
            user_id: user.user_id,
            username: user.username,
            display_name: user.display_name,
            email: user.email,
            created_at: user.created_at,
            is_admin: state.is_admin,
            banned_at: state.banned_at,
            deleted_at: state.deleted_at,
        }
    }
}

/// A list.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct ListOf<T> {
    items: Vec<T>,
    next: Option<String>,
}

/// Which users.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Which {
    /// The one with this name.
    username: Option<String>,
    cursor: Option<String>,
    limit: Option<i64>,
}

fn cursor_of<T: std::str::FromStr>(cursor: Option<&str>) -> Result<Option<T>, Problem> {
    cursor.map(str::parse).transpose().map_err(|_| Problem::invalid("cursor: not one of ours"))
}

/// Lists users, or finds one by name.
#[utoipa::path(get, path = "/v1/admin/users", tag = "admin", params(Which),
    responses((status = 200, body = ListOf<AccountView>)))]
pub(crate) async fn users(
    State(edge): State<Arc<Edge>>,
    _admin: Admin,
    Asking(which): Asking<Which>,
) -> Result<Json<ListOf<AccountView>>, Problem> {
    let limit = limit(which.limit, 100)?;
    if let Some(username) = &which.username {
        let items = match admin::account_named(&edge.engines, username).await {
            Ok(account) => vec![account.into()],
            Err(AdminError::NotFound(_)) => Vec::new(),
            Err(error) => return Err(error.into()),
        };
        return Ok(Json(ListOf { items, next: None }));
    }
    let after = cursor_of(which.cursor.as_deref())?;
    let (accounts, next) = admin::accounts(&edge.engines, after, limit).await?;
    let items = accounts.into_iter().map(AccountView::from).collect();
    Ok(Json(ListOf { items, next: next.map(|id| id.to_string()) }))
}

/// One user.
#[utoipa::path(get, path = "/v1/admin/users/{user_id}", tag = "admin", params(("user_id" = String, Path)),
    responses((status = 200, body = AccountView)))]
pub(crate) async fn user(
    State(edge): State<Arc<Edge>>,
    _admin: Admin,
    In(id): In<UserId>,
) -> Result<Json<AccountView>, Problem> {
    Ok(Json(admin::account(&edge.engines, id).await?.into()))
}

/// Bans a user: the sessions end, and no new one begins.
#[utoipa::path(put, path = "/v1/admin/users/{user_id}/ban", tag = "admin",
    params(("user_id" = String, Path)), responses((status = 204)))]
pub(crate) async fn ban(
    State(edge): State<Arc<Edge>>,
    Admin(who): Admin,
    In(id): In<UserId>,
) -> Result<StatusCode, Problem> {
    let ended = admin::ban(&edge.engines, Some(who.user_id), id, true).await?;
    sessions::close(&edge, &ended);
    Ok(StatusCode::NO_CONTENT)
}

/// Lets a banned user in again.
#[utoipa::path(delete, path = "/v1/admin/users/{user_id}/ban", tag = "admin",
    params(("user_id" = String, Path)), responses((status = 204)))]
pub(crate) async fn unban(
    State(edge): State<Arc<Edge>>,
    Admin(who): Admin,
    In(id): In<UserId>,
) -> Result<StatusCode, Problem> {
    admin::ban(&edge.engines, Some(who.user_id), id, false).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Ends all sessions of a user.
#[utoipa::path(delete, path = "/v1/admin/users/{user_id}/sessions", tag = "admin",
    params(("user_id" = String, Path)), responses((status = 204)))]
pub(crate) async fn end_sessions(
    State(edge): State<Arc<Edge>>,
    Admin(who): Admin,
    In(id): In<UserId>,
) -> Result<StatusCode, Problem> {
    let ended = admin::end_sessions(&edge.engines, Some(who.user_id), id).await?;
    sessions::close(&edge, &ended);
    Ok(StatusCode::NO_CONTENT)
}

/// A member from outside.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct MemberFacts {
    user_id: UserId,
    role: Role,
    joined_at: Timestamp,
    joined_seq: u64,
    left_seq: Option<u64>,
}

/// A conversation from outside: nothing of what was said in it.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct ConversationMetadata {
    conversation_id: ConversationId,
    kind: ConversationKind,
    title: Option<String>,
    history: HistoryRule,
    created_by: UserId,
    created_at: Timestamp,
    head_seq: u64,
    /// Of the head.
    at: Timestamp,
    partition: u32,
    members_count: usize,
    /// Present and former ones.
    members: Vec<MemberFacts>,
}

impl From<ConversationFacts> for ConversationMetadata {
    fn from(facts: ConversationFacts) -> Self {
        let ConversationFacts { info, head, partition, members } = facts;
        Self {
            conversation_id: info.conversation_id,
            kind: info.kind,
            title: info.title,
            history: info.history,
            created_by: info.created_by,
            created_at: info.created_at,
            head_seq: head.seq,
            at: head.at,
            partition,
            members_count: members.iter().filter(|member| member.left_seq.is_none()).count(),
            members: members
                .into_iter()
                .map(|member| MemberFacts {
                    user_id: member.user_id,
                    role: member.role,
                    joined_at: member.joined_at,
                    joined_seq: member.joined_seq,
                    left_seq: member.left_seq,
                })
                .collect(),
        }
    }
}

/// Looks at a conversation from outside; the look is entered in the audit book.
#[utoipa::path(get, path = "/v1/admin/conversations/{conversation_id}", tag = "admin",
    params(("conversation_id" = String, Path)), responses((status = 200, body = ConversationMetadata)))]
pub(crate) async fn conversation(
    State(edge): State<Arc<Edge>>,
    Admin(who): Admin,
    In(id): In<ConversationId>,
) -> Result<Json<ConversationMetadata>, Problem> {
    admin::enter(&edge.engines, Some(who.user_id), "conversation_viewed", &id.to_string()).await?;
    let look = || async {
        match admin::conversation(&edge.engines, id).await {
            // There it is, but not in the store yet.
            Err(AdminError::NotFound(_)) if edge.reads.head_seqs(&[id]).await? != [0] => {
                Err(ReadError::NotYet)
            }
            looked => Ok(looked.map_err(Problem::from)?),
        }
    };
    Ok(Json(edge.reads.patiently(look).await?.into()))
}

/// Where every consumer group stands.
#[utoipa::path(get, path = "/v1/admin/groups", tag = "admin",
    responses((status = 200, body = ListOf<GroupLag>)))]
pub(crate) async fn groups(
    State(edge): State<Arc<Edge>>,
    _admin: Admin,
) -> Result<Json<ListOf<GroupLag>>, Problem> {
    Ok(Json(ListOf { items: admin::lag(&edge.engines).await?, next: None }))
}

/// The newest dead letters, without their content.
#[utoipa::path(get, path = "/v1/admin/dead-letters", tag = "admin",
    responses((status = 200, body = ListOf<DeadLetter>)))]
pub(crate) async fn dead_letters(
    State(edge): State<Arc<Edge>>,
    _admin: Admin,
) -> Result<Json<ListOf<DeadLetter>>, Problem> {
    Ok(Json(ListOf { items: admin::dead_letters(&edge.engines, LETTERS).await?, next: None }))
}

/// One thing that an administrator did.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct AuditView {
    audit_id: AuditId,
    at: Timestamp,
    /// Null: somebody on the host.
    actor_id: Option<UserId>,
    action: String,
    target: String,
}

impl From<AuditEntry> for AuditView {
    fn from(entry: AuditEntry) -> Self {
        Self {
            audit_id: entry.audit_id,
            at: entry.at,
            actor_id: entry.actor_id,
            action: entry.action,
            target: entry.target,
        }
    }
}

/// What administrators did, newest first.
#[utoipa::path(get, path = "/v1/admin/audit", tag = "admin", params(PageOf),
    responses((status = 200, body = ListOf<AuditView>)))]
pub(crate) async fn audit(
    State(edge): State<Arc<Edge>>,
    _admin: Admin,
    Asking(page): Asking<PageOf>,
) -> Result<Json<ListOf<AuditView>>, Problem> {
    let limit = limit(page.limit, 100)?;
    let below = cursor_of(page.cursor.as_deref())?;
    let entries = admin::audits(&edge.engines, below, limit).await?;
    let next = entries.last().filter(|_| entries.len() == limit).map(|entry| entry.audit_id.to_string());
    Ok(Json(ListOf { items: entries.into_iter().map(AuditView::from).collect(), next }))
}
