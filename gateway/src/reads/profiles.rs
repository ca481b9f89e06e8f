//! Users as others see them.

use super::{ReadError, Reader};
use crate::{
    auth::{Identity, login},
    problem::Problem,
};
use parlor_schemas::{Code, Privacy, UserId, frames::Profile, record::Skipped};
use std::collections::HashSet;

impl Reader {
    /// The profile of who signs in. While the store is away the name in the token must do: messages
    /// flow without the store (DESIGN §2).
    pub async fn own_profile(&self, identity: &Identity) -> Profile {
        if let Some(known) = self.profiles.get(&identity.user_id) {
            return known;
        }
        match self.engines.store.users(&[identity.user_id]).await {
            Ok(mut users) => {
                if let Some(user) = users.pop().flatten() {
                    let profile = login::profile(&user);
                    self.profiles.insert(user.user_id, profile.clone());
                    return profile;
                }
            }
            Err(error) => tracing::warn!(%error, "a profile could not be read"),
        }
        Profile {
            user_id: identity.user_id,
            username: identity.username.clone(),
            display_name: identity.username.clone(),
            avatar_media_id: None,
        }
    }

    /// The user has another name now.
    pub fn forget_profile(&self, user: UserId) {
        self.profiles.invalidate(&user);
    }

    /// Of whose read marks `viewer` may know, in the order asked: of those who tell theirs, if the
    /// viewer does, and of the own. The one rule for all answers that tell read marks (PROTOCOL §4,
    /// `read_receipts`); `delivered` is always told.
    pub async fn tells_reads(&self, viewer: UserId, of: &[UserId]) -> Result<Vec<bool>, ReadError> {
        if of.iter().all(|user| *user == viewer) {
            return Ok(vec![true; of.len()]);
        }
        let asked: Vec<UserId> = std::iter::once(viewer).chain(of.iter().copied()).collect();
        let choices = self.privacies.of(&asked).await?;
        let (own, others) = choices.split_first().ok_or(ReadError::NotYet)?;
        let told = |(user, other): (&UserId, &Privacy)| *user == viewer || own.tells_reads_to(*other);
        Ok(of.iter().zip(others).map(told).collect())
    }

    /// Those of `asked` whom `adder` may add, each once, in order, without `but`; and the others, with
    /// the reason: not there, or they blocked the adder (PROTOCOL §1).
    pub async fn resolve(
        &self,
        asked: &[UserId],
        but: Option<UserId>,
        adder: UserId,
    ) -> Result<(Vec<UserId>, Vec<Skipped>), Problem> {
        let mut wanted: Vec<UserId> = Vec::with_capacity(asked.len());
        let mut seen: HashSet<UserId> = but.into_iter().collect();
        wanted.extend(asked.iter().filter(|user| seen.insert(**user)));
        let pairs: Vec<_> = wanted.iter().map(|user| (*user, adder)).collect();
        let store = &self.engines.store;
        let (users, blocked) = tokio::try_join!(store.users(&wanted), store.blocked(&pairs))?;
        let (mut known, mut skipped) = (Vec::new(), Vec::new());
        for ((user_id, user), is_blocked) in wanted.into_iter().zip(users).zip(blocked) {
            match user {
                None => skipped.push(Skipped { user_id, code: Code::NotFound }),
                Some(user) if user.is_deleted() => skipped.push(Skipped { user_id, code: Code::NotFound }),
                Some(_) if is_blocked => skipped.push(Skipped { user_id, code: Code::Blocked }),
                Some(_) => known.push(user_id),
            }
        }
        Ok((known, skipped))
    }
}
