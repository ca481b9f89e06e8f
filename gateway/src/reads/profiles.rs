//! Users as others see them.

use super::Reader;
use crate::{
    auth::{Identity, login},
    problem::Problem,
};
use parlor_schemas::{Code, UserId, frames::Profile, record::Skipped};
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
                Some(_) if is_blocked => skipped.push(Skipped { user_id, code: Code::Blocked }),
                Some(_) => known.push(user_id),
                None => skipped.push(Skipped { user_id, code: Code::NotFound }),
            }
        }
        Ok((known, skipped))
    }
}
