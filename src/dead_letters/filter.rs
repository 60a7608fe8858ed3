//! Which letters are meant; the same for the list and for taking them again.
use super::letter::{Letter, Place};
use serde::{Deserialize, Serialize};

/// Letters in one answer, or taken by one request, where it is not said.
pub(crate) const LIMIT: usize = 100;
/// And at most.
pub(crate) const LIMIT_MAX: usize = 100_000;

/// What a letter must be; what is not said may be anything.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Filter {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) source: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) stage: Option<String>,
    /// Not older.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) since: Option<jiff::Timestamp>,
    /// Older.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) until: Option<jiff::Timestamp>,
    /// This one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) position: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) limit: Option<usize>,
}

impl Filter {
    /// Whether a letter is meant by a caller of `tenant`. One that names no tenant is the default tenant's.
    pub(crate) fn fits(&self, letter: &Letter, tenant: &str) -> bool {
        let record = &letter.letter;
        let own = record.tenant.as_deref().unwrap_or(crate::access::DEFAULT_TENANT) == tenant;
        let is = |wanted: &Option<String>, value: &str| wanted.as_ref().is_none_or(|wanted| wanted == value);
        own && is(&self.reason, &record.reason)
            && is(&self.source, &record.source)
            && is(&self.stage, &record.stage)
            && self.since.is_none_or(|since| record.at >= since.as_millisecond())
            && self.until.is_none_or(|until| record.at < until.as_millisecond())
            && self.position.as_ref().is_none_or(|place| place.parse() == Ok::<Place, String>(letter.place))
    }

    pub(crate) fn limit(&self) -> usize {
        self.limit.unwrap_or(LIMIT).clamp(1, LIMIT_MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use c360_schemas::DeadLetter;

    #[test]
    fn a_letter_must_be_all_that_is_asked_for_and_of_the_callers_tenant() {
        let record = DeadLetter {
            tenant: Some("t1".into()),
            source: "web".into(),
            stage: "ingest".into(),
            reason: "bad_id".into(),
            message: String::new(),
            at: 1_000,
            original: Vec::new(),
            content_type: None,
            path: None,
        };
        let letter = Letter { place: Place { partition: 1, offset: 2 }, key: Vec::new(), headers: Vec::new(), letter: record };
        let at = |ms| Some(jiff::Timestamp::from_millisecond(ms).unwrap());
        for (filter, fits) in [
            (Filter::default(), true),
            (Filter { reason: Some("bad_id".into()), source: Some("web".into()), ..Filter::default() }, true),
            (Filter { reason: Some("bad_id".into()), source: Some("app".into()), ..Filter::default() }, false),
            (Filter { stage: Some("aggregate".into()), ..Filter::default() }, false),
            (Filter { since: at(1_000), until: at(1_001), ..Filter::default() }, true),
            (Filter { until: at(1_000), ..Filter::default() }, false),
            (Filter { since: at(1_001), ..Filter::default() }, false),
            (Filter { position: Some("1:2".into()), ..Filter::default() }, true),
            (Filter { position: Some("1:3".into()), ..Filter::default() }, false),
        ] {
            assert_eq!(filter.fits(&letter, "t1"), fits, "{filter:?}");
        }
        assert!(!Filter::default().fits(&letter, "t2"));
        let nobodys = Letter { letter: DeadLetter { tenant: None, ..letter.letter.clone() }, ..letter };
        assert!(Filter::default().fits(&nobodys, "default") && !Filter::default().fits(&nobodys, "t1"));
    }
}
