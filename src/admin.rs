//! `parlor admin …`: what administrators do, on the engines themselves. On shared engines at any
//! time; the embedded ones are one process's alone, so that one has to be stopped first (it says so).

use crate::{
    cli::{AdminCommand, AdminTarget},
    config::Config,
    node,
};
use parlor_engines::Engines;
use parlor_gateway::admin::{self, Account};
use parlor_schemas::{ConversationId, Timestamp};

/// Does it and says what was done.
pub async fn run(mut config: Config, what: &AdminCommand) -> anyhow::Result<()> {
    let engines = node::open(&mut config).await?;
    let outcome = done(&engines, what).await;
    engines.close().await;
    for line in outcome? {
        println!("{line}");
    }
    Ok(())
}

/// Does it; what there is to say, line by line.
pub async fn done(engines: &Engines, what: &AdminCommand) -> anyhow::Result<Vec<String>> {
    let named = async |of: &AdminTarget| admin::account_named(engines, &of.username).await;
    let one = |line: String| Ok(vec![line]);
    match what {
        AdminCommand::Grant(of) | AdminCommand::Revoke(of) => {
            let is_admin = matches!(what, AdminCommand::Grant(_));
            admin::grant(engines, None, named(of).await?.user.user_id, is_admin).await?;
            one(format!("{} {} an administrator", of.username, if is_admin { "is" } else { "is no longer" }))
        }
        AdminCommand::Ban(of) => {
            let ended = admin::ban(engines, None, named(of).await?.user.user_id, true).await?;
            one(format!("{} is banned; {} sessions ended", of.username, ended.len()))
        }
        AdminCommand::Unban(of) => {
            admin::ban(engines, None, named(of).await?.user.user_id, false).await?;
            one(format!("{} may sign in again", of.username))
        }
        AdminCommand::EndSessions(of) => {
            let ended = admin::end_sessions(engines, None, named(of).await?.user.user_id).await?;
            one(format!("{}: {} sessions ended", of.username, ended.len()))
        }
        AdminCommand::Users => users(engines).await,
        AdminCommand::Conversation { conversation_id } => conversation(engines, conversation_id).await,
        AdminCommand::Lag => {
            let lags = admin::lag(engines).await?;
            Ok(lags
                .into_iter()
                .map(|l| format!("{:<20} {:>4} {:>10}", l.group, l.partition, l.behind))
                .collect())
        }
        AdminCommand::DeadLetters { each } => {
            let letters = admin::dead_letters(engines, *each).await?;
            let line = |l: admin::DeadLetter| format!("{} {} {}: {}", l.at, l.group, l.source, l.reason);
            Ok(letters.into_iter().map(line).collect())
        }
        AdminCommand::Audit { limit } => {
            let entries = admin::audits(engines, None, *limit).await?;
            Ok(entries
                .into_iter()
                .map(|entry| {
                    let actor = entry.actor_id.map_or("host".to_owned(), |id| id.to_string());
                    format!("{} {actor} {} {}", entry.at, entry.action, entry.target)
                })
                .collect())
        }
    }
}

/// Users of one page.
const PAGE: usize = 1_000;

async fn users(engines: &Engines) -> anyhow::Result<Vec<String>> {
    let (mut lines, mut after) = (Vec::new(), None);
    loop {
        let (accounts, next) = admin::accounts(engines, after, PAGE).await?;
        lines.extend(accounts.iter().map(line_of));
        if next.is_none() {
            return Ok(lines);
        }
        after = next;
    }
}

fn line_of(account: &Account) -> String {
    let Account { user, state } = account;
    let since = |what: &str, at: Option<Timestamp>| at.map(|at| format!(" {what} since {at}"));
    let words = [
        state.is_admin.then(|| " admin".to_owned()),
        since("banned", state.banned_at),
        since("deleted", state.deleted_at),
    ];
    let words: String = words.into_iter().flatten().collect();
    format!("{} {:<32} {}{words}", user.user_id, user.username, user.created_at)
}

async fn conversation(engines: &Engines, id: &str) -> anyhow::Result<Vec<String>> {
    let id: ConversationId = id.parse()?;
    admin::enter(engines, None, "conversation_viewed", &id.to_string()).await?;
    let facts = admin::conversation(engines, id).await?;
    let mut lines = vec![
        format!("{:?}, made {} by {}", facts.info.kind, facts.info.created_at, facts.info.created_by),
        format!("title: {}", facts.info.title.as_deref().unwrap_or("-")),
        format!("head: {} at {}; partition {}", facts.head.seq, facts.head.at, facts.partition),
    ];
    lines.extend(facts.members.iter().map(|member| {
        let left = member.left_seq.map_or(String::new(), |seq| format!(", left at {seq}"));
        format!("{} {:?}, joined {}{left}", member.user_id, member.role, member.joined_at)
    }));
    Ok(lines)
}
