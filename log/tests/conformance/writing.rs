//! What is appended, and how it comes back.
use super::kit::{Owned, add_in, append, batch, header, one_in, read_all, try_append};
use super::{Fixture, PARTITIONS};
use c360_log::{Appended, Batch, LogError};
use c360_schemas::{Topic, partition_of};
use std::collections::HashMap;

pub fn records_of_a_key_keep_their_order(fixture: &mut dyn Fixture) {
    let log = fixture.log();
    for round in 0..20 {
        let records = (0..50).map(|i| (format!("t/{}", i % 7), format!("{:06}", round * 50 + i)));
        append(&*log, batch(Topic::Events, records));
    }
    let records = read_all(&*log, &[Topic::Events]);
    assert_eq!(records.len(), 1000);
    let mut newest: HashMap<&[u8], &str> = HashMap::new();
    let mut offsets: HashMap<u32, u64> = HashMap::new();
    for record in &records {
        if let Some(before) = newest.insert(&record.key, record.text()) {
            assert!(before < record.text(), "{before} came before {}", record.text());
        }
        if let Some(before) = offsets.insert(record.partition, record.offset) {
            assert!(before < record.offset, "offsets rise within a partition");
        }
    }
    assert_eq!(newest.len(), 7);
}

pub fn keys_go_to_the_partition_that_kafkas_clients_choose(fixture: &mut dyn Fixture) {
    let log = fixture.log();
    assert_eq!(log.partitions(), PARTITIONS);
    append(&*log, batch(Topic::Unresolved, (0..100).map(|i| (format!("tenant/{i}"), "v"))));
    let records = read_all(&*log, &[Topic::Unresolved]);
    assert_eq!(records.len(), 100);
    for record in &records {
        assert_eq!(record.partition, partition_of(&record.key, PARTITIONS), "{:?}", record.key);
    }
    // By Kafka's own murmur2 of "21", -973932308: (hash & 0x7fffffff) % 4.
    append(&*log, batch(Topic::Alerts, [("21", "v")]));
    assert_eq!(read_all(&*log, &[Topic::Alerts])[0].partition, (-973_932_308_i32 as u32 & 0x7fff_ffff) % 4);
}

pub fn a_record_may_name_its_partition(fixture: &mut dyn Fixture) {
    let log = fixture.log();
    for p in 0..PARTITIONS {
        let appended = append(&*log, one_in(Topic::Events, p, &p.to_string()));
        assert_eq!((appended[0].topic, appended[0].partition), (Topic::Events, p));
    }
    let mut records = read_all(&*log, &[Topic::Events]);
    records.sort_by_key(|r| r.partition);
    let came: Vec<_> = records.iter().map(|r| (r.partition, r.text())).collect();
    assert_eq!(came, [(0, "0"), (1, "1"), (2, "2"), (3, "3")]);
}

pub fn headers_and_empty_values_come_back(fixture: &mut dyn Fixture) {
    let log = fixture.log();
    let mut records = Batch::default();
    let headers = |b: &mut Vec<u8>| {
        header("reason", b"too late")(b);
        header("empty", b"")(b);
        header("bytes", &[0, 255, 10])(b);
    };
    records.push_with(Topic::DeadLetters, Some(0), |k| k.extend_from_slice(b"t/1"), headers, |v| v.extend_from_slice(b"value"));
    records.push_with(Topic::DeadLetters, Some(0), |k| k.extend_from_slice(b"t/2"), |_| (), |_| ());
    records.push_with(Topic::DeadLetters, Some(0), |_| (), |_| (), |v| v.extend_from_slice(b"no key"));
    append(&*log, records);
    // A tombstone in a compacted topic.
    append(&*log, batch(Topic::Profiles, [("t/a", "one"), ("t/b", "two")]));
    append(&*log, batch(Topic::Profiles, [("t/a", "")]));

    let came = read_all(&*log, &[Topic::DeadLetters]);
    let expected = [("reason", b"too late".to_vec()), ("empty", Vec::new()), ("bytes", vec![0, 255, 10])];
    assert_eq!(came[0].headers, expected.map(|(n, v)| (n.to_owned(), v)));
    let seen: Vec<_> = came.iter().map(|r| (&*r.key, &*r.value, r.headers.len())).collect();
    assert_eq!(seen, [(&b"t/1"[..], &b"value"[..], 3), (b"t/2", b"", 0), (b"", b"no key", 0)]);

    let profiles = read_all(&*log, &[Topic::Profiles]);
    let newest = |key: &[u8]| profiles.iter().rfind(|r| r.key == key).map(Owned::text);
    assert_eq!((newest(b"t/a"), newest(b"t/b")), (Some(""), Some("two")));
}

pub fn acknowledgements_name_the_offsets_in_the_order_of_the_batch(fixture: &mut dyn Fixture) {
    let log = fixture.log();
    let mut acknowledged: Vec<(Appended, String)> = Vec::new();
    for round in 0..5 {
        let mut records = Batch::default();
        let mut values = Vec::new();
        for i in 0..40u32 {
            let topic = [Topic::Events, Topic::Unresolved, Topic::Alerts][i as usize % 3];
            values.push(format!("{round}-{i}"));
            add_in(&mut records, topic, i % PARTITIONS, values.last().unwrap());
        }
        acknowledged.extend(append(&*log, records).into_iter().zip(values));
    }
    let mut came: Vec<_> = read_all(&*log, &[Topic::Events, Topic::Unresolved, Topic::Alerts])
        .into_iter()
        .map(|r| (r.topic, r.partition, r.offset, r.text().to_owned()))
        .collect();
    let mut said: Vec<_> = acknowledged.into_iter().map(|(a, value)| (a.topic, a.partition, a.offset, value)).collect();
    came.sort();
    said.sort();
    assert_eq!(came, said);
}

pub fn stamps_never_go_back_in_a_partition(fixture: &mut dyn Fixture) {
    for round in 0..4 {
        let log = fixture.log();
        for i in 0..10 {
            append(&*log, batch(Topic::Events, (0..20).map(|k| (format!("t/{k}"), format!("{round}-{i}")))));
        }
        drop(log);
        fixture.reopen();
    }
    let mut stamps: HashMap<u32, i64> = HashMap::new();
    let records = read_all(&*fixture.log(), &[Topic::Events]);
    assert_eq!(records.len(), 800);
    for record in records {
        assert!(record.recorded_at > 0);
        let before = stamps.insert(record.partition, record.recorded_at).unwrap_or(0);
        assert!(before <= record.recorded_at, "{before} then {}", record.recorded_at);
    }
}

pub fn a_record_that_is_too_large_is_refused_and_the_rest_goes_on(fixture: &mut dyn Fixture) {
    let log = fixture.log();
    let huge = vec![7; 9 << 20];
    match try_append(&*log, batch(Topic::Events, [("t/k", &huge)])) {
        Err(LogError::TooLarge(bytes)) => assert!(bytes >= huge.len()),
        other => panic!("not refused: {other:?}"),
    }
    let large = vec![7; 512 << 10];
    append(&*log, batch(Topic::Events, [("t/k", &large)]));
    let records = read_all(&*log, &[Topic::Events]);
    assert_eq!(records.iter().map(|r| r.value.len()).collect::<Vec<_>>(), [large.len()]);
}

pub fn what_was_acknowledged_is_there_after_a_restart(fixture: &mut dyn Fixture) {
    let topics = [Topic::Events, Topic::Alerts, Topic::Profiles];
    let log = fixture.log();
    for topic in topics {
        append(&*log, batch(topic, (0..100).map(|i| (format!("t/{i}"), format!("v{i}")))));
    }
    let sorted = |mut records: Vec<Owned>| {
        records.sort_by_key(|r| (r.topic, r.partition, r.offset));
        records
    };
    let before = sorted(read_all(&*log, &topics));
    assert_eq!(before.len(), 300);
    drop(log);
    fixture.reopen();
    let log = fixture.log();
    assert_eq!(sorted(read_all(&*log, &topics)), before);
    // And offsets go on after them.
    let ends = log.bounds(Topic::Events).unwrap();
    for p in 0..PARTITIONS {
        let offset = append(&*log, one_in(Topic::Events, p, "later"))[0].offset;
        assert!(offset >= ends[p as usize].end, "{offset} was given before");
    }
}
