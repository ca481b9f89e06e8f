//! The plan: who there is, who talks with whom, and who does what next. It comes from the seed alone.

use rand::{Rng, SeedableRng, rngs::StdRng, seq::IndexedRandom};

/// People of a group, at most.
const GROUP_MAX: usize = 12;
/// Devices of a person, at most.
const DEVICES_MAX: usize = 3;

/// Everything that is decided beforehand.
#[derive(Debug)]
pub(crate) struct Plan {
    /// How many devices each person has.
    pub devices: Vec<usize>,
    pub conversations: Vec<Planned>,
    random: StdRng,
}

/// A conversation to be made by its first member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Planned {
    pub is_group: bool,
    /// What joiners see.
    pub is_all: bool,
    pub members: Vec<usize>,
}

/// One act: who does what, where. `lot` chooses what is only known when it is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Act {
    pub what: What,
    pub conversation: usize,
    pub person: usize,
    pub device: usize,
    pub lot: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum What {
    Send,
    SendOverRest,
    Edit,
    Delete,
    React,
    Pin,
    Read,
    Add,
    Remove,
    Leave,
}

impl Plan {
    pub fn new(people: usize, seed: u64) -> Self {
        let mut random = StdRng::seed_from_u64(seed);
        let devices = (0..people).map(|_| random.random_range(1..=DEVICES_MAX)).collect();
        let mut conversations = Vec::new();
        // A ring of direct conversations; two people have only one.
        for one in 0..(if people == 2 { 1 } else { people }) {
            let members = vec![one, (one + 1) % people];
            conversations.push(Planned { is_group: false, is_all: false, members });
        }
        for number in 0..=people / 4 {
            let mut members: Vec<usize> = (0..people).collect();
            let creator = members.remove(random.random_range(0..people));
            let count = random.random_range(1..GROUP_MAX).min(members.len());
            let mut all = vec![creator];
            all.extend(members.choose_multiple(&mut random, count));
            conversations.push(Planned { is_group: true, is_all: number % 3 == 2, members: all });
        }
        Self { devices, conversations, random }
    }

    /// What is done next.
    pub fn next(&mut self) -> Act {
        let random = &mut self.random;
        let what = match random.random_range(0..1_000) {
            0..780 => What::Send,
            780..830 => What::SendOverRest,
            830..855 => What::Edit,
            855..870 => What::Delete,
            870..920 => What::React,
            920..930 => What::Pin,
            930..980 => What::Read,
            980..990 => What::Add,
            990..999 => What::Remove,
            _ => What::Leave,
        };
        let is_of_group = matches!(what, What::Add | What::Remove | What::Leave);
        let groups = self.conversations.iter().position(|planned| planned.is_group).unwrap_or(0);
        let first = if is_of_group { groups } else { 0 };
        let conversation = random.random_range(first..self.conversations.len());
        let members = &self.conversations[conversation].members;
        // Whoever made a group may change it.
        let leads = matches!(what, What::Add | What::Remove | What::Pin);
        let person = if leads { members[0] } else { *members.choose(random).expect("members") };
        let device = random.random_range(0..self.devices[person]);
        Act { what, conversation, person, device, lot: random.random() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_seed_decides_everything() {
        let (mut one, mut same, mut other) = (Plan::new(9, 7), Plan::new(9, 7), Plan::new(9, 8));
        assert_eq!((&one.devices, &one.conversations), (&same.devices, &same.conversations));
        let acts: Vec<_> = (0..100).map(|_| one.next()).collect();
        assert_eq!(acts, (0..100).map(|_| same.next()).collect::<Vec<_>>());
        assert_ne!(acts, (0..100).map(|_| other.next()).collect::<Vec<_>>());
    }

    #[test]
    fn two_people_have_one_direct_conversation_and_a_group() {
        let plan = Plan::new(2, 1);
        assert_eq!(plan.conversations.len(), 2);
        assert_eq!(plan.conversations[1].members.len(), 2);
    }
}
