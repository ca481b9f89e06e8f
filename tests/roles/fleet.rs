//! Processes: some of each role, every one with its own ports and log file.

use crate::{
    roles::engines::Instance,
    world::{PATIENCE, Person},
};
use parlor_engines::{Engines, SystemClock, Tuning, Urls};
use parlor_schemas::Limits;
use reqwest::Client;
use std::{
    fs::{File, OpenOptions},
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicU16, Ordering},
    },
    time::Duration,
};
use tokio::time::timeout;

/// The roles as they are typed.
pub const ROLES: [&str; 6] = ["gateway", "ingest", "persister", "fanout", "pusher", "indexer"];

/// One process of one role.
pub struct Process {
    pub role: String,
    listen: u16,
    admin: u16,
    child: Option<Child>,
}

/// A deployment: an own name space on shared engines.
pub struct Fleet {
    pub instance: Instance,
    pub name: String,
    directory: tempfile::TempDir,
    settings: Vec<(String, String)>,
    pub processes: Vec<Process>,
    client: Client,
}

/// A free port below those that the system gives to connections: a process that is started again
/// finds its own still free.
fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let first = 24_000 + (std::process::id() % 80) as u16 * 100;
    loop {
        let port = first + NEXT.fetch_add(1, Ordering::Relaxed) % 100;
        if std::net::TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

impl Fleet {
    /// Topics and tables of its own, no process yet.
    pub fn prepare(instance: Instance) -> Self {
        let name = format!("t{}", &uuid::Uuid::now_v7().simple().to_string()[4..]);
        let mut settings = instance.environment();
        for (setting, value) in &mut settings {
            if setting == "PARLOR__STORE" {
                let (nodes, _) = value.rsplit_once('/').expect("a keyspace");
                *value = format!("{nodes}/{name}");
            }
        }
        let plenty = "1000000";
        for (setting, value) in [
            ("ENGINES__KAFKA__PREFIX", format!("{name}.").as_str()),
            ("ENGINES__REDIS__PREFIX", &format!("{name}:")),
            ("EDGE__ARGON2__MEMORY_KIB", "8"),
            ("EDGE__ARGON2__PASSES", "1"),
            ("EDGE__RATES__USER__PER_SECOND", plenty),
            ("EDGE__RATES__USER__BURST", plenty),
            ("EDGE__RATES__CONNECTION__PER_SECOND", plenty),
            ("EDGE__RATES__CONNECTION__BURST", plenty),
            ("EDGE__RATES__IP__PER_SECOND", plenty),
            ("EDGE__RATES__IP__BURST", plenty),
            ("EDGE__RATES__SIGN_IN__PER_SECOND", plenty),
            ("EDGE__RATES__SIGN_IN__BURST", plenty),
        ] {
            settings.push((format!("PARLOR__{setting}"), value.to_owned()));
        }
        let directory = tempfile::tempdir().expect("a temporary directory");
        let fleet =
            Self { instance, name, directory, settings, processes: Vec::new(), client: Client::new() };
        fleet.parlor(&["init"]);
        fleet
    }

    /// Two of each role, ready.
    pub async fn two_of_each() -> Self {
        let mut fleet = Self::prepare(Instance::given());
        for role in ROLES {
            fleet.add(role);
            fleet.add(role);
        }
        fleet.ready().await;
        fleet
    }

    /// Runs `parlor ARGUMENTS` to its end; what it says.
    pub fn parlor(&self, arguments: &[&str]) -> String {
        let output = self.command(arguments).output().expect("the binary runs");
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "parlor {arguments:?}: {said}{error}");
        said
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_parlor"));
        command.args(arguments).env("PARLOR__TRACE", "warn,parlor=info");
        command.envs(self.settings.iter().map(|(name, value)| (name, value)));
        command
    }

    fn setting(&self, name: &str) -> String {
        let found = self.settings.iter().find(|(known, _)| known == name);
        found.unwrap_or_else(|| panic!("{name} is set")).1.clone()
    }

    /// The same engines, for the test's own use.
    pub async fn engines(&self) -> Engines {
        let url = |name: &str| Some(self.setting(&format!("PARLOR__{name}")));
        let (log, store, live) = (url("LOG"), url("STORE"), url("LIVE"));
        let urls = Urls { log, store, live, ..Urls::default() };
        let mut tuning = Tuning::default();
        tuning.kafka.prefix = self.setting("PARLOR__ENGINES__KAFKA__PREFIX");
        tuning.redis.prefix = self.setting("PARLOR__ENGINES__REDIS__PREFIX");
        let opened = parlor_engines::open(&urls, &tuning, &Limits::default(), Arc::new(SystemClock)).await;
        opened.expect("the engines open")
    }

    /// The live engine forgets everything.
    pub fn flush_live(&self) {
        let output =
            Command::new("redis-cli").args(["-u", &self.setting("PARLOR__LIVE"), "FLUSHALL"]).output();
        assert_eq!(String::from_utf8_lossy(&output.expect("redis-cli runs").stdout).trim(), "OK");
    }

    /// Starts one more process of a role; its number.
    pub fn add(&mut self, role: &str) -> usize {
        let process = Process { role: role.to_owned(), listen: free_port(), admin: free_port(), child: None };
        self.processes.push(process);
        let number = self.processes.len() - 1;
        self.start(number);
        number
    }

    /// Starts a process that does not run, on the ports it had.
    pub fn start(&mut self, number: usize) {
        let (role, log) = (self.processes[number].role.clone(), self.log(number));
        let mut command = self.command(&[&role]);
        // An indexer's index is its own.
        command.arg("--data").arg(self.directory.path().join(number.to_string()));
        let process = &mut self.processes[number];
        command.args(["--listen", &format!("127.0.0.1:{}", process.listen)]);
        command.args(["--admin-listen", &format!("127.0.0.1:{}", process.admin)]);
        process.child = Some(command.stdout(Stdio::null()).stderr(log).spawn().expect("the binary starts"));
    }

    fn log(&self, number: usize) -> File {
        let path = self.directory.path().join(format!("{number}.log"));
        OpenOptions::new().create(true).append(true).open(path).expect("a log file")
    }

    /// What a process has said so far.
    pub fn told(&self, number: usize) -> String {
        std::fs::read_to_string(self.directory.path().join(format!("{number}.log"))).expect("a log file")
    }

    /// `kill -9`.
    pub fn kill(&mut self, number: usize) {
        let mut child = self.processes[number].child.take().expect("it runs");
        child.kill().expect("kill -9");
        child.wait().expect("it is dead");
    }

    /// SIGTERM, and its end in good order.
    pub async fn stop(&mut self, number: usize) {
        let child = self.processes[number].child.take().expect("it runs");
        signal(child.id(), "TERM");
        let mut child = child;
        let ended = tokio::task::spawn_blocking(move || child.wait());
        let status =
            timeout(PATIENCE, ended).await.unwrap_or_else(|_| panic!("it ends: {}", self.told(number)));
        let status = status.expect("it is waited for").expect("it ends");
        assert!(status.success(), "{status}: {}", self.told(number));
    }

    /// SIGSTOP.
    pub fn freeze(&self, number: usize) {
        signal(self.processes[number].child.as_ref().expect("it runs").id(), "STOP");
    }

    /// SIGCONT.
    pub fn thaw(&self, number: usize) {
        signal(self.processes[number].child.as_ref().expect("it runs").id(), "CONT");
    }

    /// The numbers of the processes of a role.
    pub fn of(&self, role: &str) -> Vec<usize> {
        (0..self.processes.len()).filter(|n| self.processes[*n].role == role).collect()
    }

    /// Where the `n`th gateway listens.
    pub fn gateway(&self, n: usize) -> String {
        let gateways = self.of("gateway");
        format!("127.0.0.1:{}", self.processes[gateways[n % gateways.len()]].listen)
    }

    /// New people, spread over the gateways.
    pub async fn people(&self, count: usize) -> Vec<Person> {
        let mut people = Vec::new();
        for n in 0..count {
            let name = format!("p{n}.{}", &self.name[12..]);
            people.push(Person::register(&self.gateway(0), &name).await.at(&self.gateway(n)));
        }
        people
    }

    async fn ask(&self, number: usize, path: &str) -> Option<(bool, String)> {
        let url = format!("http://127.0.0.1:{}{path}", self.processes[number].admin);
        let asked = self.client.get(url).timeout(Duration::from_secs(2)).send().await.ok()?;
        Some((asked.status().is_success(), asked.text().await.ok()?))
    }

    /// Waits until every running process is ready.
    pub async fn ready(&self) {
        for number in 0..self.processes.len() {
            if self.processes[number].child.is_some() {
                self.until(number, "/readyz", "is ready", |_| true).await;
            }
        }
    }

    /// Waits until no group is behind.
    pub async fn at_rest(&self) {
        let is_behind = |line: &&str| {
            ["parlor_consumer_lag_records{", "parlor_consumer_backlog_records{"]
                .iter()
                .any(|name| line.starts_with(name))
                && line.rsplit(' ').next().and_then(|value| value.parse::<f64>().ok()) != Some(0.0)
        };
        for number in 0..self.processes.len() {
            if self.processes[number].child.is_some() {
                let caught_up = |metrics: &str| metrics.lines().find(is_behind).is_none();
                self.until(number, "/metrics", "has a lag of 0", caught_up).await;
            }
        }
    }

    async fn until(&self, number: usize, path: &str, what: &str, is_so: impl Fn(&str) -> bool) {
        let waiting = async {
            loop {
                if let Some((true, text)) = self.ask(number, path).await
                    && is_so(&text)
                {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        if timeout(PATIENCE * 2, waiting).await.is_err() {
            let (role, last) = (&self.processes[number].role, self.ask(number, path).await);
            panic!("{role}: waited in vain until it {what}: {last:?}\n{}", self.told(number));
        }
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        if std::thread::panicking() {
            for (number, process) in self.processes.iter().enumerate() {
                eprintln!("--- {} {number}\n{}", process.role, self.told(number));
                for path in ["readyz", "metrics"] {
                    let url = format!("http://127.0.0.1:{}/{path}", process.admin);
                    let said =
                        Command::new("curl").args(["-s", "-m", "2", &url]).output().expect("curl runs");
                    let said = String::from_utf8_lossy(&said.stdout).into_owned();
                    let tells = |line: &&str| path == "readyz" || line.contains("lag_records{");
                    said.lines().filter(tells).for_each(|line| eprintln!("{line}"));
                }
            }
        }
        for child in self.processes.iter_mut().filter_map(|process| process.child.as_mut()) {
            // Killed by the story, perhaps.
            drop(child.kill());
            drop(child.wait());
        }
    }
}

fn signal(id: u32, name: &str) {
    let sent = Command::new("kill").args([format!("-{name}"), id.to_string()]).status();
    assert!(sent.expect("kill runs").success());
}
