//! Frames of the socket (PROTOCOL §3).
