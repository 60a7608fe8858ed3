//! After the load: everything goes through, and the evidence is gathered.
use super::installation::Installation;
use super::ledger::Ledger;
use super::oracle::{Evidence, judge};
use super::report::Report;
use super::shown::Shown;
use super::tape::Tape;
use reqwest::blocking::Client;
use std::time::{Duration, Instant};

/// How long it may take until all is through.
pub const PATIENCE: Duration = Duration::from_secs(90);

/// While real time goes on, how often the log is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Waits until the oracle finds no difference, at most for `limit`; its last word. Ends the installation.
pub fn drain_and_judge(installation: &Installation, ledger: &Ledger, limit: Duration) -> Report {
    if installation.has_clock() { at_rest(installation, ledger, limit) } else { by_looking(installation, ledger, limit) }
}

/// Tries until it succeeds; past the limit the last error.
fn within<T>(limit: Duration, mut ask: impl FnMut() -> Result<T, String>) -> Result<T, String> {
    let since = Instant::now();
    loop {
        match ask() {
            Err(_) if since.elapsed() < limit => std::thread::park_timeout(Duration::from_millis(50)),
            other => return other,
        }
    }
}

/// Real time goes on, and so do timers: what is there is looked at until it is right.
fn by_looking(installation: &Installation, ledger: &Ledger, limit: Duration) -> Report {
    let (log, since) = (installation.open_log(), Instant::now());
    let report = loop {
        // In this order: what the receiver got stands in the log that is read after it.
        let got = installation.receiver.got();
        let late = since.elapsed() > limit;
        let tape = match Tape::read(&*log) {
            Ok(tape) => tape,
            Err(error) if late => return Report { unfinished: vec![error], ..Report::default() },
            Err(_) => {
                std::thread::park_timeout(LOOK_EVERY);
                continue;
            }
        };
        if late || tape.behind().is_none() {
            let shown = Shown::ask(installation.console()).unwrap();
            let report = judge(&Evidence { ledger, tape: &tape, shown: &shown, got: &got, config: &installation.config });
            if late || report.is_clean() {
                break report;
            }
        }
        std::thread::park_timeout(LOOK_EVERY);
    };
    // Who is wrong need not end well.
    for (name, server) in installation.servers.iter().filter(|_| report.is_clean()) {
        assert!(server.terminate().success(), "{name}: {}", server.log_text());
    }
    report
}

/// The clock stands still: once the barrier holds and nothing waits to be delivered, nothing moves any more. An embedded log can be read when its process has ended.
fn at_rest(installation: &Installation, ledger: &Ledger, limit: Duration) -> Report {
    let server = &installation.servers["up"];
    let through =
        within(limit, || server.advance_within(0, limit)).and_then(|_| within(limit, || nothing_pending(&server.admin_url("/metrics"))));
    let (shown, got) = (Shown::ask(server), installation.receiver.got());
    let ended = match &shown {
        Ok(_) => server.terminate().success(),
        // It is stuck, or gone: its log is read all the same.
        Err(_) => {
            server.kill();
            false
        }
    };
    let tape = Tape::read(&*installation.open_log()).unwrap();
    let evidence = Evidence { ledger, tape: &tape, shown: &shown.clone().unwrap_or_default(), got: &got, config: &installation.config };
    let mut report = judge(&evidence);
    report.unfinished.extend(through.err().into_iter().chain(shown.err()));
    if !ended {
        report.unequal.push("it did not end as it should".into());
    }
    report
}

/// No delivery waits, as the metric says.
fn nothing_pending(url: &str) -> Result<(), String> {
    let metrics = Client::builder().no_proxy().build().unwrap().get(url).send().and_then(reqwest::blocking::Response::text);
    let metrics = metrics.map_err(|e| e.to_string())?;
    match metrics.lines().find(|line| line.starts_with("c360_delivery_pending") && !line.ends_with(" 0")) {
        None => Ok(()),
        Some(line) => Err(line.to_owned()),
    }
}
