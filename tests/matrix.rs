//! Bad input and rights, as tables that a person can read (`matrix/*.md`) and every case of which is
//! played over real sockets and HTTP (PROTOCOL §1, §3, §4).

mod world;
mod world_socket;

mod matrix {
    mod coverage;
    mod faults;
    mod frames;
    mod json;
    mod rights;
    mod routes;
    mod scene;
    mod table;
    mod verdicts;
}
