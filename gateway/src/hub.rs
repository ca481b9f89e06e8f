//! The sockets of this gateway by number: who is here, and the way to each outbox. It knows
//! nothing of frames' contents.

use crate::{auth::Identity, settings::EdgeLimits, socket::outbox::Outbox};
use jiff::tz::TimeZone;
use parking_lot::{Mutex, RwLock};
use parlor_engines::live::Route;
use parlor_schemas::{GatewayId, UserId, presence::Here};
use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicI64, AtomicU8, AtomicU32, AtomicU64, Ordering::Relaxed},
    },
};
use tokio_tungstenite::tungstenite::Utf8Bytes;
use uuid::Uuid;

/// One socket, as the rest of the gateway sees it.
#[derive(Debug)]
pub(crate) struct Connection {
    /// Never used twice in one boot.
    pub number: u64,
    /// Where it comes from.
    pub ip: IpAddr,
    /// What is to be written.
    pub outbox: Outbox,
    /// Whose it is, once known.
    pub identity: OnceLock<Identity>,
    /// When the access token ends, ms; `reauth` moves it.
    pub token_ends: AtomicI64,
    /// The sweep at which it came.
    pub born: u32,
    /// The sweep at which it was last heard.
    pub heard: AtomicU32,
    /// Reads in flight.
    pub fetches: AtomicU32,
    /// What it says of its user: 0 nothing any more, 1 away, 2 online.
    here: AtomicU8,
    /// The device's time zone; UTC without one.
    tz: OnceLock<TimeZone>,
}

/// A connection that has been silent for too long says nothing of its user any more.
const GONE: u8 = 0;

fn code(here: Here) -> u8 {
    match here {
        Here::Away => 1,
        Here::Online => 2,
    }
}

impl Connection {
    /// The route of a signed-in socket.
    pub fn route(&self, gateway_id: GatewayId) -> Option<Route> {
        let identity = self.identity.get()?;
        Some(Route {
            user_id: identity.user_id,
            device_id: identity.device_id,
            gateway_id,
            connection: self.number,
        })
    }

    /// What it says of its user.
    fn here(&self) -> Option<Here> {
        let said = self.here.load(Relaxed);
        [Here::Away, Here::Online].into_iter().find(|here| code(*here) == said)
    }

    /// It says something else of its user from now on; `None`: nothing, for good. Whether it did not
    /// say so before.
    pub fn say(&self, here: Option<Here>) -> bool {
        let new = here.map_or(GONE, code);
        let change = |known| (known != GONE && known != new).then_some(new);
        self.here.fetch_update(Relaxed, Relaxed, change).is_ok()
    }

    /// The device's time zone.
    pub fn tz(&self) -> TimeZone {
        self.tz.get().cloned().unwrap_or(TimeZone::UTC)
    }

    /// The device says where it is; once.
    pub fn set_tz(&self, tz: TimeZone) {
        drop(self.tz.set(tz));
    }

    /// `connection_id` on the wire: made of the boot and the number, so nothing has to keep it.
    pub fn id(&self, gateway_id: GatewayId) -> String {
        Uuid::new_v5(&gateway_id.0, &self.number.to_be_bytes()).to_string()
    }
}

/// The low bits of a number are its place, the high ones count up.
const PLACE_BITS: u32 = 24;

/// The sockets.
#[derive(Debug)]
pub(crate) struct Hub {
    slots: RwLock<Slots>,
    serial: AtomicU64,
    by_user: Mutex<HashMap<UserId, Vec<u64>>>,
    by_ip: Mutex<HashMap<IpAddr, usize>>,
    /// Counts sweeps: the coarse clock of silence.
    ticks: AtomicU32,
    connections_max: usize,
    per_ip_max: usize,
    per_user_max: usize,
    outbox_max: usize,
}

#[derive(Debug, Default)]
struct Slots {
    places: Vec<Option<Arc<Connection>>>,
    free: Vec<u32>,
    count: usize,
}

/// A socket was let in, or only to be told that it may not stay.
pub(crate) struct Admitted {
    /// In either case.
    pub connection: Arc<Connection>,
    /// A cap of connections was reached.
    pub is_over: bool,
}

impl Hub {
    /// An empty one.
    pub fn new(limits: &EdgeLimits) -> Self {
        Self {
            slots: RwLock::default(),
            serial: AtomicU64::new(1),
            by_user: Mutex::default(),
            by_ip: Mutex::default(),
            ticks: AtomicU32::new(0),
            connections_max: limits.connections_max,
            per_ip_max: limits.connections_per_ip,
            per_user_max: limits.connections_per_user,
            outbox_max: limits.outbox_max,
        }
    }

    /// Takes a new socket in.
    pub fn admit(&self, ip: IpAddr) -> Admitted {
        let of_ip = {
            let mut by_ip = self.by_ip.lock();
            let count = by_ip.entry(ip).or_default();
            *count += 1;
            *count
        };
        let tick = self.tick();
        let mut slots = self.slots.write();
        let place = slots.free.pop().unwrap_or_else(|| {
            slots.places.push(None);
            slots.places.len() as u32 - 1
        });
        let connection = Arc::new(Connection {
            number: self.serial.fetch_add(1, Relaxed) << PLACE_BITS | u64::from(place),
            ip,
            outbox: Outbox::new(self.outbox_max),
            identity: OnceLock::new(),
            token_ends: AtomicI64::new(i64::MAX),
            born: tick,
            heard: AtomicU32::new(tick),
            fetches: AtomicU32::new(0),
            here: AtomicU8::new(code(Here::Online)),
            tz: OnceLock::new(),
        });
        slots.places[place as usize] = Some(connection.clone());
        slots.count += 1;
        let is_over = slots.count > self.connections_max || of_ip > self.per_ip_max;
        metrics::gauge!("gateway_connections").set(slots.count as f64);
        Admitted { connection, is_over }
    }

    /// Writes down whose socket it is. `false`: this user has too many, or the socket has gone.
    pub fn sign_in(&self, connection: &Connection, identity: Identity) -> bool {
        let mut by_user = self.by_user.lock();
        // `remove` takes the place first and then this lock, so one of the two sees the other.
        if self.slots.read().get(connection.number).is_none() {
            return false;
        }
        let numbers = by_user.entry(identity.user_id).or_default();
        if numbers.len() >= self.per_user_max {
            return false;
        }
        connection.token_ends.store(identity.expires_at.0, Relaxed);
        if connection.identity.set(identity).is_ok() {
            numbers.push(connection.number);
        }
        true
    }

    /// The socket is gone.
    pub fn remove(&self, connection: &Connection) {
        connection.outbox.end();
        {
            let mut slots = self.slots.write();
            let place = place_of(connection.number);
            if slots.places[place].take().is_some() {
                slots.free.push(place as u32);
                slots.count -= 1;
            }
            metrics::gauge!("gateway_connections").set(slots.count as f64);
        }
        {
            let mut by_user = self.by_user.lock();
            if let Some(identity) = connection.identity.get()
                && let Some(numbers) = by_user.get_mut(&identity.user_id)
            {
                numbers.retain(|number| *number != connection.number);
                if numbers.is_empty() {
                    by_user.remove(&identity.user_id);
                }
            }
        }
        let mut by_ip = self.by_ip.lock();
        if let Some(count) = by_ip.get_mut(&connection.ip) {
            *count -= 1;
            if *count == 0 {
                by_ip.remove(&connection.ip);
            }
        }
    }

    /// Queues frames, each to its receivers, then wakes each receiver once.
    pub fn deliver(&self, frames: &[(Vec<u64>, Utf8Bytes)]) {
        if frames.is_empty() {
            return;
        }
        let mut to_wake = Vec::new();
        let mut count = 0;
        {
            let slots = self.slots.read();
            for (receivers, text) in frames {
                count += receivers.len() as u64;
                for number in receivers {
                    if let Some(connection) = slots.get(*number)
                        && connection.outbox.deliver(text.clone())
                    {
                        to_wake.push(connection.clone());
                    }
                }
            }
        }
        metrics::counter!("gateway_deliveries_total").increment(count);
        for connection in to_wake {
            connection.outbox.wake();
        }
    }

    /// A socket by its number.
    pub fn get(&self, number: u64) -> Option<Arc<Connection>> {
        self.slots.read().get(number).cloned()
    }

    /// All sockets.
    pub fn all(&self) -> Vec<Arc<Connection>> {
        self.slots.read().places.iter().flatten().cloned().collect()
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.slots.read().count
    }

    /// The users who are here.
    pub fn users(&self) -> Vec<UserId> {
        self.by_user.lock().keys().copied().collect()
    }

    /// The sockets of a user.
    pub fn of_user(&self, user: UserId) -> Vec<Arc<Connection>> {
        let numbers = self.by_user.lock().get(&user).cloned().unwrap_or_default();
        let slots = self.slots.read();
        numbers.into_iter().filter_map(|number| slots.get(number).cloned()).collect()
    }

    /// What the sockets of a user say: the most present of them.
    pub fn here(&self, user: UserId) -> Option<Here> {
        self.of_user(user).iter().filter_map(|connection| connection.here()).max()
    }

    /// The present sweep.
    pub fn tick(&self) -> u32 {
        self.ticks.load(Relaxed)
    }

    /// The next sweep begins.
    pub fn next_tick(&self) -> u32 {
        self.ticks.fetch_add(1, Relaxed) + 1
    }
}

impl Slots {
    fn get(&self, number: u64) -> Option<&Arc<Connection>> {
        self.places.get(place_of(number))?.as_ref().filter(|connection| connection.number == number)
    }
}

fn place_of(number: u64) -> usize {
    (number & ((1 << PLACE_BITS) - 1)) as usize
}
