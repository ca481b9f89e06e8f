//! `parlor prove …`: load and checking against a deployment, from outside. Nothing of it is opened here:
//! an operator's own machine, the gateways' addresses, and what clients see.

use crate::cli;
use parlor_prove::{Progress, Run, Settings};
use std::time::Duration;
use tokio::time::{Instant, interval, sleep_until};

/// How it goes is told this often.
const TOLD_EVERY: Duration = Duration::from_secs(5);

/// Runs, or only checks; whether every promise was kept.
pub async fn run(ask: &cli::Prove) -> anyhow::Result<bool> {
    let report = match &ask.check {
        Some(history) => parlor_prove::check(history)?,
        None => try_out(ask).await?,
    };
    if ask.json {
        println!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        println!("{report}");
    }
    Ok(report.is_clean())
}

async fn try_out(ask: &cli::Prove) -> anyhow::Result<parlor_checker::Report> {
    let settings = Settings {
        people: ask.people,
        rate: ask.rate,
        seed: ask.seed,
        restless_ms: ask.restless_ms,
        ..Settings::new(ask.url.clone(), ask.history.clone())
    };
    eprintln!("{} people sign in at {}", ask.people, ask.url.join(", "));
    let run = Run::start(settings).await?;
    let end = Instant::now() + Duration::from_secs(ask.seconds);
    let mut told = interval(TOLD_EVERY);
    loop {
        tokio::select! {
            () = sleep_until(end) => break,
            _ = told.tick() => eprintln!("{}", line(run.progress())),
        }
    }
    eprintln!("the load ends; every device catches up, and every view is read");
    let finished = run.finish().await?;
    eprintln!("the history is {}", finished.history.display());
    Ok(finished.report)
}

fn line(progress: Progress) -> String {
    let Progress { invoked, acked, refused, received, connects } = progress;
    format!("{invoked} asked, {acked} acked, {refused} refused, {received} received, {connects} connects")
}
