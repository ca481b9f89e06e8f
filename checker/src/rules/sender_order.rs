//! Sender order: commands of one connection in one conversation are published in the order in which
//! they arrived (DESIGN §3). Only commands that were tried once say something about it.

use crate::{index::Op, report::Outcome, views::Case};
use std::collections::HashMap;

pub(super) fn check(case: &Case, outcome: &mut Outcome) {
    // A device's operations are attempted in an order of their own.
    let mut tried: Vec<(u64, &Op)> = Vec::new();
    for op in &case.index.ops {
        if let [only] = op.attempts.as_slice() {
            tried.push((only.line, op));
        }
    }
    tried.sort_unstable_by_key(|(line, _)| *line);
    let mut last: HashMap<_, (u64, u64)> = HashMap::new();
    for (_, op) in tried {
        let (Some((noted, ack)), Some(conv)) = (op.ack(), op.conv) else { continue };
        let Some(connection) = op.attempts[0].what else { continue };
        outcome.checked += 1;
        let known = last.entry((op.by, connection, conv)).or_default();
        if ack.seq <= known.0 {
            let places = [ack.seq, known.0].map(|seq| case.index.place(conv, seq));
            let sentence = format!("{} was sent after {} on one connection", places[0], places[1]);
            outcome.violation(sentence, [known.1, op.line, noted.line]);
        }
        *known = (*known).max((ack.seq, noted.line));
    }
}
