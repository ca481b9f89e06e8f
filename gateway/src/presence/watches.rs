//! Who is watched from this gateway, by which sockets, and what each was told. No I/O.

use super::look::Seen;
use crate::problem::Problem;
use parking_lot::Mutex;
use parlor_schemas::UserId;
use std::collections::{HashMap, HashSet};
use tokio::sync::Notify;

/// All watches.
#[derive(Debug)]
pub(crate) struct Watches {
    inner: Mutex<Inner>,
    /// Rung when somebody watched is to be looked at.
    pub(super) bell: Notify,
    /// Users watched on one connection.
    max: usize,
}

#[derive(Debug, Default)]
struct Inner {
    subjects: HashMap<UserId, HashMap<u64, Watch>>,
    of: HashMap<u64, HashSet<UserId>>,
    /// To be looked at; at most the subjects.
    moved: HashSet<UserId>,
}

/// One connection's look at one user.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Watch {
    /// What was told last.
    pub told: Option<Seen>,
    /// Whether the viewer may know, and at which sweep that was found out.
    pub may: Option<(bool, u32)>,
}

impl Watches {
    /// None, and never more than `max` of one connection.
    pub(super) fn new(max: usize) -> Self {
        Self { inner: Mutex::default(), bell: Notify::new(), max }
    }

    /// A connection watches these users from now on; all of them or none.
    pub fn add(&self, connection: u64, users: &[UserId]) -> Result<(), Problem> {
        let mut inner = self.inner.lock();
        let known = inner.of.get(&connection);
        let new: HashSet<UserId> =
            users.iter().filter(|user| known.is_none_or(|known| !known.contains(user))).copied().collect();
        if known.map_or(0, HashSet::len) + new.len() > self.max {
            return Err(Problem::invalid(format!("user_ids: a connection watches at most {}", self.max)));
        }
        for user in &new {
            inner.subjects.entry(*user).or_default().insert(connection, Watch::default());
        }
        if !new.is_empty() {
            inner.of.entry(connection).or_default().extend(new);
        }
        Ok(())
    }

    /// It does not watch these any more.
    pub fn drop(&self, connection: u64, users: &[UserId]) {
        let mut inner = self.inner.lock();
        for user in users {
            inner.forget(connection, *user);
        }
        if let Some(watched) = inner.of.get_mut(&connection) {
            watched.retain(|user| !users.contains(user));
            if watched.is_empty() {
                inner.of.remove(&connection);
            }
        }
    }

    /// The connection is gone.
    pub fn end(&self, connection: u64) {
        let mut inner = self.inner.lock();
        for user in inner.of.remove(&connection).unwrap_or_default() {
            inner.forget(connection, user);
        }
    }

    /// These users may have another state; `choices`: others may be allowed to know it.
    pub fn moved(&self, users: &[UserId], choices: bool) {
        let mut inner = self.inner.lock();
        let mut has_any = false;
        for user in users {
            if let Some(watchers) = inner.subjects.get_mut(user) {
                if choices {
                    for watch in watchers.values_mut() {
                        watch.may = None;
                    }
                }
                inner.moved.insert(*user);
                has_any = true;
            }
        }
        drop(inner);
        if has_any {
            self.bell.notify_one();
        }
    }

    /// Who is to be looked at.
    pub(super) fn take_moved(&self) -> Vec<UserId> {
        std::mem::take(&mut self.inner.lock().moved).into_iter().collect()
    }

    /// Everybody who is watched.
    pub(super) fn subjects(&self) -> Vec<UserId> {
        self.inner.lock().subjects.keys().copied().collect()
    }

    /// Who looks at a user.
    pub(super) fn watchers(&self, of: UserId) -> Vec<(u64, Watch)> {
        let inner = self.inner.lock();
        let watchers = inner.subjects.get(&of).into_iter().flatten();
        watchers.map(|(connection, watch)| (*connection, *watch)).collect()
    }

    /// Writes down what a connection was told, if it still watches; `false`: it was told so before.
    pub(super) fn told(&self, of: UserId, connection: u64, watch: Watch) -> bool {
        let mut inner = self.inner.lock();
        let Some(known) = inner.subjects.get_mut(&of).and_then(|watchers| watchers.get_mut(&connection))
        else {
            return false;
        };
        let is_new = known.told != watch.told;
        *known = watch;
        is_new
    }

    /// Users some of whose watchers were told something else than this (those who may know).
    pub(super) fn differ(&self, states: &[(UserId, Seen)]) -> Vec<UserId> {
        let inner = self.inner.lock();
        let differs = |(user, state): &&(UserId, Seen)| {
            let mut watches = inner.subjects.get(user).into_iter().flat_map(HashMap::values);
            watches.any(|watch| watch.may.is_some_and(|(may, _)| may) && watch.told != Some(*state))
        };
        states.iter().filter(differs).map(|(user, _)| *user).collect()
    }

    /// Forgets who may know, where that was found out before this sweep, of so many watches at most;
    /// their users are to be looked at.
    pub(super) fn doubt(&self, before: u32, max: usize) {
        let mut inner = self.inner.lock();
        let mut doubted = HashSet::new();
        let watches = inner
            .subjects
            .iter_mut()
            .flat_map(|(user, watchers)| watchers.values_mut().map(move |watch| (*user, watch)));
        let is_old = |watch: &Watch| watch.may.is_some_and(|(_, at)| at < before);
        for (user, watch) in watches.filter(|(_, watch)| is_old(watch)).take(max) {
            watch.may = None;
            doubted.insert(user);
        }
        let has_any = !doubted.is_empty();
        inner.moved.extend(doubted);
        drop(inner);
        if has_any {
            self.bell.notify_one();
        }
    }
}

impl Inner {
    fn forget(&mut self, connection: u64, user: UserId) {
        if let Some(watchers) = self.subjects.get_mut(&user) {
            watchers.remove(&connection);
            if watchers.is_empty() {
                self.subjects.remove(&user);
                self.moved.remove(&user);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use parlor_schemas::{Code, Timestamp, presence::Status};
    use uuid::Uuid;

    fn id(number: u128) -> UserId {
        UserId(Uuid::from_u128(number))
    }

    #[test]
    fn a_connection_watches_so_many_and_no_more() {
        let watches = Watches::new(3);
        watches.add(1, &[id(1), id(2), id(1)]).unwrap();
        watches.add(1, &[id(1), id(3)]).unwrap();
        assert_eq!(watches.add(1, &[id(3), id(4)]).unwrap_err().code, Code::InvalidRequest);
        watches.add(2, &[id(4)]).unwrap();
        watches.drop(1, &[id(3), id(9)]);
        watches.add(1, &[id(4)]).unwrap();
        assert_eq!(watches.watchers(id(4)).len(), 2);
        watches.end(1);
        watches.end(1);
        assert_eq!(watches.subjects(), [id(4)], "nothing of a connection stays");
        watches.end(2);
        let inner = watches.inner.lock();
        assert!(inner.subjects.is_empty() && inner.of.is_empty());
    }

    #[test]
    fn only_who_is_watched_is_looked_at_and_only_news_are_told() {
        let watches = Watches::new(9);
        watches.add(1, &[id(1)]).unwrap();
        watches.moved(&[id(1), id(2)], false);
        assert_eq!(watches.take_moved(), [id(1)]);
        let online = Seen { status: Status::Online, last_seen: None };
        let watch = Watch { told: Some(online), may: Some((true, 7)) };
        assert!(watches.told(id(1), 1, watch));
        assert!(!watches.told(id(1), 1, watch), "told so before");
        assert!(!watches.told(id(2), 1, watch), "not watched");
        assert_eq!(watches.differ(&[(id(1), online), (id(2), online)]), []);
        let gone = Seen { status: Status::Offline, last_seen: Some(Timestamp(5)) };
        assert_eq!(watches.differ(&[(id(1), gone)]), [id(1)]);
        watches.doubt(7, 10);
        assert_eq!(watches.take_moved(), [], "found out at that very sweep");
        watches.doubt(8, 0);
        assert_eq!(watches.take_moved(), [], "bounded");
        watches.doubt(8, 10);
        assert_eq!((watches.take_moved(), watches.watchers(id(1))[0].1.may), (vec![id(1)], None));
        watches.told(id(1), 1, watch);
        watches.moved(&[id(1)], true);
        assert_eq!(watches.watchers(id(1))[0].1.may, None, "choices have changed");
    }
}
