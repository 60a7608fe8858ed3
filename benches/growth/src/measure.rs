//! CPU time and memory of this process and its threads, from /proc. In clock ticks of 10 ms, as on every Linux that c360 runs on, but for a thread's own time.
use std::fs::read_to_string;

const TICKS_PER_S: f64 = 100.0;

/// CPU time of the calling thread, ns.
pub fn thread_ns() -> u64 {
    let stat = read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    stat.split_whitespace().next().and_then(|ns| ns.parse().ok()).unwrap_or(0)
}

/// CPU seconds of this process, user and system, all its threads.
pub fn own_s() -> f64 {
    let stat = read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit_once(')').map_or("", |(_, rest)| rest).split_whitespace().skip(11).take(2);
    fields.filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() / TICKS_PER_S
}

/// Seconds that the machine's CPUs were busy for anybody.
pub fn machine_s() -> f64 {
    let stat = read_to_string("/proc/stat").unwrap_or_default();
    let fields: Vec<f64> = stat.lines().next().unwrap_or("").split_whitespace().skip(1).filter_map(|f| f.parse().ok()).collect();
    // user, nice, system, irq, softirq, steal
    [0, 1, 2, 5, 6, 7].into_iter().filter_map(|i| fields.get(i)).sum::<f64>() / TICKS_PER_S
}

/// The most memory that this process has had, MiB.
pub fn peak_mib() -> f64 {
    let status = read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmHWM")).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|kib| kib.parse::<f64>().ok()).unwrap_or(f64::NAN) / 1024.0
}
