//! The real sequencer (core, memory, rebuild) over a simulated log, store and scheduler, with seeds.
//!
//! Two processes want the partition. A scheduler of our own polls one of them at a time, as the seed
//! says, so that everything between two awaits is one step; at every await a process may be dropped (a
//! crash) or left lying for long (a zombie). Commits may fail before or after they are written, or be
//! written later, unless a claim comes first. The store's index lags, and says how far it is even later;
//! retention takes old records away. Clients resend, with clocks that are wrong, and sometimes under
//! the same id something else.
//!
//! After every run: seq without holes, `ord` and times that rise, each id once, every command decided
//! exactly once and none passed over, definite answers that agree with the log, no answer before its
//! commit, and after every rebuild the position and log time of what was committed.
//!
//! Driven are `core`, `rebuild` and what a batch writes (`runner::entries`). Not driven: the runner's
//! two stages, the consume loop, `facts` (its timeouts and probes); their order of steps is told again
//! in [`process`]. Dead letters are the stories' matter.
//!
//! `PARLOR_SEEDS=100000 cargo test --release -p parlor-ingest --test simulation` is the long run;
//! `PARLOR_SEED=7` runs one seed alone.

mod check;
mod clients;
mod partition;
mod process;
mod schedule;

use schedule::Run;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name}={text}")))
}

#[test]
fn every_seed_keeps_the_promise() {
    let one = number("PARLOR_SEED");
    let seeds = one.map_or(0..number("PARLOR_SEEDS").unwrap_or(1_000), |seed| seed..seed + 1);
    let mut sum = check::Told::default();
    for seed in seeds {
        let run = std::panic::catch_unwind(|| check::all(&Run::of(seed).finished()));
        let again = format!("PARLOR_SEED={seed} cargo test -p parlor-ingest --test simulation");
        sum.add(&run.unwrap_or_else(|_| panic!("seed {seed}: {again}")));
    }
    println!("{sum:?}");
    assert!(one.is_some() || sum.has_seen_everything(), "too little happened: {sum:?}");
}
