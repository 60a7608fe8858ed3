//! The clients, and how their scripts in `tests/clients` are run.
use crate::common::server::WRITE_KEY;
use serde_json::Value;
use std::collections::HashMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Registry {
    Npm,
    PyPi,
}

/// What sends a client's events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sends {
    /// The client itself: it decides what to try again.
    Calls,
    /// The script, again and again, as a provider of webhooks does: the package only makes the requests.
    Stripe,
    CloudEvents,
}

#[derive(Clone, Copy, Debug)]
pub struct Client {
    /// In its registry.
    pub package: &'static str,
    pub registry: Registry,
    pub script: &'static str,
    pub sends: Sends,
    /// Events of a cell. One where the client gives each an id of its own: what is sent once more by the application is another event then.
    pub events: usize,
}

const fn client(package: &'static str, registry: Registry, script: &'static str, sends: Sends, events: usize) -> Client {
    Client { package, registry, script, sends, events }
}

pub const CLIENTS: [Client; 10] = [
    client("@segment/analytics-node", Registry::Npm, "segment-cells.mjs", Sends::Calls, 2),
    client("segment-analytics-python", Registry::PyPi, "segment_cells.py", Sends::Calls, 2),
    client("@segment/analytics-next", Registry::Npm, "browser-cells.mjs", Sends::Calls, 2),
    client("@rudderstack/rudder-sdk-node", Registry::Npm, "rudder-cells.mjs", Sends::Calls, 2),
    client("rudder-sdk-python", Registry::PyPi, "rudder_cells.py", Sends::Calls, 2),
    client("@jitsu/js", Registry::Npm, "jitsu-cells.mjs", Sends::Calls, 1),
    client("stripe", Registry::Npm, "stripe-cells.mjs", Sends::Stripe, 1),
    client("stripe", Registry::PyPi, "stripe_cells.py", Sends::Stripe, 1),
    client("cloudevents", Registry::Npm, "cloudevents-cells.mjs", Sends::CloudEvents, 2),
    client("cloudevents", Registry::PyPi, "cloudevents_cells.py", Sends::CloudEvents, 2),
];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients")
}

impl Client {
    /// In names of accounts and of ids.
    pub fn slug(&self) -> String {
        self.script.split('.').next().unwrap().replace('_', "-py-")
    }

    /// As the lists in `tests/clients` pin it.
    pub fn version(&self) -> String {
        let found = match self.registry {
            Registry::Npm => {
                let list: Value = serde_json::from_slice(&fs::read(folder().join("package.json")).unwrap()).unwrap();
                list["dependencies"][self.package].as_str().map(str::to_owned)
            }
            Registry::PyPi => {
                let list = fs::read_to_string(folder().join("requirements.txt")).unwrap();
                list.lines().find_map(|line| line.strip_prefix(self.package)?.strip_prefix("==").map(str::to_owned))
            }
        };
        found.unwrap_or_else(|| panic!("{} is not in the lists of tests/clients", self.package))
    }

    fn command(&self) -> Command {
        let mut command = match self.registry {
            Registry::Npm => Command::new("node"),
            Registry::PyPi => {
                let cache = std::env::var_os("XDG_CACHE_HOME")
                    .map_or_else(|| PathBuf::from(std::env::var_os("HOME").unwrap()).join(".cache"), PathBuf::from);
                Command::new(cache.join("c360/python-clients/bin/python"))
            }
        };
        command.arg(folder().join(self.script)).env("C360_WRITE_KEY", WRITE_KEY).env("CHROMIUM", crate::common::chromium());
        // Nothing of the machine's own between a client and its host.
        for name in ["http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"] {
            command.env_remove(name);
        }
        command
    }

    /// Runs the cells, all of them at once; by account, what the client told the application of each.
    pub fn run(&self, cells: &[Value]) -> HashMap<String, Vec<String>> {
        let mut child = self.command().stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("deploy/setup/install test installs it");
        let mut stdin = child.stdin.take().unwrap();
        cells.iter().for_each(|cell| writeln!(stdin, "{cell}").unwrap());
        drop(stdin);
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}: {}", self.script, output.status);
        let told: HashMap<_, _> = String::from_utf8(output.stdout).unwrap().lines().map(told).collect();
        assert_eq!(told.len(), cells.len(), "{} is through with all cells", self.script);
        told
    }
}

fn told(line: &str) -> (String, Vec<String>) {
    let line: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    let told = line["told"].as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned()).collect();
    (line["account"].as_str().unwrap().to_owned(), told)
}
