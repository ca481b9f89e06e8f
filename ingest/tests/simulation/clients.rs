//! What clients send: messages and deletes, resends of all of them, now and then something else under a
//! known id; with clocks that are wrong by more than the log allows.

use parlor_engines::log::LogRecord;
use parlor_schemas::{
    ClientMsgId, Command, ConversationId, DeviceId, GatewayId, Timestamp, UserId, avro,
    command::{Action, Origin},
    record::{Message, Target},
    topics::Offset,
};
use rand::{Rng as _, rngs::StdRng};
use uuid::Uuid;

/// When the simulated world begins, ms since 1970.
pub const START: i64 = 1_795_168_800_000;

/// All clients.
pub struct Clients {
    now: i64,
    known: Vec<Command>,
    /// Ids that were made.
    made: u128,
}

fn user(number: u128) -> UserId {
    UserId(Uuid::from_u128(number + 1))
}

impl Clients {
    pub fn new() -> Self {
        Self { now: START, known: Vec::new(), made: 0 }
    }

    /// The next command as it stands in the log.
    pub fn send(&mut self, random: &mut StdRng, offset: Offset) -> LogRecord {
        self.now += random.random_range(0..40);
        let mut command = if !self.known.is_empty() && random.random_bool(0.5) {
            self.again(random)
        } else {
            self.fresh(random)
        };
        command.origin.request = offset;
        let at = Timestamp(self.now + random.random_range(-60..30));
        let value = Some(avro::encode_command(&command));
        LogRecord { partition: 0, offset, at, key: "".into(), value, headers: Vec::new() }
    }

    fn again(&self, random: &mut StdRng) -> Command {
        // Mostly of late, sometimes of long ago.
        let newest = self.known.len();
        let back = if random.random_bool(0.7) { 6 } else { newest };
        let mut command = self.known[random.random_range(newest.saturating_sub(back)..newest)].clone();
        if random.random_bool(0.1) {
            command.payload_hash[0] ^= 1;
        }
        command
    }

    fn fresh(&mut self, random: &mut StdRng) -> Command {
        let (a, b) = (user(random.random_range(0..3)), user(random.random_range(0..3)));
        self.made += 1;
        let skew = if random.random_bool(0.8) { 0..20 } else { -2_500..150 };
        let id = if random.random_bool(0.8) {
            let millis = self.now + random.random_range(skew);
            (millis as u128) << 80 | 7 << 76 | 0b10 << 62 | self.made
        } else {
            self.made | 4 << 76 | 0b10 << 62
        };
        let action = match random.random_range(0..10) {
            0..4 => Action::CreateDirect { peer_id: b },
            4..9 => Action::Message(Message { text: Some("x".into()), ..Message::default() }),
            _ => Action::Delete(Target { target: random.random_range(1..4) }),
        };
        let mut payload_hash = [0; 16];
        payload_hash[1..9].copy_from_slice(&(self.made as u64).to_be_bytes());
        let command = Command {
            conversation_id: ConversationId::direct(a, b),
            sender_id: a,
            device_id: DeviceId(Uuid::from_u128(99)),
            client_msg_id: ClientMsgId(Uuid::from_u128(id)),
            payload_hash,
            origin: Origin { gateway_id: GatewayId(Uuid::from_u128(98)), request: 0 },
            action,
            refused: None,
        };
        self.known.push(command.clone());
        command
    }
}
