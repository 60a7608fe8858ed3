//! Positions in the log, in the same file and the same transactions as the rows folded from it.
use c360_schemas::Topic;
use rusqlite::Connection;

/// Next offset of each partition that was folded.
pub(crate) fn load(connection: &Connection) -> rusqlite::Result<Vec<(Topic, u32, u64)>> {
    let mut statement = connection.prepare_cached("SELECT topic, partition, next FROM positions")?;
    let rows = statement.query_map([], |row| Ok((row.get::<_, u8>(0)?, row.get::<_, u32>(1)?, row.get::<_, i64>(2)?)))?;
    let mut positions = Vec::new();
    for row in rows {
        let (topic, partition, next) = row?;
        if let Some(topic) = Topic::ALL.get(topic as usize) {
            positions.push((*topic, partition, next as u64));
        }
    }
    Ok(positions)
}

/// Sets one; part of the transaction that the connection is in.
pub(crate) fn save(connection: &Connection, topic: Topic, partition: u32, next: u64) -> rusqlite::Result<()> {
    let mut statement = connection
        .prepare_cached("INSERT INTO positions VALUES (?1, ?2, ?3) ON CONFLICT(topic, partition) DO UPDATE SET next = excluded.next")?;
    statement.execute((topic as u8, partition, next as i64))?;
    Ok(())
}
