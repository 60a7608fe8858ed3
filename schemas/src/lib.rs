//! What is on the wire: the Avro schemas under `avro/`, the Rust types that mirror them, topic names and keys.
//!
//! Every value in the log is in Confluent's wire format: byte `0x00`, the schema's id as 4 bytes big-endian, then Avro binary. The hot types ([`Event`], [`Tick`]) are
//! encoded and decoded without a copy, borrowing from the bytes; property tests hold every type equal to `apache-avro`. All times are UTC milliseconds since 1970.
mod alert;
mod alert_json;
mod avro;
mod control;
mod event;
mod fields;
mod key;
mod primitive;
mod records;
mod registry;
mod topic;
mod wire;

pub use alert::{Alert, AlertStatus, Contribution, Severity};
pub use alert_json::{AlertAccount, AlertBody, AlertData, AlertOwner, BeforeAfter, NextAction, alert_url, customer_url};
pub use avro::Wire;
pub use control::{
    AlertAction, AlertCommand, BACKTESTS_ACCOUNT, DOUBT_ACCOUNT, FEED_PREFIX, FEEDS_ACCOUNT, Feed, Move, RULES_ACCOUNT, Rules, Tick,
};
pub use event::{
    AccountTraits, Answer, Discount, Event, ForeignId, Interval, Invoice, Kind, Link, Payload, Rank, Subscription, SubscriptionItem,
    Survey, Ticket, UserTraits,
};
pub use key::{Key, partition_of, provisional_account_id, split_provisional};
pub use records::{DeadLetter, Delivery, DeliveryOutcome, History, HistoryKind, Position, Profile, Progress};
pub use registry::{SchemaId, schema_id, schema_text};
pub use topic::Topic;
pub use wire::{DecodeError, EventsValue, decode_events_value};
