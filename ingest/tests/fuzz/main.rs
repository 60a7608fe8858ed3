//! The fuzzers' corpus, and mutations of it from a fixed seed, on a stable compiler: what `ingest/fuzz/run` does for hours, for seconds.
#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "a test breaks loudly")]
mod mutate;

use c360_ingest::fuzz::{TARGETS, Target};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

const MUTATIONS: usize = 20_000;

/// The corpus of a target, and the examples of a provider of that name, in the order of their names.
fn seeds(name: &str) -> Vec<(String, Vec<u8>)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folders = [root.join("fuzz/corpus").join(name), root.join("tests/examples").join(name)];
    let mut files: Vec<_> =
        folders.iter().filter_map(|folder| fs::read_dir(folder).ok()).flatten().map(|file| file.unwrap().path()).collect();
    files.sort();
    files.into_iter().map(|path| (path.display().to_string(), fs::read(path).unwrap())).collect()
}

fn check(target: Target, from: &str, bytes: &[u8]) {
    if catch_unwind(AssertUnwindSafe(|| target.check(bytes))).is_err() {
        panic!("{target:?} breaks on what was made of {from}; put it into ingest/fuzz/corpus:\n{}", bytes.escape_ascii());
    }
}

#[test]
fn what_is_promised_holds_for_the_corpus_and_for_what_becomes_of_it() {
    for (name, target) in TARGETS {
        let seeds = seeds(name);
        assert!(!seeds.is_empty(), "{name} has a corpus");
        seeds.iter().for_each(|(from, bytes)| check(target, from, bytes));
        let mut random = ChaCha8Rng::seed_from_u64(360);
        for n in 0..MUTATIONS {
            let (from, bytes) = &seeds[n % seeds.len()];
            let (_, other) = &seeds[(n / seeds.len()) % seeds.len()];
            check(target, from, &mutate::mutated(bytes, other, &mut random));
        }
    }
}

#[test]
fn each_target_has_its_fuzzer_and_no_fuzzer_is_without_one() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/fuzz_targets");
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    let mut targets = TARGETS.to_vec();
    targets.sort_by_key(|(name, _)| *name);
    assert_eq!(files.len(), targets.len());
    for (file, (name, target)) in files.iter().zip(targets) {
        assert_eq!(file.file_stem().unwrap(), name);
        let text = fs::read_to_string(file).unwrap();
        assert!(text.contains(&format!("Target::{target:?}.check(bytes)")), "{text}");
    }
}
