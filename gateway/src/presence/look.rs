//! One view of users' presence, for the socket and REST.

use crate::{
    edge::Edge,
    problem::Problem,
    reads::{ReadError, Reader},
};
use jiff::tz::TimeZone;
use parlor_schemas::{
    Timestamp, UserId,
    presence::{PresenceView, Status},
};

/// A user's state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    /// Now.
    pub status: Status,
    /// `None` while connected, and for one who never was.
    pub last_seen: Option<Timestamp>,
}

impl Seen {
    /// What those see who may not know.
    pub const HIDDEN: Self = Self { status: Status::Offline, last_seen: None };

    /// As it is told.
    pub fn view(self, user_id: UserId, now: Timestamp, tz: &TimeZone) -> PresenceView {
        let Self { status, last_seen } = self;
        PresenceView { user_id, status, last_seen, text: super::text::text(status, last_seen, now, tz) }
    }
}

/// The state of users, in the order asked, whoever may know.
pub(super) async fn states(reads: &Reader, of: &[UserId]) -> Result<Vec<Seen>, ReadError> {
    let present = reads.engines.live.present(of).await?;
    let gone: Vec<UserId> =
        of.iter().zip(&present).filter(|(_, here)| here.is_none()).map(|(user, _)| *user).collect();
    let seen = if gone.is_empty() { Vec::new() } else { reads.engines.store.last_seen(&gone).await? };
    let mut seen = seen.into_iter();
    let state = |here: Option<_>| match here {
        Some(_) => Seen { status: here.into(), last_seen: None },
        None => Seen { status: Status::Offline, last_seen: seen.next().flatten() },
    };
    Ok(present.into_iter().map(state).collect())
}

/// The state of users as `viewer` may see it, in the order asked; `None`: hidden.
pub(crate) async fn as_seen_by(
    edge: &Edge,
    viewer: UserId,
    of: &[UserId],
) -> Result<Vec<Option<Seen>>, Problem> {
    let reads = &edge.reads;
    let pairs: Vec<(UserId, UserId)> = of.iter().map(|user| (viewer, *user)).collect();
    reads
        .patiently(|| async {
            let may = reads.visible(&pairs).await?;
            let shown: Vec<UserId> =
                of.iter().zip(&may).filter(|(_, may)| **may).map(|(user, _)| *user).collect();
            let mut states = states(reads, &shown).await?.into_iter();
            Ok(may.into_iter().map(|may| if may { states.next() } else { None }).collect())
        })
        .await
}
