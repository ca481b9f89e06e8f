//! Heads: how far each conversation of a user is, and how far the user.

use super::{ReadError, Reader, places::Place, standings::Standing};
use crate::problem::Problem;
use parlor_engines::live::{LiveHead, LiveMarks, LiveMembership, Version};
use parlor_schemas::{ConversationId, Membership, UserId, frames::HeadItem, receipt::Marks};
use std::{collections::HashSet, sync::Arc};

/// One conversation as its member sees it.
#[derive(Clone, Debug)]
pub(crate) struct Item {
    /// The member's standing.
    pub membership: Membership,
    /// The last seq the member may see, with its place.
    pub head_seq: u64,
    /// The place of the head.
    pub head: Place,
    /// The own view, never below the floor.
    pub read_seq: u64,
    /// The `ord` there.
    pub read_ord: u64,
    /// The other side's marks, in direct ones.
    pub peer: Option<Marks>,
    /// Whether its read mark is told.
    pub tells_read: bool,
    /// The last change of anything in it, where it is live.
    pub version: Version,
}

impl Item {
    /// Messages above the own view.
    pub fn unread(&self) -> u64 {
        self.head.ord.saturating_sub(self.read_ord)
    }

    /// As the frame has it.
    pub fn wire<'a>(&self, epoch: &'a str) -> HeadItem<'a> {
        HeadItem {
            conversation_id: self.membership.conversation_id,
            epoch,
            head_seq: self.head_seq,
            head_ord: self.head.ord,
            floor: self.membership.floor,
            read_seq: self.read_seq,
            read_ord: self.read_ord,
            unread: self.unread(),
            peer_read_seq: self.peer.filter(|_| self.tells_read).map(|marks| marks.read_seq),
            peer_delivered_seq: self.peer.map(|marks| marks.delivered_seq),
            left: self.membership.left_seq.is_some(),
            at: self.head.at,
        }
    }
}

/// One page of heads.
pub(crate) struct HeadPage {
    /// Newest id first.
    pub items: Vec<Item>,
    /// There is another page.
    pub more: bool,
}

impl HeadPage {
    /// As the frame has them.
    pub fn wire<'a>(&self, epoch: &'a str) -> Vec<HeadItem<'a>> {
        self.items.iter().map(|item| item.wire(epoch)).collect()
    }
}

/// Walks through a user's heads.
pub(crate) struct Pages<'r> {
    reader: &'r Reader,
    user: UserId,
    recent: Vec<LiveMembership>,
    /// Only what changed after this version.
    since: Option<Version>,
    /// Only these conversations.
    only: Option<&'r HashSet<ConversationId>>,
    as_of: String,
    before: Option<ConversationId>,
}

impl<'r> Pages<'r> {
    /// Takes the version before anything is read, so that what moves meanwhile is told next time.
    pub async fn begin(reader: &'r Reader, user: UserId, since: Option<&str>) -> Result<Self, Problem> {
        let life = reader.life.read().clone();
        let now_ms = reader.engines.clock.now().0;
        let (version, recent) =
            reader.patiently(|| async { Ok(reader.engines.live.recent(user).await?) }).await?;
        let since = since.and_then(|since| version_of(since, &life, now_ms - reader.since_ms));
        let as_of = format!("{life}.{version}.{now_ms}");
        Ok(Self { reader, user, recent, since, only: None, as_of, before: None })
    }

    /// Keeps to these conversations.
    #[must_use]
    pub fn only(self, these: Option<&'r HashSet<ConversationId>>) -> Self {
        Self { only: these, ..self }
    }

    /// The deployment's epoch.
    pub fn epoch(&self) -> &'r str {
        &self.reader.epoch
    }

    /// The next `since`, once all pages are read.
    pub fn as_of(&self) -> String {
        self.as_of.clone()
    }

    /// The next page.
    pub async fn next(&mut self) -> Result<HeadPage, Problem> {
        let reader = self.reader;
        let (items, next) = reader.patiently(|| self.page()).await?;
        self.before = next;
        Ok(HeadPage { items, more: next.is_some() })
    }

    async fn page(&self) -> Result<(Vec<Item>, Option<ConversationId>), ReadError> {
        let limit = self.reader.heads_page;
        let (mut standings, next) =
            self.reader.conversations_of(self.user, &self.recent, self.before, limit).await?;
        if let Some(only) = self.only {
            standings.retain(|standing| only.contains(&standing.membership.conversation_id));
        }
        let mut items = self.reader.items(self.user, &standings).await?;
        if let Some(since) = self.since {
            items.retain(|item| item.version > since);
        }
        Ok((items, next))
    }
}

/// The version of a `since` that is of this life and not too old; else everything is told.
fn version_of(since: &str, life: &str, oldest_ms: i64) -> Option<Version> {
    let mut parts = since.rsplitn(3, '.');
    let at: i64 = parts.next()?.parse().ok()?;
    let version = parts.next()?.parse().ok()?;
    (parts.next()? == life && at >= oldest_ms).then_some(version)
}

/// Reads a text as a `since` (for fuzz targets).
#[cfg(feature = "fuzzing")]
pub(crate) fn read_since(text: &str) {
    for life in ["", "life", "a.b"] {
        if let Some(version) = version_of(text, life, 0) {
            assert!(text.starts_with(life), "{text:?} is not of {life:?}");
            assert!(version_of(text, "other", 0).is_none(), "{version}");
        }
    }
}

impl Reader {
    /// The heads of these conversations, in the order given.
    pub async fn items(&self, user: UserId, of: &[Standing]) -> Result<Vec<Item>, ReadError> {
        if of.is_empty() {
            return Ok(Vec::new());
        }
        let ids: Vec<ConversationId> = of.iter().map(|s| s.membership.conversation_id).collect();
        let heads = self.live_or_stored_heads(&ids).await?;
        let peers: Vec<Option<UserId>> =
            self.shapes(&ids).await?.into_iter().map(|shape| shape.peer_of(user)).collect();
        let own: Vec<_> = ids.iter().map(|id| (*id, user)).collect();
        let others: Vec<_> = ids.iter().zip(&peers).filter_map(|(id, peer)| Some((*id, (*peer)?))).collect();
        let own = self.marks(&own).await?;
        let blocked = if others.is_empty() { Arc::default() } else { self.blocks_of(user).await? };
        let whose: Vec<UserId> = others.iter().map(|(_, peer)| *peer).collect();
        let mut told = self.tells_reads(user, &whose).await?.into_iter();
        let mut others = self.marks(&others).await?.into_iter();
        let mut items = Vec::with_capacity(of.len());
        for (i, standing) in of.iter().enumerate() {
            let peer = peers[i].and_then(|_| others.next());
            let mut item = self.item(standing, &heads[i], own[i].marks).await?;
            let versions = [heads[i].version, own[i].version, peer.map_or(0, |p| p.version)];
            item.version = versions.into_iter().fold(standing.version, Version::max);
            // The marks of whom one blocks are not told (PROTOCOL §1).
            let is_told = !peers[i].is_some_and(|peer| blocked.contains(&peer));
            item.peer = peer.filter(|_| is_told).map(|peer| peer.marks);
            item.tells_read = peer.is_some() && told.next().unwrap_or(false);
            items.push(item);
        }
        Ok(items)
    }

    async fn item(&self, standing: &Standing, head: &LiveHead, marks: Marks) -> Result<Item, ReadError> {
        let membership = standing.membership;
        let id = membership.conversation_id;
        let (head_seq, place) = match membership.left_seq {
            Some(left) => (left, self.place(id, left).await?.ok_or(ReadError::NotYet)?),
            None => (head.seq, Place { ord: head.ord, at: head.at }),
        };
        let (mut read_seq, mut read_ord) = marks.own_read();
        if read_seq < membership.floor {
            read_seq = membership.floor;
            read_ord = self.place(id, read_seq).await?.map_or(read_ord, |place| place.ord);
        }
        Ok(Item {
            membership,
            head_seq,
            head: place,
            read_seq: read_seq.min(head_seq),
            read_ord: read_ord.min(place.ord),
            peer: None,
            tells_read: false,
            version: 0,
        })
    }

    /// The live head, else the stored one (at version 0: it has not moved in this life).
    async fn live_or_stored_heads(&self, ids: &[ConversationId]) -> Result<Vec<LiveHead>, ReadError> {
        let live = self.engines.live.live_heads(ids).await?;
        let missing: Vec<ConversationId> =
            ids.iter().zip(&live).filter(|(_, head)| head.is_none()).map(|(id, _)| *id).collect();
        let stored = if missing.is_empty() { Vec::new() } else { self.engines.store.heads(&missing).await? };
        let mut stored = stored.into_iter();
        live.into_iter()
            .map(|head| {
                if let Some(head) = head {
                    return Ok(head);
                }
                let head = stored.next().flatten().ok_or(ReadError::NotYet)?;
                Ok(LiveHead { seq: head.seq, ord: head.ord, at: head.at, version: 0 })
            })
            .collect()
    }

    /// The larger of live and stored marks, with the live version.
    pub async fn marks(&self, of: &[(ConversationId, UserId)]) -> Result<Vec<LiveMarks>, ReadError> {
        if of.is_empty() {
            return Ok(Vec::new());
        }
        let live = self.engines.live.live_marks(of).await?;
        let stored = self.engines.store.stored_marks(of).await?;
        Ok(live
            .into_iter()
            .zip(stored)
            .map(|(live, stored)| LiveMarks { marks: live.marks.max(stored), version: live.version })
            .collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn since_counts_in_its_own_life_and_not_for_ever() {
        assert_eq!(version_of("life.7.1000", "life", 500), Some(7));
        assert_eq!(version_of("a.b.7.1000", "a.b", 500), Some(7));
        assert_eq!(version_of("life.7.1000", "other", 500), None);
        assert_eq!(version_of("life.7.1000", "life", 1001), None, "too old");
        for nonsense in ["", "7", "life.x.1000", "life.7"] {
            assert_eq!(version_of(nonsense, "life", 0), None, "{nonsense}");
        }
    }
}
