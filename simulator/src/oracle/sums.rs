//! Usage of the plain accounts, counted from what was acknowledged, against the newest profile of each.
use crate::traffic::PLAIN;
use crate::world::World;
use c360_schemas::{Key, Profile, Topic, Wire};
use std::collections::{BTreeMap, BTreeSet};

pub(super) fn check(world: &World, problems: &mut Vec<String>) {
    let mut ids: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (account, id) in world.acknowledged.iter().filter_map(|record| record.usage_of.as_ref()) {
        ids.entry(account).or_default().insert(id);
    }
    let mut shown: BTreeMap<String, u64> = BTreeMap::new();
    for record in world.records(Topic::Profiles).into_iter().flatten() {
        let Some(key) = Key::parse(&record.key) else { continue };
        let view: serde_json::Value =
            Profile::decode(&record.value).ok().and_then(|profile| serde_json::from_str(&profile.view).ok()).unwrap_or_default();
        shown.insert(key.id.to_owned(), view["usage"]["events"]["90d"].as_u64().unwrap_or(0));
    }
    for account in PLAIN {
        let (acknowledged, shown) = (ids.get(account).map_or(0, BTreeSet::len) as u64, shown.get(account).copied().unwrap_or(0));
        if acknowledged != shown {
            problems.push(format!("{account}: {acknowledged} different usage events were acknowledged, its profile shows {shown}"));
        }
    }
}
