//! CPU time and memory of processes, from /proc. In clock ticks of 10 ms, as on every Linux that c360 runs on.
use std::fs::read_to_string;

const TICKS_PER_S: f64 = 100.0;

/// CPU seconds of a process, user and system, all its threads; `None` where it has ended.
pub fn of_s(pid: u32) -> Option<f64> {
    let stat = read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let (user, system): (f64, f64) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    Some((user + system) / TICKS_PER_S)
}

/// CPU seconds of this process.
pub fn own_s() -> f64 {
    of_s(std::process::id()).unwrap_or(f64::NAN)
}

/// Seconds that the machine's CPUs were busy for anybody.
pub fn machine_s() -> f64 {
    let busy = || {
        let stat = read_to_string("/proc/stat").ok()?;
        let fields: Vec<f64> = stat.lines().next()?.split_whitespace().skip(1).filter_map(|f| f.parse().ok()).collect();
        // user, nice, system, irq, softirq, steal
        [0, 1, 2, 5, 6, 7].into_iter().map(|i| fields.get(i).copied()).sum::<Option<f64>>()
    };
    busy().map_or(f64::NAN, |ticks| ticks / TICKS_PER_S)
}

/// The most memory that a process has had, MB.
pub fn peak_mb(pid: u32) -> Option<f64> {
    let status = read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM"))?;
    Some(line.split_whitespace().nth(1)?.parse::<f64>().ok()? / 1024.0)
}
