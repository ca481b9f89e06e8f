//! The store on Apache Cassandra.
//!
//! ```text
//!  port call ──▶ writes or reads of single partitions ──▶ permits (bounded) ──▶ the driver, token-aware
//!                      │ many effects: one batch per partition        │ retried until it is known,
//!                      └ phases: what must be readable first          └ or given up as `Unavailable`
//! ```
//!
//! **Rows are columns**, as a person expects them in `cqlsh`, and so that a later version can add
//! one; a body is JSON, because its shape differs by kind and is the client's. Nothing is a blob of
//! our own encoding.
//!
//! **The larger wins without a look.** Cassandra keeps, per column, the value with the larger write
//! time. So the write time of folded rows is a rank, not a clock: the record's `seq`, a mark's own
//! value, the offset. A redaction's is 2^53 + seq, above every version of the text. No row is read
//! in order to be written, and replays change nothing. It follows that those tables never hold
//! a null that means something (`migrations/cassandra/001_history.cql` says why).
//!
//! **Order inside one `write`**: standings; then records, marks, answers, settings; then the edits
//! of what was deleted; then heads; then `written_to`. Each phase begins when the one before is
//! acknowledged by a quorum, so a head is there only when what it counts is (the persister drops
//! records at or below it), and `written_to` only when everything is.
//!
//! Lightweight transactions decide names and sessions only, never anything on the message path.

mod accounts;
mod acts;
mod address;
mod admin;
mod batches;
mod blocks;
mod connect;
mod failure;
mod history;
mod marks;
mod media;
mod members;
mod migrations;
mod own_settings;
mod pushes;
mod records;
mod requests;
mod rows;
mod sessions;
mod settings;
mod statements;
mod tls;
mod visibility;
mod writing;

pub use settings::CassandraSettings;

use crate::{Clock, Store, open::OpenError};
use address::Address;
use requests::Requests;
use statements::Statements;
use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

/// Connects to the nodes of `cassandra://host:port,…/keyspace`, and refuses a keyspace whose
/// migrations have not been run.
pub(crate) async fn open(
    url: &str,
    settings: &CassandraSettings,
    acks_ms: i64,
    clock: Arc<dyn Clock>,
) -> Result<Arc<dyn Store>, OpenError> {
    settings.check()?;
    let address = Address::of(url)?;
    let session = connect::connect(&address, settings).await?;
    migrations::check(&session, &address).await?;
    let profiles = connect::Profiles::of(settings);
    let statements = Statements::prepare(&session, &address.keyspace, &profiles).await;
    let statements = statements.map_err(|failure| address.unreachable(failure))?;
    let requests = Requests::new(session, settings);
    let stamps = Stamps { clock: clock.clone(), last: AtomicI64::new(0) };
    Ok(Arc::new(CassandraStore { requests, statements, acks_ms, clock, stamps }))
}

/// Makes the keyspace and runs the migrations that are missing. Changes nothing when called again;
/// what it did, in words.
pub(crate) async fn init(url: &str, settings: &CassandraSettings) -> Result<Vec<String>, OpenError> {
    settings.check()?;
    let address = Address::of(url)?;
    let session = connect::connect(&address, settings).await?;
    migrations::run(&session, &address, settings).await
}

/// The store.
struct CassandraStore {
    requests: Requests,
    statements: Statements,
    /// How long the dedup index keeps an answer.
    acks_ms: i64,
    clock: Arc<dyn Clock>,
    stamps: Stamps,
}

/// Write times of rows that have no rank: microseconds since 1970, each later than the one before.
struct Stamps {
    clock: Arc<dyn Clock>,
    last: AtomicI64,
}

impl Stamps {
    fn next(&self) -> i64 {
        let now = self.clock.now().0.saturating_mul(1_000);
        let before = self
            .last
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |last| Some(now.max(last.saturating_add(1))));
        now.max(before.unwrap_or_default().saturating_add(1))
    }
}
