//! Each alert that is to be sent is planned once for each destination, and accepted at least once, in order for each customer; nothing else is.
use crate::receiver::DeliveryId;
use crate::world::World;
use c360_schemas::{Alert, Delivery, DeliveryOutcome, Topic, Wire};
use std::collections::{BTreeMap, BTreeSet};

const DESTINATIONS: [&str; 2] = ["everyone", "again"];

pub(super) fn check(world: &World, problems: &mut Vec<String>) {
    let mut wanted: Vec<DeliveryId> = Vec::new();
    for record in world.records(Topic::Alerts).into_iter().flatten() {
        let Ok(alert) = Alert::decode(&record.value) else { continue };
        if alert.notify {
            wanted.extend(DESTINATIONS.map(|destination| (alert.alert_id.clone(), alert.revision, destination.to_owned())));
        }
    }
    // By customer and destination, in the order of the log.
    let mut planned: BTreeMap<(String, String), Vec<DeliveryId>> = BTreeMap::new();
    for record in world.records(Topic::Deliveries).into_iter().flatten() {
        let Ok(delivery) = Delivery::decode(&record.value) else { continue };
        if delivery.outcome == DeliveryOutcome::Planned {
            let whose = (format!("{}/{}", delivery.tenant, delivery.account_id), delivery.destination.clone());
            planned.entry(whose).or_default().push((delivery.alert_id, delivery.revision, delivery.destination));
        }
    }
    let mut all: Vec<DeliveryId> = planned.values().flatten().cloned().collect();
    all.sort();
    wanted.sort();
    if all != wanted {
        problems.push(format!("{} deliveries were to be planned, {} were, or not the same ones", wanted.len(), all.len()));
    }
    check_acceptance(world, &planned, problems);
}

fn check_acceptance(world: &World, planned: &BTreeMap<(String, String), Vec<DeliveryId>>, problems: &mut Vec<String>) {
    let mut first: BTreeMap<(String, String), Vec<DeliveryId>> = BTreeMap::new();
    let mut seen: BTreeSet<DeliveryId> = BTreeSet::new();
    for (customer, id) in world.shared.receiver.accepted.lock().iter() {
        if seen.insert(id.clone()) {
            first.entry((customer.clone(), id.2.clone())).or_default().push(id.clone());
        }
    }
    let whose: BTreeSet<_> = first.keys().chain(planned.keys()).collect();
    for whose in whose {
        let (planned, accepted) = (planned.get(whose), first.get(whose));
        if planned != accepted {
            let tell = |ids: Option<&Vec<DeliveryId>>| {
                ids.into_iter().flatten().map(|(alert, revision, _)| format!("{alert}.{revision}")).collect::<Vec<_>>().join(", ")
            };
            let (customer, destination) = whose;
            problems.push(format!("{customer} at {destination}: planned [{}], accepted [{}]", tell(planned), tell(accepted)));
        }
    }
}
