//! Changes of bytes, and of JSON where they are some.
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::RngCore;
use serde_json::{Map, Value, json};

fn below(random: &mut ChaCha8Rng, n: usize) -> usize {
    random.next_u64() as usize % n.max(1)
}

/// Something else made of `bytes`, with parts of `other` in it now and then.
pub(crate) fn mutated(bytes: &[u8], other: &[u8], random: &mut ChaCha8Rng) -> Vec<u8> {
    if below(random, 3) > 0
        && let Ok(mut value) = serde_json::from_slice::<Value>(bytes)
    {
        for _ in 0..=below(random, 3) {
            change(&mut value, random);
        }
        return value.to_string().into_bytes();
    }
    let mut bytes = bytes.to_vec();
    for _ in 0..=below(random, 4) {
        change_bytes(&mut bytes, other, random);
    }
    bytes
}

fn change_bytes(bytes: &mut Vec<u8>, other: &[u8], random: &mut ChaCha8Rng) {
    const WORDS: [&[u8]; 12] = [
        b"\"",
        b"\\",
        b"{",
        b"]",
        b",",
        b"null",
        b"1e999",
        b"\\ud800",
        b"\xff",
        b"\n\n",
        b"-9223372036854775808",
        b"\"9999-12-31T23:59:59Z\"",
    ];
    let at = below(random, bytes.len());
    match below(random, 6) {
        0 => bytes.truncate(at),
        1 if !bytes.is_empty() => bytes[at] ^= 1 << below(random, 8),
        2 if !bytes.is_empty() => {
            let end = (at + 1 + below(random, 16)).min(bytes.len());
            bytes.drain(at..end);
        }
        3 => {
            let end = (at + 1 + below(random, 40)).min(bytes.len());
            let piece = bytes[at.min(end)..end].to_vec();
            bytes.splice(at..at, piece);
        }
        4 => {
            let from = below(random, other.len());
            bytes.truncate(at);
            bytes.extend_from_slice(&other[from.min(other.len())..]);
        }
        _ => {
            bytes.splice(at..at, WORDS[below(random, WORDS.len())].iter().copied());
        }
    }
}

/// Changes a value somewhere in it.
fn change(value: &mut Value, random: &mut ChaCha8Rng) {
    let deeper = below(random, 5) > 0;
    match value {
        Value::Object(fields) if deeper && !fields.is_empty() => {
            let at = below(random, fields.len());
            if let Some(field) = fields.values_mut().nth(at) {
                change(field, random);
            }
        }
        Value::Array(items) if deeper && !items.is_empty() => {
            let at = below(random, items.len());
            change(&mut items[at], random);
        }
        Value::Object(fields) if below(random, 2) == 0 => reshape(fields, random),
        Value::Array(items) if below(random, 2) == 0 => {
            let copy = items.first().cloned().unwrap_or(Value::Null);
            items.extend(vec![copy; below(random, 4)]);
        }
        _ => *value = odd(random),
    }
}

/// A field goes, or gets another's value.
fn reshape(fields: &mut Map<String, Value>, random: &mut ChaCha8Rng) {
    let names: Vec<String> = fields.keys().cloned().collect();
    if names.is_empty() {
        fields.insert("type".into(), odd(random));
        return;
    }
    let (one, two) = (&names[below(random, names.len())], &names[below(random, names.len())]);
    if below(random, 2) == 0 {
        fields.remove(one);
    } else {
        let value = fields[two].clone();
        fields.insert(one.clone(), value);
    }
}

fn odd(random: &mut ChaCha8Rng) -> Value {
    let odd = [
        json!(null),
        json!(true),
        json!([]),
        json!({}),
        json!(""),
        json!(" "),
        json!(0),
        json!(-1),
        json!(1.5),
        json!(i64::MIN),
        json!(u64::MAX),
        json!(1e300),
        json!("0"),
        json!("12.345"),
        json!("99999999999999999999999999"),
        json!("2026-02-30"),
        json!("9999-12-31T23:59:59.999999999Z"),
        json!("-262144-01-01T00:00:00Z"),
        json!("\u{0}\u{1f600}"),
        json!("x".repeat(5_000)),
        json!([[[[{"a": [1, "b", null]}]]]]),
    ];
    odd[below(random, odd.len())].clone()
}
