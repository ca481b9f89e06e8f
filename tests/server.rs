//! The real binary as a process of its own.

// Each test target uses its own part.
#![allow(dead_code, missing_docs)]

use crate::world::PATIENCE;
use std::{
    process::{Child, Command, Stdio},
    time::Duration,
};

/// The running binary; killed when dropped.
pub struct Server {
    child: Child,
    data: tempfile::TempDir,
    port: u16,
    settings: Vec<(&'static str, String)>,
}

fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address").port()
}

fn spawn(data: &std::path::Path, port: u16, trace: &str, settings: &[(&'static str, String)]) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_parlor"));
    command.args(["--listen", &format!("127.0.0.1:{port}"), "--admin-listen", "127.0.0.1:0", "--data"]);
    command.arg(data).stdout(Stdio::null());
    for (name, value) in [
        ("EDGE__ARGON2__MEMORY_KIB", "8"),
        ("EDGE__ARGON2__PASSES", "1"),
        ("EDGE__RATES__USER__PER_SECOND", "100000"),
        ("EDGE__RATES__USER__BURST", "100000"),
        ("EDGE__RATES__CONNECTION__PER_SECOND", "100000"),
        ("EDGE__RATES__CONNECTION__BURST", "100000"),
        ("EDGE__RATES__IP__PER_SECOND", "100000"),
        ("EDGE__RATES__IP__BURST", "100000"),
        ("TRACE", trace),
    ] {
        command.env(format!("PARLOR__{name}"), value);
    }
    for (name, value) in settings {
        command.env(format!("PARLOR__{name}"), value);
    }
    let log = std::fs::OpenOptions::new().create(true).append(true).open(data.join("stderr.log"));
    command.stderr(log.expect("a log file"));
    command.spawn().expect("the binary starts")
}

impl Server {
    pub async fn start() -> Self {
        Self::tracing("error").await
    }

    /// With more told on stderr, which goes to [`Server::told`].
    pub async fn tracing(trace: &str) -> Self {
        Self::begin(trace, &[]).await
    }

    /// With other settings: the rest of the environment's names, and values.
    pub async fn with(settings: &[(&'static str, String)]) -> Self {
        Self::begin("error", settings).await
    }

    async fn begin(trace: &str, settings: &[(&'static str, String)]) -> Self {
        let data = tempfile::tempdir().expect("a temporary directory");
        let (port, settings) = (free_port(), settings.to_vec());
        let child = spawn(data.path(), port, trace, &settings);
        let server = Self { child, data, port, settings };
        server.answers().await;
        server
    }

    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// What the process has said so far.
    pub fn told(&self) -> String {
        std::fs::read_to_string(self.data.path().join("stderr.log")).expect("the log file")
    }

    pub fn data(&self) -> &std::path::Path {
        self.data.path()
    }

    async fn answers(&self) {
        let up = async {
            while tokio::net::TcpStream::connect(self.address()).await.is_err() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(PATIENCE, up).await.expect("the server listens");
    }

    pub async fn kill_and_start(&mut self) {
        self.child.kill().expect("kill -9");
        self.child.wait().expect("it is dead");
        self.child = spawn(self.data.path(), self.port, "error", &self.settings);
        self.answers().await;
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
