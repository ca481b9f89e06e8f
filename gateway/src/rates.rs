//! Token buckets per address and user; the one of a connection lives in its session.

use crate::{
    problem::Problem,
    settings::{Rate, Rates},
};
use governor::{
    Quota, RateLimiter,
    clock::{Clock as _, MonotonicClock},
    middleware::NoOpMiddleware,
    state::{InMemoryState, NotKeyed, keyed::DashMapStateStore},
};
use parlor_schemas::UserId;
use std::{fmt, hash::Hash, net::IpAddr, num::NonZeroU32};

type Middleware = NoOpMiddleware<std::time::Instant>;
/// A bucket for each key.
type Keyed<K> = RateLimiter<K, DashMapStateStore<K>, MonotonicClock, Middleware>;
/// One bucket.
pub(crate) type Bucket = RateLimiter<NotKeyed, InMemoryState, MonotonicClock, Middleware>;

/// The buckets of one gateway.
pub(crate) struct Buckets {
    by_ip: Keyed<IpAddr>,
    by_user: Keyed<UserId>,
    sign_in: Keyed<IpAddr>,
    hints: Keyed<UserId>,
    looks: Keyed<UserId>,
    connection: Quota,
}

impl fmt::Debug for Buckets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Buckets").finish_non_exhaustive()
    }
}

impl Buckets {
    /// Full buckets.
    pub fn new(rates: &Rates) -> Self {
        Self {
            by_ip: keyed(rates.ip),
            by_user: keyed(rates.user),
            sign_in: keyed(rates.sign_in),
            hints: keyed(rates.hints),
            looks: keyed(rates.looks),
            connection: quota(rates.connection),
        }
    }

    /// A REST request or a new socket of an address.
    pub fn ip(&self, ip: IpAddr) -> Result<(), Problem> {
        check(&self.by_ip, &ip)
    }

    /// A registration or login of an address.
    pub fn sign_in(&self, ip: IpAddr) -> Result<(), Problem> {
        check(&self.sign_in, &ip)
    }

    /// A command of a user.
    pub fn user(&self, user: UserId) -> Result<(), Problem> {
        check(&self.by_user, &user)
    }

    /// A `typing` or `presence` frame of a user.
    pub fn hint(&self, user: UserId) -> Result<(), Problem> {
        check(&self.hints, &user)
    }

    /// A user asks for the presence of so many others.
    pub fn look(&self, user: UserId, at: usize) -> Result<(), Problem> {
        let Some(count) = u32::try_from(at).ok().and_then(NonZeroU32::new) else { return Ok(()) };
        match self.looks.check_key_n(&user, count) {
            Ok(Ok(())) => Ok(()),
            Ok(Err(not_until)) => {
                Err(Problem::rate_limited(not_until.wait_time_from(MonotonicClock.now()).as_millis() as u64))
            }
            Err(_) => Err(Problem::invalid("user_ids: too many at once")),
        }
    }

    /// The bucket of a new connection.
    pub fn connection(&self) -> Bucket {
        RateLimiter::direct_with_clock(self.connection, MonotonicClock)
    }

    /// Drops the buckets that are full again.
    pub fn prune(&self) {
        self.by_ip.retain_recent();
        self.by_user.retain_recent();
        self.sign_in.retain_recent();
        self.hints.retain_recent();
        self.looks.retain_recent();
    }
}

/// Takes one token out of a single bucket.
pub(crate) fn take(bucket: &Bucket) -> Result<(), Problem> {
    bucket.check().map_err(|not_until| {
        Problem::rate_limited(not_until.wait_time_from(MonotonicClock.now()).as_millis() as u64)
    })
}

fn check<K: Hash + Eq + Clone>(buckets: &Keyed<K>, key: &K) -> Result<(), Problem> {
    buckets.check_key(key).map_err(|not_until| {
        Problem::rate_limited(not_until.wait_time_from(MonotonicClock.now()).as_millis() as u64)
    })
}

fn quota(rate: Rate) -> Quota {
    Quota::per_second(rate.per_second).allow_burst(rate.burst)
}

fn keyed<K: Hash + Eq + Clone>(rate: Rate) -> Keyed<K> {
    RateLimiter::new(quota(rate), DashMapStateStore::default(), MonotonicClock)
}
