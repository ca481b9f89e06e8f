//! Who holds what: the places of each conversation as each device, reader and dump has them.

use crate::{
    history::Source,
    index::{Conv, Index, Sighting, User, Who},
    truth::Truth,
};
use std::collections::{BTreeMap, HashMap};

/// One who holds records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Viewer {
    /// What a device received on its socket.
    Device(Who),
    /// What `/records` showed at the end, asked with this device's token.
    Rest(Who),
    Log,
    Store,
}

/// Everything that rules look at.
#[derive(Debug)]
pub(crate) struct Case {
    pub index: Index,
    pub truth: Truth,
    /// By place: the number of its first sighting, plus 1.
    views: HashMap<(Viewer, Conv), Vec<u32>>,
    /// Two sightings of one place in a view that shows each place once.
    pub repeats: Vec<(Sighting, Sighting)>,
    devices: BTreeMap<User, Vec<Who>>,
}

impl Case {
    pub fn of(index: Index) -> Self {
        let truth = Truth::of(&index);
        let mut case =
            Self { index, truth, views: HashMap::new(), repeats: Vec::new(), devices: BTreeMap::new() };
        for number in 0..case.index.sightings.len() {
            case.place(number);
        }
        for (who, user) in &case.index.devices {
            case.devices.entry(*user).or_default().push(*who);
        }
        case
    }

    fn place(&mut self, number: usize) {
        let sighting = self.index.sightings[number];
        let viewer = match sighting.source {
            Source::Live | Source::Fetch => Viewer::Device(sighting.who),
            Source::Rest if sighting.is_final => Viewer::Rest(sighting.who),
            Source::Rest => return,
            Source::Log => Viewer::Log,
            Source::Store => Viewer::Store,
        };
        let fact = self.index.fact(&sighting);
        let end = self.truth.get(fact.conv).records.len();
        let view = self.views.entry((viewer, fact.conv)).or_insert_with(|| vec![0; end]);
        let slot = &mut view[fact.seq as usize - 1];
        if *slot == 0 {
            *slot = number as u32 + 1;
        } else if !matches!(viewer, Viewer::Device(_)) {
            self.repeats.push((self.index.sightings[*slot as usize - 1], sighting));
        }
    }

    /// The first sighting of a place in a view.
    pub fn seen(&self, viewer: Viewer, conv: Conv, seq: u64) -> Option<&Sighting> {
        let slot = *self.views.get(&(viewer, conv))?.get((seq as usize).checked_sub(1)?)?;
        (slot as usize).checked_sub(1).map(|number| &self.index.sightings[number])
    }

    /// A user's devices that ever connected.
    pub fn devices_of(&self, user: User) -> impl Iterator<Item = Who> {
        let devices = self.devices.get(&user).into_iter().flatten().copied();
        devices.filter(|who| self.index.connections.contains_key(who))
    }

    /// Those who read a conversation to its end by REST with a token of this user.
    pub fn readers_of(&self, user: User, conv: Conv) -> impl Iterator<Item = Who> {
        let devices = self.devices.get(&user).into_iter().flatten().copied();
        devices.filter(move |who| self.index.complete.contains_key(&(*who, Source::Rest, Some(conv))))
    }

    /// A view, for people.
    pub fn name(&self, viewer: Viewer) -> String {
        match viewer {
            Viewer::Device(who) => self.index.device(who),
            Viewer::Rest(who) => format!("the history that {} reads", self.index.device(who)),
            Viewer::Log => "the log".to_owned(),
            Viewer::Store => "the store".to_owned(),
        }
    }
}
