//! What is told when the year is in: where the console is, how customers are, and who is most at risk for which reasons.
use super::courier::Courier;
use super::told::{self, Ink};
use super::words::COMPANY;
use comfy_table::{Cell, CellAlignment, Color, ContentArrangement, Table, presets::UTF8_HORIZONTAL_ONLY};
use indicatif::HumanCount;
use serde_json::Value;
use std::collections::HashMap;
use std::time::Duration;

/// Customers that are told of.
const AT_RISK_MAX: usize = 12;
/// The width of the table where no terminal has one.
const WIDTH: u16 = 150;

/// A customer at risk.
#[derive(Debug, PartialEq)]
struct AtRisk {
    account_id: String,
    name: String,
    owner: String,
    band: String,
    score: i64,
    mrr: i64,
    currency: String,
    why: String,
}

/// Prints the report: `events` were sent, in `took`.
pub(crate) async fn print(courier: &Courier, events: u64, took: Duration) -> anyhow::Result<()> {
    let ink = Ink::for_stdout();
    let mut bands = Vec::new();
    let mut customers = Vec::new();
    for band in ["green", "yellow", "red", "unknown"] {
        let page = courier.get(&format!("/api/v1/customers?band={band}&sort=-mrr&limit=1000")).await?;
        let items = page["items"].as_array().cloned().unwrap_or_default();
        bands.push(format!("{} {}", page["total"].as_u64().unwrap_or(items.len() as u64), ink.band(band)));
        if matches!(band, "yellow" | "red") {
            customers.extend(items);
        }
    }
    let alerts = courier.get("/api/v1/alerts?status=open&limit=1000").await?;
    let at_risk = rank(&customers, &newest_by_account(&alerts));
    println!("\n{}", ink.bold(&format!("A year of {COMPANY}, a made-up software company")));
    println!("  {} events in {:.0} s; customers: {}", HumanCount(events), took.as_secs_f64(), bands.join(", "));
    println!("\n  Console  {}/", ink.bold(courier.console_url()));
    println!("  token    {}\n", ink.bold(courier.api_token()));
    if at_risk.is_empty() {
        println!("Nobody is at risk.");
    } else {
        println!("{}\n{}", ink.bold("Most at risk, by what is to lose"), table(&at_risk));
    }
    println!("\n{}", ink.bold("Live, a day every few seconds; alerts as they come (ctrl-c ends it)"));
    Ok(())
}

/// The newest open alert of each account; the page is newest first.
fn newest_by_account(page: &Value) -> HashMap<&str, &Value> {
    let mut newest = HashMap::new();
    for alert in page["items"].as_array().map(Vec::as_slice).unwrap_or_default() {
        if let Some(account) = alert["account"]["account_id"].as_str() {
            newest.entry(account).or_insert(alert);
        }
    }
    newest
}

/// Those with most to lose first: what they pay, times how far they are from full health. Whoever has left is not at risk.
fn rank(customers: &[Value], alerts: &HashMap<&str, &Value>) -> Vec<AtRisk> {
    let mut at_risk: Vec<AtRisk> = customers.iter().filter_map(|customer| at_risk(customer, alerts)).collect();
    at_risk.sort_by_key(|c| (c.band != "red", -(c.mrr * (100 - c.score)), c.account_id.clone()));
    at_risk.truncate(AT_RISK_MAX);
    at_risk
}

fn at_risk(customer: &Value, alerts: &HashMap<&str, &Value>) -> Option<AtRisk> {
    let account_id = customer["account_id"].as_str()?;
    let mrr = &customer["billing"]["mrr"];
    if customer["lifecycle"] == "churned" {
        return None;
    }
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    Some(AtRisk {
        account_id: account_id.to_owned(),
        name: customer["name"].as_str().unwrap_or(account_id).to_owned(),
        owner: text(&customer["owner"]["name"]),
        band: text(&customer["health"]["band"]),
        score: customer["health"]["score"].as_i64()?,
        mrr: mrr["amount"].as_i64().unwrap_or(0),
        currency: text(&mrr["currency"]),
        why: alerts.get(account_id).map(|alert| told::reasons(alert)).filter(|why| !why.is_empty()).unwrap_or_else(|| facts(customer)),
    })
}

/// Where no alert says why: what stands out in the view itself.
fn facts(customer: &Value) -> String {
    let mut facts = Vec::new();
    if customer["billing"]["cancels_at"].is_string() {
        facts.push("cancellation scheduled".to_owned());
    }
    if let Some(days) = customer["billing"]["past_due_days"].as_i64().filter(|days| *days > 0) {
        facts.push(format!("{days} days past due"));
    }
    if let Some(open) = customer["support"]["open"].as_i64().filter(|open| *open > 3) {
        facts.push(format!("{open} open tickets"));
    }
    if let Some(nps) = customer["surveys"]["nps"]["score"].as_i64().filter(|nps| *nps < 0) {
        facts.push(format!("NPS {nps}"));
    }
    if let Some(score) = customer["health"]["score"].as_i64().filter(|_| facts.is_empty()) {
        facts.push(format!("score {score}"));
    }
    facts.join(", ")
}

fn table(customers: &[AtRisk]) -> Table {
    let mut table = Table::new();
    table.load_preset(UTF8_HORIZONTAL_ONLY).set_content_arrangement(ContentArrangement::Dynamic);
    if table.width().is_none() {
        table.set_width(WIDTH);
    }
    table.set_header(["customer", "owner", "band", "score", "MRR", "why"]);
    for c in customers {
        let color = if c.band == "red" { Color::Red } else { Color::Yellow };
        table.add_row([
            Cell::new(format!("{}\n{}", c.name, c.account_id)),
            Cell::new(&c.owner),
            Cell::new(&c.band).fg(color),
            Cell::new(c.score).set_alignment(CellAlignment::Right),
            Cell::new(told::money(c.mrr, &c.currency)).set_alignment(CellAlignment::Right),
            Cell::new(&c.why),
        ]);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn customer(id: &str, band: &str, score: i64, mrr: Option<i64>) -> Value {
        json!({"account_id": id, "name": id, "owner": {"name": "CSM North"}, "lifecycle": "steady", "health": {"band": band, "score": score},
            "billing": {"mrr": mrr.map(|amount| json!({"amount": amount, "currency": "USD"})), "past_due_days": 9}})
    }

    #[test]
    fn red_comes_first_then_what_is_to_lose_and_whoever_left_is_not_at_risk() {
        let mut left = customer("left", "red", 0, Some(900_000));
        left["lifecycle"] = "churned".into();
        let customers = [
            customer("yellow", "yellow", 60, Some(9_000_000)),
            customer("small", "red", 10, Some(1_000)),
            customer("big", "red", 40, Some(500_000)),
            customer("unpaid", "red", 5, None),
            left,
        ];
        let ranked: Vec<_> = rank(&customers, &HashMap::new()).into_iter().map(|c| c.account_id).collect();
        assert_eq!(ranked, ["big", "small", "unpaid", "yellow"]);
    }

    #[test]
    fn the_reason_is_that_of_the_newest_alert_else_what_stands_out() {
        let page = json!({"items": [
            {"account": {"account_id": "a"}, "next_action": {"why": "newer"}},
            {"account": {"account_id": "a"}, "next_action": {"why": "older"}}]});
        let customers = [customer("a", "red", 10, None), customer("b", "red", 20, None)];
        let ranked = rank(&customers, &newest_by_account(&page));
        assert_eq!(ranked.iter().map(|c| c.why.as_str()).collect::<Vec<_>>(), ["newer", "9 days past due"]);
        assert!(table(&ranked).to_string().contains("9 days past due"));
    }
}
