//! The engines under the fleet, and what is done to them: all by `dev/engines`.

use std::process::Command;

/// An instance of real engines, as `dev/engines` names it.
#[derive(Clone, Debug)]
pub struct Instance(pub String);

impl Instance {
    /// The one that the tests may stop and kill: `PARLOR_TEST_INSTANCE`, else `default`.
    pub fn given() -> Self {
        Self(std::env::var("PARLOR_TEST_INSTANCE").unwrap_or_else(|_| "default".into()))
    }

    /// The three-node one.
    pub fn three() -> Self {
        Self(std::env::var("PARLOR_TEST_THREE").unwrap_or_else(|_| "three".into()))
    }

    /// Runs `dev/engines COMMAND …`; what it says.
    pub fn tell(&self, command: &[&str]) -> String {
        let mut engines = Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/dev/engines"));
        let output = engines.args(command).args(["--instance", &self.0]).output().expect("dev/engines runs");
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "dev/engines {command:?}: {said}{error}");
        said
    }

    /// The settings that make `parlor` use it, as names and values.
    pub fn environment(&self) -> Vec<(String, String)> {
        let said = self.tell(&["env"]);
        let line = |line: &str| {
            let (name, value) = line.strip_prefix("export ")?.split_once('=')?;
            Some((name.to_owned(), value.trim_matches(['\'', '"']).to_owned()))
        };
        let read: Vec<_> = said.lines().filter_map(line).collect();
        assert!(read.len() >= 3, "no engines run: `dev/engines up --instance {}` ({said})", self.0);
        read
    }
}
