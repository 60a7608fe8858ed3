//! What becomes of each example payload under `tests/examples/<provider>/`: one snapshot each.
use crate::hooks::{path, sign};
use crate::support::{Bench, Kept};
use c360_schemas::Topic;
use std::path::{Path, PathBuf};

fn examples(provider: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/examples").join(provider);
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    paths.sort();
    paths
}

fn show(kept: &Kept) -> String {
    let what = if kept.topic == Topic::DeadLetters {
        let letter = kept.dead_letter();
        format!("{}: {} ({} bytes)", letter.reason, letter.message, letter.original.len())
    } else {
        format!("{:#?}", kept.event())
    };
    format!("{:?} {}\n{what}\n", kept.topic, kept.key)
}

async fn snapshots(provider: &str) {
    let bench = Bench::new();
    let examples = examples(provider);
    assert!(!examples.is_empty());
    for example in examples {
        let body = std::fs::read(&example).unwrap();
        let headers = sign(provider, &body);
        let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let answer = bench.post(&path(provider), &headers, body).await;
        assert_eq!(answer.status, 200, "{example:?} {answer:?}");
        let records: Vec<_> = bench.kept().iter().map(show).collect();
        let name = format!("{provider}__{}", example.file_stem().unwrap().to_string_lossy());
        insta::with_settings!({ omit_expression => true, prepend_module_to_snapshot => false }, {
            insta::assert_snapshot!(name, if records.is_empty() { "nothing".to_owned() } else { records.join("\n") });
        });
    }
}

#[tokio::test]
async fn stripe_payloads_become_these_events() {
    snapshots("stripe").await;
}

#[tokio::test]
async fn zendesk_payloads_become_these_events() {
    snapshots("zendesk").await;
}

#[tokio::test]
async fn intercom_payloads_become_these_events() {
    snapshots("intercom").await;
}

#[tokio::test]
async fn chargebee_payloads_become_these_events() {
    snapshots("chargebee").await;
}

#[tokio::test]
async fn delighted_payloads_become_these_events() {
    snapshots("delighted").await;
}

#[tokio::test]
async fn hubspot_payloads_become_these_events() {
    snapshots("hubspot").await;
}

#[tokio::test]
async fn freshdesk_payloads_become_these_events() {
    snapshots("freshdesk").await;
}
