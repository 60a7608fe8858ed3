//! Health and alerts as they are lived through.
use crate::harness::*;
use c360_schemas::AlertStatus::{Open, Resolved, Updated};
use c360_schemas::*;

fn sent(kind: &str, status: AlertStatus, band: &str) -> (String, AlertStatus, String) {
    (kind.into(), status, band.into())
}

#[test]
fn hard_facts_turn_a_green_customer_red_at_once_with_one_alert() {
    let now = START + 42 * DAY;
    let cancelled = Subscription { cancels_at: Some(now + 20 * DAY), ..subscription("sub", 2, "active") };
    let ended = Subscription { ended_at: Some(now), ..subscription("sub", 2, "canceled") };
    for (payload, cap, score) in [
        (Payload::Subscription(cancelled), "cap:cancellation_scheduled", 20),
        (Payload::Subscription(ended), "cap:subscription_ended", 0),
        (Payload::Invoice(failed("in2", 1, now, true)), "cap:payment_failed", 30),
    ] {
        let mut w = World::new();
        w.steady("a1");
        w.say("a1", Kind::Billing, payload);
        assert_eq!(w.sent(), [sent("health.changed", Open, "red")], "{cap}");
        let alert = &w.alerts[0];
        assert_eq!((alert.score_after, alert.band_before.as_deref(), alert.severity), (Some(score), Some("green"), Severity::Critical));
        let line = alert.receipt.iter().find(|line| line.measure == cap).expect("the fact is in the receipt");
        assert!(line.contribution < 0 && line.events.len() == 1, "{line:?}");
        assert!(alert.why.as_deref().unwrap().starts_with("Health went from green to red: "), "{:?}", alert.why);
        assert_eq!(w.band("a1"), "red");
        w.wait(10 * DAY);
        assert_eq!(w.alerts.iter().filter(|a| a.notify && a.alert_type == "health.changed").count(), 1, "said once");
    }
}

#[test]
fn three_failed_payments_are_a_warning_then_red() {
    let mut w = World::new();
    w.steady("a1");
    w.say("a1", Kind::Billing, Payload::Invoice(failed("in2", 1, w.now, false)));
    assert_eq!(w.sent(), [sent("billing.payment_failed", Open, "green")]);
    w.say("a1", Kind::Billing, Payload::Invoice(failed("in2", 2, w.now, false)));
    assert_eq!(w.alerts.len(), 1);
    w.say("a1", Kind::Billing, Payload::Invoice(failed("in2", 3, w.now, false)));
    assert_eq!(w.sent()[1..], [sent("health.changed", Open, "red")]);
    let quiet = w.alerts.last().unwrap();
    assert_eq!(
        (quiet.alert_type.as_str(), quiet.status, quiet.notify),
        ("billing.payment_failed", Resolved, false),
        "it is part of the fall now"
    );
}

#[test]
fn a_failed_payment_that_is_recovered_is_resolved_once() {
    let mut w = World::new();
    w.steady("a1");
    w.say("a1", Kind::Billing, Payload::Invoice(failed("in2", 1, w.now, false)));
    w.say("a1", Kind::Billing, Payload::Invoice(Invoice { status: "paid", amount_remaining: 0, ..invoice("in2", 9, w.now) }));
    assert_eq!(w.sent(), [sent("billing.payment_failed", Open, "green"), sent("billing.payment_failed", Resolved, "green")]);
}

#[test]
fn three_silent_weeks_turn_a_green_customer_red_by_and_by() {
    let mut w = World::new();
    w.steady("a1");
    w.wait(3 * DAY);
    assert_eq!(w.band("a1"), "green", "a long weekend is no silence: {}", w.view("a1")["health"]);
    w.wait(18 * DAY);
    assert_eq!(w.band("a1"), "red");
    let bands: Vec<_> = w.sent();
    assert_eq!(bands.last(), Some(&sent("health.changed", if bands.len() == 1 { Open } else { Updated }, "red")));
    assert!(bands.len() <= 2, "{bands:?}");
    assert!(w.alerts.last().unwrap().receipt.iter().any(|line| line.measure == "cap:silent"));
}

#[test]
fn whoever_comes_once_a_month_is_not_silent_after_two_weeks() {
    let mut w = World::new();
    w.say("a1", Kind::Billing, Payload::Subscription(subscription("sub", 1, "active")));
    for _ in 0..3 {
        for _ in 0..20 {
            w.track("a1", "ann");
        }
        w.wait(30 * DAY);
    }
    let score = |w: &World| w.view("a1")["health"]["groups"][0].clone();
    assert!(w.alerts.iter().all(|a| a.receipt.iter().all(|line| line.measure != "cap:silent")), "{}", score(&w));
}

#[test]
fn what_recovers_for_a_week_is_resolved_once_and_may_open_again() {
    let mut w = World::new();
    w.steady("a1");
    w.say("a1", Kind::Billing, Payload::Invoice(failed("in2", 1, w.now, true)));
    assert_eq!(w.band("a1"), "red");
    w.say("a1", Kind::Billing, Payload::Invoice(Invoice { status: "paid", amount_remaining: 0, ..invoice("in2", 9, w.now) }));
    for day in 0..10 {
        assert_eq!(w.sent().len(), 1, "day {day}");
        w.track("a1", "ann");
        w.track("a1", "bob");
        w.track("a1", "cat");
        w.wait(DAY);
        if day >= 6 {
            break;
        }
    }
    assert_eq!(w.sent()[1..], [sent("health.changed", Resolved, "green")]);
    w.wait(DAY);
    w.say("a1", Kind::Billing, Payload::Invoice(failed("in3", 1, w.now, true)));
    assert_eq!(w.sent()[2..], [sent("health.changed", Open, "red")]);
    assert_eq!((w.alerts[0].alert_id.clone(), true), (w.alerts.last().unwrap().alert_id.clone(), w.alerts.last().unwrap().revision > 2));
}

#[test]
fn a_new_fact_updates_the_open_alert_and_does_not_stand_alone() {
    let mut w = World::new();
    w.steady("a1");
    w.say("a1", Kind::Billing, Payload::Invoice(failed("in2", 1, w.now, true)));
    w.say("a1", Kind::Billing, Payload::Subscription(Subscription { cancels_at: Some(w.now + DAY), ..subscription("sub", 2, "active") }));
    assert_eq!(w.sent(), [sent("health.changed", Open, "red"), sent("health.changed", Updated, "red")]);
    assert_eq!((w.alerts[1].revision, &w.alerts[1].alert_id), (2, &w.alerts[0].alert_id));
    let ids: Vec<_> = w.alerts[1].receipt.iter().flat_map(|line| line.events.clone()).collect();
    assert!(ids.len() >= 2, "{ids:?}");
}

#[test]
fn acknowledged_is_quiet_for_the_same_reason_and_not_for_another() {
    let mut w = World::new();
    w.steady("a1");
    w.say("a1", Kind::Billing, Payload::Invoice(failed("in2", 1, w.now, true)));
    let id = w.alerts[0].alert_id.clone();
    w.command(&id, "a1", AlertAction::Acknowledge, None);
    let said = w.alerts.last().unwrap();
    assert_eq!((said.revision, said.notify, said.acknowledged_by.as_deref()), (1, false, Some("ann")));
    w.say("a1", Kind::Survey, Payload::Answer(answer("bob", 2)));
    assert_eq!(w.sent().len(), 2, "a detractor is another fact");
    w.say("a1", Kind::Survey, Payload::Answer(answer("cat", 2)));
    assert_eq!(w.sent().len(), 2, "a second one is the same fact again");
    w.command("unknown", "a1", AlertAction::Acknowledge, None);
    w.command(&id, "nobody", AlertAction::Acknowledge, None);
}

#[test]
fn snoozed_is_quiet_until_its_end_and_then_says_once_that_it_holds() {
    let mut w = World::new();
    w.steady("a1");
    w.say("a1", Kind::Billing, Payload::Invoice(failed("in2", 1, w.now, true)));
    let id = w.alerts[0].alert_id.clone();
    w.command(&id, "a1", AlertAction::Snooze, Some(w.now + 2 * DAY));
    w.say("a1", Kind::Survey, Payload::Answer(answer("bob", 2)));
    w.wait(DAY);
    assert_eq!(w.sent().len(), 1);
    w.wait(DAY);
    assert_eq!(w.sent()[1..], [sent("health.changed", Updated, "red")]);
    w.command(&id, "a1", AlertAction::Verdict, None);
    assert_eq!(w.alerts.last().unwrap().verdict.as_deref(), Some("useful"));
}

#[test]
fn an_import_of_history_raises_no_alert_about_the_past() {
    let mut w = World::new();
    let old = START - 60 * DAY;
    for day in 0..30 {
        w.send(&usage(&format!("h{day}"), "a1", "ann", old + day * DAY));
    }
    for (i, payload) in [
        Payload::Subscription(subscription("sub", 1, "active")),
        Payload::Invoice(failed("in1", 3, old, true)),
        Payload::Subscription(Subscription { ended_at: Some(old + 30 * DAY), ..subscription("sub", 2, "canceled") }),
        Payload::Answer(answer("ann", 0)),
    ]
    .into_iter()
    .enumerate()
    {
        let id: &'static str = format!("b{i}").leak();
        w.send(&Event { kind: Kind::Billing, payload, user_id: None, ..usage(id, "a1", "", old + 30 * DAY) });
    }
    w.wait(5 * DAY);
    assert_eq!((w.band("a1").as_str(), w.sent()), ("red", Vec::new()));
    assert_eq!(w.view("a1")["usage"]["events"]["90d"], 30);
}

#[test]
fn a_customer_of_whom_little_is_known_is_unknown() {
    let mut w = World::new();
    w.track("a1", "ann");
    assert_eq!(w.band("a1"), "unknown");
    assert!(w.alerts.is_empty());
}

#[test]
fn each_change_of_the_score_is_in_the_history_with_a_receipt_that_sums() {
    let mut w = World::new();
    w.steady("a1");
    w.wait(30 * DAY);
    let scores: Vec<serde_json::Value> =
        w.history.iter().filter(|h| h.kind == HistoryKind::Score).map(|h| serde_json::from_str(&h.detail).unwrap()).collect();
    assert!(scores.len() > 5);
    let mut last = serde_json::Value::Null;
    for score in scores {
        assert_eq!(score["before"], last, "each one goes on from the one before");
        let sum: i64 = score["receipt"].as_array().unwrap().iter().map(|line| line["contribution"].as_i64().unwrap()).sum();
        assert_eq!(sum, score["score"].as_i64().unwrap() - score["before"].as_i64().unwrap_or(0));
        last = score["score"].clone();
    }
    let ids: std::collections::BTreeSet<_> = w.history.iter().map(|h| &h.id).collect();
    assert_eq!(ids.len(), w.history.len(), "ids are unique");
}

/// Weeks in which so many people use the product on each working day.
fn work_weeks(w: &mut World, account: &str, weeks: usize, people: usize) {
    for day in 0..7 * weeks {
        w.now += 9 * HOUR;
        if day % 7 < 5 {
            for person in 0..people {
                w.track(account, &format!("p{person}"));
            }
        }
        w.now += 15 * HOUR;
        w.tick();
    }
}

/// Ten weeks of twenty people, with paid bills.
fn well_used(w: &mut World, account: &str) {
    w.say(account, Kind::Billing, Payload::Subscription(subscription("sub", 1, "active")));
    w.say(account, Kind::Billing, Payload::Invoice(Invoice { status: "paid", amount_remaining: 0, ..invoice("in", 1, w.now) }));
    work_weeks(w, account, 10, 20);
    assert_eq!((w.band(account).as_str(), w.alerts.len()), ("green", 0));
}

#[test]
fn nearly_half_of_the_people_gone_is_told_once_and_so_is_their_return() {
    let mut w = World::new();
    well_used(&mut w, "a1");
    let from = w.now;
    work_weeks(&mut w, "a1", 3, 11);
    assert_eq!(w.sent(), [sent("usage.dropped", Open, "green")], "the score alone would not have told: {}", w.view("a1")["health"]);
    let alert = &w.alerts[0];
    assert!(alert.at - from <= 14 * DAY, "found after {} days", (alert.at - from) / DAY);
    let why = alert.why.as_deref().unwrap();
    assert_eq!(
        why,
        "Usage of the last 7 days is 55% of what is usual for this customer: 55 events where 100 are usual, and people came on 55 days of theirs where 100 are usual."
    );
    assert_eq!(alert.playbook.as_deref(), Some("Find out what stopped them, and train the users"));
    let back = w.now;
    work_weeks(&mut w, "a1", 3, 20);
    assert_eq!(w.sent()[1..], [sent("usage.dropped", Resolved, "green")]);
    let resolved = w.alerts.last().unwrap();
    assert!(resolved.at - back >= 7 * DAY, "a week of it: {} days", (resolved.at - back) / DAY);
    assert_eq!(resolved.alert_id, w.alerts[0].alert_id);
}

#[test]
fn a_drop_that_turns_health_is_one_alert() {
    let mut w = World::new();
    well_used(&mut w, "a1");
    work_weeks(&mut w, "a1", 4, 4);
    assert!(w.sent().contains(&sent("health.changed", Open, "yellow")), "{:?}", w.sent());
    let said = w.alerts.iter().filter(|a| a.alert_type == "health.changed").filter_map(|a| a.why.as_deref());
    assert!(said.clone().any(|why| why.contains("Usage of the last 7 days is 20% of what is usual")), "{:?}", said.collect::<Vec<_>>());
    let alone: Vec<_> = w.alerts.iter().filter(|a| a.alert_type == "usage.dropped").collect();
    assert!(alone.iter().filter(|a| a.notify).count() <= 1 && alone.last().is_none_or(|a| a.status == Resolved && !a.notify), "{alone:?}");
    let before = w.sent().len();
    work_weeks(&mut w, "a1", 3, 4);
    assert!(w.sent()[before..].iter().all(|(kind, status, _)| kind == "health.changed" && *status == Resolved), "no news: {:?}", w.sent());
}

#[test]
fn a_week_of_holidays_is_no_drop() {
    let mut w = World::new();
    well_used(&mut w, "a1");
    work_weeks(&mut w, "a1", 1, 0);
    work_weeks(&mut w, "a1", 3, 20);
    assert!(w.alerts.iter().all(|a| a.alert_type != "usage.dropped"), "{:?}", w.sent());
}

fn tell_role(w: &mut World, account: &str, person: &str, role: &str, at: i64) {
    let payload = Payload::User(UserTraits { role: Some(role), ..UserTraits::default() });
    let id = w.id();
    w.send(&Event { kind: Kind::Identity, payload, name: "identify", user_id: Some(person), ..usage(&id, account, person, at) });
}

#[test]
fn a_champion_who_leaves_is_told_at_once_and_a_new_one_ends_it() {
    let mut w = World::new();
    w.steady("a1");
    let now = w.now;
    tell_role(&mut w, "a1", "ann", "champion", now - DAY);
    assert!(w.alerts.is_empty());
    tell_role(&mut w, "a1", "ann", "left", now);
    assert_eq!(w.sent(), [sent("people.champion_gone", Open, "green")]);
    let why = w.alerts[0].why.as_deref();
    assert_eq!(why, Some("The champion has left, and nobody else is known to speak for the product."));
    tell_role(&mut w, "a1", "ann", "left", now + 1);
    assert_eq!(w.alerts.len(), 1, "she left once");
    tell_role(&mut w, "a1", "bob", "champion", now + 2);
    w.wait(DAY);
    assert_eq!(w.sent()[1..], [sent("people.champion_gone", Resolved, "green")]);
}

#[test]
fn who_left_long_ago_is_no_news() {
    let mut w = World::new();
    w.steady("a1");
    let now = w.now;
    tell_role(&mut w, "a1", "ann", "champion", now - 40 * DAY);
    tell_role(&mut w, "a1", "ann", "left", now - 20 * DAY);
    w.wait(3 * DAY);
    assert!(w.alerts.iter().all(|a| a.alert_type != "people.champion_gone"), "{:?}", w.sent());
}

#[test]
fn a_renewal_that_comes_near_while_health_is_not_green_is_told_on_that_day() {
    for well in [false, true] {
        let mut w = World::new();
        let term = Subscription { term_start: Some(w.now), term_end: Some(w.now + 200 * DAY), ..subscription("sub", 1, "active") };
        w.say("a1", Kind::Billing, Payload::Subscription(term));
        work_weeks(&mut w, "a1", 10, 5);
        if !well {
            // Red by a fact of long ago, of which nobody spoke.
            let payload = Payload::Invoice(failed("in1", 3, START, true));
            w.send(&Event { kind: Kind::Billing, payload, name: "x", user_id: None, ..usage("old", "a1", "", START) });
        }
        assert_eq!((w.band("a1").as_str(), w.sent()), (if well { "green" } else { "red" }, Vec::new()));
        work_weeks(&mut w, "a1", 7, 5);
        if well {
            assert_eq!(w.sent(), []);
            continue;
        }
        assert_eq!(w.sent(), [sent("renewal.at_risk", Open, "red")]);
        let (alert, day) = (&w.alerts[0], (w.alerts[0].at - START) / DAY);
        assert!((110..=111).contains(&day), "day {day} of 200");
        assert!(alert.why.as_deref().unwrap().ends_with(" days, and health is red."), "{:?}", alert.why);
    }
}

#[test]
fn a_ticket_that_is_escalated_is_told() {
    let mut w = World::new();
    w.steady("a1");
    w.say("a1", Kind::Support, Payload::Ticket(Ticket { priority: Some("normal"), ..ticket("t2", 1, "open", w.now) }));
    assert!(w.alerts.is_empty());
    w.now += HOUR;
    w.say("a1", Kind::Support, Payload::Ticket(Ticket { priority: Some("urgent"), ..ticket("t2", 2, "open", w.now - HOUR) }));
    assert_eq!(w.sent(), [sent("support.backlog", Open, "green")]);
    w.now += HOUR;
    w.say("a1", Kind::Support, Payload::Ticket(Ticket { priority: Some("urgent"), ..ticket("t2", 3, "solved", w.now - 2 * HOUR) }));
    assert_eq!(w.sent()[1..], [sent("support.backlog", Resolved, "green")]);
}

#[test]
fn what_a_late_event_undoes_is_retracted_and_not_resolved() {
    // A payment failed, and we hear only now that it had been made before we said so.
    let mut w = World::new();
    w.steady("a1");
    w.say("a1", Kind::Billing, Payload::Invoice(failed("in2", 1, w.now, false)));
    let paid_at = w.now - HOUR;
    w.now += 2 * HOUR;
    let paid = Invoice { status: "paid", amount_remaining: 0, ..invoice("in2", 9, w.now) };
    let id: &'static str = w.id().leak();
    w.send(&Event { kind: Kind::Billing, payload: Payload::Invoice(paid), name: "x", user_id: None, ..usage(id, "a1", "", paid_at) });
    assert_eq!(w.sent(), [sent("billing.payment_failed", Open, "green"), sent("billing.payment_failed", AlertStatus::Retracted, "green")]);

    // Nobody was there, it seemed; their events were only late.
    let mut w = World::new();
    w.steady("a1");
    let silent_from = w.now;
    w.wait(10 * DAY);
    let fall = w.alerts.last().expect("silence is noticed").clone();
    assert_eq!((fall.alert_type.as_str(), fall.status), ("health.changed", Open));
    let told = w.alerts.len();
    for day in (0..10).filter(|day| day % 7 < 5) {
        for user in ["ann", "bob", "cat"] {
            let id: &'static str = w.id().leak();
            w.send(&usage(id, "a1", user, silent_from + day * DAY + 9 * HOUR));
        }
    }
    w.wait(2 * HOUR);
    let after: Vec<_> = w.alerts[told..].iter().filter(|a| a.alert_id == fall.alert_id).map(|a| (a.status, a.notify)).collect();
    assert_eq!(after, [(AlertStatus::Retracted, true)], "{:?}", &w.alerts[told..]);
    w.wait(20 * DAY);
    assert_eq!(w.alerts.iter().filter(|a| a.alert_id == fall.alert_id && a.status == Resolved).count(), 0, "and never resolved");
}

#[test]
fn a_fall_shortly_before_the_renewal_is_one_degree_graver() {
    for (days_left, severity) in [(200, Severity::Info), (50, Severity::Warning)] {
        let mut w = World::new();
        w.steady("a1");
        let term_end = w.now + (days_left + 10) * DAY;
        // A small customer, so that the term alone decides.
        let item = SubscriptionItem {
            amount_micros: 10_000 * 1_000_000,
            quantity: 1,
            interval: Interval::Month,
            interval_count: 1,
            ..Default::default()
        };
        let term = Subscription {
            term_start: Some(term_end - 365 * DAY),
            term_end: Some(term_end),
            items: [item].into_iter().collect(),
            ..subscription("sub", 2, "active")
        };
        w.say("a1", Kind::Billing, Payload::Subscription(term));
        w.wait(10 * DAY);
        let fall = w.alerts.iter().find(|a| a.alert_type == "health.changed").expect("silence is noticed");
        assert_eq!((fall.band_after.as_deref(), fall.severity), (Some("yellow"), severity), "{days_left} days before the end");
    }
}
