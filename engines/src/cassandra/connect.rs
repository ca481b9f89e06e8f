//! The connection to the cluster: pools, policies, and the datacenter.

use super::{CassandraSettings, address::Address, tls};
use crate::open::OpenError;
use scylla::{
    client::{
        PoolSize,
        execution_profile::{ExecutionProfile, ExecutionProfileHandle},
        session::Session,
        session_builder::SessionBuilder,
    },
    policies::{
        load_balancing::DefaultPolicy, retry::DefaultRetryPolicy,
        speculative_execution::SimpleSpeculativeExecutionPolicy,
    },
    statement::{Consistency, SerialConsistency},
};
use std::{collections::BTreeSet, num::NonZeroUsize, sync::Arc, time::Duration};

/// A node that does not take a connection in this time is not there.
const CONNECT: Duration = Duration::from_secs(5);
/// All of them: names, connections, the cluster's shape.
const OPEN: Duration = Duration::from_secs(20);
/// An idle connection is tried so often, and is dead without an answer in that time: a frozen node
/// is noticed within both.
const KEEPALIVE: Duration = Duration::from_secs(5);

/// Connects, and makes sure that the datacenter is known.
pub(super) async fn connect(address: &Address, settings: &CassandraSettings) -> Result<Session, OpenError> {
    let connections = NonZeroUsize::new(settings.connections).unwrap_or(NonZeroUsize::MIN);
    let mut builder = SessionBuilder::new()
        .known_nodes(&address.nodes)
        .pool_size(PoolSize::PerHost(connections))
        .connection_timeout(CONNECT)
        .keepalive_interval(KEEPALIVE)
        .keepalive_timeout(KEEPALIVE)
        .tcp_keepalive_interval(KEEPALIVE)
        .keyspaces_to_fetch([&address.keyspace])
        .refresh_metadata_on_auto_schema_agreement(false)
        .default_execution_profile_handle(profile(settings).build().into_handle());
    if let Some((user, password)) = &address.login {
        builder = builder.user(user, password);
    }
    if !settings.datacenter.is_empty() {
        builder = builder.prefer_datacenter(settings.datacenter.clone());
    }
    let builder = tls::with_tls(builder, settings)?;
    let session = match tokio::time::timeout(OPEN, builder.build()).await {
        Ok(built) => built.map_err(|error| address.unreachable(error))?,
        Err(_) => return Err(address.unreachable("no node answered in 20 s")),
    };
    check_datacenter(&session, address, &settings.datacenter)?;
    Ok(session)
}

/// `LOCAL_QUORUM` is of the datacenter of whichever node is asked, so with several of them it must
/// be said which one is ours: else two processes would not see each other's writes.
fn check_datacenter(session: &Session, address: &Address, ours: &str) -> Result<(), OpenError> {
    let found = datacenters(session);
    let names = || found.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(", ");
    match found.as_slice() {
        _ if !ours.is_empty() && !found.iter().any(|(name, _)| name == ours) => {
            Err(address.unreachable(format!("there is no datacenter {ours:?}, only {}", names())))
        }
        [_, _, ..] if ours.is_empty() => Err(address.unreachable(format!(
            "the cluster has the datacenters {}: the setting cassandra.datacenter must name the one to ask",
            names()
        ))),
        _ => Ok(()),
    }
}

/// The datacenters by name, with how many nodes each has.
pub(super) fn datacenters(session: &Session) -> Vec<(String, usize)> {
    let state = session.get_cluster_state();
    let of = |node: &Arc<scylla::cluster::Node>| node.datacenter.clone().unwrap_or_default();
    let names: BTreeSet<String> = state.get_nodes_info().iter().map(of).collect();
    let count = |name: &String| state.get_nodes_info().iter().filter(|node| of(node) == *name).count();
    names.into_iter().map(|name| (name.clone(), count(&name))).collect()
}

fn profile(settings: &CassandraSettings) -> scylla::client::execution_profile::ExecutionProfileBuilder {
    ExecutionProfile::builder()
        .consistency(Consistency::LocalQuorum)
        .serial_consistency(Some(SerialConsistency::LocalSerial))
        .request_timeout(Some(settings.request_timeout()))
        .load_balancing_policy(DefaultPolicy::builder().token_aware(true).permit_dc_failover(false).build())
        .retry_policy(Arc::new(DefaultRetryPolicy::new()))
}

/// How each kind of statement is run.
pub(super) struct Profiles {
    /// Reads: a slow node is overtaken by a second one.
    pub(super) read: ExecutionProfileHandle,
    /// Everything else.
    pub(super) write: ExecutionProfileHandle,
}

impl Profiles {
    pub(super) fn of(settings: &CassandraSettings) -> Self {
        let hedge = SimpleSpeculativeExecutionPolicy {
            max_retry_count: 1,
            retry_interval: Duration::from_millis(settings.hedge_ms),
        };
        let mut read = profile(settings);
        if settings.hedge_ms > 0 {
            read = read.speculative_execution_policy(Some(Arc::new(hedge)));
        }
        Self { read: read.build().into_handle(), write: profile(settings).build().into_handle() }
    }
}
