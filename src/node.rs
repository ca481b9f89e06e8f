//! One process: opens the engines, runs the roles, stops them in order.

use crate::{cli::RoleName, config::Config, keys, operators, watchdog};
use anyhow::{Context, bail};
use metrics_exporter_prometheus::PrometheusBuilder;
use parlor_engines::{Engines, Health, SkewedClock};
use std::{
    env,
    io::{self, IsTerminal as _},
    net::TcpListener,
    path::Path,
    sync::Arc,
};
use tokio::{signal::unix::SignalKind, task::JoinSet};
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

/// Libraries that tell payloads at their lower levels: logs never hold bodies, tokens or tickets,
/// whatever level is asked for.
const SAYS_TOO_MUCH: [&str; 4] = ["tungstenite", "tokio_tungstenite", "hyper", "hyper_util"];

/// Runs the program until a signal or an alarm.
pub async fn main(mut config: Config, roles: Vec<RoleName>) -> anyhow::Result<()> {
    log_to_stderr(&config)?;
    refuse_impossible(&config, &roles)?;
    let metrics = PrometheusBuilder::new().install_recorder().context("the metrics recorder")?;
    let public = bind(config.listen)?;
    let admin = bind(config.admin_listen)?;
    let address = public.local_addr()?;
    let engines = open(&mut config).await?;
    let health = Health::default();
    watchdog::start(health.clone())?;
    let shutdown = CancellationToken::new();
    let operators = operators::run(admin, health.clone(), metrics, CancellationToken::new());
    let node = run(engines.clone(), &config, &roles, Listen { public, health }, shutdown.clone());
    if roles.contains(&RoleName::Gateway) {
        println!("Parlor is open at http://{address}/");
    }
    tokio::select! {
        outcome = node_or_signal(node, &shutdown) => outcome?,
        outcome = operators => outcome.context("the operators' port")?,
    }
    engines.close().await;
    Ok(())
}

/// Colors are for terminals whose owner wants them (no-color.org).
fn log_to_stderr(config: &Config) -> anyhow::Result<()> {
    let mut filter = EnvFilter::try_new(&config.trace).context("trace")?;
    for library in SAYS_TOO_MUCH {
        filter = filter.add_directive(format!("{library}=info").parse().context("trace")?);
    }
    let has_colors = io::stderr().is_terminal() && env::var_os("NO_COLOR").is_none_or(|no| no.is_empty());
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).with_ansi(has_colors).init();
    Ok(())
}

/// What a node is given besides the engines and the settings.
pub struct Listen {
    /// Where clients connect; used by the gateway alone.
    pub public: TcpListener,
    /// Where all parts report.
    pub health: Health,
}

async fn node_or_signal(
    node: impl Future<Output = anyhow::Result<()>>,
    shutdown: &CancellationToken,
) -> anyhow::Result<()> {
    let mut term = tokio::signal::unix::signal(SignalKind::terminate())?;
    tokio::pin!(node);
    tokio::select! {
        outcome = &mut node => return outcome,
        _ = term.recv() => {}
        outcome = tokio::signal::ctrl_c() => outcome?,
    }
    tracing::info!("stopping");
    shutdown.cancel();
    node.await
}

/// Opens the engines, with a signing key if this is a deployment of one machine.
pub async fn open(config: &mut Config) -> anyhow::Result<Engines> {
    let offset_ms = config.clock_offset_ms;
    if offset_ms != 0 {
        tracing::warn!(offset_ms, "the clock is set off (clock_offset_ms): this is for trials alone");
    }
    let clock = Arc::new(SkewedClock { offset_ms });
    let engines = parlor_engines::open(&config.urls(), &config.engines, &config.limits, clock).await?;
    if config.auth.signing_key.is_empty() {
        if config.log != "embedded" {
            bail!(
                "auth.signing_key (or auth.signing_key_file) must be set: all gateways sign with the same key"
            );
        }
        config.auth.signing_key = keys::signing_key(Path::new(&config.data))?;
    }
    Ok(engines)
}

/// Runs roles on opened engines until `shutdown`, or until one of them ends with an alarm. The
/// gateway drains first; the consumers follow.
pub async fn run(
    engines: Engines,
    config: &Config,
    roles: &[RoleName],
    listen: Listen,
    shutdown: CancellationToken,
) -> anyhow::Result<()> {
    let consumers = CancellationToken::new();
    let health = listen.health;
    let mut public = Some(listen.public);
    let mut gateways = JoinSet::new();
    let mut others = JoinSet::new();
    for role in roles {
        let (engines, health) = (engines.clone(), health.clone());
        let stop = consumers.clone();
        match role {
            RoleName::Gateway => {
                let listener = public.take().context("one gateway in a process")?;
                let settings = parlor_gateway::Settings {
                    listener,
                    epoch: config.epoch.clone(),
                    limits: config.limits.clone(),
                    edge: config.edge.clone(),
                    auth: config.auth.clone(),
                    health,
                };
                gateways.spawn(parlor_gateway::run(engines, settings, shutdown.clone()));
            }
            RoleName::Ingest => {
                let settings = parlor_ingest::Settings { limits: config.limits.clone(), health };
                others.spawn(parlor_ingest::run(engines, settings, stop));
            }
            RoleName::Persister => {
                let settings = parlor_persister::Settings { health };
                others.spawn(parlor_persister::run(engines, settings, stop));
            }
            RoleName::Fanout => {
                let (limits, epoch) = (config.limits.clone(), config.epoch.clone());
                let settings = parlor_fanout::Settings { limits, epoch, health };
                others.spawn(parlor_fanout::run(engines, settings, stop));
            }
            RoleName::Pusher => {
                let settings = parlor_pusher::Settings { push: config.push.clone(), health };
                others.spawn(parlor_pusher::run(engines, settings, stop));
            }
            RoleName::Indexer => {
                let listener = listen_for_questions(&config.search_listen)?;
                let settings = parlor_indexer::Settings { listener, health };
                others.spawn(parlor_indexer::run(engines, settings, stop));
            }
        }
    }
    let outcome = tokio::select! {
        () = shutdown.cancelled() => Ok(()),
        Some(ended) = others.join_next() => ended?.map_err(anyhow::Error::from),
        Some(ended) = gateways.join_next() => ended?,
    };
    // On an alarm too: what was accepted is answered as far as it can be.
    shutdown.cancel();
    while let Some(ended) = gateways.join_next().await {
        ended??;
    }
    consumers.cancel();
    while let Some(ended) = others.join_next().await {
        ended??;
    }
    outcome
}

/// Roles apart need engines that they share.
fn refuse_impossible(config: &Config, roles: &[RoleName]) -> anyhow::Result<()> {
    let embedded: Vec<_> = [("log", &config.log), ("store", &config.store), ("live engine", &config.live)]
        .into_iter()
        .filter(|(_, url)| *url == "embedded")
        .map(|(name, _)| name)
        .collect();
    if roles.len() < RoleName::ALL.len() && !embedded.is_empty() {
        let missing: Vec<_> =
            RoleName::ALL.iter().filter(|role| !roles.contains(role)).map(|role| role.as_str()).collect();
        bail!(
            "what is embedded (the embedded {}) is in one process, so all roles must run in it, and {} \
             would be missing: leave the roles out to run all, or give shared engines by --log, --store \
             and --live",
            embedded.join(", the embedded "),
            missing.join(", "),
        );
    }
    Ok(())
}

/// Where gateways of other processes ask, if anywhere.
fn listen_for_questions(address: &str) -> anyhow::Result<Option<TcpListener>> {
    if address.is_empty() {
        return Ok(None);
    }
    let address = address.parse().with_context(|| format!("search_listen {address:?}"))?;
    bind(address).map(Some)
}

fn bind(address: std::net::SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).with_context(|| {
        format!("{address} can't be listened on: is another parlor running? choose another by --listen or --admin-listen")
    })
}
