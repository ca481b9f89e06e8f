//! Passwords: argon2id off the async threads, a bounded number at once, and the same cost for a
//! user who does not exist.

use crate::{problem::Problem, settings::Argon2Cost};
use anyhow::Context as _;
use argon2::{
    Algorithm, Argon2, Params, PasswordHash, PasswordHasher as _, PasswordVerifier as _, Version,
    password_hash::SaltString,
};
use parlor_schemas::Code;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use tokio::sync::Semaphore;

/// Bytes of a password (PROTOCOL §4).
const LENGTH: std::ops::RangeInclusive<usize> = 8..=1024;

/// Hashes and compares passwords.
#[derive(Debug)]
pub(crate) struct Passwords {
    cost: Params,
    at_once: Semaphore,
    waiting: AtomicUsize,
    waiting_max: usize,
    /// Compared with when there is no such user.
    nobody: String,
}

impl Passwords {
    /// Checks the cost.
    pub fn new(cost: Argon2Cost) -> anyhow::Result<Self> {
        let params = Params::new(cost.memory_kib, cost.passes, cost.lanes, None)
            .ok()
            .context("edge.argon2: these costs are out of range")?;
        let nobody = hash(&params, b"nobody has this password").context("argon2 does not work")?;
        Ok(Self {
            cost: params,
            at_once: Semaphore::new(cost.at_once.max(1)),
            waiting: AtomicUsize::new(0),
            waiting_max: cost.waiting_max,
            nobody,
        })
    }

    /// The form of a password.
    pub fn check_form(field: &str, password: &str) -> Result<(), Problem> {
        if LENGTH.contains(&password.len()) {
            return Ok(());
        }
        Err(Problem::invalid(format!("{field}: from {} to {} bytes", LENGTH.start(), LENGTH.end())))
    }

    /// The hash of a new password, as a PHC string.
    pub async fn hash(&self, password: String) -> Result<String, Problem> {
        let cost = self.cost.clone();
        self.aside(move || hash(&cost, password.as_bytes())).await?.ok_or_else(defect)
    }

    /// Whether it is the password; `None`: there is no such user, which takes just as long.
    pub async fn verify(&self, password: String, hash: Option<String>) -> Result<bool, Problem> {
        let is_known = hash.is_some();
        let hash = hash.unwrap_or_else(|| self.nobody.clone());
        let cost = self.cost.clone();
        let fits = self
            .aside(move || {
                let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, cost);
                PasswordHash::new(&hash)
                    .is_ok_and(|hash| argon.verify_password(password.as_bytes(), &hash).is_ok())
            })
            .await?;
        Ok(fits && is_known)
    }

    async fn aside<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Problem> {
        let waiting = Waiting::enter(&self.waiting, self.waiting_max)?;
        let _turn = self.at_once.acquire().await.map_err(|_| defect())?;
        drop(waiting);
        tokio::task::spawn_blocking(work).await.map_err(|_| defect())
    }
}

fn hash(cost: &Params, password: &[u8]) -> Option<String> {
    let salt = SaltString::encode_b64(&rand::random::<[u8; 16]>()).ok()?;
    let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, cost.clone());
    argon.hash_password(password, &salt).ok().map(|hash| hash.to_string())
}

fn defect() -> Problem {
    Problem::new(Code::Internal, "the password could not be processed")
}

/// A place in the queue.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn enter(count: &'a AtomicUsize, max: usize) -> Result<Self, Problem> {
        let waiting = Self(count);
        if count.fetch_add(1, Relaxed) >= max {
            return Err(Problem::rate_limited(1000));
        }
        Ok(waiting)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_the_password_fits() {
        let cost = Argon2Cost { memory_kib: 64, passes: 1, lanes: 1, at_once: 1, waiting_max: 1 };
        let passwords = Passwords::new(cost).unwrap();
        let hash = passwords.hash("correct horse".into()).await.unwrap();
        assert!(passwords.verify("correct horse".into(), Some(hash.clone())).await.unwrap());
        assert!(!passwords.verify("wrong horse".into(), Some(hash)).await.unwrap());
        assert!(!passwords.verify("nobody has this password".into(), None).await.unwrap());
    }

    #[test]
    fn the_form_is_bytes() {
        assert!(Passwords::check_form("password", "1234567").is_err());
        assert!(Passwords::check_form("password", "éééé").is_ok());
        assert!(Passwords::check_form("password", &"x".repeat(1025)).is_err());
    }
}
