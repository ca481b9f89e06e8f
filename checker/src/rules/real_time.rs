//! Real-time order: what was acknowledged before something else was asked has the smaller place.

use crate::{index::Conv, report::Outcome, views::Case};
use std::collections::HashMap;

/// Something asked (with the place that it got), or an answer.
#[derive(Clone, Copy)]
enum Moment {
    Acked { seq: u64 },
    Asked { seq: u64, answer: u64 },
}

pub(super) fn check(case: &Case, outcome: &mut Outcome) {
    let mut moments: HashMap<Conv, Vec<(u64, u64, Moment)>> = HashMap::new();
    for op in &case.index.ops {
        let (Some((noted, ack)), Some(conv)) = (op.ack(), op.conv) else { continue };
        let moments = moments.entry(conv).or_default();
        let asked = Moment::Asked { seq: ack.seq, answer: noted.line };
        moments.push((op.at_us, op.line, asked));
        moments.push((noted.at_us, noted.line, Moment::Acked { seq: ack.seq }));
    }
    for (conv, mut moments) in moments {
        // At the same moment neither is before the other: what was asked comes first here.
        moments.sort_unstable_by_key(|(at_us, line, moment)| {
            (*at_us, matches!(moment, Moment::Acked { .. }), *line)
        });
        let (mut largest, mut by) = (0, 0);
        for (_, line, moment) in moments {
            match moment {
                Moment::Acked { seq } if seq > largest => (largest, by) = (seq, line),
                Moment::Acked { .. } => {}
                Moment::Asked { seq, answer } => {
                    outcome.checked += 1;
                    if seq < largest {
                        let places = [seq, largest].map(|seq| case.index.place(conv, seq));
                        let sentence =
                            format!("{} was asked for after {} was acknowledged", places[0], places[1]);
                        outcome.violation(sentence, [by, line, answer]);
                    }
                }
            }
        }
    }
}
