//! `slow_consumer`: a fifth of a group reads nothing. What the others' deliveries cost and how late they
//! are, against the same group with everybody reading; whether the deaf are cut off, and what they cost
//! in memory until then.

use crate::{
    load::{self, Plan, Shape},
    measure::{Run, Side, resident},
    people::People,
};
use std::time::Duration;

const GROUP: usize = 100;
const DEAF: usize = 20;
/// The kernel's buffers take some megabytes before anything waits in ours.
const ROUND_MIN: Duration = Duration::from_secs(5);

pub async fn bench(run: &Run) {
    let people = People::embedded(GROUP).await.group().await;
    let plan = Plan::windows(Shape::Group, GROUP, 16, run.round.max(ROUND_MIN));
    let duel = run
        .duel(async |side| {
            let stalled = if side == Side::Ours { DEAF } else { 0 };
            let figures = load::run(&Plan { stalled, ..plan.clone() }, &people).await;
            let mut sample = figures.by_deliveries();
            if side == Side::Ours {
                sample.figures.push(("cut_off", figures.cut));
            }
            let megabytes = resident(people.server().pid()) / 1024.0 / 1024.0;
            sample.figures.push(("resident_mb", megabytes));
            sample
        })
        .await;
    let case = format!("group of {GROUP}, {DEAF} of them deaf");
    run.tell(&duel.cpu("slow_consumer", case, "delivery to the others").against("nobody deaf"));
}
