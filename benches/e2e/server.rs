//! The process under test: started on core 0, the clients are on core 1.

use crate::measure::{cpu, fine_cpu};
use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
    time::Duration,
};
use tempfile::TempDir;

/// Less of a core than this is nothing to do.
const QUIET: f64 = 0.05;
const QUIET_TRIES: usize = 60;
const PARLOR: &str = env!("CARGO_BIN_EXE_parlor");

/// Whether the settings in the environment name shared engines.
pub fn has_engines() -> bool {
    std::env::var("PARLOR__LOG").is_ok_and(|log| log.starts_with("kafka:"))
}

/// A running server; killed when dropped. On real engines (`eval "$(dev/engines env)"`) every role is
/// a process of its own, and the first one is the gateway.
pub struct Server {
    child: Child,
    others: Vec<(&'static str, Child)>,
    /// Its threads never end, so that their own clocks can be read.
    is_raw: bool,
    pub address: String,
    pub data: Option<TempDir>,
}

/// Asks the kernel to run a process on one core.
pub fn pin(pid: u32, core: usize) {
    let status = Command::new("taskset")
        .args(["-cp", &core.to_string(), &pid.to_string()])
        .stdout(Stdio::null())
        .status();
    if !status.is_ok_and(|status| status.success()) {
        eprintln!("taskset is missing: the server and the clients share the cores");
    }
}

fn pinned(program: &std::path::Path) -> Command {
    let mut command = Command::new("taskset");
    command.args(["-c", "0"]).arg(program);
    command
}

fn own_path() -> std::path::PathBuf {
    std::env::current_exe().expect("the benchmark's own path")
}

impl Server {
    /// The real binary with all roles and embedded engines, whatever the environment names.
    pub fn embedded(data: TempDir) -> Self {
        let mut command = Self::settings(pinned(PARLOR.as_ref()));
        for name in ["LOG", "STORE", "LIVE", "SEARCH"] {
            command.env_remove(format!("PARLOR__{name}"));
        }
        command.arg("--data").arg(data.path());
        Self::start(command, Some(data))
    }

    /// Every role as a process of its own on the engines that the environment names, in topics, tables
    /// and keys of its own. They share the cores with the engines.
    pub fn on_engines() -> Self {
        let data = tempfile::tempdir().expect("a temporary directory");
        let name = uuid::Uuid::now_v7().simple().to_string();
        let name = format!("bench{}", &name[20..]);
        let process = |role: &str| {
            let mut command = Self::settings(Command::new(PARLOR));
            let store = std::env::var("PARLOR__STORE").expect("a store");
            command.env("PARLOR__STORE", format!("{}/{name}", store.rsplit_once('/').expect("a keyspace").0));
            command.env("PARLOR__ENGINES__KAFKA__PREFIX", format!("{name}."));
            command.env("PARLOR__ENGINES__REDIS__PREFIX", format!("{name}:"));
            command.arg("--data").arg(data.path().join(role)).arg(role);
            command
        };
        let made = process("init").stdout(Stdio::null()).status().expect("parlor init runs");
        assert!(made.success(), "topics and tables are made");
        let start = |role| (role, process(role).stdout(Stdio::null()).spawn().expect("the role starts"));
        let others = ["ingest", "persister", "fanout", "pusher", "indexer"].map(start).into();
        let mut server = Self::start(process("gateway"), Some(data));
        server.others = others;
        server
    }

    /// This benchmark itself in another part: a baseline, or a gateway without the other roles.
    pub fn part(arguments: &[&str]) -> Self {
        let mut command = Self::settings(pinned(&own_path()));
        for name in ["LOG", "STORE", "LIVE", "SEARCH"] {
            command.env_remove(format!("PARLOR__{name}"));
        }
        command.args(arguments);
        let is_raw = arguments.first().is_some_and(|kind| kind.starts_with("raw"));
        let mut server = Self::start(command, None);
        server.is_raw = is_raw;
        server
    }

    fn settings(mut command: Command) -> Command {
        for (name, value) in [
            ("LISTEN", "127.0.0.1:0"),
            ("ADMIN_LISTEN", "127.0.0.1:0"),
            ("EDGE__ARGON2__MEMORY_KIB", "8"),
            ("EDGE__ARGON2__PASSES", "1"),
            ("EDGE__CONNECTIONS_PER_IP", "100000"),
            ("EDGE__RATES__USER__PER_SECOND", "10000000"),
            ("EDGE__RATES__USER__BURST", "10000000"),
            ("EDGE__RATES__CONNECTION__PER_SECOND", "10000000"),
            ("EDGE__RATES__CONNECTION__BURST", "10000000"),
            ("EDGE__RATES__IP__PER_SECOND", "10000000"),
            ("EDGE__RATES__IP__BURST", "10000000"),
            ("EDGE__RATES__SIGN_IN__PER_SECOND", "10000000"),
            ("EDGE__RATES__SIGN_IN__BURST", "10000000"),
            ("TRACE", "error"),
        ] {
            command.env(format!("PARLOR__{name}"), value);
        }
        command
    }

    /// CPU seconds so far of each role's process, or of the one that has all.
    pub fn cpu_by_role(&self) -> Vec<(&'static str, f64)> {
        let gateway = if self.others.is_empty() { "all" } else { "gateway" };
        let others = self.others.iter().map(|(role, child)| (*role, cpu(child.id())));
        std::iter::once((gateway, cpu(self.pid()))).chain(others).collect()
    }

    /// CPU seconds so far of all its processes.
    pub fn cpu(&self) -> f64 {
        if self.is_raw {
            return fine_cpu(self.pid());
        }
        self.cpu_by_role().iter().map(|(_, cpu)| cpu).sum()
    }

    fn start(mut command: Command, data: Option<TempDir>) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().expect("the server starts");
        let mut told = String::new();
        let output = child.stdout.take().expect("its output");
        BufReader::new(output).read_line(&mut told).expect("it tells its address");
        let address =
            told.split("http://").nth(1).expect("an address").trim().trim_end_matches('/').to_owned();
        Self { child, others: Vec::new(), is_raw: false, address, data }
    }

    /// Waits until it has next to nothing left to do.
    pub async fn quiet(&self) {
        for _ in 0..QUIET_TRIES {
            let cpu = self.cpu();
            tokio::time::sleep(Duration::from_millis(500)).await;
            if (self.cpu() - cpu) / 0.5 < QUIET {
                return;
            }
        }
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// `kill -9`; the data stays.
    pub fn kill(mut self) -> TempDir {
        self.child.kill().expect("kill -9");
        self.child.wait().expect("it is dead");
        self.data.take().expect("a data directory")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        for child in std::iter::once(&mut self.child).chain(self.others.iter_mut().map(|(_, child)| child)) {
            drop(child.kill());
            drop(child.wait());
        }
    }
}
