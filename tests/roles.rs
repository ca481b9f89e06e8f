//! Every role in processes of its own, two of each, on real engines; any of them, and the engines
//! themselves, are killed, frozen, stopped and brought back under load.
//!
//! Needs running engines (`dev/engines up`); `dev/test` brings them up.

mod world;

mod roles {
    mod engines;
    mod faults;
    mod fleet;
    mod letters;
    mod load;
    mod outages;
    mod presence;
    mod rewind;
    mod scaling;
}
