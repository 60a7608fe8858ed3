//! The topics of one installation: made where they are not there, checked where they are.
use super::KafkaConfig;
use super::client::{self, Plain};
use super::health::Health;
use crate::{Clock, Keeps, LogError};
use c360_schemas::Topic;
use futures::executor::block_on;
use rdkafka::admin::{AdminClient, AdminOptions, ConfigResource, NewTopic, OwnedResourceSpecifier, ResourceSpecifier, TopicReplication};
use rdkafka::config::FromClientConfigAndContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Pause between looks at topics that are being made.
const LOOK_AGAIN: Duration = Duration::from_millis(20);
/// Pause before brokers that do not answer are asked again.
const ASK_AGAIN: Duration = Duration::from_millis(200);
const STAMP: &str = "message.timestamp.type";
const CLEANUP: &str = "cleanup.policy";

/// What the cluster has.
struct Found {
    brokers: usize,
    /// Partitions with a leader, and all, by full name.
    topics: BTreeMap<String, (u32, u32)>,
}

/// Makes the topics that are not there and checks those that are; the number of partitions of each.
pub(super) fn ensure(config: &KafkaConfig, clock: &Clock, health: &Health) -> Result<u32, LogError> {
    let admin = new_admin(config)?;
    let deadline = Instant::now() + config.connect_timeout();
    let found = reach(&admin, config, deadline)?;
    health.reached();
    let partitions = agreed_partitions(config, &found)?;
    let there: Vec<Topic> = Topic::ALL.into_iter().filter(|topic| found.topics.contains_key(&topic.name(&config.topic_prefix))).collect();
    check(&admin, config, clock, &there)?;
    if there.len() < Topic::ALL.len() {
        create(&admin, config, clock, partitions, &found)?;
        // Another process may have made them at the same time, with another number.
        let found = wait_for_leaders(&admin, config, deadline)?;
        return agreed_partitions(config, &found);
    }
    Ok(partitions)
}

fn new_admin(config: &KafkaConfig) -> Result<AdminClient<Plain>, LogError> {
    AdminClient::from_config_and_context(&client::plain(config), Plain)
        .map_err(|error| LogError::Setup(format!("the kafka client cannot be set up: {error}")))
}

fn look(admin: &AdminClient<Plain>, config: &KafkaConfig, timeout: Duration) -> Result<Found, KafkaError> {
    let metadata = admin.inner().fetch_metadata(None, timeout)?;
    let ours = |name: &str| Topic::ALL.iter().any(|topic| topic.name(&config.topic_prefix) == name);
    let topics = metadata.topics().iter().filter(|topic| ours(topic.name()) && !topic.partitions().is_empty());
    Ok(Found {
        brokers: metadata.brokers().len(),
        topics: topics
            .map(|topic| {
                let led = topic.partitions().iter().filter(|partition| partition.leader() >= 0 && partition.error().is_none()).count();
                (topic.name().to_owned(), (led as u32, topic.partitions().len() as u32))
            })
            .collect(),
    })
}

/// Waits for the brokers: they may be starting as well.
fn reach(admin: &AdminClient<Plain>, config: &KafkaConfig, deadline: Instant) -> Result<Found, LogError> {
    loop {
        match look(admin, config, config.request_timeout().min(left(deadline))) {
            Ok(found) => return Ok(found),
            Err(error) if Instant::now() >= deadline => {
                return Err(LogError::Unavailable(format!("no broker at {} answers: {error}", config.brokers)));
            }
            Err(error) => {
                tracing::info!(brokers = config.brokers, %error, "waiting for the brokers");
                std::thread::sleep(ASK_AGAIN.min(left(deadline)));
            }
        }
    }
}

fn wait_for_leaders(admin: &AdminClient<Plain>, config: &KafkaConfig, deadline: Instant) -> Result<Found, LogError> {
    loop {
        let found = reach(admin, config, deadline)?;
        let ready = |topic: &Topic| found.topics.get(&topic.name(&config.topic_prefix)).is_some_and(|(led, all)| led == all);
        if Topic::ALL.iter().all(ready) {
            return Ok(found);
        }
        if Instant::now() >= deadline {
            return Err(LogError::Unavailable("the new topics have no leaders yet".into()));
        }
        std::thread::sleep(LOOK_AGAIN);
    }
}

/// All topics must have the same number: a key's partition is the same in each, so one worker has all that belongs to a customer.
fn agreed_partitions(config: &KafkaConfig, found: &Found) -> Result<u32, LogError> {
    let mut counts: BTreeMap<u32, Vec<&str>> = BTreeMap::new();
    for (name, (_, count)) in &found.topics {
        counts.entry(*count).or_default().push(name);
    }
    match counts.len() {
        0 if config.partitions == 0 => Err(LogError::Setup("partitions must be 1 or more".into())),
        0 => Ok(config.partitions),
        1 => Ok(counts.keys().next().copied().unwrap_or(config.partitions)),
        _ => {
            let list: Vec<String> = counts.iter().map(|(count, names)| format!("{} has {count}", names.join(", "))).collect();
            Err(LogError::Setup(format!(
                "all topics of c360 must have the same number of partitions, but {}; give all the same number, or set another topic_prefix",
                list.join("; ")
            )))
        }
    }
}

/// Settings of a topic that is made.
fn settings(topic: Topic, config: &KafkaConfig, clock: &Clock) -> Vec<(&'static str, String)> {
    let mut all = vec![(STAMP, stamp(clock).to_owned()), (CLEANUP, cleanup(topic).to_owned())];
    if let Some(ms) = config.retention.of(topic) {
        // Kafka reckons with the machine's time: under a clock of our own it would drop what is young.
        all.push(("retention.ms", if clock.is_manual() { -1 } else { ms }.to_string()));
    }
    if clock.is_manual() {
        let any = i64::MAX.to_string();
        all.extend([("message.timestamp.before.max.ms", any.clone()), ("message.timestamp.after.max.ms", any)]);
    }
    all
}

fn stamp(clock: &Clock) -> &'static str {
    if clock.is_manual() { "CreateTime" } else { "LogAppendTime" }
}

fn cleanup(topic: Topic) -> &'static str {
    if topic.compacted() { "compact" } else { "delete" }
}

fn create(admin: &AdminClient<Plain>, config: &KafkaConfig, clock: &Clock, partitions: u32, found: &Found) -> Result<(), LogError> {
    let replication = match config.replication {
        _ if found.brokers <= 1 => 1,
        Some(n) => n as i32,
        // The brokers' own default.
        None => -1,
    };
    let missing: Vec<_> = Topic::ALL
        .into_iter()
        .map(|topic| (topic.name(&config.topic_prefix), settings(topic, config, clock)))
        .filter(|(name, _)| !found.topics.contains_key(name))
        .collect();
    let new: Vec<NewTopic<'_>> = missing
        .iter()
        .map(|(name, settings)| {
            let topic = NewTopic::new(name, partitions as i32, TopicReplication::Fixed(replication));
            settings.iter().fold(topic, |topic, (key, value)| topic.set(key, value))
        })
        .collect();
    let made = block_on(admin.create_topics(&new, &options(config)))
        .map_err(|error| LogError::Unavailable(format!("topics could not be made: {error}")))?;
    for result in made {
        match result {
            Ok(name) => tracing::info!(name, partitions, "topic made"),
            // By another process, just now.
            Err((_, Code::TopicAlreadyExists)) => {}
            Err((name, code)) => {
                return Err(LogError::Setup(format!("topic {name} could not be made: {code}; make it by hand, or allow it")));
            }
        }
    }
    Ok(())
}

/// How long and how much a topic keeps.
pub(super) fn keeps(config: &KafkaConfig, topic: Topic) -> Result<Keeps, LogError> {
    let admin = new_admin(config)?;
    let mut keeps = Keeps::ByItself { ms: None, bytes: None };
    described(&admin, config, &[topic], |_, _, resource| {
        let limit = |key| resource.get(key).and_then(|entry| entry.value.as_deref()).and_then(|value| value.parse::<u64>().ok());
        keeps = Keeps::ByItself { ms: limit("retention.ms"), bytes: limit("retention.bytes") };
        Ok(())
    })?;
    Ok(keeps)
}

/// Whether topics that are there can keep c360's promises.
fn check(admin: &AdminClient<Plain>, config: &KafkaConfig, clock: &Clock, there: &[Topic]) -> Result<(), LogError> {
    described(admin, config, there, |name, topic, resource| check_one(name, topic, resource, clock))
}

/// Asks for the settings of topics.
fn described(
    admin: &AdminClient<Plain>,
    config: &KafkaConfig,
    there: &[Topic],
    mut on_topic: impl FnMut(&str, Topic, &ConfigResource) -> Result<(), LogError>,
) -> Result<(), LogError> {
    if there.is_empty() {
        return Ok(());
    }
    let names: Vec<String> = there.iter().map(|topic| topic.name(&config.topic_prefix)).collect();
    let asked: Vec<ResourceSpecifier<'_>> = names.iter().map(|name| ResourceSpecifier::Topic(name)).collect();
    let answers = block_on(admin.describe_configs(&asked, &options(config)))
        .map_err(|error| LogError::Unavailable(format!("the topics' settings could not be read: {error}")))?;
    for answer in answers {
        let resource =
            answer.map_err(|code| LogError::Setup(format!("a topic's settings could not be read: {code}; allow DescribeConfigs")))?;
        let OwnedResourceSpecifier::Topic(name) = &resource.specifier else { continue };
        if let Some(topic) = there.iter().find(|topic| topic.name(&config.topic_prefix) == *name) {
            on_topic(name, *topic, &resource)?;
        }
    }
    Ok(())
}

fn check_one(name: &str, topic: Topic, resource: &ConfigResource, clock: &Clock) -> Result<(), LogError> {
    let value = |key| resource.get(key).and_then(|entry| entry.value.as_deref()).unwrap_or_default();
    let (have, want) = (value(STAMP), stamp(clock));
    if have != want {
        let why = if clock.is_manual() { "a clock of one's own (--clock) needs" } else { "the machine's clock needs" };
        return Err(LogError::Setup(format!(
            "topic {name} has {STAMP}={have}, and {why} {want}; start as it was started before, or set another topic_prefix"
        )));
    }
    let (have, want) = (value(CLEANUP), cleanup(topic));
    if !have.split(',').any(|part| part.trim() == want) || (want == "delete" && have.contains("compact")) {
        return Err(LogError::Setup(format!("topic {name} has {CLEANUP}={have}, and c360 needs {want}; set it with kafka-configs")));
    }
    Ok(())
}

fn options(config: &KafkaConfig) -> AdminOptions {
    AdminOptions::new().request_timeout(Some(config.request_timeout())).operation_timeout(Some(config.request_timeout()))
}

fn left(deadline: Instant) -> Duration {
    deadline.saturating_duration_since(Instant::now()).max(Duration::from_millis(100))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ClockSpec;

    fn found(topics: &[(&str, u32)]) -> Found {
        Found { brokers: 1, topics: topics.iter().map(|(name, count)| ((*name).to_owned(), (*count, *count))).collect() }
    }

    #[test]
    fn topics_that_are_there_say_how_many_partitions_the_others_get() {
        let config = KafkaConfig::default();
        assert_eq!(agreed_partitions(&config, &found(&[])).unwrap(), 6);
        assert_eq!(agreed_partitions(&config, &found(&[("c360.events", 12)])).unwrap(), 12);
        let error = agreed_partitions(&config, &found(&[("c360.events", 12), ("c360.alerts", 6)])).unwrap_err().to_string();
        assert!(error.contains("c360.alerts has 6") && error.contains("c360.events has 12"), "{error}");
        assert!(agreed_partitions(&KafkaConfig { partitions: 0, ..config }, &found(&[])).is_err());
    }

    #[test]
    fn under_a_clock_of_ones_own_nothing_is_dropped_by_the_machines_time() {
        let config = KafkaConfig::default();
        let real = settings(Topic::Unresolved, &config, &Clock::real());
        assert!(real.contains(&(STAMP, "LogAppendTime".into())) && real.contains(&("retention.ms", "2592000000".into())), "{real:?}");
        let manual = settings(Topic::Unresolved, &config, &Clock::manual(ClockSpec { start: 0, rate: 0.0 }));
        assert!(manual.contains(&(STAMP, "CreateTime".into())) && manual.contains(&("retention.ms", "-1".into())), "{manual:?}");
        let compacted = settings(Topic::Profiles, &config, &Clock::real());
        assert!(
            compacted.contains(&(CLEANUP, "compact".into())) && compacted.iter().all(|(key, _)| *key != "retention.ms"),
            "{compacted:?}"
        );
    }
}
