//! The renewal plan as Markdown, out of the view.
use crate::time;
use serde_json::Value;

/// Characters that mean something in Markdown, or in the HTML that it may hold.
const MARKUP: &str = "\\`*_{}[]()<>#+-.!|&~";

/// A text as plain text in one line of Markdown.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '\n' | '\r' | '\t' => out.push(' '),
            _ if MARKUP.contains(char) => out.extend(['\\', char]),
            _ => out.push(char),
        }
    }
    out
}

fn text<'a>(value: &'a Value, path: &str) -> Option<&'a str> {
    value.pointer(path)?.as_str()
}

fn list<'a>(value: &'a Value, path: &str) -> &'a [Value] {
    value.pointer(path).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn day(value: &Value, path: &str) -> Option<String> {
    text(value, path).and_then(time::parse).map(time::day)
}

fn percent(value: &Value, path: &str) -> Option<String> {
    value.pointer(path)?.as_f64().map(|share| format!("{:+.1}%", share * 100.0))
}

/// The plan of a customer called `name`, as of `now`.
pub(crate) fn markdown(view: &Value, name: &str, now: i64) -> String {
    let empty = Value::Null;
    let plan = view.get("renewal").unwrap_or(&empty);
    let mut out = format!("# Renewal plan: {}\n\n", escaped(name));
    let (end, days) = (day(plan, "/term_end").unwrap_or_default(), plan["days_left"].as_i64().unwrap_or(0));
    out.push_str(&match text(plan, "/status") {
        Some("ahead") => format!("The term ends on {end}, in {days} days; the plan opens 90 days before.\n"),
        Some("open") => format!("**The term ends on {end}, in {days} days.**\n"),
        Some("overdue") => format!("**The term ended on {end}, {} days ago, and no new one is known.**\n", days.saturating_neg()),
        _ => "No term is known that would be planned for.\n".into(),
    });
    section(&mut out, "Was the purpose met?", list(plan, "/purpose").iter().map(goal));
    people(&mut out, plan);
    section(&mut out, "Promises", list(plan, "/promises").iter().map(promise));
    results(&mut out, plan);
    section(&mut out, "To find out", list(plan, "/asks").iter().filter_map(Value::as_str).map(|ask| format!("- [ ] {}", escaped(ask))));
    out.push_str(&format!("\nAs of {}.\n", time::minute(now)));
    out
}

fn section(out: &mut String, title: &str, lines: impl Iterator<Item = String>) {
    let lines: Vec<String> = lines.collect();
    out.push_str(&format!("\n## {title}\n\n"));
    out.push_str(&if lines.is_empty() { "Nothing is known.".to_owned() } else { lines.join("\n") });
    out.push('\n');
}

fn goal(goal: &Value) -> String {
    let mark = if goal["met"] == true { "x" } else { " " };
    let mut line = format!("- [{mark}] {}", escaped(text(goal, "/title").unwrap_or_default()));
    if let Some(measure) = text(goal, "/measure") {
        let number = |name: &str| goal[name].as_f64().map_or_else(|| "not known".to_owned(), |value| value.to_string());
        line.push_str(&format!(" ({}: {} of {})", escaped(measure), number("value"), number("target")));
    }
    if goal["met"].is_null() {
        line.push_str(" - not known whether it was met");
    }
    line
}

fn people(out: &mut String, plan: &Value) {
    let names = |path: &str| {
        let of = |person: &Value| escaped(text(person, "/name").or_else(|| text(person, "/id")).unwrap_or_default());
        let names: Vec<String> = list(plan, path).iter().map(of).collect();
        if names.is_empty() { "nobody known".into() } else { names.join(", ") }
    };
    let changed = match plan.pointer("/decision_makers/changed").and_then(Value::as_bool) {
        Some(true) => "It changed.",
        Some(false) => "It did not change.",
        None => "Whether it changed is not known.",
    };
    let lines = [
        format!("- When the term began: {}", names("/decision_makers/at_start")),
        format!("- Now: {}", names("/decision_makers/now")),
        format!("- {changed}"),
    ];
    section(out, "Who decides", lines.into_iter());
}

fn promise(promise: &Value) -> String {
    let status = text(promise, "/status").unwrap_or("open");
    let mark = if status == "kept" { "x" } else { " " };
    let due = day(promise, "/due_at").map(|day| format!(", due {day}")).unwrap_or_default();
    format!("- [{mark}] {} ({status}{due})", escaped(text(promise, "/title").unwrap_or_default()))
}

fn results(out: &mut String, plan: &Value) {
    let number = |path: &str| plan.pointer(path).and_then(Value::as_i64);
    let told = |item: &Value| {
        let when = day(item, "/at").map(|day| format!(", {day}")).unwrap_or_default();
        format!("- {} ({}{when})", escaped(text(item, "/title").unwrap_or_default()), escaped(text(item, "/kind").unwrap_or("other")))
    };
    let counted = [
        number("/results/tickets_solved").map(|n| format!("- Tickets solved: {n}")),
        number("/results/trainings").map(|n| format!("- Trainings: {n}")),
        percent(plan, "/results/usage_growth").map(|growth| format!("- Growth of use: {growth}")),
        percent(plan, "/results/mrr_growth").map(|growth| format!("- Growth of MRR: {growth}")),
    ];
    section(out, "Results to show", counted.into_iter().flatten().chain(list(plan, "/results/items").iter().map(told)));
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_plan_is_told_with_what_is_known_and_what_is_not() {
        let view = json!({"renewal": {
            "status": "open", "term_end": "2026-12-31T00:00:00Z", "days_left": 39,
            "purpose": [{"title": "Ten people use it", "measure": "usage.active_users.28d", "target": 10.0, "value": 12.0, "met": true}, {"title": "Faster", "met": null}],
            "decision_makers": {"at_start": [{"id": "ann", "name": "Ann"}], "now": [{"id": "bob", "name": null}], "changed": true},
            "promises": [{"title": "SSO", "due_at": "2026-11-30T00:00:00Z", "status": "open"}],
            "results": {"tickets_solved": 12, "trainings": 1, "usage_growth": 0.25, "mrr_growth": null, "items": [{"title": "Admin [training]", "kind": "training", "at": "2026-03-01T00:00:00Z"}]},
            "asks": ["No champion is known."]}});
        let now = time::parse("2026-11-22T10:00:00Z").unwrap();
        let expected = "# Renewal plan: Acme \\*1\\*\n\n**The term ends on 31 Dec 2026, in 39 days.**\n\n## Was the purpose met?\n\n\
            - [x] Ten people use it (usage\\.active\\_users\\.28d: 12 of 10)\n- [ ] Faster - not known whether it was met\n\n\
            ## Who decides\n\n- When the term began: Ann\n- Now: bob\n- It changed.\n\n## Promises\n\n- [ ] SSO (open, due 30 Nov 2026)\n\n\
            ## Results to show\n\n- Tickets solved: 12\n- Trainings: 1\n- Growth of use: +25.0%\n- Admin \\[training\\] (training, 1 Mar 2026)\n\n\
            ## To find out\n\n- [ ] No champion is known\\.\n\nAs of 22 Nov 2026, 10:00 UTC.\n";
        assert_eq!(markdown(&view, "Acme *1*", now), expected);
        assert!(markdown(&json!({}), "A", now).contains("No term is known"));
    }
}
