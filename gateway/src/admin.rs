//! What administrators do, on the engines alone: the same for `/v1/admin` and for `parlor admin` on
//! the host. What is done is entered in the audit book before it is done, so that nothing is done
//! that is not in it.

mod look;

pub use look::{ConversationFacts, DeadLetter, GroupLag, conversation, dead_letters, lag};

use crate::clock;
use parlor_engines::{
    Engines,
    live::LiveError,
    log::LogError,
    store::{AccountState, AuditEntry, Session, StateChange, StoreError, User},
};
use parlor_schemas::{AuditId, SessionId, UserId};

/// Who acts: an administrator, or (`None`) somebody on the host.
pub type Actor = Option<UserId>;

/// A swap that lost a race is tried again.
const ROUNDS: usize = 8;

/// Why it was not done.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// Nobody, or nothing, like that.
    #[error("there is no such {0}")]
    NotFound(&'static str),
    /// An administrator can't be banned: take the role away first, on the host.
    #[error("an administrator can't be banned; `parlor admin revoke` comes first")]
    IsAdmin,
    /// An engine is away; doing it again is safe.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// An engine is away; doing it again is safe.
    #[error(transparent)]
    Live(#[from] LiveError),
    /// An engine is away.
    #[error(transparent)]
    Log(#[from] LogError),
}

/// A user as administrators see it.
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub struct Account {
    pub user: User,
    pub state: AccountState,
}

/// One account.
pub async fn account(engines: &Engines, user_id: UserId) -> Result<Account, AdminError> {
    let user = engines.store.users(&[user_id]).await?.pop().flatten();
    let user = user.ok_or(AdminError::NotFound("user"))?;
    let state = engines.store.account_states(&[user_id]).await?.pop().unwrap_or_default();
    Ok(Account { user, state })
}

/// Some of all accounts, in no particular order, and the last one if there may be more.
pub async fn accounts(
    engines: &Engines,
    after: Option<UserId>,
    limit: usize,
) -> Result<(Vec<Account>, Option<UserId>), AdminError> {
    let (users, next) = engines.store.users_after(after, limit).await?;
    let ids: Vec<UserId> = users.iter().map(|user| user.user_id).collect();
    let states = engines.store.account_states(&ids).await?;
    let accounts = users.into_iter().zip(states).map(|(user, state)| Account { user, state });
    Ok((accounts.collect(), next))
}

/// The account that has a name.
pub async fn account_named(engines: &Engines, username: &str) -> Result<Account, AdminError> {
    let user = engines.store.user_by_name(&username.to_lowercase()).await?;
    let user = user.filter(|user| !user.is_deleted()).ok_or(AdminError::NotFound("user"))?;
    account(engines, user.user_id).await
}

/// Makes an administrator, or takes the role away.
pub async fn grant(
    engines: &Engines,
    actor: Actor,
    user_id: UserId,
    is_admin: bool,
) -> Result<(), AdminError> {
    account(engines, user_id).await?;
    let action = if is_admin { "admin_granted" } else { "admin_revoked" };
    enter(engines, actor, action, &user_id.to_string()).await?;
    Ok(engines.store.change_state(user_id, StateChange::Admin(is_admin)).await?)
}

/// Bans a user, which ends the sessions, or lets it in again. The sessions that ended.
pub async fn ban(
    engines: &Engines,
    actor: Actor,
    user_id: UserId,
    is_banned: bool,
) -> Result<Vec<SessionId>, AdminError> {
    if account(engines, user_id).await?.state.is_admin && is_banned {
        return Err(AdminError::IsAdmin);
    }
    let action = if is_banned { "banned" } else { "unbanned" };
    enter(engines, actor, action, &user_id.to_string()).await?;
    let at = is_banned.then(|| engines.clock.now());
    engines.store.change_state(user_id, StateChange::Banned(at)).await?;
    // A login that was under way looks at the state once more after its session is there.
    if is_banned { end_all(engines, user_id).await } else { Ok(Vec::new()) }
}

/// Ends all sessions of a user; they ended.
pub async fn end_sessions(
    engines: &Engines,
    actor: Actor,
    user_id: UserId,
) -> Result<Vec<SessionId>, AdminError> {
    account(engines, user_id).await?;
    enter(engines, actor, "sessions_ended", &user_id.to_string()).await?;
    end_all(engines, user_id).await
}

/// The audit book, newest first.
pub async fn audits(
    engines: &Engines,
    below: Option<AuditId>,
    limit: usize,
) -> Result<Vec<AuditEntry>, AdminError> {
    Ok(engines.store.audits(below, limit).await?)
}

/// Enters what is about to be done.
pub async fn enter(engines: &Engines, actor: Actor, action: &str, target: &str) -> Result<(), AdminError> {
    let at = engines.clock.now();
    let entry = AuditEntry {
        audit_id: AuditId(clock::v7(at)),
        at,
        actor_id: actor,
        action: action.to_owned(),
        target: target.to_owned(),
    };
    tracing::info!(action, target, "administration");
    Ok(engines.store.put_audit(&entry).await?)
}

/// Ends all sessions of a user and tells the gateways.
pub(crate) async fn end_all(engines: &Engines, user_id: UserId) -> Result<Vec<SessionId>, AdminError> {
    let mut ended = Vec::new();
    for session in engines.store.sessions_of(user_id).await? {
        let id = session.session_id;
        end_row(engines, session).await?;
        ended.push(id);
    }
    if !ended.is_empty()
        && let Err(error) = engines.live.revoke(&ended).await
    {
        // The rows are the truth; gateways look them up again in a few seconds.
        tracing::warn!(%error, "gateways could not be told that sessions ended");
    }
    Ok(ended)
}

/// Ends a session's row.
pub(crate) async fn end_row(engines: &Engines, session: Session) -> Result<(), StoreError> {
    let id = session.session_id;
    // Nobody is signed in there any more: nothing is pushed there.
    engines.store.delete_tokens(session.user_id, session.device_id).await?;
    let mut row = Some(session);
    let mut rounds = 0;
    while let Some(before) = row.filter(|row| row.ended_at.is_none()) {
        let after = Session { ended_at: Some(engines.clock.now()), ..before.clone() };
        if engines.store.swap_session(&before, &after).await? {
            break;
        }
        rounds += 1;
        if rounds == ROUNDS {
            return Err(StoreError::Unavailable("the session is being changed".into()));
        }
        row = engines.store.sessions(&[id]).await?.pop().flatten();
    }
    Ok(())
}
