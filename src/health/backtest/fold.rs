//! Lives through the records of customers, on all cores.
use super::load::Part;
use anyhow::anyhow;
use c360_engine::ApplyError;
use c360_health::Rules;
use c360_processor::{AggregateConfig, Rehearsal, Standing, is_warning};
use c360_schemas::{Alert, AlertStatus, Topic, Wire};
use indicatif::ProgressBar;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// An alert that was sent.
#[derive(Clone, Debug)]
pub(super) struct Sent {
    /// UTC ms.
    pub(super) at: i64,
    pub(super) alert_type: String,
    /// It opened, or opened again; else it is a word more of one that is open, or its end.
    pub(super) opened: bool,
    /// It says that something goes badly.
    pub(super) warns: bool,
}

/// A customer's life by some rules.
#[derive(Clone, Debug)]
pub(super) struct Lived {
    pub(super) account: String,
    pub(super) standing: Standing,
    pub(super) sent: Vec<Sent>,
}

/// What to live through, and by what.
#[derive(Clone, Copy)]
pub(super) struct Lives<'a> {
    pub(super) config: &'a AggregateConfig,
    pub(super) rules: &'a Arc<Rules>,
    /// Until when all of them are lived through.
    pub(super) until: i64,
    pub(super) bar: &'a ProgressBar,
}

/// Lives of a part's customers, in its order; and records that were refused, as they would be live.
pub(super) fn live(part: &Part, lives: Lives<'_>) -> anyhow::Result<(Vec<Lived>, u64)> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let next = AtomicUsize::new(0);
    let work = || {
        let (mut done, mut refused) = (Vec::new(), 0);
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            if index >= part.customers.len() {
                return Ok::<_, anyhow::Error>((done, refused));
            }
            if let Some((lived, not_taken)) = one(part, index, lives)? {
                done.push((index, lived));
                refused += not_taken;
            }
            lives.bar.inc(1);
        }
    };
    let mut all = Vec::with_capacity(part.customers.len());
    let mut refused = 0;
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        for worker in workers {
            let (done, not_taken) = worker.join().map_err(|_| anyhow!("a thread of the back-test broke down"))??;
            all.extend(done);
            refused += not_taken;
        }
        Ok::<_, anyhow::Error>(())
    })?;
    all.sort_by_key(|(index, _)| *index);
    Ok((all.into_iter().map(|(_, lived)| lived).collect(), refused))
}

/// One customer; `None` where nothing is known of it.
fn one(part: &Part, index: usize, lives: Lives<'_>) -> anyhow::Result<Option<(Lived, u64)>> {
    let (key, records) = &part.customers[index];
    let (mut rehearsal, mut sent, mut refused) = (Rehearsal::new(lives.config, Arc::clone(lives.rules)), Vec::new(), 0);
    for taken in records {
        match rehearsal.apply(&part.record(key, taken)) {
            Ok(()) => {}
            Err(ApplyError::Poison { .. }) => refused += 1,
            Err(ApplyError::State(error)) => return Err(error.into()),
        }
        collect(&mut rehearsal, &mut sent)?;
    }
    rehearsal.advance(lives.until)?;
    collect(&mut rehearsal, &mut sent)?;
    let account = String::from_utf8_lossy(key).split_once('/').map(|(_, id)| id.to_owned()).unwrap_or_default();
    // Who turned out to be somebody else is no customer.
    let standing = rehearsal.standing(key)?.filter(|_| !account.starts_with('~'));
    Ok(standing.map(|standing| (Lived { account, standing, sent }, refused)))
}

fn collect(rehearsal: &mut Rehearsal, sent: &mut Vec<Sent>) -> anyhow::Result<()> {
    let said = rehearsal.take_said();
    for entry in said.entries().iter().filter(|entry| entry.topic == Topic::Alerts) {
        let alert = Alert::decode(said.value(entry))?;
        if !alert.notify {
            continue;
        }
        let falls = alert.alert_type != "health.changed" || alert.band_after != Some("green".into());
        sent.push(Sent {
            at: alert.at,
            opened: alert.status == AlertStatus::Open,
            warns: falls && is_warning(&alert.alert_type),
            alert_type: alert.alert_type,
        });
    }
    Ok(())
}
