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
    while let Some(&byte) = bytes.get(at) {
        at += match byte {
            b'"' => return at + 1,
            b'\\' => 2,
            _ => 1,
        };
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

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
