//! Unlinked events, provisional customers, and what happens when the link comes.
use crate::harness::*;
use c360_schemas::*;
use serde_json::json;

fn foreign<'a>(id: &'a str, ids: &[(&'a str, &'a str)], kind: Kind, payload: Payload<'a>, at: i64) -> Event<'a> {
    let foreign_ids = ids.iter().map(|(kind, id)| ForeignId { kind, id }).collect();
    Event { account_id: None, foreign_ids, user_id: None, kind, payload, ..usage(id, "", "", at) }
}

fn stripe<'a>(id: &'a str, payload: Payload<'a>, at: i64) -> Event<'a> {
    foreign(id, &[("stripe_customer", "cus_1")], Kind::Billing, payload, at)
}

fn tell(w: &mut World, kind: &str, id: &str, account: Option<&str>, rank: Rank) {
    let message = w.id();
    let event = Event { kind: Kind::Identity, payload: link(kind, id, account, rank, w.now), ..usage(&message, "", "", w.now) };
    w.send(&event);
}

#[test]
fn an_unlinked_customer_is_provisional_until_the_link_brings_its_whole_state_home() {
    let mut w = World::new();
    let provisional = "~stripe_customer:cus_1";
    w.track("a1", "ann");
    w.send(&stripe("e1", Payload::Subscription(subscription("s1", 1, "active")), w.now));
    w.send(&stripe("e2", Payload::Invoice(invoice("i1", 1, w.now)), w.now));
    let ticket_event =
        foreign("e3", &[("stripe_customer", "cus_1")], Kind::Support, Payload::Ticket(ticket("t1", 1, "open", w.now)), w.now);
    w.send(&ticket_event);
    w.send(&foreign("e4", &[("stripe_customer", "cus_1")], Kind::Survey, Payload::Answer(answer("bob", 9)), w.now));
    assert_eq!(w.view(provisional)["provisional"], true);
    assert_eq!(w.view(provisional)["billing"]["mrr"]["amount"], 120_000);

    tell(&mut w, "stripe_customer", "cus_1", Some("a1"), Rank::Told);
    assert!(w.view(provisional).is_null(), "the provisional one is gone");
    let view = w.view("a1");
    assert_eq!(view["billing"]["mrr"]["amount"], 120_000);
    assert_eq!(
        (&view["support"]["open"], &view["surveys"]["nps"]["promoters"], &view["usage"]["events"]["1d"]),
        (&json!(1), &json!(1), &json!(1))
    );
    assert_eq!(view["identities"], json!([{"kind": "stripe_customer", "id": "cus_1", "source": "told"}]));

    w.send(&ticket_event);
    w.send(&stripe("e5", Payload::Invoice(Invoice { status: "paid", ..invoice("i1", 2, w.now) }), w.now));
    w.wait(20 * DAY);
    assert_eq!(w.view("a1")["billing"]["past_due_days"], 0, "later ones find it");
    let rows = w.aggregate.rows();
    let left: Vec<_> = rows.keys().filter(|key| key[0] > 0x01 && String::from_utf8_lossy(key).contains('~')).map(|key| key[0]).collect();
    assert_eq!(left, [0x17], "only the forwarding mark stays");
}

#[test]
fn users_of_both_customers_are_counted_once_after_the_move() {
    let mut w = World::new();
    for (i, (user, day)) in [("ann", 0), ("bob", 0), ("ann", 1), ("cat", 2)].into_iter().enumerate() {
        w.now = START + day * DAY;
        let id = format!("p{i}");
        w.send(&Event { user_id: Some(user), ..foreign(&id, &[("user", "u1")], Kind::Usage, Payload::None, w.now) });
    }
    for user in ["ann", "dan"] {
        w.track("a1", user);
    }
    tell(&mut w, "user", "u1", Some("a1"), Rank::Group);
    let usage = w.view("a1")["usage"].clone();
    assert_eq!(usage["events"], json!({"1d": 3, "7d": 6, "28d": 6, "90d": 6}));
    assert_eq!(usage["active_users"], json!({"1d": 3, "7d": 4, "28d": 4}));
    let daily: Vec<_> = usage["daily"].as_array().unwrap().iter().map(|d| (d[1].as_i64(), d[2].as_i64())).collect();
    assert_eq!(daily, [(Some(2), Some(2)), (Some(1), Some(1)), (Some(3), Some(3))]);
}

#[test]
fn an_event_counted_before_the_move_is_a_duplicate_after_it() {
    let mut w = World::new();
    let event = Event { user_id: Some("ann"), ..foreign("same", &[("user", "ann")], Kind::Usage, Payload::None, START) };
    w.send(&event);
    tell(&mut w, "user", "ann", Some("a1"), Rank::Group);
    w.send(&event);
    assert_eq!(w.view("a1")["usage"]["events"]["1d"], 1);
}

#[test]
fn foreign_ids_are_tried_in_order_and_any_of_their_links_brings_the_provisional_customer_home() {
    let ids = [("user", "ann"), ("intercom_company", "c1"), ("user", "ann")];
    let mut w = World::new();
    let event = |id| foreign(id, &ids, Kind::Survey, Payload::Answer(answer("ann", 9)), START);
    w.send(&event("1"));
    assert_eq!(w.view("~user:ann")["surveys"]["nps"]["promoters"], 1);
    tell(&mut w, "intercom_company", "c1", Some("a1"), Rank::Told);
    assert!(w.view("~user:ann").is_null());
    assert_eq!(w.view("a1")["surveys"]["nps"]["promoters"], 1);
    tell(&mut w, "user", "ann", Some("a2"), Rank::Told);
    w.send(&event("2"));
    assert_eq!(w.view("a2")["surveys"]["nps"]["promoters"], 1, "the first id wins");
}

#[test]
fn a_changed_link_is_unlinked_from_the_old_account() {
    let mut w = World::new();
    tell(&mut w, "user", "ann", Some("a1"), Rank::Group);
    w.now += 1;
    tell(&mut w, "user", "ann", Some("a2"), Rank::Group);
    assert_eq!((w.view("a1")["identities"].clone(), w.view("a2")["identities"][0]["id"].clone()), (json!([]), json!("ann")));
    w.now += 1;
    tell(&mut w, "user", "ann", None, Rank::Told);
    assert_eq!(w.view("a2")["identities"], json!([]));
}

#[test]
fn email_domains_count_only_when_told() {
    let mut w = World::new();
    let event = |id| foreign(id, &[("email_domain", "acme.com")], Kind::Survey, Payload::Answer(answer("x", 9)), START);
    tell(&mut w, "email_domain", "acme.com", Some("a1"), Rank::Domain);
    w.send(&event("1"));
    assert!(w.view("a1").is_null());
    tell(&mut w, "email_domain", "acme.com", Some("a1"), Rank::Told);
    assert_eq!(w.view("a1")["surveys"]["nps"]["promoters"], 1);
}

#[test]
fn a_provisional_customers_alert_ends_silently_and_is_the_accounts_then() {
    let mut w = World::new();
    w.send(&stripe("e1", Payload::Subscription(subscription("s1", 1, "active")), w.now));
    w.send(&stripe("e2", Payload::Invoice(failed("i1", 1, w.now, true)), w.now));
    assert_eq!(w.sent().len(), 1);
    tell(&mut w, "stripe_customer", "cus_1", Some("a1"), Rank::Told);
    let ended = w.alerts.iter().find(|a| a.status == AlertStatus::Resolved).unwrap();
    assert_eq!((ended.account_id.as_str(), ended.notify), ("~stripe_customer:cus_1", false));
    assert_eq!(w.alerts.iter().filter(|a| a.account_id == "a1" && a.status == AlertStatus::Open).count(), 1);
}
