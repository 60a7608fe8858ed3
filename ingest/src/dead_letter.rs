//! What could not be taken, kept byte for byte with its reason, so that it can be taken again after a fix. It goes into the log in the same append as the rest of its
//! request: a 200 stands for the dead letters too.
use crate::bad::Bad;
use c360_log::{Batch, ConnectErrors, Headers};
use c360_schemas::{DeadLetter, Key, Topic, Wire};

pub(crate) const STAGE: &str = "ingest";
const CLASS: &str = "c360_ingest";
/// Headers of what a batch said for all of its calls.
pub(crate) const BATCH_SENT_AT: &str = "c360.batch.sent-at";
pub(crate) const BATCH_GROUP_ID: &str = "c360.batch.group-id";

/// Where a bad event came from.
pub(crate) struct Origin<'a> {
    pub(crate) tenant: &'a str,
    pub(crate) source: &'a str,
    pub(crate) received_at: i64,
    pub(crate) content_type: Option<&'a str>,
    pub(crate) original_bytes_max: usize,
}

/// Adds a dead letter for `original`, which can be posted to `path` again.
pub(crate) fn bury(batch: &mut Batch, origin: &Origin<'_>, path: &str, original: &[u8], bad: &Bad) {
    bury_with(batch, origin, path, original, bad, &[]);
}

/// As [`bury`], with headers of its own: what must be known besides the original to take it again.
pub(crate) fn bury_with(batch: &mut Batch, origin: &Origin<'_>, path: &str, original: &[u8], bad: &Bad, context: &[(&str, &str)]) {
    let kept = &original[..original.len().min(origin.original_bytes_max)];
    let mut message = bad.message.clone();
    if kept.len() < original.len() {
        message.push_str(&format!(" (only the first {} of {} bytes are kept)", kept.len(), original.len()));
    }
    let letter = DeadLetter {
        tenant: Some(origin.tenant.to_owned()),
        source: origin.source.to_owned(),
        stage: STAGE.to_owned(),
        reason: bad.reason.as_str().to_owned(),
        message,
        at: origin.received_at,
        original: kept.to_vec(),
        content_type: origin.content_type.map(str::to_owned),
        path: Some(path.to_owned()),
    };
    let key = Key { tenant: origin.tenant, id: origin.source };
    batch.push_with(Topic::DeadLetters, None, |out| key.write(out), |out| headers(out, &letter, context), |out| letter.encode(out));
}

/// Kafka Connect's convention, so that tools that know it can read the reason.
fn headers(out: &mut Vec<u8>, letter: &DeadLetter, context: &[(&str, &str)]) {
    for (name, value) in context {
        Headers::write(out, name, value.as_bytes());
    }
    let errors = ConnectErrors {
        record: None,
        connector: &letter.source,
        task: 0,
        stage: &letter.stage,
        class: CLASS,
        reason: &letter.reason,
        message: &letter.message,
    };
    errors.write(out);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bad::Reason;

    #[test]
    fn a_dead_letter_keeps_the_bytes_and_says_why_in_its_headers_too() {
        let mut batch = Batch::default();
        let origin = Origin { tenant: "t1", source: "api", received_at: 5, content_type: Some("text/plain"), original_bytes_max: 4 };
        bury(&mut batch, &origin, "/v1/track", b"\xff{}", &Bad::new(Reason::BadId, "no"));
        bury(&mut batch, &origin, "/v1/track", b"12345", &Bad::new(Reason::BadId, "no"));
        let entry = &batch.entries()[0];
        let letter = DeadLetter::decode(batch.value(entry)).unwrap();
        assert_eq!(
            (letter.original.as_slice(), letter.reason.as_str(), letter.path.as_deref()),
            (&b"\xff{}"[..], "bad_id", Some("/v1/track"))
        );
        assert_eq!(batch.headers(entry).get("__connect.errors.exception.message"), Some(&b"no"[..]));
        let cut = DeadLetter::decode(batch.value(&batch.entries()[1])).unwrap();
        assert_eq!(cut.original, b"1234");
        assert!(cut.message.contains("first 4 of 5"), "{}", cut.message);
    }
}
