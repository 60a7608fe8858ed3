//! Billing, support, surveys and lifecycle in the view.
use crate::harness::*;
use c360_schemas::*;
use proptest::prelude::*;
use serde_json::{Value, json};

#[test]
fn mrr_is_null_then_counted_then_zero_after_the_last_one_ended() {
    let mut w = World::new();
    w.track("a1", "ann");
    assert_eq!(w.view("a1")["billing"]["mrr"], Value::Null);
    w.say("a1", Kind::Billing, Payload::Subscription(subscription("s1", 1, "trialing")));
    assert_eq!(w.view("a1")["billing"]["mrr"], json!({"amount": 0, "currency": "USD"}));
    w.say("a1", Kind::Billing, Payload::Subscription(subscription("s1", 2, "active")));
    w.say("a1", Kind::Billing, Payload::Subscription(subscription("s2", 1, "past_due")));
    assert_eq!(w.view("a1")["billing"]["mrr"]["amount"], 240_000);
    assert_eq!(w.view("a1")["billing"]["status"], "past_due");
    for id in ["s1", "s2"] {
        w.say("a1", Kind::Billing, Payload::Subscription(Subscription { ended_at: Some(w.now), ..subscription(id, 3, "canceled") }));
    }
    let view = w.view("a1");
    assert_eq!((&view["billing"]["mrr"]["amount"], &view["billing"]["status"]), (&json!(0), &json!("canceled")));
    assert_eq!((&view["lifecycle"], &view["health"]["score"], &view["health"]["band"]), (&json!("churned"), &json!(0), &json!("red")));
}

#[test]
fn several_currencies_are_never_added() {
    let mut w = World::new();
    w.say("a1", Kind::Billing, Payload::Subscription(subscription("s1", 1, "active")));
    let mut euro = subscription("s2", 1, "active");
    euro.currency = "EUR";
    euro.items[0].quantity = 2;
    w.say("a1", Kind::Billing, Payload::Subscription(euro));
    let view = w.view("a1");
    assert_eq!(view["billing"]["mrr"], json!({"amount": 240_000, "currency": "EUR"}));
    assert_eq!(view["billing"]["by_currency"], json!([{"amount": 240_000, "currency": "EUR"}, {"amount": 120_000, "currency": "USD"}]));
}

#[test]
fn a_discount_that_runs_out_raises_mrr_at_its_time() {
    let mut w = World::new();
    let mut s = subscription("s1", 1, "active");
    s.discounts.push(Discount { percent_micros: Some(50_000_000), recurring: true, ends_at: Some(START + DAY + 7), ..Default::default() });
    s.discounts.push(Discount { percent_micros: Some(50_000_000), recurring: false, ..Default::default() });
    w.say("a1", Kind::Billing, Payload::Subscription(s));
    assert_eq!(w.view("a1")["billing"]["mrr"]["amount"], 60_000);
    w.wait(DAY + 7);
    assert_eq!(w.view("a1")["billing"]["mrr"]["amount"], 120_000);
}

#[test]
fn past_due_days_grow_from_the_oldest_unpaid_invoice_and_end_when_it_is_paid() {
    let mut w = World::new();
    w.say("a1", Kind::Billing, Payload::Invoice(invoice("i1", 1, START + 2 * DAY)));
    w.say("a1", Kind::Billing, Payload::Invoice(invoice("i2", 1, START + 3 * DAY)));
    for (day, past_due) in [(1, 0), (2, 0), (3, 1), (10, 8)] {
        w.wait(START + day * DAY - w.now);
        assert_eq!(w.view("a1")["billing"]["past_due_days"], past_due, "day {day}");
    }
    w.say("a1", Kind::Billing, Payload::Invoice(Invoice { status: "paid", amount_remaining: 0, ..invoice("i1", 2, START) }));
    assert_eq!(w.view("a1")["billing"]["past_due_days"], 7);
    w.say("a1", Kind::Billing, Payload::Invoice(invoice("i1", 1, START)));
    assert_eq!(w.view("a1")["billing"]["past_due_days"], 7, "an older version does not bring it back");
    w.say("a1", Kind::Billing, Payload::Invoice(Invoice { status: "void", ..invoice("i2", 2, START) }));
    assert_eq!(w.view("a1")["billing"]["past_due_days"], 0);
}

#[test]
fn lifecycle_moves_on_by_itself() {
    let mut w = World::new();
    let term = Subscription {
        started_at: Some(START),
        term_start: Some(START),
        term_end: Some(START + 365 * DAY),
        ..subscription("s1", 1, "active")
    };
    w.say("a1", Kind::Billing, Payload::Subscription(term));
    for (day, stage) in [
        (30, "adoption"),
        (31, "stabilisation"),
        (90, "stabilisation"),
        (91, "steady"),
        (274, "steady"),
        (275, "renewal"),
        (400, "renewal"),
    ] {
        w.wait(START + day * DAY - w.now);
        assert_eq!(w.view("a1")["lifecycle"], stage, "day {day}");
    }
}

#[test]
fn tickets_and_answers_show_in_the_view() {
    let mut w = World::new();
    w.say("a1", Kind::Support, Payload::Ticket(ticket("t1", 1, "new", w.now)));
    w.now += 2 * HOUR;
    let reply = Ticket { replied_at: Some(w.now), ..ticket("t1", 2, "pending", START) };
    w.say("a1", Kind::Support, Payload::Ticket(reply));
    let support = w.view("a1")["support"].clone();
    assert_eq!((&support["open"], &support["oldest_open_s"], &support["first_reply_s_median"]), (&json!(1), &json!(7200), &json!(7200)));
    assert_eq!(support["resolution_s_median"], Value::Null, "what is open is not solved");
    w.say("a1", Kind::Support, Payload::Ticket(ticket("t1", 3, "solved", START)));
    w.say("a1", Kind::Support, Payload::Ticket(ticket("t1", 4, "open", START)));
    w.say("a1", Kind::Support, Payload::Ticket(ticket("t1", 5, "solved", START)));
    let support = w.view("a1")["support"].clone();
    assert_eq!((&support["open"], &support["reopened_28d"], &support["resolution_s_median"]), (&json!(0), &json!(1), &json!(7200)));
    for (person, score) in [("a", 10), ("b", 9), ("c", 8), ("d", 0)] {
        w.say("a1", Kind::Survey, Payload::Answer(answer(person, score)));
    }
    assert_eq!(w.view("a1")["surveys"]["nps"], json!({"score": null, "interval": null, "promoters": 2, "passives": 1, "detractors": 1}));
    w.say("a1", Kind::Survey, Payload::Answer(answer("e", 10)));
    assert_eq!(w.view("a1")["surveys"]["nps"]["score"], 40);
    w.wait(90 * DAY);
    assert_eq!(w.view("a1")["surveys"]["nps"], json!({"score": null, "interval": null, "promoters": 0, "passives": 0, "detractors": 0}));
    assert_eq!(w.view("a1")["support"]["first_reply_s_median"], Value::Null);
}

fn told(version: i64, status: &str, quantity: i64) -> Subscription<'_> {
    let mut s = Subscription { started_at: Some(START - 100 * DAY + version), ..subscription("s1", version, status) };
    s.items[0].quantity = quantity;
    s
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn the_order_in_which_versions_arrive_does_not_matter(
        words in prop::collection::vec((0..4_i64, 0..6_usize, 1..4_i64), 1..8),
        seed in any::<u64>(),
    ) {
        const STATUS: [&str; 6] = ["trialing", "active", "past_due", "unpaid", "canceled", "incomplete"];
        let run = |order: &[usize]| {
            let mut w = World::new();
            for i in order {
                let (version, status, quantity) = words[*i];
                w.say("a1", Kind::Billing, Payload::Subscription(told(version, STATUS[status], quantity)));
            }
            let view = w.view("a1");
            (view["billing"].clone(), view["lifecycle"].clone(), view["delivered_at"].clone(), view["health"]["groups"].clone())
        };
        let order: Vec<usize> = (0..words.len()).collect();
        let mut shuffled = order.clone();
        shuffled.sort_by_key(|i| seed.rotate_left(*i as u32 * 7) % 97);
        let (a, b) = (run(&order), run(&shuffled));
        prop_assert_eq!(&a.0, &b.0);
        prop_assert_eq!((a.1, a.2), (b.1, b.2));
    }
}
