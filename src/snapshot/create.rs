//! `c360 snapshot create`: asks a running process over its private port.
use super::table;
use crate::cli::Options;
use crate::settings::{Settings, env_secret};
use anyhow::{Context, bail};
use c360_engine::SnapshotInfo;
use clap::Args;
use indicatif::ProgressBar;
use serde::Deserialize;
use std::time::Duration;

#[derive(Args, Clone, Debug)]
pub(crate) struct CreateOptions {
    #[command(flatten)]
    options: Options,
    /// The process's private port [default: http:// and --admin-listen]
    #[arg(long, env = "C360_ADMIN_URL", value_name = "URL")]
    url: Option<String>,
    /// Waits for so long at most
    #[arg(long, value_name = "N", default_value_t = 300, value_parser = clap::value_parser!(u64).range(1..=3600))]
    wait_s: u64,
}

#[derive(Deserialize)]
struct Answer {
    items: Vec<Item>,
}

#[derive(Deserialize)]
struct Item {
    machine: String,
    partition: u32,
    outcome: String,
    snapshot: Option<SnapshotInfo>,
    message: Option<String>,
}

pub(super) async fn run(asked: &CreateOptions) -> anyhow::Result<()> {
    let settings = Settings::load(&asked.options)?;
    let url = asked.url.clone().unwrap_or_else(|| format!("http://{}", settings.admin_listen));
    let token = match env_secret("C360_API_TOKEN")? {
        Some(token) => token,
        None => env_secret("C360_BOOTSTRAP_API_TOKEN")?
            .context("an API token is needed: set C360_API_TOKEN, or C360_API_TOKEN_FILE to a file with it")?,
    };
    let spinner = ProgressBar::new_spinner().with_message("waiting until all snapshots are verified");
    spinner.enable_steady_tick(Duration::from_millis(200));
    let answer = ask(&url, &token, asked.wait_s).await;
    spinner.finish_and_clear();
    show(&answer?)
}

async fn ask(url: &str, token: &str, wait_s: u64) -> anyhow::Result<Answer> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    // The process ends its wait first, and then still has an answer to give.
    let client = reqwest::Client::builder().timeout(Duration::from_secs(wait_s + 30)).no_proxy().build()?;
    let request = client.post(format!("{}/api/v1/snapshots?wait_s={wait_s}", url.trim_end_matches('/'))).bearer_auth(token);
    let answer = request.send().await.with_context(|| format!("nothing answers at {url}: is c360 running there? (--url says where)"))?;
    let (status, body) = (answer.status(), answer.text().await?);
    if !status.is_success() {
        let message =
            serde_json::from_str::<serde_json::Value>(&body).ok().and_then(|body| Some(body.get("message")?.as_str()?.to_owned()));
        bail!("{url} answers {status}: {}", message.unwrap_or(body));
    }
    serde_json::from_str(&body).with_context(|| format!("{url} answers something else than snapshots"))
}

fn show(answer: &Answer) -> anyhow::Result<()> {
    let mut table = table::new("outcome");
    let mut failed = Vec::new();
    for item in &answer.items {
        match &item.snapshot {
            Some(snapshot) => {
                table.add_row(table::row(snapshot, &item.outcome));
            }
            None => failed.push(format!("{} {}: {}", item.machine, item.partition, item.message.as_deref().unwrap_or("it failed"))),
        }
    }
    if failed.len() < answer.items.len() {
        println!("{}", table::text(&table));
    }
    if !failed.is_empty() {
        bail!("{} of {} partitions have no new snapshot: {}", failed.len(), answer.items.len(), failed.join("; "));
    }
    Ok(())
}
