//! `ws_echo`: everybody writes to themselves. What one message costs from the socket to the log, the
//! store and back to one socket, and what the same three frames cost without any of that.

use crate::{
    figures::Figures,
    load::{self, Plan, Shape},
    measure::{Run, Side},
    people::People,
    raw,
};

const SOCKETS: usize = 50;

pub async fn bench(run: &Run) {
    let people = People::embedded(SOCKETS).await.notebooks().await;
    for window in [1, 16] {
        let plan = Plan::windows(Shape::Notebooks, SOCKETS, window, run.round);
        let duel = run.duel(async |side| sides(side, &plan, &people).await.by_sends()).await;
        let case = format!("{SOCKETS} sockets, window {window}");
        run.tell(&duel.cpu("ws_echo", case, "send").against("raw tokio"));
    }
}

/// One side's turn at a plan.
pub async fn sides(side: Side, plan: &Plan, people: &People) -> Figures {
    match side {
        Side::Ours => load::run(plan, people).await,
        Side::Baseline => raw::run(plan).await,
    }
}
