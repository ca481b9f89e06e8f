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
    /// The settings.
    Config {
        /// What to do with them.
        #[command(subcommand)]
        what: ConfigCommand,
    },
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
}

impl RoleName {
    /// All roles.
    pub const ALL: [RoleName; 5] = [Self::Gateway, Self::Ingest, Self::Persister, Self::Fanout, Self::Pusher];

    /// The role as it is typed.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Gateway => "gateway",
            Self::Ingest => "ingest",
            Self::Persister => "persister",
            Self::Fanout => "fanout",
            Self::Pusher => "pusher",
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
