//! Hashes that stand in rows and ids, so they must never change: XXH3 with its default seed.
use xxhash_rust::xxh3::{Xxh3, xxh3_64, xxh3_128};

/// For keys where a collision is harmless or next to impossible in one partition.
pub(crate) fn short(bytes: &[u8]) -> u64 {
    xxh3_64(bytes)
}

/// For message ids: of 10^9 marks two are equal with a probability of about 10^-21.
pub(crate) fn long(bytes: &[u8]) -> [u8; 16] {
    xxh3_128(bytes).to_be_bytes()
}

/// A stable id out of several texts, in hexadecimal.
pub(crate) fn id_of(parts: &[&[u8]]) -> String {
    let mut hasher = Xxh3::new();
    for part in parts {
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part);
    }
    format!("{:032x}", hasher.digest128())
}
