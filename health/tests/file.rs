//! What a file of rules means, what is wrong with one, and that no text breaks the reader.
#![allow(clippy::unwrap_used, reason = "a test breaks loudly")]
use c360_health::{Bound, Fact, FactRef, Missing, Rules, check};
use proptest::prelude::*;

/// A small file that is right.
const SMALL: &str = r#"
name = "ours"
[groups.use]
side = "outcome"
weight = 3
[groups.money]
side = "experience"
weight = 1
[measures.seen]
group = "use"
fact = "usage.silent_days"
weight = 2
red = 30
green = 7
[measures.exports]
group = "use"
fact = "feature:Export made"
weight = 1
red = 0
green = 10
missing = "zero"
[measures.due]
group = "money"
fact = "billing.past_due_days"
weight = 1
red = 30
green = 0
[caps.escalated]
group = "use"
when = { "support.escalated_28d" = { at_least = 1, below = 10 }, "billing.churned" = false }
limit = 60
[[cards]]
id = "renewal"
lifecycle = ["renewal"]
plans = ["Pro"]
[cards.groups.money]
weight = 3
[cards.measures.seen]
weight = 0
[cards.measures.exports]
red = 5
[[overrides]]
account = "acme"
band = "green"
owner = "the account's CSM"
reason = "moving to a new data centre"
expires = 2027-03-31
"#;

fn mistakes(text: &str) -> Vec<String> {
    check(text).unwrap_err().iter().map(ToString::to_string).collect()
}

#[test]
fn the_built_in_rules_have_no_mistake() {
    let rules =
        check(Rules::BUILT_IN_TEXT).unwrap_or_else(|m| panic!("{}", m.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")));
    let card = rules.card(rules.card_for("steady", None));
    assert_eq!((rules.measures.len(), rules.caps.len()), (11, 5));
    assert_eq!(card.measures.iter().map(|m| m.weight_ppm).sum::<i64>(), 1_000_000);
    assert_eq!(Rules::built_in().id, 0);
}

#[test]
fn a_file_says_what_is_scored() {
    let rules = check(SMALL).unwrap();
    assert_eq!(rules.measures[1].fact, FactRef::Feature("Export made".into()));
    assert_eq!(rules.measures[1].missing, Missing::Zero);
    let everybody = rules.card(rules.card_for("renewal", Some("Basic")));
    assert_eq!(everybody.id, "default");
    assert_eq!(everybody.measures.iter().map(|m| m.weight_ppm).collect::<Vec<_>>(), [500_000, 250_000, 250_000]);
    let renewal = rules.card(rules.card_for("renewal", Some("Pro")));
    assert_eq!(renewal.measures.iter().map(|m| m.weight_ppm).collect::<Vec<_>>(), [0, 500_000, 500_000]);
    assert_eq!((renewal.measures[1].red_milli, everybody.measures[1].red_milli), (5_000, 0));
    assert_eq!(renewal.measures[1].points_milli(7_500), 50_000);
    let bounds: Vec<_> = rules.caps[0].when.iter().map(|c| (c.fact.clone(), c.bound, c.milli)).collect();
    let escalated = || FactRef::Known(Fact::EscalatedTickets);
    assert_eq!(
        bounds,
        [(escalated(), Bound::AtLeast, 1_000), (escalated(), Bound::Below, 10_000), (FactRef::Known(Fact::Churned), Bound::Is, 0)]
    );
    let end = "2027-04-01T00:00:00Z".parse::<jiff::Timestamp>().unwrap().as_millisecond();
    assert_eq!(rules.overrides[0].expires_at, end, "the day is whole");
    assert!(rules.override_of("acme", end - 1).is_some() && rules.override_of("acme", end).is_none());
    assert_eq!(check(SMALL).unwrap().id, rules.id);
    assert_ne!(check(&format!("{SMALL}\n# a word")).unwrap().id, rules.id);
}

#[test]
fn each_mistake_is_told_with_its_place_and_what_to_write() {
    for (from, to, told) in [
        (
            "usage.silent_days",
            "usage.silent_day",
            "11:8: there is no fact `usage.silent_day`\n   |\n11 | fact = \"usage.silent_day\"\n   |        ^^^^^^^^^^^^^^^^^^\n   = did you mean `usage.silent_days`?",
        ),
        (
            "[measures.seen]\ngroup = \"use\"",
            "[measures.seen]\ngroup = \"usee\"",
            "10:9: there is no group `usee`\n   |\n10 | group = \"usee\"\n   |         ^^^^^^\n   = did you mean `use`?",
        ),
        ("weight = 2", "wieght = 2", "9:11: `weight` is missing\n  |\n9 | [measures.seen]\n  |           ^^^^"),
        ("green = 7", "green = 30", "14:9: `red` and `green` are the same"),
        (
            "side = \"outcome\"",
            "side = 1",
            "4:8: `side` is a whole number, and should be a text\n  |\n4 | side = 1\n  |        ^\n  = write `side = \"outcome\"`",
        ),
        ("expires = 2027-03-31", "expires = \"soon\"", "47:11: `expires` is no date"),
        ("lifecycle = [\"renewal\"]", "lifecycle = [\"renewals\"]", "34:14: there is no stage `renewals`"),
        (
            "\"billing.churned\" = false",
            "\"billing.churned\" = { above = 1 }",
            "`billing.churned` is in true or false, and this is no condition of it",
        ),
        ("{ at_least = 1, below = 10 }", "{ atleast = 1 }", "`atleast` is not known here"),
        ("limit = 60", "limit = 160", "31:9: `limit` is 160, out of range"),
        ("name = \"ours\"", "name = \"ours", "2:13: this is no TOML: invalid basic string"),
        (
            "weight = 3\n[groups.money]",
            "weight = 3\nwieght = 1\n[groups.money]",
            "6:1: `wieght` is not known here\n  |\n6 | wieght = 1\n  | ^^^^^^\n  = did you mean `weight`?",
        ),
    ] {
        let text = SMALL.replacen(from, to, 1);
        assert_ne!(text, SMALL, "{from}");
        let found = mistakes(&text);
        assert!(found.iter().any(|m| m.contains(told)), "{from} as {to}: {}", found.join("\n"));
    }
}

#[test]
fn all_mistakes_are_found_at_once_in_the_order_of_the_file() {
    let text =
        SMALL.replace("usage.silent_days", "nothing").replace("weight = 3", "weight = \"three\"").replace("limit = 60", "limit = 6.5");
    let lines: Vec<usize> = check(&text).unwrap_err().iter().map(|m| m.line).collect();
    assert_eq!(lines, [5, 11, 31, 37], "the weight stands twice");
}

/// What the docs show is a file that can be applied.
#[test]
fn the_card_of_the_docs_is_right() {
    let docs = include_str!("../../docs/health.md");
    let card = docs.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next()).expect("the docs show a card");
    let rules = check(card).unwrap_or_else(|m| panic!("{}", m.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")));
    assert_eq!((rules.name.as_str(), rules.measures.len(), rules.caps.len()), ("ours", 3, 1));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]
    /// Whatever is cut out of a good file and put in elsewhere, mistakes have a place in the text.
    #[test]
    fn no_text_breaks_the_reader(from in 0..SMALL.len(), len in 0..40_usize, to in 0..SMALL.len(), with in "[\\[\\]={}\"a-z0-9.ü\n-]{0,6}") {
        let cut = &SMALL[from..(from + len).min(SMALL.len())];
        let text = format!("{}{with}{cut}{}", &SMALL[..to], &SMALL[to..]);
        for text in [text, SMALL.replacen(cut, &with, 1)] {
            if let Err(mistakes) = check(&text) {
                prop_assert!(!mistakes.is_empty());
                for mistake in mistakes {
                    prop_assert!(mistake.span.end <= text.len() && mistake.line <= text.matches('\n').count() + 1);
                    let _ = mistake.to_string();
                }
            }
        }
    }
}
