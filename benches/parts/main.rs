//! Parts of the server in this process, each against the least that does the same: no sockets, and on real
//! engines their bare clients with the same settings.
//!
//! `cargo bench --bench parts` runs all; `cargo bench --bench parts -- codec log_append` some
//! (benches/README.md).

#![allow(missing_docs)]

mod append_kafka;
mod bare_kafka;
mod codec;
mod consume_kafka;
mod engines;
mod fanout_redis;
mod groups;
mod growth;
mod ingest_kafka;
mod log_append;
#[path = "../measure/measure.rs"]
mod measure;
mod persist_cassandra;
mod words;
mod world;

use measure::Run;

// As the real binary.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const ALL: [&str; 8] = [
    "codec",
    "log_append",
    "growth",
    "append_kafka",
    "consume_kafka",
    "ingest_kafka",
    "fanout_redis",
    "persist_cassandra",
];

async fn all(run: &Run) {
    for name in ALL.into_iter().filter(|name| run.wants(name)) {
        match name {
            "codec" => codec::bench(run).await,
            "log_append" => log_append::bench(run).await,
            "growth" => {
                growth::bench(run).await;
                groups::bench(run).await;
            }
            "append_kafka" => append_kafka::bench(run).await,
            "consume_kafka" => consume_kafka::bench(run).await,
            "ingest_kafka" => ingest_kafka::bench(run).await,
            "fanout_redis" => fanout_redis::bench(run).await,
            _ => persist_cassandra::bench(run).await,
        }
    }
}

fn main() {
    let run = Run::from_command_line();
    let unknown = run.unknown(&ALL);
    assert!(unknown.is_empty(), "no such benchmark: {}; there are {}", unknown.join(", "), ALL.join(", "));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    runtime.block_on(all(&run));
}
