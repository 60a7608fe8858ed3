//! Deterministic runs of the whole pipeline from ingest's output on (resolve, aggregate, deliver) in one thread. The log, the disks, the clock and the receivers misbehave as a seed says;
//! processes die between any two steps and inside them. Each run ends with a check against a plain recomputation. See `README.md`.
mod disk;
mod mischief;
mod oracle;
mod process;
mod receiver;
mod scenario;
mod shrink;
mod traffic;
mod world;

pub use scenario::{Scenario, Trouble};
pub use shrink::shrink;
pub use traffic::{Planned, What};

use world::World;

/// What came of a run.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// What does not hold; empty where all is well.
    pub problems: Vec<String>,
    /// What went wrong on purpose, in order.
    pub story: Vec<String>,
    /// Records that were acknowledged, alerts, and deliveries that were accepted (with those that were accepted again).
    pub figures: [usize; 3],
}

/// Runs a scenario to rest and checks it.
pub fn run(scenario: &Scenario) -> Verdict {
    let mut world = World::new(scenario);
    let problems = match world.run(scenario) {
        Ok(()) => oracle::check(&world),
        Err(problem) => vec![problem],
    };
    let alerts = world.records(c360_schemas::Topic::Alerts).iter().map(Vec::len).sum();
    let figures = [world.acknowledged.len(), alerts, world.shared.receiver.accepted.lock().len()];
    Verdict { problems, story: world.shared.mischief.story(), figures }
}
