//! The embedded registry: the ids of our schemas.

/// Id of a schema, as it stands in Confluent's prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SchemaId(pub u32);

/// The id of the newest version of the schema named `name` (`Event`, `Alert`, ...).
pub fn schema_id(name: &str) -> Option<SchemaId> {
    let _ = name;
    unimplemented!()
}

/// The text of the schema with `id`.
pub fn schema_text(id: SchemaId) -> Option<&'static str> {
    let _ = id;
    unimplemented!()
}
