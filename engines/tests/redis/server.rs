//! Servers of a test's own: they may be cut, frozen, restarted and failed over.

use std::{
    net::TcpListener,
    path::PathBuf,
    process::{Child, Command, Stdio},
};
use tempfile::TempDir;

/// A process of `redis-server`, gone with its handle.
pub struct Server {
    pub port: u16,
    directory: TempDir,
    arguments: Vec<String>,
    process: Child,
}

/// A port that was free a moment ago; its double for a cluster's own links is below 65536.
pub fn free_port() -> u16 {
    loop {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        if port < 55_000 {
            return port;
        }
    }
}

impl Server {
    /// Starts one with these options, and waits until it answers.
    pub async fn start(arguments: &[&str]) -> Self {
        let (port, directory) = (free_port(), tempfile::tempdir().unwrap());
        let arguments: Vec<String> = arguments.iter().map(|argument| (*argument).to_owned()).collect();
        let process = spawn(port, &directory.path().to_path_buf(), &arguments);
        let server = Self { port, directory, arguments, process };
        server.answers().await;
        server
    }

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// A connection of the test's own.
    pub async fn connection(&self) -> redis::aio::MultiplexedConnection {
        redis::Client::open(self.url()).unwrap().get_multiplexed_async_connection().await.unwrap()
    }

    /// Runs a command.
    pub async fn run(&self, command: &[&str]) -> redis::Value {
        let mut connection = self.connection().await;
        redis::cmd(command[0]).arg(&command[1..]).query_async(&mut connection).await.unwrap()
    }

    /// Ends it as `kill -9` does.
    pub fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// The same server again, with what it had saved.
    pub async fn restart(&mut self) {
        self.process = spawn(self.port, &self.directory.path().to_path_buf(), &self.arguments);
        self.answers().await;
    }

    /// Sends a signal: "STOP" freezes it, "CONT" lets it go on.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([format!("-{name}"), self.process.id().to_string()]).status();
        assert!(sent.unwrap().success());
    }

    /// Waits until it has all that its primary has.
    pub async fn follows(&self) {
        crate::conformance::until("the replica", async || {
            let info = format!("{:?}", self.run(&["INFO", "replication"]).await);
            (info.contains("role:master") || info.contains("master_link_status:up")).then_some(())
        })
        .await;
    }

    async fn answers(&self) {
        let client = redis::Client::open(self.url()).unwrap();
        crate::conformance::until("redis-server", async || {
            let asked = async {
                let mut connection = client.get_multiplexed_async_connection().await?;
                redis::cmd("PING").exec_async(&mut connection).await
            };
            // Or it answers that it wants a password.
            asked.await.map_or_else(|error| (!error.is_io_error()).then_some(()), Some)
        })
        .await;
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have been killed by the test.
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

fn spawn(port: u16, directory: &PathBuf, arguments: &[String]) -> Child {
    let mut command = Command::new("redis-server");
    command
        .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", ""])
        .arg("--dir")
        .arg(directory);
    command.args(arguments).stdout(Stdio::null());
    command.spawn().expect("redis-server is installed (`dev/engines up redis` installs it)")
}
