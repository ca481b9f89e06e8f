//! Processes of the real binary, each with its own ports, data directory and log file; what is done
//! to them.

use super::engines::Instance;
use anyhow::{Context as _, Result, bail, ensure};
use parlor_engines::{Engines, SystemClock, Tuning, Urls};
use parlor_schemas::Limits;
use std::{
    fs::{File, OpenOptions},
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::Arc,
    time::Duration,
};
use tokio::time::{Instant, sleep};

/// Every role on its own, as typed.
pub const ROLES: [&str; 5] = ["gateway", "ingest", "persister", "fanout", "pusher"];
/// A process that does not come up, or end, within this time is a failure of the cell.
pub const PATIENCE: Duration = Duration::from_secs(180);
/// How often a process is asked whether it is ready.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// One process.
pub struct Process {
    /// The roles as typed (`gateway,ingest`); empty for all in one.
    pub roles: String,
    listen: u16,
    admin: u16,
    child: Option<Child>,
}

/// A deployment with a name space, or a data directory, of its own.
pub struct Deployment {
    binary: PathBuf,
    /// Of its keyspace, topics and keys.
    name: String,
    directory: tempfile::TempDir,
    /// The engines it runs on; `None`: embedded ones.
    pub instance: Option<Instance>,
    /// Settings as environment variables.
    pub settings: Vec<(String, String)>,
    /// All of them, running or not.
    pub processes: Vec<Process>,
    client: reqwest::Client,
}

/// A free port below those that the system gives to connections: a process that is started again
/// finds its own still free.
fn free_port(taken: &[u16]) -> Result<u16> {
    let first = 24_000 + (std::process::id() % 80) as u16 * 100;
    let free = |port: &u16| !taken.contains(port) && TcpListener::bind(("127.0.0.1", *port)).is_ok();
    (first..first + 100).find(free).context("no port is free")
}

impl Deployment {
    /// A deployment without processes: on `instance`, or on embedded engines in a directory.
    ///
    /// # Errors
    /// No directory can be made, or the topics and tables can't.
    pub fn prepare(binary: &Path, instance: Option<Instance>) -> Result<Self> {
        let name = format!("p{}", &uuid::Uuid::now_v7().simple().to_string()[4..]);
        let plenty = "1000000";
        let mut settings = Vec::new();
        for bucket in ["USER", "CONNECTION", "IP", "SIGN_IN", "HINTS", "LOOKS"] {
            for value in ["PER_SECOND", "BURST"] {
                settings.push((format!("PARLOR__EDGE__RATES__{bucket}__{value}"), plenty.to_owned()));
            }
        }
        settings.push(("PARLOR__EDGE__ARGON2__MEMORY_KIB".into(), "8".into()));
        settings.push(("PARLOR__EDGE__ARGON2__PASSES".into(), "1".into()));
        settings.push(("PARLOR__EDGE__CONNECTIONS_PER_IP".into(), plenty.to_owned()));
        settings.push(("PARLOR__TRACE".into(), "warn,parlor=info".into()));
        if let Some(instance) = &instance {
            for (setting, value) in instance.environment()? {
                let value = match (setting.as_str(), value.rsplit_once('/')) {
                    ("PARLOR__STORE", Some((nodes, _))) => format!("{nodes}/{name}"),
                    _ => value,
                };
                settings.push((setting, value));
            }
            settings.push(("PARLOR__ENGINES__KAFKA__PREFIX".into(), format!("{name}.")));
            settings.push(("PARLOR__ENGINES__REDIS__PREFIX".into(), format!("{name}:")));
        }
        let deployment = Self {
            binary: binary.to_owned(),
            name: name.clone(),
            directory: tempfile::tempdir()?,
            instance,
            settings,
            processes: Vec::new(),
            client: reqwest::Client::new(),
        };
        if deployment.instance.is_some() {
            deployment.parlor(&["init"])?;
        }
        Ok(deployment)
    }

    /// Runs `parlor ARGUMENTS` to its end; what it says.
    ///
    /// # Errors
    /// It fails; with its words.
    pub fn parlor(&self, arguments: &[&str]) -> Result<String> {
        let output = self.command(arguments).output()?;
        let (said, error) =
            (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        ensure!(output.status.success(), "parlor {arguments:?}: {said}{error}");
        Ok(said.into_owned())
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.binary);
        command.args(arguments).envs(self.settings.iter().map(|(name, value)| (name, value)));
        command
    }

    /// The value of a setting.
    pub fn setting(&self, name: &str) -> Option<&str> {
        self.settings.iter().rev().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Sets something for the processes that are started from now on.
    pub fn set(&mut self, name: &str, value: String) {
        self.settings.push((name.to_owned(), value));
    }

    /// Where the embedded engines have their data.
    pub fn data(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    /// Starts one more process; its number.
    ///
    /// # Errors
    /// No port is free, or it can't be started.
    pub fn add(&mut self, roles: &str) -> Result<usize> {
        let taken: Vec<u16> = self.processes.iter().flat_map(|p| [p.listen, p.admin]).collect();
        let listen = free_port(&taken)?;
        let admin = free_port(&[&taken[..], &[listen]].concat())?;
        self.processes.push(Process { roles: roles.to_owned(), listen, admin, child: None });
        let number = self.processes.len() - 1;
        self.start(number)?;
        Ok(number)
    }

    /// Starts a process that does not run, on the ports it had.
    ///
    /// # Errors
    /// It can't be started.
    pub fn start(&mut self, number: usize) -> Result<()> {
        self.start_with(number, &[])
    }

    /// Starts it with further environment variables, this once.
    ///
    /// # Errors
    /// It can't be started.
    pub fn start_with(&mut self, number: usize, more: &[(&str, String)]) -> Result<()> {
        let roles = self.processes[number].roles.clone();
        let arguments: Vec<&str> = if roles.is_empty() { vec![] } else { vec![&roles] };
        let mut command = self.command(&arguments);
        command.envs(more.iter().map(|(name, value)| (name, value)));
        let data = if self.instance.is_some() { self.data().join(number.to_string()) } else { self.data() };
        let log = self.log(number)?;
        let process = &mut self.processes[number];
        command.arg("--data").arg(data);
        command.args(["--listen", &format!("127.0.0.1:{}", process.listen)]);
        command.args(["--admin-listen", &format!("127.0.0.1:{}", process.admin)]);
        process.child = Some(command.stdout(Stdio::null()).stderr(log).spawn()?);
        Ok(())
    }

    fn log(&self, number: usize) -> Result<File> {
        let path = self.directory.path().join(format!("{number}.log"));
        Ok(OpenOptions::new().create(true).append(true).open(path)?)
    }

    /// What a process has said so far.
    pub fn told(&self, number: usize) -> String {
        std::fs::read_to_string(self.directory.path().join(format!("{number}.log"))).unwrap_or_default()
    }

    fn child(&mut self, number: usize) -> Result<Child> {
        self.processes[number].child.take().context("the process runs")
    }

    /// `kill -9`.
    ///
    /// # Errors
    /// It does not run.
    pub fn kill(&mut self, number: usize) -> Result<()> {
        let mut child = self.child(number)?;
        child.kill()?;
        child.wait()?;
        Ok(())
    }

    /// SIGTERM, and its end in good order.
    ///
    /// # Errors
    /// It does not end in time, or with a failure.
    pub async fn stop(&mut self, number: usize) -> Result<()> {
        let mut child = self.child(number)?;
        signal(child.id(), "TERM")?;
        let began = Instant::now();
        loop {
            if let Some(status) = child.try_wait()? {
                ensure!(status.success(), "process {number} ends with {status}: {}", self.told(number));
                return Ok(());
            }
            if began.elapsed() > PATIENCE {
                child.kill()?;
                child.wait()?;
                bail!("process {number} does not end: {}", self.told(number));
            }
            sleep(LOOK_EVERY).await;
        }
    }

    /// SIGSTOP, or SIGCONT.
    ///
    /// # Errors
    /// It does not run.
    pub fn freeze(&self, number: usize, is_frozen: bool) -> Result<()> {
        let child = self.processes[number].child.as_ref().context("the process runs")?;
        signal(child.id(), if is_frozen { "STOP" } else { "CONT" })
    }

    /// Bytes of memory that it has at present.
    ///
    /// # Errors
    /// It does not run.
    pub fn resident(&self, number: usize) -> Result<u64> {
        let child = self.processes[number].child.as_ref().context("the process runs")?;
        let status = std::fs::read_to_string(format!("/proc/{}/status", child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("its memory")?;
        let kib: u64 = line.trim().trim_end_matches(" kB").parse()?;
        Ok(kib << 10)
    }

    /// Whether it runs at present; one that ended by itself does not.
    pub fn runs(&mut self, number: usize) -> bool {
        let child = self.processes[number].child.as_mut();
        child.is_some_and(|child| matches!(child.try_wait(), Ok(None)))
    }

    /// Waits until a process has ended by itself.
    ///
    /// # Errors
    /// It goes on.
    pub async fn ended(&mut self, number: usize) -> Result<()> {
        let began = Instant::now();
        while self.runs(number) {
            ensure!(began.elapsed() < PATIENCE, "process {number} does not end by itself");
            sleep(LOOK_EVERY).await;
        }
        Ok(())
    }

    /// The numbers of the processes with a role.
    pub fn of(&self, role: &str) -> Vec<usize> {
        let has = |roles: &str| roles.is_empty() || roles.split(',').any(|known| known == role);
        (0..self.processes.len()).filter(|n| has(&self.processes[*n].roles)).collect()
    }

    /// Where the gateways listen, `host:port`.
    pub fn gateways(&self) -> Vec<String> {
        let gateways = self.of("gateway").into_iter();
        gateways.map(|number| format!("127.0.0.1:{}", self.processes[number].listen)).collect()
    }

    /// The engines of this deployment, for a look of one's own. Embedded ones belong to one process at a
    /// time: it is stopped first.
    ///
    /// # Errors
    /// A process does not end, or the engines don't open.
    pub async fn engines(&mut self) -> Result<Engines> {
        let mut urls = Urls { data: self.data(), ..Urls::default() };
        let mut tuning = Tuning::default();
        if self.instance.is_some() {
            self.at_rest().await?;
            let url = |name: &str| self.setting(name).map(str::to_owned);
            (urls.log, urls.store, urls.live) =
                (url("PARLOR__LOG"), url("PARLOR__STORE"), url("PARLOR__LIVE"));
            let prefix = |name: &str| self.setting(name).unwrap_or_default().to_owned();
            tuning.kafka.prefix = prefix("PARLOR__ENGINES__KAFKA__PREFIX");
            tuning.redis.prefix = prefix("PARLOR__ENGINES__REDIS__PREFIX");
        } else {
            self.at_rest().await?;
            self.stop(0).await?;
        }
        Ok(parlor_engines::open(&urls, &tuning, &Limits::default(), Arc::new(SystemClock)).await?)
    }

    /// Ends everything, and takes away its tables on shared engines.
    ///
    /// # Errors
    /// An engine does not answer.
    pub fn clear(&mut self) -> Result<()> {
        for child in self.processes.iter_mut().filter_map(|process| process.child.as_mut()) {
            // It may have ended by itself.
            drop(child.kill());
            drop(child.wait());
        }
        match &self.instance {
            // Some dozen keyspaces of thirty tables each fill the heap of a small Cassandra.
            Some(instance) => {
                instance.tell(&["cql", &format!("DROP KEYSPACE IF EXISTS {}", self.name)]).map(drop)
            }
            None => Ok(()),
        }
    }

    /// Waits until no group is behind.
    async fn at_rest(&self) -> Result<()> {
        let is_behind = |line: &str| {
            let is_lag = ["parlor_consumer_lag_records{", "parlor_consumer_backlog_records{"]
                .iter()
                .any(|name| line.starts_with(name));
            is_lag && line.rsplit(' ').next().and_then(|value| value.parse::<f64>().ok()) != Some(0.0)
        };
        for (number, process) in self.processes.iter().enumerate().filter(|(_, p)| p.child.is_some()) {
            let began = Instant::now();
            loop {
                let url = format!("http://127.0.0.1:{}/metrics", process.admin);
                // One that has ended by itself said why.
                let answer = self.client.get(url).send().await;
                let answer =
                    answer.with_context(|| format!("{} {number}: {}", process.roles, self.told(number)));
                let metrics = answer?.text().await?;
                let Some(line) = metrics.lines().find(|line| is_behind(line)) else { break };
                ensure!(began.elapsed() < PATIENCE, "{} {number} stays behind: {line}", process.roles);
                sleep(LOOK_EVERY).await;
            }
        }
        Ok(())
    }

    async fn is_ready(&self, number: usize) -> bool {
        let url = format!("http://127.0.0.1:{}/readyz", self.processes[number].admin);
        let asked = self.client.get(url).timeout(Duration::from_secs(2)).send().await;
        asked.is_ok_and(|answer| answer.status().is_success())
    }

    /// Waits until every running process is ready.
    ///
    /// # Errors
    /// One is not in time, with the end of its log.
    pub async fn ready(&self) -> Result<()> {
        for (number, process) in self.processes.iter().enumerate().filter(|(_, p)| p.child.is_some()) {
            let began = Instant::now();
            while !self.is_ready(number).await {
                let late = began.elapsed() > PATIENCE;
                ensure!(!late, "{} {number} is not ready: {}", process.roles, self.told(number));
                sleep(LOOK_EVERY).await;
            }
        }
        Ok(())
    }
}

impl Drop for Deployment {
    fn drop(&mut self) {
        for child in self.processes.iter_mut().filter_map(|process| process.child.as_mut()) {
            // Killed by the cell, perhaps.
            drop(child.kill());
            drop(child.wait());
        }
    }
}

fn signal(id: u32, name: &str) -> Result<()> {
    let sent = Command::new("kill").args([format!("-{name}"), id.to_string()]).status()?;
    ensure!(sent.success(), "kill -{name} {id}");
    Ok(())
}
