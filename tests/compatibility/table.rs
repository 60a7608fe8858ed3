//! `docs/compatibility.md`, as the run has it.
use super::clients::{Client, Registry};
use super::proxy::{FAULTS, Fault};
use std::fmt::Write;

/// What became of a cell's events. At the end each counts once, else there is no table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Through at the first try.
    Taken,
    /// The client, or the provider in whose place the script stands, sent it again by itself.
    Again,
    /// The client dropped it; it came when the application sent it once more.
    GivenUp,
}

impl Outcome {
    fn text(self) -> &'static str {
        match self {
            Self::Taken => "taken",
            Self::Again => "again",
            Self::GivenUp => "given up",
        }
    }
}

fn heading(fault: Fault) -> String {
    match fault {
        Fault::None => "200".into(),
        Fault::Answer(429) => "429, Retry-After: 1".into(),
        Fault::Answer(status) => status.to_string(),
        Fault::Dropped => "taken, then the connection breaks".into(),
    }
}

const BEFORE: &str = "\
# Clients that work unchanged

Each client of this table is the real one, from its registry, at the version that is named. It is told the address of c360 and nothing else, and the answer to its first request is that of the column: all but the first and
the last are given in c360's place by a proxy of the tests' own. After that c360 answers. `tests/compatibility.rs` runs all of it and writes this page: `make test` fails where it is not true.

";

const AFTER: &str = "
- **taken**: at the first try.
- **again**: the client sent it again by itself, under the same message id.
- **given up**: the client dropped it, as its maker means it, and told the application. The application sent it once more, and it was taken. c360 itself answers 400, 401 and 413 only where another try cannot help.

In every cell each event counts once at the end. After a connection that broke, an event may stand twice in the log, under one message id: the processor counts it once, within seven days of the first, whichever process or
partition it came through. *stripe* and *cloudevents* make requests and do not send them: what sends here is a script that tries again as Stripe does, until a 2xx. CloudEvents come structured and binary in turns.
`@segment/analytics-next` runs in headless Chromium, in a page of another origin; the page is told c360's address as `cdnURL`. `@jitsu/js` never tries again and
gives each event an id of its own: where its connection broke, the event has been taken all the same, and an application that sends it once more makes a second one.
";

/// The page.
pub fn page(rows: &[(Client, Vec<Outcome>)]) -> String {
    let mut page = BEFORE.to_owned();
    let headings: Vec<String> = FAULTS.into_iter().map(heading).collect();
    writeln!(page, "| client | | {} |", headings.join(" | ")).unwrap();
    writeln!(page, "|---|---|{}", "---|".repeat(FAULTS.len())).unwrap();
    for (client, outcomes) in rows {
        let registry = if client.registry == Registry::Npm { "npm" } else { "PyPI" };
        let cells: Vec<&str> = outcomes.iter().map(|outcome| outcome.text()).collect();
        writeln!(page, "| `{}` {} | {registry} | {} |", client.package, client.version(), cells.join(" | ")).unwrap();
    }
    page + AFTER
}
