//! The log cannot be written for a while.
use super::Fixture;
use super::kit::{PATIENCE, append, one_in, read_all, try_append, until};
use c360_log::LogError;
use c360_schemas::Topic;
use std::time::Instant;

pub fn appends_fail_in_bounded_time_and_health_is_red_until_it_is_back(fixture: &mut dyn Fixture) {
    let log = fixture.log();
    append(&*log, one_in(Topic::Events, 0, "before"));
    assert!(log.healthy().is_ok());

    fixture.breakdown();
    let since = Instant::now();
    for _ in 0..3 {
        let outcome = try_append(&*log, one_in(Topic::Alerts, 0, "during"));
        assert!(matches!(outcome, Err(LogError::Unavailable(_))), "{outcome:?}");
    }
    assert!(since.elapsed() < PATIENCE);
    until("health is red", || log.healthy().is_err());

    fixture.mend();
    until("health is green again", || log.healthy().is_ok());
    until("appends are taken again", || try_append(&*log, one_in(Topic::Events, 0, "after")).is_ok());
    let values: Vec<_> = read_all(&*log, &[Topic::Events]).into_iter().map(|r| r.text().to_owned()).collect();
    assert_eq!((values.first().map(String::as_str), values.last().map(String::as_str)), (Some("before"), Some("after")));
    assert_eq!(values.iter().filter(|v| *v == "before").count(), 1);

    drop(log);
    fixture.reopen();
    let again: Vec<_> = read_all(&*fixture.log(), &[Topic::Events]).into_iter().map(|r| r.text().to_owned()).collect();
    assert_eq!(again, values);
}
