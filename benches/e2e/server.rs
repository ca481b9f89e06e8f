//! The process under test: started on core 0, its CPU time and memory read from `/proc`.

use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

const PARLOR: &str = env!("CARGO_BIN_EXE_parlor");

/// Whether the settings in the environment name shared engines.
pub fn on_engines() -> bool {
    std::env::var("PARLOR__LOG").is_ok_and(|log| log.starts_with("kafka:"))
}

/// A running server; killed when dropped. On real engines (`eval "$(dev/engines env)"`) every role is
/// a process of its own, and the first one is the gateway.
pub struct Server {
    child: Child,
    others: Vec<(&'static str, Child)>,
    pub address: String,
    pub data: Option<tempfile::TempDir>,
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

impl Server {
    /// The real binary on a data directory.
    pub fn parlor(data: tempfile::TempDir) -> Self {
        if !on_engines() {
            let mut command = Self::command(pinned(PARLOR.as_ref()));
            command.arg("--data").arg(data.path());
            return Self::start(command, Some(data));
        }
        let name =
            format!("bench{}", data.path().file_name().expect("a name").to_string_lossy().to_lowercase());
        let name: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
        let process = |role: &str| {
            let mut command = Self::command(Command::new(PARLOR));
            let store = std::env::var("PARLOR__STORE").expect("a store");
            command.env("PARLOR__STORE", format!("{}/{name}", store.rsplit_once('/').expect("a keyspace").0));
            command.env("PARLOR__ENGINES__KAFKA__PREFIX", format!("{name}."));
            command.env("PARLOR__ENGINES__REDIS__PREFIX", format!("{name}:"));
            command.arg(role);
            command
        };
        let made = process("init").stdout(Stdio::null()).status().expect("parlor init runs");
        assert!(made.success(), "topics and tables are made");
        let start = |role| (role, process(role).stdout(Stdio::null()).spawn().expect("the role starts"));
        let others = ["ingest", "persister", "fanout", "pusher"].map(start).into();
        let mut server = Self::start(process("gateway"), Some(data));
        server.others = others;
        server
    }

    fn command(mut command: Command) -> Command {
        command.args(["--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"]);
        for (name, value) in [
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

    /// CPU time so far of each role's process, or of the one that has all.
    pub fn cpu_by_role(&self) -> Vec<(&'static str, Duration)> {
        let gateway = if self.others.is_empty() { "all" } else { "gateway" };
        let others = self.others.iter().map(|(role, child)| (*role, cpu(child.id())));
        std::iter::once((gateway, cpu(self.pid()))).chain(others).collect()
    }

    /// This benchmark itself as the raw baseline.
    pub fn raw(group: usize) -> Self {
        let mut command = pinned(&std::env::current_exe().expect("the benchmark's own path"));
        command.args(["raw-server", &group.to_string()]);
        Self::start(command, None)
    }

    fn start(mut command: Command, data: Option<tempfile::TempDir>) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().expect("the server starts");
        let mut told = String::new();
        let output = child.stdout.take().expect("its output");
        BufReader::new(output).read_line(&mut told).expect("it tells its address");
        let address =
            told.split("http://").nth(1).expect("an address").trim().trim_end_matches('/').to_owned();
        Self { child, others: Vec::new(), address, data }
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// `kill -9`; the data stays.
    pub fn kill(mut self) -> tempfile::TempDir {
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

/// CPU time (user and system) of a process so far. Linux counts ticks of 10 ms.
pub fn cpu(pid: u32) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("the process runs");
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks: u64 = fields[11].parse::<u64>().unwrap_or(0) + fields[12].parse::<u64>().unwrap_or(0);
    Duration::from_millis(ticks * 10)
}

/// Resident memory, bytes.
pub fn resident(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("the process runs");
    let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|kib| kib.parse::<u64>().ok()).unwrap_or(0) * 1024
}

/// Now.
pub fn now() -> Instant {
    Instant::now()
}
