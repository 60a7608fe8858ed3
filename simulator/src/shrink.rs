//! Makes a failing scenario small: fewer events, fewer kinds of trouble, fewer steps, as long as it still fails.
use crate::scenario::Scenario;
use crate::{Verdict, run};

/// Runs that shrinking may take.
const RUNS_MAX: usize = 400;

/// The smallest scenario found that still fails.
pub fn shrink(failing: &Scenario) -> (Scenario, Verdict) {
    let mut best = (failing.clone(), run(failing));
    let mut left = RUNS_MAX;
    loop {
        let before = size(&best.0);
        for candidate in candidates(&best.0) {
            if left == 0 {
                return best;
            }
            left -= 1;
            if size(&candidate) < size(&best.0) {
                let verdict = run(&candidate);
                if !verdict.problems.is_empty() {
                    best = (candidate, verdict);
                }
            }
        }
        if size(&best.0) == before {
            return best;
        }
    }
}

fn size(scenario: &Scenario) -> usize {
    scenario.events.len() * 100 + scenario.troubles.len() * 100 + scenario.steps
}

fn candidates(scenario: &Scenario) -> Vec<Scenario> {
    let mut all = Vec::new();
    all.extend([2, 4, 10].map(|part| Scenario { steps: scenario.steps - scenario.steps / part, ..scenario.clone() }));
    for trouble in &scenario.troubles {
        let troubles = scenario.troubles.iter().copied().filter(|other| other != trouble).collect();
        all.push(Scenario { troubles, ..scenario.clone() });
    }
    let mut width = scenario.events.len() / 2;
    while width > 0 {
        for start in (0..scenario.events.len()).step_by(width) {
            let mut events = scenario.events.clone();
            events.drain(start..(start + width).min(events.len()));
            all.push(Scenario { events, ..scenario.clone() });
        }
        width /= 2;
    }
    all
}
