//! Stories told by users: real WebSocket clients and REST against running nodes.

mod receiver;
mod world;
mod world_socket;

mod stories {
    mod account;
    mod accounts;
    mod admin;
    mod blocks;
    mod former;
    mod groups;
    mod limits;
    mod media;
    mod messages;
    mod nodes;
    mod presence;
    mod presence_ends;
    mod prove;
    mod push;
    mod receipts;
    mod restart;
    mod search;
    mod send;
    mod settings;
    mod sync;
    mod typing;
}
