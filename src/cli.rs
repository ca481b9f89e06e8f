//! What an operator types.

use clap::{Parser, Subcommand, ValueEnum};
use std::{net::SocketAddr, path::PathBuf};

/// A chat backend built around an event log.
///
/// Without a role all of them run in this process: `parlor`, then open the printed address.
#[derive(Debug, Parser)]
#[command(version, about, subcommand_negates_reqs = true)]
pub struct Cli {
    /// Run only these roles (comma list); needs engines that are shared.
    #[arg(value_delimiter = ',')]
    pub roles: Vec<RoleName>,

    /// A TOML file with settings.
    #[arg(long, global = true)]
    pub config: Option<PathBuf>,

    /// The data directory of the embedded engines [default: ./data].
    #[arg(long, global = true)]
    pub data: Option<PathBuf>,

    /// Where clients connect [default: 127.0.0.1:8080].
    #[arg(long, global = true)]
    pub listen: Option<SocketAddr>,

    /// Where operators look: /livez /readyz /metrics /version [default: 127.0.0.1:8081].
    #[arg(long, global = true)]
    pub admin_listen: Option<SocketAddr>,

    /// The log [default: embedded].
    #[arg(long, global = true)]
    pub log: Option<String>,

    /// The store [default: embedded].
    #[arg(long, global = true)]
    pub store: Option<String>,

    /// The live engine [default: embedded].
    #[arg(long, global = true)]
    pub live: Option<String>,

    /// The indexers that answer searches [default: the one in this process].
    #[arg(long, global = true)]
    pub search: Option<String>,

    #[command(subcommand)]
    #[allow(missing_docs)]
    pub command: Option<Command>,
}

/// Other things to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make topics and tables on the engines; again and again changes nothing.
    Init,
    /// Where each consumer group stands.
    Groups,
    /// Let a stopped consumer group go on from another place.
    Rewind(Rewind),
    /// Users, bans, audit: on the engines themselves. Stop the process that has them if they are embedded.
    Admin {
        /// What to do.
        #[command(subcommand)]
        what: AdminCommand,
    },
    /// Try a deployment: people write to each other, and what they saw is checked.
    Prove(Prove),
    /// The settings.
    Config {
        /// What to do with them.
        #[command(subcommand)]
        what: ConfigCommand,
    },
}

/// `parlor prove …`
#[derive(Debug, clap::Args)]
pub struct Prove {
    /// A gateway, like http://127.0.0.1:8080; several times: devices move between them.
    #[arg(long, required_unless_present = "check")]
    pub url: Vec<String>,
    /// Only check this history, which an earlier run has written.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["url", "people", "seconds", "rate", "seed", "history"])]
    pub check: Option<PathBuf>,
    /// Accounts that are made, each with one to three devices. They stay.
    #[arg(long, default_value_t = 10)]
    pub people: usize,
    /// How long they act.
    #[arg(long, default_value_t = 30)]
    pub seconds: u64,
    /// Acts a second, of all together; 0: as fast as answers come.
    #[arg(long, default_value_t = 50)]
    pub rate: u32,
    /// The same seed plans the same acts.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// The mean time between two sockets that are cut on purpose; 0: never.
    #[arg(long, default_value_t = 1_000)]
    pub restless_ms: u64,
    /// Where the history is written to.
    #[arg(long, default_value = "prove.history.jsonl")]
    pub history: PathBuf,
    /// The report as JSON.
    #[arg(long)]
    pub json: bool,
}

/// `parlor rewind …`
#[derive(Debug, clap::Args)]
pub struct Rewind {
    /// The group's name, as `parlor groups` shows it.
    pub group: String,
    /// An offset, or "beginning" (of what the topic still has).
    #[arg(long)]
    pub to: String,
    /// Only this partition [default: all].
    #[arg(long)]
    pub partition: Option<u32>,
}

/// `parlor admin …`
#[derive(Debug, Subcommand)]
pub enum AdminCommand {
    /// Make an administrator: may use /v1/admin.
    Grant(AdminTarget),
    /// Take the role away.
    Revoke(AdminTarget),
    /// End a user's sessions and refuse new ones.
    Ban(AdminTarget),
    /// Let a banned user in again.
    Unban(AdminTarget),
    /// End a user's sessions.
    EndSessions(AdminTarget),
    /// List all users.
    Users,
    /// A conversation from outside.
    Conversation {
        /// Its id.
        conversation_id: String,
    },
    /// How far behind each consumer group is, by partition.
    Lag,
    /// The newest records that groups could not take.
    DeadLetters {
        /// At most so many of each group and partition.
        #[arg(long, default_value_t = 100)]
        each: u64,
    },
    /// What administrators did, newest first.
    Audit {
        /// At most so many.
        #[arg(long, default_value_t = 100)]
        limit: usize,
    },
}

/// Whom it concerns.
#[derive(Debug, clap::Args)]
pub struct AdminTarget {
    /// The user's name.
    pub username: String,
}

/// `parlor config …`
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Print the settings in force, without secrets.
    Print,
    /// Say whether the settings are right.
    Check,
}

/// The roles.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, ValueEnum)]
#[allow(missing_docs)]
pub enum RoleName {
    Gateway,
    Ingest,
    Persister,
    Fanout,
    Pusher,
    Indexer,
}

impl RoleName {
    /// All roles.
    pub const ALL: [RoleName; 6] =
        [Self::Gateway, Self::Ingest, Self::Persister, Self::Fanout, Self::Pusher, Self::Indexer];

    /// The role as it is typed.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Gateway => "gateway",
            Self::Ingest => "ingest",
            Self::Persister => "persister",
            Self::Fanout => "fanout",
            Self::Pusher => "pusher",
            Self::Indexer => "indexer",
        }
    }
}

impl Cli {
    /// The roles to run: those asked for, or all.
    pub fn roles(&self) -> Vec<RoleName> {
        if self.roles.is_empty() {
            return RoleName::ALL.to_vec();
        }
        let mut roles = self.roles.clone();
        roles.sort_unstable();
        roles.dedup();
        roles
    }
}
