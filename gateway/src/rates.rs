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
use std::{fmt, hash::Hash, net::IpAddr};

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

    /// The bucket of a new connection.
    pub fn connection(&self) -> Bucket {
        RateLimiter::direct_with_clock(self.connection, MonotonicClock)
    }

    /// Drops the buckets that are full again.
    pub fn prune(&self) {
        self.by_ip.retain_recent();
        self.by_user.retain_recent();
        self.sign_in.retain_recent();
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
