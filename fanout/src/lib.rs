//! Brings ordered records to the sockets that are online.
