//! `e2e`: people who write to each other, embedded and on real engines: throughput, cost per role, and
//! latency against load.

use crate::{
    echo::sides,
    load::{self, Plan, Shape},
    measure::{Judged, Report, Run, Sample},
    people::People,
    server::{Server, has_engines},
};
use std::time::Duration;

/// Open loop, sends per second: up to what one core can carry.
const RATES: [u64; 6] = [100, 1_000, 2_000, 5_000, 10_000, 20_000];
/// On engines that share two cores with everything else.
const RATES_ON_ENGINES: [u64; 4] = [20, 100, 500, 1_000];
/// Light: two fsyncs and thread hand-overs, no queues.
const LIGHT: u64 = 100;
/// Groups join, statements are prepared, and Java's compiler gets to know the brokers' work: before
/// that 100 sends a second keep both cores busy, and each takes ten times as long.
const WARM: Duration = Duration::from_secs(60);
/// p50 from `send` to the receiver's socket.
const RECEIVE_MS: f64 = 25.0;

pub async fn embedded(run: &Run) {
    let people = People::embedded(100).await.pairs().await;
    let plan = Plan::windows(Shape::Pairs, 100, 16, run.round);
    let duel = run.duel(async |side| sides(side, &plan, &people).await.by_sends()).await;
    run.tell(&duel.cpu("e2e", "embedded, 50 pairs, window 16", "send").against("raw tokio"));
    for rate in RATES {
        let plan = Plan::at_rate(Shape::Pairs, 20, rate, run.round);
        let duel = run.duel(async |side| sides(side, &plan, &people).await.by_sends()).await;
        let report = duel.cpu("e2e", format!("embedded, 10 pairs, {rate} sends/s"), "send");
        run.tell(&report.against("raw tokio").at("embedded", rate as f64));
    }
    let group = People::embedded(100).await.group().await;
    for window in [1, 16] {
        let plan = Plan::windows(Shape::Group, 100, window, run.round);
        let duel = run.duel(async |side| sides(side, &plan, &group).await.by_deliveries()).await;
        let case = format!("embedded, group of 100, window {window}");
        run.tell(&duel.cpu("e2e", case, "delivery").against("raw tokio"));
    }
    let group = People::embedded(1_000).await.group().await;
    let plan = Plan::at_rate(Shape::Group, 1_000, 10, run.round);
    let duel = run.duel(async |side| sides(side, &plan, &group).await.by_deliveries()).await;
    run.tell(&duel.cpu("e2e", "embedded, group of 1 000, 10 sends/s", "delivery").against("raw tokio"));
}

/// No baseline: brokers and roles share the cores, and a raw server would have them alone.
pub async fn on_engines(run: &Run) {
    if !has_engines() {
        println!("| on engines | left out: no PARLOR__LOG=kafka://… (dev/engines up, dev/engines env) |");
        return;
    }
    let people = People::at(Server::on_engines(), 100).await.pairs().await;
    load::run(&Plan::windows(Shape::Pairs, 100, 4, WARM), &people).await;
    let plan = Plan::windows(Shape::Pairs, 100, 16, run.round);
    run.tell(&by_role(run, &people, &plan, "on engines, 50 pairs, window 16").await);
    for rate in RATES_ON_ENGINES {
        let plan = Plan::at_rate(Shape::Pairs, 20, rate, run.round);
        let case = format!("on engines, 10 pairs, {rate} sends/s");
        let report = by_role(run, &people, &plan, &case).await.at("on engines", rate as f64);
        run.tell(&report);
        if rate == LIGHT {
            let median = run.alone(async || load::run(&plan, &people).await.by_sends()).await;
            let report = median.report("e2e", format!("{case}, receive p50"), "ms", |sample| {
                sample.figure("receive_p50_ms")
            });
            run.tell(&report.judged(Judged::AtMost(RECEIVE_MS)));
        }
    }
}

/// CPU of all roles per send, with each role's share among the other figures.
async fn by_role(run: &Run, people: &People, plan: &Plan, case: &str) -> Report {
    let duel = run
        .alone(async || {
            let before = people.server().cpu_by_role();
            let figures = load::run(plan, people).await;
            let mut sample: Sample = figures.by_sends();
            for ((role, after), (_, before)) in people.server().cpu_by_role().iter().zip(before) {
                sample.figures.push((*role, (after - before) * 1e6 / figures.sends.max(1.0)));
            }
            sample
        })
        .await;
    duel.cpu("e2e", case, "send")
}
