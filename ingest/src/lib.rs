//! The sequencer: commands in, one gapless order per conversation out.
