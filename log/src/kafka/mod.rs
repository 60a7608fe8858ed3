//! The log on Kafka, over rdkafka.
