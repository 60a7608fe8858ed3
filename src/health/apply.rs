//! `c360 health apply` and `show`: over the private port of a running c360.
use super::check;
use super::options::{ApplyOptions, ShowOptions};
use crate::remote::{self, Desk};
use anyhow::Context;
use c360_health::Rules;
use reqwest::Method;
use serde_json::json;
use std::time::Duration;

/// What is asked.
const PATH: &str = "/api/v1/rules";
const TIMEOUT: Duration = Duration::from_secs(60);
/// While c360 does not answer, it is asked again for so long.
const PATIENCE: Duration = Duration::from_secs(30);

pub(super) async fn run(options: &ApplyOptions) -> anyhow::Result<()> {
    let text = check::read(&options.file)?;
    let rules = check::checked(&options.file, &text)?;
    let desk = Desk::of(&options.server, PATH, TIMEOUT)?;
    let body = json!({"text": text, "by": options.by, "note": options.note});
    let notify = |failure: &remote::Failure, wait: Duration| tracing::warn!(%failure, wait_s = wait.as_secs_f32(), "trying again");
    let answer = remote::patiently(|| desk.request(Method::POST, "").json(&body), PATIENCE, notify).await;
    let answer = answer.with_context(|| format!("{} was asked; the same command may be given again", desk.url))?;
    println!("version {} is in force: \"{}\", {}", answer["version"], rules.name, super::summary(&rules));
    Ok(())
}

pub(super) async fn show(options: &ShowOptions) -> anyhow::Result<()> {
    if options.built_in {
        print!("{}", Rules::BUILT_IN_TEXT);
        return Ok(());
    }
    let desk = Desk::of(&options.server, PATH, TIMEOUT)?;
    let answer = remote::once(desk.request(Method::GET, "")).await.with_context(|| format!("{} was asked", desk.url))?;
    print!("{}", answer["in_force"]["text"].as_str().unwrap_or_default());
    Ok(())
}
