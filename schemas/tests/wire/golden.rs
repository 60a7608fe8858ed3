//! Bytes that stand in somebody's log: they stay readable for ever, and read as what they were.
//!
//! Under `golden/`, in hex. A file is never edited. When a schema gets a new version, its file stays (renamed for the version), only its reading is checked from then on, and a
//! new file joins it: `C360_GOLDEN=write cargo test -p c360-schemas` writes those that are not there.
use std::{fmt::Debug, fs, path::PathBuf};

use c360_schemas::{Event, EventsValue, Tick, Wire, decode_events_value};

use crate::samples;

/// The bytes in the file; `fresh` is written where there is none and we were asked to.
fn golden(name: &str, fresh: &[u8]) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(format!("{name}.hex"));
    if !path.exists() && std::env::var("C360_GOLDEN").as_deref() == Ok("write") {
        let hex: Vec<_> = fresh.chunks(32).map(|line| line.iter().map(|byte| format!("{byte:02x}")).collect::<String>()).collect();
        fs::write(&path, hex.join("\n") + "\n").expect("a golden file is written");
    }
    let hex: String = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display())).split_whitespace().collect();
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).expect("hex")).collect()
}

fn holds<T: Wire + PartialEq + Debug>(name: &str, sample: T) {
    let mut bytes = Vec::new();
    sample.encode(&mut bytes);
    let golden = golden(name, &bytes);
    assert_eq!(bytes, golden, "{name}: what is written has changed; that takes a new version of the schema");
    assert_eq!(T::decode(&golden), Ok(sample), "{name}");
}

#[test]
fn golden_events_read_as_what_they_were() {
    for (name, sample) in samples::events() {
        let mut bytes = Vec::new();
        sample.encode(&mut bytes);
        let golden = golden(name, &bytes);
        assert_eq!(bytes, golden, "{name}: what is written has changed; that takes a new version of the schema");
        assert_eq!(Event::decode(golden.leak()), Ok(sample), "{name}");
    }
}

#[test]
fn a_golden_tick_reads_as_what_it_was() {
    let tick = Tick { at: 1_767_225_600_000 };
    let mut bytes = Vec::new();
    tick.encode(&mut bytes);
    let golden = golden("tick", &bytes);
    assert_eq!(bytes, golden);
    assert_eq!(decode_events_value(&golden), Ok(EventsValue::Tick(tick)));
}

#[test]
fn golden_records_read_as_what_they_were() {
    holds("move", samples::moved());
    holds("command", samples::command());
    holds("alert_2", samples::alert());
    holds("rules", samples::rules());
    holds("feed", samples::feed());
    holds("delivery", samples::delivery());
    holds("profile", samples::profile());
    holds("progress", samples::progress());
    holds("dead_letter", samples::dead_letter());
    holds("history", samples::history());
}

#[test]
fn an_alert_of_the_first_version_is_the_alert_without_a_list_of_actions() {
    let first = golden("alert", &[]);
    let sample = samples::alert();
    assert_eq!(c360_schemas::Alert::decode(&first), Ok(c360_schemas::Alert { actions: Vec::new(), ..sample }));
}
