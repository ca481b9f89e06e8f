//! The links from publishers to this gateway, as a pure state machine: numbers and beats in, holes
//! out (DESIGN §4).

use parlor_schemas::LinkId;
use std::collections::HashMap;

/// What a message tells about its link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    /// Nothing is missing.
    Whole,
    /// Something before this message was lost.
    Hole,
    /// This message came before.
    Again,
}

#[derive(Debug)]
struct Link {
    last: u64,
    heard_at_ms: u64,
}

/// All links.
#[derive(Debug)]
pub(crate) struct Links {
    links: HashMap<LinkId, Link>,
    /// Silence for longer is a hole.
    patience_ms: u64,
}

impl Links {
    /// None yet; publishers beat every `beat_ms`.
    pub fn new(beat_ms: u64) -> Self {
        // Two beats, and a little for the way.
        Self { links: HashMap::new(), patience_ms: 2 * beat_ms + beat_ms / 2 }
    }

    /// A message with this number came. 0 is not numbered, and no sign of life either: those who
    /// send it do not beat.
    pub fn hear(&mut self, link: LinkId, number: u64, now_ms: u64) -> Heard {
        if number == 0 {
            return Heard::Whole;
        }
        let known = self.links.entry(link).or_insert(Link { last: 0, heard_at_ms: now_ms });
        known.heard_at_ms = now_ms;
        if number <= known.last {
            // A publish whose outcome was unknown was made twice, under the same number.
            return Heard::Again;
        }
        let is_next = number == known.last + 1;
        known.last = number;
        if is_next { Heard::Whole } else { Heard::Hole }
    }

    /// Time has passed; whether a link has fallen silent since. It is forgotten then: if it speaks
    /// again its number is not 1, which is a hole once more.
    pub fn tick(&mut self, now_ms: u64) -> Heard {
        let before = self.links.len();
        let patience_ms = self.patience_ms;
        self.links.retain(|_, link| now_ms.saturating_sub(link.heard_at_ms) <= patience_ms);
        if self.links.len() < before { Heard::Hole } else { Heard::Whole }
    }

    /// The bus was lost: every link begins anew, and what comes next shows its own hole.
    pub fn clear(&mut self) {
        self.links.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    const A: LinkId = LinkId(Uuid::from_u128(1));
    const B: LinkId = LinkId(Uuid::from_u128(2));

    #[test]
    fn numbers_without_a_gap_are_whole() {
        let mut links = Links::new(5000);
        for number in 1..5 {
            assert_eq!(links.hear(A, number, 0), Heard::Whole);
        }
        assert_eq!(links.hear(B, 1, 0), Heard::Whole, "each link counts alone");
        assert_eq!(links.hear(A, 5, 0), Heard::Whole);
    }

    #[test]
    fn a_first_number_that_is_not_1_is_a_hole() {
        let mut links = Links::new(5000);
        assert_eq!(links.hear(A, 2, 0), Heard::Hole);
        assert_eq!(links.hear(A, 3, 0), Heard::Whole, "told once");
    }

    #[test]
    fn a_missing_number_is_a_hole_and_a_repeated_one_is_not() {
        let mut links = Links::new(5000);
        links.hear(A, 1, 0);
        assert_eq!(links.hear(A, 3, 0), Heard::Hole);
        assert_eq!(links.hear(A, 2, 0), Heard::Again);
        assert_eq!(links.hear(A, 4, 0), Heard::Whole);
    }

    #[test]
    fn unnumbered_messages_are_no_part_of_it() {
        let mut links = Links::new(5000);
        assert_eq!(links.hear(A, 0, 0), Heard::Whole);
        assert_eq!(links.tick(1_000_000), Heard::Whole, "they do not beat");
    }

    #[test]
    fn silence_for_two_beats_is_one_hole() {
        let mut links = Links::new(5000);
        links.hear(A, 1, 0);
        assert_eq!(links.tick(10_000), Heard::Whole);
        assert_eq!(links.tick(12_501), Heard::Hole);
        assert_eq!(links.tick(20_000), Heard::Whole, "told once");
        assert_eq!(links.hear(A, 2, 21_000), Heard::Hole, "it speaks again");
    }
}
