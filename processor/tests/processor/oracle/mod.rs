//! The view against another, slow and plain implementation over the list of events: equal for whatever was told, in whatever order.
mod history;
mod plain;

use crate::harness::World;
use c360_processor::{AggregateConfig, UsageConfig};
use history::{ACCOUNT, AUTOMATION, KEY_ACTION, Sent};
use proptest::prelude::*;
use serde_json::Value;

fn config() -> AggregateConfig {
    let usage = UsageConfig { key_actions: vec![KEY_ACTION.into()], automation_users: vec![AUTOMATION.into()], features: Vec::new() };
    AggregateConfig { usage, ..AggregateConfig::default() }
}

/// The view after all was told, as of `now`.
fn lived(sent: &[Sent], now: i64) -> Value {
    let mut world = World::with(config());
    for one in sent {
        history::send(&mut world, one);
    }
    world.now = now;
    world.tick();
    // Who is looked at is up to date: whatever comes next brings the profile as of now.
    world.touch(ACCOUNT);
    world.view(ACCOUNT)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3_000))]
    #[test]
    fn every_fact_is_as_the_plain_recomputation_says((sent, now) in history::histories()) {
        let mut differences = Vec::new();
        plain::differences(&lived(&sent, now), &plain::view(&sent, now), "", &mut differences);
        prop_assert!(differences.is_empty(), "{differences:#?}");
    }
}
