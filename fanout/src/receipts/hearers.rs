//! Who hears what of one mark: the whole of it, or only what was delivered.

use crate::links::Items;
use bytes::Bytes;
use parlor_engines::live::Route;
use parlor_schemas::{GatewayId, Receipt, UserId, frames::ServerFrame, link::Item, receipt::Marks};
use std::collections::{BTreeMap, HashMap};

/// The connections that hear of one mark, by gateway.
pub(super) struct Hearers<'a> {
    receipt: &'a Receipt,
    routes: &'a HashMap<UserId, Vec<Route>>,
    all: BTreeMap<GatewayId, Vec<u64>>,
    without_reads: BTreeMap<GatewayId, Vec<u64>>,
}

impl<'a> Hearers<'a> {
    /// Nobody yet.
    pub(super) fn new(receipt: &'a Receipt, routes: &'a HashMap<UserId, Vec<Route>>) -> Self {
        Self { receipt, routes, all: BTreeMap::new(), without_reads: BTreeMap::new() }
    }

    /// The devices of a user, but for the one that made the mark.
    pub(super) fn add(&mut self, user: UserId, with_reads: bool) {
        let to = if with_reads { &mut self.all } else { &mut self.without_reads };
        let routes = self.routes.get(&user).into_iter().flatten();
        for route in routes.filter(|route| route.device_id != self.receipt.device_id) {
            to.entry(route.gateway_id).or_default().push(route.connection);
        }
    }

    /// The frames. Who may not know of reads hears only when the delivered mark moved.
    pub(super) fn items(self, marks: &Marks, delivered_moved: bool) -> Items {
        let (receipt, mut items) = (self.receipt, Vec::new());
        let mut say = |to: BTreeMap<GatewayId, Vec<u64>>, read_seq| {
            let text = frame(receipt, marks.delivered_seq, read_seq);
            items
                .extend(to.into_iter().map(|(gateway, connections)| {
                    (gateway, Item::Frame { connections, text: text.clone() })
                }));
        };
        say(self.all, marks.read_seq);
        if delivered_moved {
            say(self.without_reads, 0);
        }
        items
    }
}

fn frame(receipt: &Receipt, delivered_seq: u64, read_seq: u64) -> Bytes {
    let frame = ServerFrame::Receipt {
        conversation_id: receipt.conversation_id,
        user_id: receipt.user_id,
        delivered_seq,
        read_seq,
        at: receipt.at,
    };
    frame.text().into()
}
