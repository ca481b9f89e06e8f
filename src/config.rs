//! Settings: the defaults file in the binary, a TOML file, the environment, flags; later ones win.

use crate::cli::Cli;
use anyhow::{Context, bail};
use config::{Config as Source, Environment, File, FileFormat, Value, ValueKind};
use parlor_engines::{Tuning, Urls};
use parlor_gateway::{AuthSettings, EdgeLimits};
use parlor_pusher::PushSettings;
use parlor_schemas::{Limits, limits::DEFAULTS};
use serde::Deserialize;
use std::{net::SocketAddr, path::PathBuf};

/// Everything that can be set. What each means stands in `config.default.toml`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct Config {
    pub epoch: String,
    pub data: PathBuf,
    pub listen: SocketAddr,
    pub admin_listen: SocketAddr,
    pub log: String,
    pub store: String,
    pub live: String,
    pub media: String,
    pub search: String,
    pub search_listen: String,
    pub trace: String,
    pub clock_offset_ms: i64,
    pub limits: Limits,
    pub edge: EdgeLimits,
    pub auth: AuthSettings,
    pub push: PushSettings,
    pub engines: Tuning,
    /// The merged settings as text, without secrets.
    #[serde(skip)]
    printed: String,
}

impl Config {
    /// The settings in force as TOML, without secrets.
    pub fn printed(&self) -> &str {
        &self.printed
    }

    /// The engines' addresses.
    pub fn urls(&self) -> Urls {
        let url = |value: &str| (value != "embedded").then(|| value.to_owned());
        Urls {
            data: self.data.clone(),
            log: url(&self.log),
            store: url(&self.store),
            live: url(&self.live),
            media: (!self.media.is_empty()).then(|| self.media.clone().into()),
            search: url(&self.search),
        }
    }
}

/// The settings for a command line.
pub fn load(cli: &Cli) -> anyhow::Result<Config> {
    let mut builder = Source::builder().add_source(File::from_str(DEFAULTS, FileFormat::Toml));
    if let Some(path) = &cli.config {
        builder = builder.add_source(File::from(path.as_path()).format(FileFormat::Toml));
    }
    let environment = Environment::with_prefix("PARLOR").prefix_separator("__").separator("__");
    builder = builder.add_source(environment.try_parsing(true));
    let flags = [
        ("data", cli.data.as_ref().map(|path| path.display().to_string())),
        ("listen", cli.listen.map(|address| address.to_string())),
        ("admin_listen", cli.admin_listen.map(|address| address.to_string())),
        ("log", cli.log.clone()),
        ("store", cli.store.clone()),
        ("live", cli.live.clone()),
        ("search", cli.search.clone()),
    ];
    for (name, value) in flags {
        builder = builder.set_override_option(name, value)?;
    }
    let mut source = builder.build().context("the settings can't be read")?;
    read_secret_files(&mut source.cache)?;
    let printed =
        toml::to_string(&without_secrets(&source.cache)).context("the settings can't be printed")?;
    let mut config: Config = source.try_deserialize().context("the settings are wrong")?;
    config.printed = printed;
    Ok(config)
}

/// A secret KEY may be given as `KEY_file`, a path: its content, without the last line break.
fn read_secret_files(value: &mut Value) -> anyhow::Result<()> {
    let ValueKind::Table(table) = &mut value.kind else {
        return Ok(());
    };
    let files: Vec<String> = table.keys().filter(|key| key.ends_with("_file")).cloned().collect();
    for key in files {
        let path = table.remove(&key).context("just listed")?.into_string()?;
        let content = std::fs::read_to_string(&path).with_context(|| format!("{key}: {path}"))?;
        let name = key.trim_end_matches("_file").to_owned();
        // The defaults leave secrets empty.
        let known = table.get(&name).map(|value| value.clone().into_string().unwrap_or_default());
        if known.is_some_and(|known| !known.is_empty()) {
            bail!("{name} and {key} are both set: which one?");
        }
        table.insert(name, content.trim_end_matches('\n').into());
    }
    table.values_mut().try_for_each(read_secret_files)
}

/// Settings whose name says that they are secret, anywhere, and passwords in URLs.
fn without_secrets(value: &Value) -> toml::Value {
    match &value.kind {
        ValueKind::Table(table) => {
            let secret = |key: &str| {
                key.contains("key") && key != "key_id" || key.contains("secret") || key.contains("password")
            };
            let kept = table.iter().map(|(key, value)| {
                let shown = if secret(key) { "(secret)".into() } else { without_secrets(value) };
                (key.clone(), shown)
            });
            // Plain values first, tables after them: the order that TOML asks for.
            let (tables, mut plain): (Vec<_>, Vec<_>) = kept.partition(|(_, value)| value.is_table());
            plain.extend(tables);
            toml::Value::Table(plain.into_iter().collect())
        }
        ValueKind::Array(items) => toml::Value::Array(items.iter().map(without_secrets).collect()),
        ValueKind::Boolean(value) => toml::Value::Boolean(*value),
        ValueKind::I64(value) => toml::Value::Integer(*value),
        ValueKind::I128(value) => toml::Value::Integer(*value as i64),
        ValueKind::U64(value) => toml::Value::Integer(*value as i64),
        ValueKind::U128(value) => toml::Value::Integer(*value as i64),
        ValueKind::Float(value) => toml::Value::Float(*value),
        ValueKind::String(text) => toml::Value::String(without_password(text)),
        ValueKind::Nil => toml::Value::String(String::new()),
    }
}

fn without_password(text: &str) -> String {
    match (text.split_once("://"), text.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, rest))) => format!("{scheme}://(secret)@{rest}"),
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;
    use std::io::Write;

    fn from(toml: &str) -> anyhow::Result<Config> {
        let mut file = tempfile::NamedTempFile::with_suffix(".toml").unwrap();
        file.write_all(toml.as_bytes()).unwrap();
        load(&Cli::parse_from(["parlor", "--config", file.path().to_str().unwrap()]))
    }

    #[test]
    fn the_defaults_are_complete() {
        let config = load(&Cli::parse_from(["parlor"])).unwrap();
        assert_eq!(config.listen.port(), 8080);
        assert_eq!(config.limits, Limits::default());
        // The file is the documentation of the engines' settings, too.
        assert_eq!(config.engines, Tuning::default());
    }

    #[test]
    fn a_file_overrides_and_flags_override_the_file() {
        let config = from("listen = \"127.0.0.1:9000\"\n[limits]\ntext_max = 5\n").unwrap();
        assert_eq!((config.listen.port(), config.limits.text_max), (9000, 5));
        assert_eq!(config.limits.title_max, Limits::default().title_max);
    }

    #[test]
    fn a_misspelled_setting_is_an_error() {
        let error = format!("{:#}", from("[limits]\ntext_maximum = 5\n").unwrap_err());
        assert!(error.contains("text_maximum"), "{error}");
    }

    #[test]
    fn secrets_come_from_files_and_are_not_printed() {
        let mut key = tempfile::NamedTempFile::new().unwrap();
        key.write_all(b"canary\n").unwrap();
        let config = from(&format!("[auth]\nsigning_key_file = {:?}\n", key.path())).unwrap();
        assert_eq!(config.auth.signing_key, "canary");
        assert!(!config.printed().contains("canary"));
        let config = from(&format!("[push]\nwebhook_secret_file = {:?}\n", key.path())).unwrap();
        assert_eq!(config.push.webhook_secret, "canary");
        assert!(!config.printed().contains("canary") && !format!("{config:?}").contains("canary"));
        assert!(config.printed().contains("issuer"));
        assert!(from("[auth]\nsigning_key_file = \"/nowhere\"\n").is_err());
        let config = from(&format!("[engines.redis]\ntls_ca_file = {:?}\n", key.path())).unwrap();
        assert_eq!(config.engines.redis.tls_ca, "canary", "an empty default is not set");
        let both = format!("[engines.redis]\ntls_ca = \"x\"\ntls_ca_file = {:?}\n", key.path());
        assert!(format!("{:#}", from(&both).unwrap_err()).contains("which one"));
    }
}
