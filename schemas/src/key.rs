//! Keys of records, and the partition that a key lives in.

/// Prefix of the account id of a provisional customer: `~kind:foreign-id`.
const PROVISIONAL: char = '~';

/// A record's key: `tenant/id`, readable in any Kafka tool. A tenant's name has no `/` in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Key<'a> {
    pub tenant: &'a str,
    pub id: &'a str,
}

impl<'a> Key<'a> {
    /// Takes a key apart; `None` where it is not UTF-8 or has no `/`.
    pub fn parse(bytes: &'a [u8]) -> Option<Self> {
        let (tenant, id) = std::str::from_utf8(bytes).ok()?.split_once('/')?;
        Some(Self { tenant, id })
    }

    /// Appends the key's bytes to `out`.
    pub fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.tenant.as_bytes());
        out.push(b'/');
        out.extend_from_slice(self.id.as_bytes());
    }

    /// The key's bytes.
    pub fn to_vec(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.tenant.len() + 1 + self.id.len());
        self.write(&mut out);
        out
    }
}

/// The account id of the provisional customer for a foreign id: `~kind:id`.
pub fn provisional_account_id(kind: &str, id: &str) -> String {
    format!("{PROVISIONAL}{kind}:{id}")
}

/// Kind and id of a provisional customer's foreign id; `None` for an account's own id.
pub fn split_provisional(account_id: &str) -> Option<(&str, &str)> {
    account_id.strip_prefix(PROVISIONAL)?.split_once(':')
}

/// The partition of `key` among `partitions`, as Kafka's Java clients choose it (murmur2).
pub fn partition_of(key: &[u8], partitions: u32) -> u32 {
    (murmur2(key) & 0x7fff_ffff) % partitions.max(1)
}

/// Kafka's murmur2 (`org.apache.kafka.common.utils.Utils.murmur2`).
fn murmur2(data: &[u8]) -> u32 {
    const M: u32 = 0x5bd1_e995;
    let mut h = 0x9747_b28c_u32 ^ (data.len() as u32);
    let mut chunks = data.chunks_exact(4);
    for chunk in &mut chunks {
        let mut k = u32::from_le_bytes([chunk[0], chunk[1], chunk[2], chunk[3]]).wrapping_mul(M);
        k ^= k >> 24;
        h = h.wrapping_mul(M) ^ k.wrapping_mul(M);
    }
    let rest = chunks.remainder();
    if !rest.is_empty() {
        for (i, byte) in rest.iter().enumerate() {
            h ^= u32::from(*byte) << (8 * i);
        }
        h = h.wrapping_mul(M);
    }
    h ^= h >> 13;
    h = h.wrapping_mul(M);
    h ^ (h >> 15)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn murmur2_agrees_with_kafkas_own_test_vectors() {
        // From Kafka's UtilsTest.testMurmur2.
        for (text, hash) in [
            ("21", -973_932_308_i32),
            ("foobar", -790_332_482),
            ("a-little-bit-long-string", -985_981_536),
            ("a-little-bit-longer-string", -1_486_304_829),
        ] {
            assert_eq!(murmur2(text.as_bytes()), hash as u32, "{text}");
        }
    }

    #[test]
    fn keys_and_provisional_ids_come_back_whole() {
        let key = Key { tenant: "t1", id: "~user:a/b:c" };
        assert_eq!(Key::parse(&key.to_vec()), Some(key));
        assert_eq!(split_provisional(&provisional_account_id("user", "a:b")), Some(("user", "a:b")));
        assert_eq!(split_provisional("acme"), None);
    }
}
