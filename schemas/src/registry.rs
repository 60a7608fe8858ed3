//! The embedded registry: the ids of our schemas, the same in every installation and for ever.
//!
//! Ids are only ever added. A new version of a schema takes the next free id; the text that it replaces moves to `avro/old/` and keeps its id here, so that what stands in
//! the log stays readable.

/// Id of a schema, as it stands in Confluent's prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SchemaId(pub u32);

/// One version of one schema.
pub(crate) struct Entry {
    pub(crate) id: SchemaId,
    pub(crate) name: &'static str,
    pub(crate) text: &'static str,
}

pub(crate) const EVENT: SchemaId = SchemaId(1);
pub(crate) const TICK: SchemaId = SchemaId(2);
pub(crate) const MOVE: SchemaId = SchemaId(3);
pub(crate) const ALERT_COMMAND: SchemaId = SchemaId(4);
/// As it was before it had several next actions.
const ALERT_1: SchemaId = SchemaId(5);
pub(crate) const DELIVERY: SchemaId = SchemaId(6);
pub(crate) const PROFILE: SchemaId = SchemaId(7);
pub(crate) const PROGRESS: SchemaId = SchemaId(8);
pub(crate) const DEAD_LETTER: SchemaId = SchemaId(9);
pub(crate) const HISTORY: SchemaId = SchemaId(10);
pub(crate) const RULES: SchemaId = SchemaId(11);
pub(crate) const ALERT: SchemaId = SchemaId(12);
pub(crate) const FEED: SchemaId = SchemaId(13);

/// By id; of one name the last is the newest.
pub(crate) const ENTRIES: &[Entry] = &[
    Entry { id: EVENT, name: "Event", text: include_str!("../avro/event.avsc") },
    Entry { id: TICK, name: "Tick", text: include_str!("../avro/tick.avsc") },
    Entry { id: MOVE, name: "Move", text: include_str!("../avro/move.avsc") },
    Entry { id: ALERT_COMMAND, name: "AlertCommand", text: include_str!("../avro/command.avsc") },
    Entry { id: ALERT_1, name: "Alert", text: include_str!("../avro/old/alert-1.avsc") },
    Entry { id: DELIVERY, name: "Delivery", text: include_str!("../avro/delivery.avsc") },
    Entry { id: PROFILE, name: "Profile", text: include_str!("../avro/profile.avsc") },
    Entry { id: PROGRESS, name: "Progress", text: include_str!("../avro/progress.avsc") },
    Entry { id: DEAD_LETTER, name: "DeadLetter", text: include_str!("../avro/dead_letter.avsc") },
    Entry { id: HISTORY, name: "History", text: include_str!("../avro/history.avsc") },
    Entry { id: RULES, name: "Rules", text: include_str!("../avro/rules.avsc") },
    Entry { id: ALERT, name: "Alert", text: include_str!("../avro/alert.avsc") },
    Entry { id: FEED, name: "Feed", text: include_str!("../avro/feed.avsc") },
];

/// The entry with `id`.
pub(crate) fn entry(id: SchemaId) -> Option<&'static Entry> {
    ENTRIES.iter().find(|entry| entry.id == id)
}

/// The id of the newest version of the schema named `name` (`Event`, `Alert`, ...).
pub fn schema_id(name: &str) -> Option<SchemaId> {
    ENTRIES.iter().rev().find(|entry| entry.name == name).map(|entry| entry.id)
}

/// The text of the schema with `id`.
pub fn schema_text(id: SchemaId) -> Option<&'static str> {
    entry(id).map(|entry| entry.text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_never_change() {
        // Add lines; never edit one: logs hold these numbers.
        let pinned = [
            (1, "Event"),
            (2, "Tick"),
            (3, "Move"),
            (4, "AlertCommand"),
            (5, "Alert"),
            (6, "Delivery"),
            (7, "Profile"),
            (8, "Progress"),
            (9, "DeadLetter"),
            (10, "History"),
            (11, "Rules"),
            (12, "Alert"),
            (13, "Feed"),
        ];
        let entries: Vec<_> = ENTRIES.iter().map(|entry| (entry.id.0, entry.name)).collect();
        assert_eq!(entries, pinned);
    }

    #[test]
    fn every_text_is_the_schema_that_its_entry_names() {
        for entry in ENTRIES {
            let schema = apache_avro::Schema::parse_str(entry.text).unwrap();
            assert_eq!(schema.name().unwrap().to_string(), format!("c360.{}", entry.name));
        }
    }

    #[test]
    fn names_and_ids_find_their_schema() {
        assert_eq!(schema_id("Profile"), Some(PROFILE));
        assert!(schema_text(PROFILE).unwrap().contains("360-degree view"));
        assert_eq!(schema_id("Nothing"), None);
        assert_eq!(schema_text(SchemaId(0)), None);
    }
}
