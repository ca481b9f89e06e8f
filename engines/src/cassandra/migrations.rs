//! The keyspace and its tables, version by version.
//!
//! A migration is a file of statements, each of which may run again (`IF NOT EXISTS`): a run that
//! was cut short is finished by the next one. Two runs at once do no harm: both send every change of
//! the schema to the same node, which makes them one after the other, and wait until all nodes agree.
//! What was applied stands in `schema_migrations`, with a checksum: a file that was changed after
//! that is refused, because what it says is not what is there.

use super::{CassandraSettings, address::Address, connect, failure::Failure};
use crate::open::OpenError;
use scylla::{
    client::session::Session,
    deserialize::row::DeserializeRow,
    policies::load_balancing::{NodeIdentifier, SingleTargetLoadBalancingPolicy},
    response::query_result::QueryResult,
    serialize::row::SerializeRow,
    statement::unprepared::Statement,
};
use std::{collections::BTreeMap, time::Duration};
use tokio::time::{Instant, sleep};
use xxhash_rust::xxh3::xxh3_128;

/// One step of the schema.
struct Migration {
    version: i32,
    name: &'static str,
    cql: &'static str,
}

/// All of them, ascending. Applied ones are never changed: a change is another file.
const MIGRATIONS: &[Migration] = &[
    migration(1, "history", include_str!("../../migrations/cassandra/001_history.cql")),
    migration(2, "conversations", include_str!("../../migrations/cassandra/002_conversations.cql")),
    migration(3, "receipts", include_str!("../../migrations/cassandra/003_receipts.cql")),
    migration(4, "accounts", include_str!("../../migrations/cassandra/004_accounts.cql")),
    migration(5, "user_settings", include_str!("../../migrations/cassandra/005_user_settings.cql")),
    migration(6, "blocks", include_str!("../../migrations/cassandra/006_blocks.cql")),
    migration(7, "push", include_str!("../../migrations/cassandra/007_push.cql")),
    migration(8, "visibility", include_str!("../../migrations/cassandra/008_visibility.cql")),
    migration(9, "admin", include_str!("../../migrations/cassandra/009_admin.cql")),
    migration(10, "media", include_str!("../../migrations/cassandra/010_media.cql")),
    migration(11, "acts", include_str!("../../migrations/cassandra/011_acts.cql")),
];

const fn migration(version: i32, name: &'static str, cql: &'static str) -> Migration {
    Migration { version, name, cql }
}

/// A change of the schema waits until all nodes have it.
const CHANGE: Duration = Duration::from_secs(60);
/// Looking at it.
const CHECK: Duration = Duration::from_secs(10);
/// Between two tries.
const PAUSE: Duration = Duration::from_millis(100);

impl Migration {
    fn checksum(&self) -> String {
        format!("{:032x}", xxh3_128(self.cql.as_bytes()))
    }
}

/// Refuses a keyspace that is not as this program needs it.
pub(super) async fn check(session: &Session, address: &Address) -> Result<(), OpenError> {
    let schema = Schema::of(session, address, CHECK);
    if !schema.has_keyspace().await? {
        return Err(address.not_initialised(format!("there is no keyspace {}", address.keyspace)));
    }
    let applied = schema.applied().await?;
    refuse_wrong(address, MIGRATIONS, &applied)?;
    let missing: Vec<_> = MIGRATIONS.iter().filter(|one| !applied.contains_key(&one.version)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let names = missing.iter().map(|one| format!("{} ({})", one.version, one.name)).collect::<Vec<_>>();
    Err(address.not_initialised(format!("the keyspace lacks the migrations {}", names.join(", "))))
}

/// Makes what is missing; what it did, in words.
pub(super) async fn run(
    session: &Session,
    address: &Address,
    settings: &CassandraSettings,
) -> Result<Vec<String>, OpenError> {
    let schema = Schema::of(session, address, CHANGE);
    let mut done = Vec::new();
    done.extend(schema.make_keyspace(settings).await?);
    schema.use_keyspace().await?;
    let table = "CREATE TABLE IF NOT EXISTS schema_migrations \
                 (version int PRIMARY KEY, name text, checksum text, applied_at timestamp) \
                 WITH comment = 'what parlor init has done here'";
    schema.query(table, ()).await?;
    let applied = schema.applied().await?;
    refuse_wrong(address, MIGRATIONS, &applied)?;
    for migration in MIGRATIONS.iter().filter(|one| !applied.contains_key(&one.version)) {
        for statement in statements(migration.cql) {
            schema.query(&statement, ()).await?;
        }
        let insert = "INSERT INTO schema_migrations (version, name, checksum, applied_at) \
                      VALUES (?, ?, ?, toTimestamp(now())) IF NOT EXISTS";
        // That another run was faster is no matter: it did the same.
        schema.query(insert, (migration.version, migration.name, migration.checksum())).await?;
        done.push(format!("cassandra: migration {} ({}) applied", migration.version, migration.name));
    }
    Ok(done)
}

/// The schema, read and changed through one node: the first by id of those that are there, so that
/// every run takes the same.
struct Schema<'a> {
    session: &'a Session,
    address: &'a Address,
    node: Option<uuid::Uuid>,
    /// What passes (a node that has not heard of a table yet) is tried again for so long.
    patience: Duration,
}

impl<'a> Schema<'a> {
    fn of(session: &'a Session, address: &'a Address, patience: Duration) -> Self {
        let state = session.get_cluster_state();
        let there = state.get_nodes_info().iter().filter(|node| node.is_connected());
        Self { session, address, node: there.map(|node| node.host_id).min(), patience }
    }

    /// Everything that is asked here may be asked again.
    async fn query(&self, cql: &str, values: impl SerializeRow) -> Result<QueryResult, OpenError> {
        let mut statement = Statement::new(cql);
        statement.set_request_timeout(Some(self.patience));
        if let Some(node) = self.node {
            let policy = SingleTargetLoadBalancingPolicy::new(NodeIdentifier::HostId(node), None);
            statement.set_load_balancing_policy(Some(policy));
        }
        let end = Instant::now() + self.patience;
        loop {
            let failure = match self.session.query_unpaged(statement.clone(), &values).await {
                Ok(found) => return Ok(found),
                Err(error) => Failure::from(error),
            };
            if matches!(failure, Failure::Lasting(_)) || Instant::now() >= end {
                return Err(self.address.unreachable(format!("{failure} (at: {})", first_line(cql))));
            }
            sleep(PAUSE).await;
        }
    }

    async fn rows<R>(&self, cql: &str, values: impl SerializeRow) -> Result<Vec<R>, OpenError>
    where
        R: for<'frame, 'metadata> DeserializeRow<'frame, 'metadata>,
    {
        let wrong = |error: &dyn std::fmt::Display| self.address.unreachable(error);
        let found = self.query(cql, values).await?.into_rows_result().map_err(|error| wrong(&error))?;
        let rows = found.rows::<R>().map_err(|error| wrong(&error))?;
        rows.collect::<Result<_, _>>().map_err(|error| wrong(&error))
    }

    async fn has_keyspace(&self) -> Result<bool, OpenError> {
        let query = "SELECT keyspace_name FROM system_schema.keyspaces WHERE keyspace_name = ?";
        Ok(!self.rows::<(String,)>(query, (&self.address.keyspace,)).await?.is_empty())
    }

    /// Checksums of what was applied, by version.
    async fn applied(&self) -> Result<BTreeMap<i32, String>, OpenError> {
        let keyspace = &self.address.keyspace;
        let query = "SELECT table_name FROM system_schema.tables \
                     WHERE keyspace_name = ? AND table_name = 'schema_migrations'";
        if self.rows::<(String,)>(query, (keyspace,)).await?.is_empty() {
            return Ok(BTreeMap::new());
        }
        let query = format!("SELECT version, checksum FROM {keyspace}.schema_migrations");
        Ok(self.rows::<(i32, String)>(&query, ()).await?.into_iter().collect())
    }

    /// The keyspace, with copies in every datacenter.
    async fn make_keyspace(&self, settings: &CassandraSettings) -> Result<Option<String>, OpenError> {
        if self.has_keyspace().await? {
            return Ok(None);
        }
        let copies = connect::datacenters(self.session).into_iter().map(|(name, nodes)| {
            let copies = settings.replication.min(nodes);
            let option = format!("'{}': {copies}", name.replace('\'', "''"));
            (option, format!("{copies} in {name} ({nodes} nodes)"))
        });
        let (options, words): (Vec<_>, Vec<_>) = copies.unzip();
        let keyspace = &self.address.keyspace;
        let cql = format!(
            "CREATE KEYSPACE IF NOT EXISTS {keyspace} \
             WITH replication = {{'class': 'NetworkTopologyStrategy', {}}}",
            options.join(", ")
        );
        self.query(&cql, ()).await?;
        Ok(Some(format!("cassandra: keyspace {keyspace} made, with copies: {}", words.join(", "))))
    }

    /// A keyspace that another run is just making is in the schema's tables a moment before it can
    /// be used.
    async fn use_keyspace(&self) -> Result<(), OpenError> {
        let end = Instant::now() + self.patience;
        loop {
            match self.session.use_keyspace(&self.address.keyspace, false).await {
                Ok(()) => return Ok(()),
                Err(error) if Instant::now() >= end => return Err(self.address.unreachable(error)),
                Err(_) => sleep(PAUSE).await,
            }
        }
    }
}

/// Refuses migrations that this program does not know, or knows otherwise.
fn refuse_wrong(
    address: &Address,
    known: &[Migration],
    applied: &BTreeMap<i32, String>,
) -> Result<(), OpenError> {
    for (version, checksum) in applied {
        let Some(migration) = known.iter().find(|one| one.version == *version) else {
            return Err(address.unreachable(format!(
                "the keyspace is newer than this program (migration {version}): run a newer one"
            )));
        };
        if migration.checksum() != *checksum {
            return Err(address.unreachable(format!(
                "migration {version} ({}) was applied with another content than this program has",
                migration.name
            )));
        }
    }
    Ok(())
}

/// The statements of a file: up to each `;`, without comments.
fn statements(cql: &str) -> Vec<String> {
    let (mut all, mut one, mut quoted) = (Vec::new(), String::new(), false);
    let mut rest = cql.chars().peekable();
    while let Some(next) = rest.next() {
        match next {
            '-' if !quoted && rest.peek() == Some(&'-') => while rest.next_if(|c| *c != '\n').is_some() {},
            ';' if !quoted => all.push(std::mem::take(&mut one)),
            other => {
                quoted ^= other == '\'';
                one.push(other);
            }
        }
    }
    all.push(one);
    let trimmed = all.into_iter().map(|one| one.trim().to_owned());
    trimmed.filter(|one| !one.is_empty()).collect()
}

fn first_line(cql: &str) -> &str {
    cql.lines().next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_statement_may_run_again() {
        for (place, migration) in (1..).zip(MIGRATIONS) {
            assert_eq!(migration.version, place, "versions are 1, 2, 3 …");
            let statements = statements(migration.cql);
            assert!(!statements.is_empty());
            for statement in statements {
                assert!(statement.contains("IF NOT EXISTS"), "{statement}");
                assert!(!statement.contains("TimeWindow"), "write times are no clock times: {statement}");
            }
        }
    }

    #[test]
    fn statements_end_at_semicolons_outside_of_quotes_and_comments() {
        let cql = "-- a; b\nONE 'x;--y' ; -- c\nTWO\n-- end;\n";
        assert_eq!(statements(cql), ["ONE 'x;--y'", "TWO"]);
    }

    #[test]
    fn what_was_applied_must_be_known_and_the_same() {
        let address = Address::of("cassandra://a/k").unwrap();
        let known = [migration(1, "one", "A;")];
        let same = BTreeMap::from([(1, known[0].checksum())]);
        assert!(refuse_wrong(&address, &known, &same).is_ok());
        let other = BTreeMap::from([(1, migration(1, "one", "B;").checksum())]);
        assert!(refuse_wrong(&address, &known, &other).unwrap_err().to_string().contains("another content"));
        let newer = BTreeMap::from([(2, String::new())]);
        assert!(refuse_wrong(&address, &known, &newer).unwrap_err().to_string().contains("newer"));
    }
}
