//! Dead letters: what was refused, shown, and taken again.
//!
//! Both commands ask a running process at its private port, which serves both logs: the embedded log belongs to that process, and the normalisers and their settings are there. What is taken again is
//! said in the topic itself, beside the letters; nothing is kept elsewhere.
#![allow(clippy::print_stdout, reason = "this is what the terminal is for")]
mod filter;
mod letter;
mod options;
mod replay;
mod routes;
mod scan;

pub(crate) use options::{DeadLettersCommand, moment};
pub(crate) use replay::Replayer;
pub(crate) use routes::routes;

use crate::remote::Desk;
use crate::{remote, table};
use anyhow::{Context, bail};
use options::{LIST_LIMIT, ListOptions, ReplayOptions};
use reqwest::Method;
use serde_json::{Value, json};
use std::time::Duration;

/// What is asked.
const PATH: &str = "/api/v1/dead-letters";
/// A list is there after one walk through the topic.
const LIST_TIMEOUT: Duration = Duration::from_secs(120);
/// A replay appends each letter.
const REPLAY_TIMEOUT: Duration = Duration::from_secs(3_600);
/// While c360 does not answer, it is asked again for so long.
const PATIENCE: Duration = Duration::from_secs(60);

/// Runs a command.
///
/// # Errors
/// What is wrong; and, after a replay, that letters were refused again.
pub(crate) async fn run(command: DeadLettersCommand) -> anyhow::Result<()> {
    match command {
        DeadLettersCommand::List(options) => list(options).await,
        DeadLettersCommand::Replay(options) => replay(options).await,
    }
}

async fn list(options: ListOptions) -> anyhow::Result<()> {
    let desk = Desk::of(&options.server, PATH, LIST_TIMEOUT)?;
    let answer = match &options.show {
        Some(position) => remote::once(desk.request(Method::GET, &format!("/{position}"))).await,
        None => remote::once(desk.request(Method::GET, &query(&options.which.filter(None, LIST_LIMIT))?)).await,
    };
    let answer = answer.with_context(|| format!("{} was asked", desk.url))?;
    match (&options.show, options.json) {
        (_, true) => println!("{answer:#}"),
        (Some(_), false) => println!("{}", whole(&answer)),
        (None, false) => println!("{}", lines(&answer)),
    }
    Ok(())
}

/// A filter as the query of a list.
fn query(filter: &filter::Filter) -> anyhow::Result<String> {
    let fields = serde_json::to_value(filter)?;
    let pairs = fields.as_object().into_iter().flatten().map(|(name, value)| (name.clone(), text(value)));
    let url = reqwest::Url::parse_with_params("http://localhost/", pairs)?;
    Ok(url.query().map_or_else(String::new, |query| format!("?{query}")))
}

async fn replay(options: ReplayOptions) -> anyhow::Result<()> {
    let desk = Desk::of(&options.server, PATH, REPLAY_TIMEOUT)?;
    let filter = options.which.filter(options.position.as_ref(), filter::LIMIT_MAX);
    let body = json!({"filter": filter, "again": options.again, "dry_run": options.dry_run});
    let notify = |failure: &remote::Failure, wait: Duration| tracing::warn!(%failure, wait_s = wait.as_secs_f32(), "trying again");
    let answer = remote::patiently(|| desk.request(Method::POST, "/replay").json(&body), PATIENCE, notify).await;
    let answer =
        answer.with_context(|| format!("{} was asked; what was taken is marked, so the same command goes on with the rest", desk.url))?;
    if options.json {
        println!("{answer:#}");
    } else {
        println!("{}", outcome(&answer));
    }
    match answer["refused_count"].as_u64() {
        None | Some(0) => Ok(()),
        Some(refused) => bail!(
            "{refused} letters {}",
            if options.dry_run { "would be refused again" } else { "were refused again, and stay as they are" }
        ),
    }
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| if value.is_null() { String::new() } else { value.to_string() }, str::to_owned)
}

/// A list, for people.
fn lines(answer: &Value) -> String {
    let items = answer["items"].as_array().map(Vec::as_slice).unwrap_or_default();
    if items.is_empty() {
        return "there are no dead letters".to_owned() + if answer["total"].as_u64() > Some(0) { " of this kind" } else { "" };
    }
    let mut rows = table::of(["time", "position", "stage", "source", "reason", "bytes", "message"]);
    for item in items {
        let message = if item["replayed_at"].is_null() {
            text(&item["message"])
        } else {
            format!("[taken again {}] {}", text(&item["replayed_at"]), text(&item["message"]))
        };
        let at = |name: &str| text(&item[name]);
        rows.add_row([at("at"), at("position"), at("stage"), at("source"), at("reason"), at("bytes"), message]);
    }
    let shown = items.len() as u64;
    let more = answer["total"].as_u64().unwrap_or(shown).saturating_sub(shown);
    let rest = if more > 0 { format!("\n{more} older ones are not shown; --limit shows more") } else { String::new() };
    format!("{}{rest}", table::text(&rows))
}

/// One letter, for people.
fn whole(letter: &Value) -> String {
    let mut out = String::new();
    for name in ["position", "at", "replayed_at", "tenant", "stage", "source", "reason", "message", "path", "content_type", "bytes", "key"]
    {
        if !letter[name].is_null() {
            out.push_str(&format!("{name:12} {}\n", text(&letter[name])));
        }
    }
    for (name, value) in letter["headers"].as_object().into_iter().flatten() {
        out.push_str(&format!("{name}: {}\n", text(value).replace('\n', "\\n")));
    }
    let original = letter["original"].as_str().map_or_else(|| format!("(base64) {}", text(&letter["original_base64"])), str::to_owned);
    out.push('\n');
    out.push_str(&original);
    out
}

/// What became of a replay, for people.
fn outcome(answer: &Value) -> String {
    let number = |name: &str| answer[name].as_u64().unwrap_or(0);
    let verb = if answer["dry_run"] == json!(true) { "would be taken again" } else { "taken again" };
    let mut out = format!("{} letters {verb}, as {} events", number("taken"), number("events"));
    if number("replayed_before") > 0 {
        out.push_str(&format!("; {} were taken again before (--again takes them once more)", number("replayed_before")));
    }
    let refused = answer["refused"].as_array().map(Vec::as_slice).unwrap_or_default();
    if !refused.is_empty() {
        let mut rows = table::of(["position", "reason", "message"]);
        for letter in refused {
            rows.add_row(["position", "reason", "message"].map(|name| text(&letter[name])));
        }
        out.push_str(&format!("\nrefused again:\n{}", table::text(&rows)));
    }
    if answer["more"] == json!(true) {
        out.push_str("\nthere are more: run it again, or with a higher --limit");
    }
    out
}
