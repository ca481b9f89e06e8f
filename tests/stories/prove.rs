//! Trying a deployment out: people act, sockets are cut, and what everybody saw is checked.

use crate::world::{World, until};
use parlor::cli::RoleName;
use parlor_prove::{Finished, ProveError, Run, Settings, check};
use std::{fs, path::Path, time::Duration};

/// Rules that measure time.
const TIMED: [&str; 2] = ["liveness", "presence"];
/// So many operations are acknowledged before all sockets are cut, and again afterwards.
const ACKED: u64 = 150;

async fn proved(world: &World, history: &Path) -> Finished {
    let urls = (0..2).map(|n| format!("http://{}", world.gateway(n))).collect();
    let settings = Settings {
        people: 6,
        rate: 100,
        restless_ms: 300,
        patience: Duration::from_secs(120),
        ..Settings::new(urls, history.to_owned())
    };
    let run = Run::start(settings).await.expect("the run starts");
    for _ in 0..2 {
        let enough = run.progress().acked + ACKED;
        until("the load goes on", async || (run.progress().acked >= enough).then_some(())).await;
        run.mark_fault("all sockets are cut").await;
        run.cut_all();
        run.healed().await;
    }
    let rested = run.rest().await.expect("it comes to rest");
    rested.dump(world.engines()).await.expect("the log and the store can be read");
    rested.check().await.expect("the history is whole")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_with_cut_sockets_keeps_every_promise_and_a_damaged_history_is_refused() {
    let layout = vec![RoleName::ALL.to_vec(), vec![RoleName::Gateway]];
    let world = World::with_nodes(layout, |_| {}).await;
    let place = tempfile::tempdir().expect("a temporary directory");
    let history = place.path().join("history.jsonl");
    let Finished { report, .. } = proved(&world, &history).await;
    println!("{report}");
    // How fast a busy machine is is no story's matter.
    let mut broken = report.violations().filter(|violation| !TIMED.contains(&violation.rule.as_str()));
    assert!(broken.next().is_none(), "{report}");
    assert!(report.acked >= 2 * ACKED, "{report}");
    for outcome in &report.rules {
        // A rule that counts nothing has seen nothing; presence is disturbed by the cuts.
        assert!(outcome.checked > 0 || outcome.rule == "presence", "{report}");
    }

    let text = fs::read_to_string(&history).expect("a history");
    let record = text.lines().position(|line| line.contains("\"source\":\"store\"")).expect("a dump");
    let lost: Vec<&str> = text.lines().enumerate().filter(|(at, _)| *at != record).map(|(_, l)| l).collect();
    fs::write(&history, lost.join("\n") + "\n").expect("written");
    let refused = check(&history).expect_err("a line is missing");
    assert!(
        matches!(refused, ProveError::Damaged(_)) && refused.to_string().contains("not whole"),
        "{refused}"
    );
    fs::write(&history, &text.as_bytes()[..text.len() / 2]).expect("written");
    let refused = check(&history).expect_err("it is cut").to_string();
    assert!(refused.contains("damaged") || refused.contains("not whole"), "{refused}");
}
