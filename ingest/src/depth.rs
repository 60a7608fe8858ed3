//! How deep a JSON text is nested. The parser skips what it does not need without looking at the depth, and whoever reads the properties later may not be so robust.

/// Whether objects and arrays stand within one another more than `max` deep. One pass; the text need not be valid.
pub(crate) fn is_deeper(text: &str, max: usize) -> bool {
    let bytes = text.as_bytes();
    // Most bodies have fewer brackets in all than may stand within one another.
    if memchr::memchr2_iter(b'{', b'[', bytes).nth(max).is_none() {
        return false;
    }
    let (mut at, mut depth) = (0, 0_usize);
    while let Some(&byte) = bytes.get(at) {
        at += 1;
        match byte {
            b'"' => at = string_end(bytes, at),
            b'{' | b'[' => {
                depth += 1;
                if depth > max {
                    return true;
                }
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    false
}

/// The place after the quote that ends the string whose text begins at `at`.
fn string_end(bytes: &[u8], mut at: usize) -> usize {
    loop {
        at = quote_or_backslash(bytes, at);
        match bytes.get(at) {
            Some(b'"') => return at + 1,
            Some(_) => at += 2,
            None => return at,
        }
    }
}

/// The place of the first quote or backslash from `at` on, or past the end; eight bytes at a time, since most strings are too short for anything that needs a start.
fn quote_or_backslash(bytes: &[u8], mut at: usize) -> usize {
    const EACH: u64 = u64::from_ne_bytes([1; 8]);
    const HIGH: u64 = EACH << 7;
    let zero_bytes = |word: u64| word.wrapping_sub(EACH) & !word & HIGH;
    while let Some(word) = bytes.get(at..).and_then(<[u8]>::first_chunk) {
        let word = u64::from_le_bytes(*word);
        let found = zero_bytes(word ^ (EACH * b'"' as u64)) | zero_bytes(word ^ (EACH * b'\\' as u64));
        if found != 0 {
            // Above the first one found there may be others that are none; the first is one.
            return at + (found.trailing_zeros() / 8) as usize;
        }
        at += 8;
    }
    let rest = bytes.get(at..).unwrap_or_default();
    at + rest.iter().position(|byte| matches!(byte, b'"' | b'\\')).unwrap_or(rest.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// As it is meant, byte by byte.
    fn depth(text: &str) -> usize {
        let (mut depth, mut deepest, mut in_string, mut escaped) = (0_usize, 0, false, false);
        for byte in text.bytes() {
            match byte {
                _ if escaped => escaped = false,
                b'\\' if in_string => escaped = true,
                b'"' => in_string = !in_string,
                b'{' | b'[' if !in_string => depth += 1,
                b'}' | b']' if !in_string => depth = depth.saturating_sub(1),
                _ => {}
            }
            deepest = deepest.max(depth);
        }
        deepest
    }

    proptest! {
        #[test]
        fn it_agrees_with_a_count_byte_by_byte(text in r#"([\[{\]}"\\a\x22é, ]|"[a-zé\x5c\x22]{0,30}"|[\[{]{3}){0,60}"#, max in 0_usize..8) {
            prop_assert_eq!(is_deeper(&text, max), depth(&text) > max);
        }
    }

    #[test]
    fn depth_counts_brackets_outside_of_strings() {
        for (text, depth) in [
            ("1", 0),
            ("[]", 1),
            (r#"{"a":[{}]}"#, 3),
            (r#"{"a":"[[[[","b":"\"[[","c":"\\"}"#, 1),
            (r#"[[],[],[[]]]"#, 3),
            (r#""unended [[["#, 0),
            (r#"["\"#, 1),
        ] {
            assert!(!is_deeper(text, depth), "{text}");
            assert!(depth == 0 || is_deeper(text, depth - 1), "{text}");
        }
    }
}
