//! Stories told by users: real WebSocket clients and REST against running nodes.

mod world;
mod world_socket;

mod stories {
    mod accounts;
    mod groups;
    mod limits;
    mod nodes;
    mod receipts;
    mod restart;
    mod send;
    mod sync;
}
