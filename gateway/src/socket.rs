//! One socket is two things: the pump, an I/O loop that knows nothing of frames' meaning, and the
//! session, a state machine that knows nothing of sockets (frame in, frames and jobs out). Between
//! them and the rest of the gateway stands the outbox.

pub(crate) mod enter;
pub(crate) mod outbox;
pub(crate) mod pump;
pub(crate) mod reading;
pub(crate) mod session;
pub(crate) mod upgrade;
pub(crate) mod watching;
pub(crate) mod wire;
pub(crate) mod writing;
