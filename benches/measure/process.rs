//! What a process has used, from `/proc` (Linux).

use std::time::Instant;

/// CPU seconds (user and system) of a process so far, those of its ended threads included. Linux
/// counts ticks of 10 ms here: loads of a second and more.
pub fn cpu(pid: u32) -> f64 {
    ticks(&format!("/proc/{pid}/stat"))
}

/// The same of this process.
pub fn own_cpu() -> f64 {
    ticks("/proc/self/stat")
}

fn ticks(path: &str) -> f64 {
    let stat = std::fs::read_to_string(path).expect("the process runs");
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |at: usize| fields.get(at).and_then(|field| field.parse::<f64>().ok()).unwrap_or(0.0);
    (ticks(11) + ticks(12)) / 100.0
}

/// CPU seconds of a process's living threads, to the nanosecond: for those who do next to nothing.
pub fn fine_cpu(pid: u32) -> f64 {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).expect("the process runs");
    let of = |task: std::fs::DirEntry| {
        // A thread may end while it is looked at.
        let text = std::fs::read_to_string(task.path().join("schedstat")).unwrap_or_default();
        text.split_whitespace().next().and_then(|nanos| nanos.parse::<f64>().ok()).unwrap_or(0.0)
    };
    tasks.flatten().map(of).sum::<f64>() / 1e9
}

/// Resident memory, bytes.
pub fn resident(pid: u32) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("the process runs");
    let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|kib| kib.parse::<f64>().ok()).unwrap_or(0.0) * 1024.0
}

/// Now.
#[allow(clippy::disallowed_methods, reason = "a benchmark reads the clock")]
pub fn now() -> Instant {
    Instant::now()
}
