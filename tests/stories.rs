//! Stories told by users: real WebSocket clients and REST against running nodes.

mod receiver;
mod world;
mod world_socket;

mod stories {
    mod accounts;
    mod blocks;
    mod former;
    mod groups;
    mod limits;
    mod messages;
    mod nodes;
    mod presence;
    mod presence_ends;
    mod push;
    mod receipts;
    mod restart;
    mod send;
    mod settings;
    mod sync;
    mod typing;
}
