//! Routes that were read before, and whether they still hold.
//!
//! Every change of a user's routes gives the user's group of keys another word, after the change. Who reads the
//! words first and the routes second, keeps both, and finds the same word later, has all routes that were
//! there before the second look: a device that registered earlier is among them. Fanout looks after the tail
//! write (DESIGN §4), so a large group costs a few words, not one read per member and batch. Routes that
//! ended by themselves may be known for a while: a publish for them reaches nobody, and that is noticed.

use crate::live::Route;
use parking_lot::Mutex;
use parlor_schemas::UserId;
use std::collections::{HashMap, HashSet};

/// Users share words: so many change with different ones.
pub(super) const WORDS: u64 = 256;

/// Which word is a user's.
pub(super) fn word_of(user: UserId) -> u64 {
    user.0.as_u64_pair().1 % WORDS
}

/// What was read, bounded.
pub(super) struct Known {
    users: Mutex<HashMap<UserId, Entry>>,
    /// Words that this process has still to change.
    due: Mutex<HashSet<u64>>,
    max: usize,
    /// Milliseconds after which it is read again in any case.
    age_max: i64,
}

struct Entry {
    word: Box<[u8]>,
    routes: Box<[Route]>,
    at: i64,
}

impl Known {
    pub(super) fn new(max: usize, age_max: i64) -> Self {
        Self { users: Mutex::default(), due: Mutex::default(), max, age_max }
    }

    /// The user's routes, if they were read under the same word and not too long ago.
    pub(super) fn get(&self, user: UserId, word: &[u8], now: i64) -> Option<Vec<Route>> {
        let users = self.users.lock();
        let entry = users.get(&user)?;
        let age = now - entry.at;
        (*entry.word == *word && (0..self.age_max).contains(&age)).then(|| entry.routes.to_vec())
    }

    /// Keeps what was read after the word.
    pub(super) fn put(&self, user: UserId, word: &[u8], routes: &[Route], now: i64) {
        let mut users = self.users.lock();
        if users.len() >= self.max && !users.contains_key(&user) {
            // All of them: what is in use comes back with the next batch.
            users.clear();
        }
        users.insert(user, Entry { word: word.into(), routes: routes.into(), at: now });
    }

    /// Words that must change, whether or not it was known when routes changed.
    pub(super) fn will_change(&self, words: impl Iterator<Item = u64>) {
        self.due.lock().extend(words);
    }

    /// Takes what is to be changed now: these, and what is due.
    pub(super) fn changing(&self, words: impl Iterator<Item = u64>) -> HashSet<u64> {
        let mut taken = std::mem::take(&mut *self.due.lock());
        taken.extend(words);
        taken
    }
}
