//! What a load came to.

use crate::measure::{Sample, percentile_ms};

/// What came of it.
#[derive(Default)]
pub struct Figures {
    pub sends: f64,
    pub deliveries: f64,
    pub wall: f64,
    pub cpu: f64,
    /// Of the stalled ones.
    pub cut: f64,
    pub acks: Vec<u32>,
    pub receives: Vec<u32>,
    pub last: Vec<u32>,
}

impl Figures {
    /// By sends or by deliveries.
    pub fn sample(&self, done: f64) -> Sample {
        let mut figures = vec![
            ("sends_per_s", self.sends / self.wall),
            ("deliveries_per_s", self.deliveries / self.wall),
            ("ack_p50_ms", percentile_ms(&self.acks, 50.0)),
            ("ack_p99_ms", percentile_ms(&self.acks, 99.0)),
        ];
        if !self.receives.is_empty() {
            figures.push(("receive_p50_ms", percentile_ms(&self.receives, 50.0)));
            figures.push(("receive_p99_ms", percentile_ms(&self.receives, 99.0)));
            figures.push(("last_p50_ms", percentile_ms(&self.last, 50.0)));
            figures.push(("last_p99_ms", percentile_ms(&self.last, 99.0)));
        }
        Sample { done, cpu: self.cpu, wall: self.wall, figures }
    }

    /// CPU per send.
    pub fn by_sends(&self) -> Sample {
        self.sample(self.sends)
    }

    /// CPU per delivery.
    pub fn by_deliveries(&self) -> Sample {
        self.sample(self.deliveries)
    }
}
