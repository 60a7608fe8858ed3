//! Which snapshots go, and the files that nobody needs any more.
//!
//! A manifest that goes moves to `pruned/` first and stays there for the grace time; a file is removed when it is older than that, and no manifest in use and none that went within
//! that time refers to it. Somebody else may at the same time restore from a snapshot that goes, or refer to its files in a new one (a process that was taken for dead): both end within
//! the grace time. A crash anywhere leaves work for the next time, and nothing else. All times are the store's own.
use super::catalog::Catalog;
use super::layout::{PRUNED, Place, SNAPSHOTS};
use super::{Keep, SnapshotError, SnapshotStore};

/// What there is to decide about a snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Candidate {
    age_ms: i64,
    good: bool,
}

/// Which of these (by rising sequence) go.
fn plan(all: &[Candidate], keep: Keep) -> Vec<usize> {
    let newest_good = all.iter().rposition(|c| c.good);
    let mut good_ones = 0;
    let mut going = Vec::new();
    for (index, candidate) in all.iter().enumerate().rev() {
        good_ones += usize::from(candidate.good);
        let over = good_ones > keep.count.max(1) || candidate.age_ms > ms(keep.age);
        // What is broken helps nobody, but may be in the making for all we know while nothing newer is good.
        let goes = if candidate.good { over } else { newest_good.is_some_and(|good| index < good) };
        if goes && Some(index) != newest_good {
            going.push(index);
        }
    }
    going.reverse();
    going
}

fn ms(time: std::time::Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}

/// Takes out of use what is too much or too old, and removes what nobody needs.
pub(super) async fn prune(store: &SnapshotStore, place: &Place, keep: Keep) -> Result<(), SnapshotError> {
    let catalog = Catalog::read(store, place).await?;
    let candidates: Vec<Candidate> = (catalog.snapshots.iter())
        .map(|listed| Candidate {
            age_ms: catalog.now_ms.saturating_sub(listed.modified_ms),
            good: listed.manifest.as_ref().is_ok_and(|manifest| catalog.is_whole(manifest)),
        })
        .collect();
    for index in plan(&candidates, keep) {
        let listed = &catalog.snapshots[index];
        // One that a newer version wrote is for the newer version to remove.
        if !matches!(listed.manifest, Err(SnapshotError::Setup(_))) {
            take_out_of_use(store, place, &listed.name).await?;
        }
    }
    tidy(store, place, keep).await
}

async fn take_out_of_use(store: &SnapshotStore, place: &Place, name: &str) -> Result<(), SnapshotError> {
    let path = place.in_folder(SNAPSHOTS, name);
    let bytes = store.get(&path).await?;
    store.put(&place.in_folder(PRUNED, name), bytes).await?;
    store.delete(&path).await
}

/// Removes files that nobody needs, then what told of them.
async fn tidy(store: &SnapshotStore, place: &Place, keep: Keep) -> Result<(), SnapshotError> {
    let catalog = Catalog::read(store, place).await?;
    let grace_ms = ms(keep.grace);
    let Some(referenced) = catalog.referenced(grace_ms) else {
        tracing::warn!(machine = place.machine, partition = place.partition, "a manifest cannot be read: no files are removed");
        return Ok(());
    };
    for (name, stored) in &catalog.files {
        if !referenced.contains(name.as_str()) && catalog.is_older(stored.modified_ms, grace_ms) {
            store.delete(&place.file(name)).await?;
        }
    }
    for listed in catalog.pruned.iter().filter(|listed| catalog.is_older(listed.modified_ms, grace_ms)) {
        store.delete(&place.in_folder(PRUNED, &listed.name)).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::time::Duration;

    fn keep(count: usize, age_ms: u64) -> Keep {
        Keep { count, age: Duration::from_millis(age_ms), grace: Duration::ZERO }
    }

    /// Letters, the oldest first: `g` a good one, `b` a broken one; each 10 ms older than the next.
    fn row(text: &str) -> Vec<Candidate> {
        let len = text.len() as i64;
        let of = |(i, letter): (usize, char)| Candidate { age_ms: (len - 1 - i as i64) * 10, good: letter == 'g' };
        text.chars().enumerate().map(of).collect()
    }

    #[test]
    fn the_oldest_go_by_count_and_by_age_and_the_last_good_one_stays() {
        let table: [(&str, Keep, &[usize]); 9] = [
            ("gggg", keep(2, 1_000), &[0, 1]),
            ("gggg", keep(9, 15), &[0, 1]),
            ("gg", keep(2, 1_000), &[]),
            ("gggg", keep(0, 0), &[0, 1, 2]),
            ("gbb", keep(1, 0), &[]),
            ("gbgb", keep(1, 1_000), &[0, 1]),
            ("bgb", keep(5, 1_000), &[0]),
            ("bbb", keep(1, 0), &[]),
            ("", keep(1, 0), &[]),
        ];
        for (candidates, keep, going) in table {
            assert_eq!(plan(&row(candidates), keep), going, "{candidates} {keep:?}");
        }
    }

    proptest! {
        #[test]
        fn where_there_is_a_good_one_the_newest_of_them_stays_and_never_more_than_wanted(text in "[gb]{0,12}", count in 0..5_usize, age in 0..200_u64) {
            let candidates = row(&text);
            let going = plan(&candidates, keep(count, age));
            let stay = |good| (0..candidates.len()).filter(|i| candidates[*i].good == good && !going.contains(i)).collect::<Vec<_>>();
            let newest = candidates.iter().rposition(|c| c.good);
            prop_assert_eq!(stay(true).last().copied(), newest);
            prop_assert!(stay(true).len() <= count.max(1));
            // A broken one older than a good one goes, and none that may be in the making.
            prop_assert!(stay(false).iter().all(|i| newest.is_none_or(|n| *i > n)));
        }
    }
}
