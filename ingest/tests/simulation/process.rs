//! One process that serves the partition, in the order of the runner: claim, rebuild, then prepare ahead,
//! decide, commit, apply, answer.

use crate::{
    partition::{State, Topics, Verdict, Verdicts, pause},
    schedule::Store,
};
use parking_lot::Mutex;
use parlor_engines::{
    Health, Log as _,
    consume::{Retry, Stop},
    log::LogError,
};
use parlor_ingest::{
    core::{Core, Decided, Facts, IndexFact, Input, is_certainly_new},
    rebuild::rebuild,
    runner::entries,
};
use parlor_schemas::{Command, Limits, Timestamp, avro, topics::Offset};
use rand::Rng as _;
use std::{collections::VecDeque, sync::Arc};
use tokio_util::sync::CancellationToken;

/// What a process can reach.
#[derive(Clone)]
pub struct Process {
    pub log: Topics,
    pub store: Arc<Mutex<Store>>,
    pub limits: Limits,
}

impl Process {
    /// Serves for as long as it is polled.
    pub async fn serve(self) {
        loop {
            let error = self.own().await;
            assert!(matches!(error, LogError::Fenced | LogError::Unavailable(_)), "{error}");
            pause().await;
        }
    }

    async fn own(&self) -> LogError {
        let mut owner = match self.log.claim(0).await {
            Ok(owner) => owner,
            Err(error) => return error,
        };
        let epoch = self.log.0.lock().epoch;
        pause().await;
        let retry = Retry::new("ingest/0", Health::default(), CancellationToken::new());
        let mut core = match rebuild(&self.log, &self.limits, 0, &retry).await {
            Ok(core) => core,
            Err(Stop::Alarm(reason)) => panic!("the rebuild ends in an alarm: {reason}"),
            Err(Stop::Closing) => panic!("nobody closes"),
        };
        {
            let state = self.log.0.lock();
            // Another owner may have committed since: then this one's commits are refused.
            if state.epoch == epoch {
                is_exact(&core, &state);
            }
        }
        let mut polled = core.next_command();
        let mut ahead: VecDeque<Vec<(Input, Facts)>> = VecDeque::new();
        loop {
            let depth = self.log.0.lock().random.random_range(1..4);
            while ahead.len() < depth {
                let batch = self.prepare(&core, &mut polled).await;
                if batch.is_empty() {
                    break;
                }
                ahead.push_back(batch);
            }
            let heads = core.is_behind_in_rows() && self.log.0.lock().random.random_bool(0.3);
            let batch = ahead.pop_front().unwrap_or_default();
            if batch.is_empty() && !heads {
                pause().await;
                continue;
            }
            let mut draft = core.draft();
            for (input, facts) in &batch {
                draft.decide(input, facts);
            }
            let decided = draft.finish(heads);
            let verdicts = verdicts(&decided);
            let Decided { records, rows, change, .. } = decided;
            self.log.0.lock().deciding = verdicts.clone();
            match owner.commit(entries(0, &records, &rows)).await {
                Ok(offsets) => core.apply(change, &offsets[..records.len()]),
                Err(error) => return error,
            }
            // Now the answers may go.
            let state = self.log.0.lock();
            for (offset, verdict) in &verdicts {
                assert_eq!(state.decided.get(offset), Some(verdict), "an answer that was not committed");
            }
        }
    }

    /// Polls some commands, and asks the store what the core may need to know of them.
    async fn prepare(&self, core: &Core, polled: &mut Offset) -> Vec<(Input, Facts)> {
        pause().await;
        let inputs: Vec<Input> = {
            let mut state = self.log.0.lock();
            let count = state.random.random_range(1..6);
            let waiting = state.commands.iter().filter(|record| record.offset >= *polled);
            let input = |record: &parlor_engines::log::LogRecord| Input {
                offset: record.offset,
                at: record.at,
                command: avro::decode_command(record.value.as_deref().unwrap_or_default())
                    .expect("a command"),
            };
            waiting.take(count).map(input).collect()
        };
        let Some(last) = inputs.last() else { return Vec::new() };
        *polled = last.offset + 1;
        let newest = inputs.iter().map(|input| input.at).fold(core.log_time(), Timestamp::max);
        let forgotten = core.memory().forgotten();
        let unsure = |c: &Command| is_certainly_new(&self.limits, c, newest, forgotten) == Ok(false);
        // Sometimes the store can't be asked, and sometimes it is asked without need.
        let (is_down, asks_all) = {
            let mut state = self.log.0.lock();
            let calm = state.is_calm;
            (!calm && state.random.random_bool(0.1), calm || state.random.random_bool(0.3))
        };
        let written_to = self.store.lock().written_to;
        pause().await;
        let store = self.store.lock();
        let facts = |command: &Command| {
            if is_down {
                return Facts::default();
            }
            let ask = asks_all || unsure(command);
            let index = ask.then(|| IndexFact { written_to, ack: store.ack(command) });
            Facts { index, target: store.target(command) }
        };
        inputs
            .into_iter()
            .map(|input| {
                let facts = facts(&input.command);
                (input, facts)
            })
            .collect()
    }
}

/// What each command of a batch came to: its request's number is its offset.
fn verdicts(decided: &Decided) -> Verdicts {
    let recorded = decided.records.iter().map(|(record, _)| (record.source_offset, Verdict::Recorded));
    let late = decided.duplicates.iter().map(|duplicate| &duplicate.answer);
    let answered = decided.answers.iter().chain(late);
    let answered = answered.map(|answer| (answer.origin.request, Verdict::Answered(answer.outcome.clone())));
    recorded.chain(answered).collect()
}

/// After a rebuild nothing may be lost or decided again.
fn is_exact(core: &Core, state: &State) {
    let next = state.decided.keys().last().map_or(0, |last| last + 1);
    assert_eq!(core.next_command(), next, "the position after a rebuild");
    let decided = state.commands.iter().filter(|record| record.offset < next);
    let log_time = decided.map(|record| record.at).max().unwrap_or_default();
    assert_eq!(core.log_time(), log_time, "the log time after a rebuild");
}
