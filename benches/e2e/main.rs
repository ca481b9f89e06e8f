//! The whole server: the real binary on core 0, the clients on core 1, and a raw tokio server with the
//! same frames in the same run as the baseline. Costs are CPU seconds of the server's process.
//!
//! `cargo bench --bench e2e` runs all; `cargo bench --bench e2e -- ws_fanout ws_idle` some
//! (benches/README.md).

#![allow(missing_docs)]

mod accept;
mod echo;
mod fanout;
mod figures;
mod frames;
mod idle;
mod load;
#[path = "../measure/measure.rs"]
mod measure;
mod pages;
mod people;
mod raw;
mod receipts;
mod restart;
mod server;
mod slow;
mod socket;
mod storm;
mod whole;
mod writer;

use measure::Run;

// As the real binary: a part of this program is a gateway.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const ALL: [&str; 11] = [
    "ws_echo",
    "ws_fanout",
    "ws_idle",
    "reconnect_storm",
    "history_page",
    "receipts_storm",
    "slow_consumer",
    "accept",
    "restart",
    "e2e",
    "e2e_engines",
];

async fn all(run: &Run) {
    for name in ALL.into_iter().filter(|name| run.wants(name)) {
        match name {
            "ws_echo" => echo::bench(run).await,
            "ws_fanout" => fanout::bench(run).await,
            "ws_idle" => idle::bench(run).await,
            "reconnect_storm" => storm::bench(run).await,
            "history_page" => pages::bench(run).await,
            "receipts_storm" => receipts::bench(run).await,
            "slow_consumer" => slow::bench(run).await,
            "accept" => accept::bench(run).await,
            "restart" => restart::bench(run).await,
            "e2e" => whole::embedded(run).await,
            _ => whole::on_engines(run).await,
        }
    }
}

/// This program as the other side of a benchmark.
async fn part(kind: &str, arguments: &[String]) {
    let text = |at: usize| arguments.get(at).map_or("", String::as_str);
    let number = |at: usize| text(at).parse().unwrap_or(0);
    match (kind, text(0)) {
        ("gateway-alone", data) => accept::gateway_alone(data).await,
        ("raw-log", directory) => accept::raw_log(directory, number(1), number(2)).await,
        (_, "writer") => writer::serve().await,
        (_, "handshakes") => storm::serve(number(1), number(2), number(3)).await,
        (_, "pages") => pages::serve(text(1)).await,
        (_, kind) => raw::serve(kind, number(1)).await,
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|a| a != "--bench").collect();
    if let Some(kind @ ("raw-server" | "raw-log")) = arguments.first().map(String::as_str) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        return runtime.block_on(tokio::task::LocalSet::new().run_until(part(kind, &arguments[1..])));
    }
    if let Some(kind @ "gateway-alone") = arguments.first().map(String::as_str) {
        // As many threads as the real binary has.
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
        return runtime.block_on(part(kind, &arguments[1..]));
    }
    let run = Run::from_command_line();
    let unknown = run.unknown(&ALL);
    assert!(unknown.is_empty(), "no such benchmark: {}; there are {}", unknown.join(", "), ALL.join(", "));
    server::pin(std::process::id(), 1);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(all(&run));
}
