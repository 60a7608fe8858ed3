//! How each client of librdkafka is set up. What the promises of the log rest on is set last, over whatever the user's own settings say.
use super::config::KafkaConfig;
use rdkafka::client::ClientContext;
use rdkafka::config::{ClientConfig, RDKafkaLogLevel};
use rdkafka::consumer::ConsumerContext;
use rdkafka::error::KafkaError;

/// Records that a consumer tries to have at hand for each partition.
const FETCH_AHEAD_RECORDS: &str = "30000";
/// How long the brokers hold back the answer to a fetch that finds nothing: how long a new assignment may have to wait, too.
const FETCH_WAIT_MS: &str = "100";

/// Longer than handing over a transaction's records takes.
const GATHER_US: u64 = 1_000_000;

fn base(config: &KafkaConfig, defaults: &[(&str, &str)]) -> ClientConfig {
    let mut client = ClientConfig::new();
    client
        .set_log_level(RDKafkaLogLevel::Notice)
        .set("client.id", "c360")
        .set("socket.keepalive.enable", "true")
        .set("reconnect.backoff.ms", "20")
        .set("reconnect.backoff.max.ms", "1000")
        // All topics were there when the log was opened: one that is not there now was taken away, and need not be waited for.
        .set("topic.metadata.propagation.max.ms", "2000");
    for (name, value) in defaults {
        client.set(*name, *value);
    }
    for (name, value) in &config.settings.0 {
        client.set(name, value);
    }
    client.set("bootstrap.servers", &config.brokers).set("log.connection.close", "false").set("statistics.interval.ms", "0");
    client
}

/// For metadata, offsets and topics; without a group.
pub(super) fn plain(config: &KafkaConfig) -> ClientConfig {
    let mut client = base(config, &[]);
    // A commit is decided and answered a moment before the brokers mark it in each partition. The end that they answer so has what was committed before the question, marked or not;
    // a reader's position comes there when it is marked.
    client.set("isolation.level", "read_uncommitted");
    client
}

/// Asks for the committed offsets of `group` and never joins it.
pub(super) fn group_watcher(config: &KafkaConfig, group: &str) -> ClientConfig {
    let mut client = base(config, &[("retry.backoff.ms", "5"), ("retry.backoff.max.ms", "50")]);
    // read_committed: offsets of a transaction that is being committed are waited for, so what a commit returned for is seen by all who ask after.
    client.set("group.id", group).set("enable.auto.commit", "false").set("isolation.level", "read_committed");
    client
}

/// A consumer; what only a member of a group needs is added by [`member`].
pub(super) fn consumer(config: &KafkaConfig, group: &str) -> ClientConfig {
    let ahead = config.fetch_ahead_kb.to_string();
    let mut client = base(
        config,
        &[
            ("fetch.wait.max.ms", FETCH_WAIT_MS),
            ("fetch.message.max.bytes", "4194304"),
            ("fetch.max.bytes", "33554432"),
            ("fetch.queue.backoff.ms", "20"),
            ("fetch.error.backoff.ms", "50"),
            ("queued.min.messages", FETCH_AHEAD_RECORDS),
            ("queued.max.messages.kbytes", &ahead),
        ],
    );
    client
        .set("group.id", group)
        .set("isolation.level", "read_committed")
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        .set("auto.offset.reset", "error")
        .set("enable.partition.eof", "true");
    client
}

/// A static member of `group`. Eager, see decision 11.
pub(super) fn member(config: &KafkaConfig, group: &str, instance: &str) -> ClientConfig {
    let mut client = consumer(config, group);
    client
        .set("group.instance.id", instance)
        .set("partition.assignment.strategy", "range")
        .set("session.timeout.ms", config.session_timeout_ms.to_string())
        .set("heartbeat.interval.ms", (config.session_timeout_ms / 4).clamp(1, 3_000).to_string())
        .set("max.poll.interval.ms", config.poll_interval_max_ms.max(config.session_timeout_ms).to_string());
    client
}

fn producer(config: &KafkaConfig, linger_us: u64, request_bytes: usize, timeout_ms: u64) -> ClientConfig {
    let (linger, request_bytes) = (format!("{}.{:03}", linger_us / 1_000, linger_us % 1_000), request_bytes.to_string());
    let mut client = base(
        config,
        &[
            ("linger.ms", &linger),
            ("compression.type", "lz4"),
            ("batch.size", &request_bytes),
            ("batch.num.messages", "100000"),
            // Most retries are short waits for the transaction's last steps; with the default of 100 ms they make the tail of the commit.
            ("retry.backoff.ms", "2"),
            ("retry.backoff.max.ms", "50"),
        ],
    );
    client
        .set("acks", "all")
        .set("enable.idempotence", "true")
        .set("message.timeout.ms", timeout_ms.to_string())
        .set("message.max.bytes", (config.record_bytes_max + 1024).to_string())
        // The bounds are ours: they are held before the first record of a batch is handed over, so that a batch is taken whole or not at all.
        .set("queue.buffering.max.messages", "0")
        .set("queue.buffering.max.kbytes", "2147483647");
    client
}

/// The producer of all appends.
pub(super) fn appender(config: &KafkaConfig) -> ClientConfig {
    producer(config, config.linger_us, 262_144, config.append_timeout_ms)
}

/// The producer of one member's transactions. `flush` does not heed the linger: until then everything is gathered, so that a partition's records go in one request.
pub(super) fn transactional(config: &KafkaConfig, id: &str) -> ClientConfig {
    let timeout = config.transaction_timeout_ms();
    let mut client = producer(config, GATHER_US, config.request_bytes(), timeout);
    client.set("transactional.id", id).set("transaction.timeout.ms", timeout.to_string());
    client
}

/// Passes librdkafka's own log on.
pub(super) fn log_line(level: RDKafkaLogLevel, facility: &str, line: &str) {
    match level {
        RDKafkaLogLevel::Emerg | RDKafkaLogLevel::Alert | RDKafkaLogLevel::Critical => {
            tracing::error!(target: "c360_log::librdkafka", facility, "{line}");
        }
        // It calls an error what it mends itself a moment later, such as a broker that is away.
        RDKafkaLogLevel::Error | RDKafkaLogLevel::Warning => tracing::warn!(target: "c360_log::librdkafka", facility, "{line}"),
        RDKafkaLogLevel::Notice | RDKafkaLogLevel::Info => tracing::info!(target: "c360_log::librdkafka", facility, "{line}"),
        RDKafkaLogLevel::Debug => tracing::debug!(target: "c360_log::librdkafka", facility, "{line}"),
    }
}

/// Passes an error of a client on. librdkafka mends it itself, or says it again where it matters; whether the brokers answer is asked by [`super::health`].
pub(super) fn client_error(error: &KafkaError, reason: &str) {
    tracing::debug!(%error, reason, "a kafka client reported an error");
}

/// Context of the clients that only need their log lines passed on.
pub(super) struct Plain;

impl ClientContext for Plain {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, line: &str) {
        log_line(level, facility, line);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        client_error(&error, reason);
    }
}

impl ConsumerContext for Plain {}
