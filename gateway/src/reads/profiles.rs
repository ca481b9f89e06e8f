//! Users as others see them.

use super::Reader;
use crate::{
    auth::{Identity, login},
    problem::Problem,
};
use parlor_schemas::{Code, UserId, frames::Profile, record::Skipped};

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

    /// Those of `asked` who are there, each once, in order, without `but`; and those who are not.
    pub async fn resolve(
        &self,
        asked: &[UserId],
        but: UserId,
    ) -> Result<(Vec<UserId>, Vec<Skipped>), Problem> {
        let mut wanted: Vec<UserId> = Vec::with_capacity(asked.len());
        let mut seen = std::collections::HashSet::from([but]);
        wanted.extend(asked.iter().filter(|user| seen.insert(**user)));
        let users = self.engines.store.users(&wanted).await?;
        let (mut known, mut skipped) = (Vec::new(), Vec::new());
        for (user_id, user) in wanted.into_iter().zip(users) {
            match user {
                Some(_) => known.push(user_id),
                None => skipped.push(Skipped { user_id, code: Code::NotFound }),
            }
        }
        Ok((known, skipped))
    }
}
