//! End to end: the real binary on one core, the clients on the other, and a raw tokio server with
//! the same frames in the same run as the baseline. Figures are CPU-seconds of the server's process
//! (`/proc`), not wall time alone.
//!
//! `cargo bench --bench e2e` runs all; `cargo bench --bench e2e -- pairs group` some.

#![allow(clippy::disallowed_methods, reason = "a benchmark reads the clock")]
#![allow(missing_docs)]

mod idle;
mod load;
mod people;
mod raw;
mod restart;
mod server;
mod socket;

use load::{Figures, Plan};
use std::time::Duration;

/// One row of the table.
fn print(name: &str, parlor: &Figures, raw: Option<&Figures>) {
    let line = |who: &str, f: &Figures| {
        println!(
            "| {name} | {who} | {:.0} | {:.0} | {:.1} | {:.2} | {:.2} / {:.2} | {:.2} / {:.2} |",
            f.sends_per_second(),
            f.deliveries_per_second(),
            f.cpu_per_send_us(),
            f.cpu_per_delivery_us(),
            f.ack_ms(50.0),
            f.ack_ms(99.0),
            f.receive_ms(50.0),
            f.receive_ms(99.0),
        );
    };
    line("parlor", parlor);
    if let Some(raw) = raw {
        line("raw tokio", raw);
        println!(
            "| | ratio of CPU | | | {:.1} × | {:.1} × | | |",
            parlor.cpu_per_send_us() / raw.cpu_per_send_us(),
            parlor.cpu_per_delivery_us() / raw.cpu_per_delivery_us()
        );
    }
}

async fn measured(name: &str, plan: Plan, users: &people::People) {
    let server = users.server();
    let warm = Plan { duration: Duration::from_secs(1), ..plan.clone() };
    load::run(&warm, users, server.pid()).await;
    let before = server.cpu_by_role();
    let parlor = load::run(&plan, users, server.pid()).await;
    let after = server.cpu_by_role();
    if server::on_engines() {
        // The brokers share these two cores: no baseline, but each role's share.
        print(name, &parlor, None);
        let share = |((role, before), (_, after)): (&(&str, Duration), &(&str, Duration))| {
            let used = after.saturating_sub(*before).as_secs_f64() * 1e6;
            format!("{role} {:.0}", used * parlor.sends_per_second().recip() / plan.duration.as_secs_f64())
        };
        let shares: Vec<_> = before.iter().zip(&after).map(share).collect();
        println!("| {name} | CPU µs per send: {} |", shares.join(", "));
        return;
    }
    let raw = raw::run(&plan).await;
    print(name, &parlor, Some(&raw));
    if parlor.last_receiver_ms(50.0) > 0.0 && plan.group > 0 {
        println!(
            "| {name} | last of {} receivers | | | | | | {:.1} / {:.1} |",
            plan.group,
            parlor.last_receiver_ms(50.0),
            parlor.last_receiver_ms(99.0)
        );
    }
}

async fn all(wanted: &[String]) {
    let wants = |name: &str| wanted.is_empty() || wanted.iter().any(|w| w == name);
    println!(
        "| load | who | sends/s | deliveries/s | CPU µs/send | CPU µs/delivery | ack ms p50 / p99 | receive ms p50 / p99 |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    let seconds =
        Duration::from_secs(std::env::var("BENCH_SECONDS").ok().and_then(|s| s.parse().ok()).unwrap_or(8));
    let plan = Plan { users: 100, group: 0, window: 16, rate: 0, duration: seconds };
    if wants("pairs") {
        let users = people::People::pairs(100).await;
        measured("50 pairs, window 16", plan.clone(), &users).await;
    }
    if wants("light") {
        let users = people::People::pairs(20).await;
        let light = Plan { users: 20, rate: 200, ..plan.clone() };
        measured("10 pairs, 200 sends/s open loop", light, &users).await;
    }
    if wants("group") {
        let users = people::People::group(100).await;
        for window in [1, 16] {
            let group = Plan { users: 100, group: 100, window, ..plan.clone() };
            measured(&format!("group of 100, one sender, window {window}"), group, &users).await;
        }
    }
    if wants("thousand") {
        let users = people::People::group(1_000).await;
        let group = Plan { users: 1_000, group: 1_000, window: 1, rate: 10, ..plan };
        measured("group of 1 000, 10 sends/s", group, &users).await;
    }
    if wants("idle") {
        idle::run(2_000).await;
    }
    if wants("restart") {
        restart::run().await;
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|a| a != "--bench").collect();
    if arguments.first().is_some_and(|a| a == "raw-server") {
        return raw::serve(arguments.get(1).and_then(|n| n.parse().ok()).unwrap_or(0));
    }
    server::pin(std::process::id(), 1);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(all(&arguments));
}
