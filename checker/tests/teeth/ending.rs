//! The end: everything is answered, every device catches up, every view is read to its end.

use super::system::System;
use parlor_checker::history::{Content, Event, Head, Member, Phase, Seen, Source};
use parlor_schemas::record::Kind;

impl System {
    pub fn end(&mut self) {
        self.heal();
        self.note("run", Event::Phase { phase: Phase::Rest });
        for device in 0..self.devices.len() {
            if !self.devices[device].is_online {
                self.connect(device);
            }
        }
        // Answers that were lost are asked for again.
        for _ in 0..2 {
            for device in 0..self.devices.len() {
                self.drain(device);
                for op in self.devices[device].outbox.clone() {
                    self.attempt(device, op);
                }
            }
        }
        for device in 0..self.devices.len() {
            for conv in 0..self.convs.len() {
                self.mark_again(device, conv);
            }
        }
        for device in 0..self.devices.len() {
            self.drain(device);
        }
        // Marks that came to those before who were drained.
        for device in 0..self.devices.len() {
            self.drain(device);
        }
        for device in 0..self.devices.len() {
            for conv in 0..self.convs.len() {
                self.fetch(device, conv);
            }
        }
        // Presence is settled again.
        self.now += 66_000_000;
        self.note("run", Event::Phase { phase: Phase::Final });
        for device in 0..self.devices.len() {
            self.views(device);
        }
        self.dump("log", Source::Log);
        self.dump("store", Source::Store);
        for device in 0..self.devices.len() {
            self.look(device);
        }
    }

    fn drain(&mut self, device: usize) {
        while !self.devices[device].wire.is_empty() {
            self.take_command(device);
        }
        while !self.devices[device].inbox.is_empty() {
            self.take_push(device);
        }
    }

    fn views(&mut self, device: usize) {
        let user = self.devices[device].user;
        for conv in 0..self.convs.len() {
            let Some(standing) = self.convs[conv].members.get(&user) else { continue };
            let (floor, left) = *standing.spans.last().expect("a span");
            let is_present = standing.is_present();
            let conversation_id = self.id(conv);
            let cursor = self.devices[device].logs[&conv].cursor;
            self.note_of(device, Event::Cursored { conversation_id, cursor });
            let head = self.head(conv, user, (floor, left));
            self.note_of(device, Event::Head(head));
            for seq in floor + 1..=head.head_seq {
                let content = self.shown(conv, seq);
                self.see(device, Source::Rest, (conv, seq), content, None);
            }
            let conversation_id = Some(conversation_id);
            self.note_of(device, Event::End { source: Source::Rest, conversation_id });
            if is_present {
                let place = &self.convs[conv];
                let present = place.members.iter().filter(|(_, standing)| standing.is_present());
                let items = present.map(|(user, standing)| {
                    let marks = place.marks.get(user).copied().unwrap_or_default();
                    let (user_id, role) = (self.users[*user], standing.role);
                    Member { user_id, role, delivered_seq: marks.0, read_seq: marks.1 }
                });
                let items = items.collect();
                let conversation_id = self.id(conv);
                self.note_of(device, Event::Members { conversation_id, items });
                let text = parlor_checker::history::canary(conversation_id);
                self.note_of(device, Event::Excerpt { conversation_id, text });
            }
        }
    }

    fn head(&self, conv: usize, user: usize, (floor, left): (u64, Option<u64>)) -> Head {
        let place = &self.convs[conv];
        let ord = |seq: u64| if seq == 0 { 0 } else { place.records[seq as usize - 1].ord };
        let head_seq = left.unwrap_or(place.records.len() as u64);
        let is_own = |r: &Content| r.kind == Kind::Message && r.sender_id == self.users[user];
        let own = place.records.iter().rposition(is_own).map_or(0, |at| at as u64 + 1);
        let marks = |user: &usize| place.marks.get(user).copied().unwrap_or_default();
        let read_seq = marks(&user).1.max(own).max(floor);
        let peer = place.members.keys().find(|other| **other != user).filter(|_| place.is_direct);
        Head {
            conversation_id: self.id(conv),
            head_seq,
            head_ord: ord(head_seq),
            floor,
            read_seq,
            read_ord: ord(read_seq),
            unread: ord(head_seq) - ord(read_seq),
            peer_read_seq: peer.map(|peer| marks(peer).1),
            peer_delivered_seq: peer.map(|peer| marks(peer).0),
            left: left.is_some(),
        }
    }

    fn dump(&mut self, by: &str, source: Source) {
        for conv in 0..self.convs.len() {
            for seq in 1..=self.convs[conv].records.len() as u64 {
                let content = if source == Source::Log {
                    self.convs[conv].records[seq as usize - 1].clone()
                } else {
                    self.shown(conv, seq)
                };
                let (conversation_id, content) = (self.id(conv), Some(Box::new(content)));
                let place = (source == Source::Log).then_some((conv as u32, seq));
                let seen = Seen { source, conversation_id, seq, print: 0, content, cursor: None, place };
                self.note(by, Event::Record(seen));
            }
        }
        self.note(by, Event::End { source, conversation_id: None });
    }
}
