//! Real engines, and what is done to them: all by `dev/engines`.

use anyhow::{Result, ensure};
use std::{path::PathBuf, process::Command};

/// An instance of real engines, as `dev/engines` names it.
#[derive(Clone, Debug)]
pub struct Instance {
    /// The script.
    pub script: PathBuf,
    /// The instance.
    pub name: String,
}

impl Instance {
    /// Runs `dev/engines COMMAND … --instance NAME`; what it says.
    ///
    /// # Errors
    /// It fails; with its words.
    pub fn tell(&self, command: &[&str]) -> Result<String> {
        let output = Command::new(&self.script).args(command).args(["--instance", &self.name]).output()?;
        let (said, error) =
            (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        ensure!(output.status.success(), "dev/engines {command:?}: {said}{error}");
        Ok(said.into_owned())
    }

    /// The settings that make `parlor` use it, as names and values.
    ///
    /// # Errors
    /// It does not run.
    pub fn environment(&self) -> Result<Vec<(String, String)>> {
        let said = self.tell(&["env"])?;
        let setting = |line: &str| {
            let (name, value) = line.strip_prefix("export ")?.split_once('=')?;
            Some((name.to_owned(), value.trim_matches(['\'', '"']).to_owned()))
        };
        let settings: Vec<_> = said.lines().filter_map(setting).collect();
        ensure!(settings.len() >= 3, "no engines run: `dev/engines up --instance {}` ({said})", self.name);
        Ok(settings)
    }
}
