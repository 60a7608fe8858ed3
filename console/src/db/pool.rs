//! Connections that read: a few of them, each used by one blocking task at a time.
use super::schema;
use parking_lot::Mutex;
use rusqlite::Connection;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;

/// Why a read did not come about.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReadError {
    #[error("all readers of the read model are busy; try again")]
    Busy,
    #[error("the read model could not be read: {0}")]
    Sqlite(#[from] rusqlite::Error),
    #[error("a row of the read model could not be read: {0}")]
    Row(#[from] serde_json::Error),
    #[error("the read ended early")]
    Ended,
}

/// A bounded set of read-only connections.
#[derive(Clone, Debug)]
pub(crate) struct Pool {
    path: Arc<PathBuf>,
    idle: Arc<Mutex<Vec<Connection>>>,
    permits: Arc<Semaphore>,
    wait_max: Duration,
}

impl Pool {
    pub(crate) fn new(path: PathBuf, readers_max: usize, wait_max: Duration) -> Self {
        Self { path: Arc::new(path), idle: Arc::default(), permits: Arc::new(Semaphore::new(readers_max.max(1))), wait_max }
    }

    /// Runs `read` off the async threads, on one consistent state of the read model.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Connection) -> Result<T, ReadError> + Send + 'static,
    ) -> Result<T, ReadError> {
        let permit = tokio::time::timeout(self.wait_max, self.permits.clone().acquire_owned()).await;
        let permit = permit.map_err(|_| ReadError::Busy)?.map_err(|_| ReadError::Ended)?;
        let (path, idle) = (self.path.clone(), self.idle.clone());
        let task = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            let popped = idle.lock().pop();
            let connection = match popped {
                Some(connection) => connection,
                None => schema::open_reader(&path)?,
            };
            let result = in_transaction(&connection, read);
            // One that may have been left inside a transaction is not used again.
            if connection.is_autocommit() {
                idle.lock().push(connection);
            }
            result
        });
        task.await.map_err(|_| ReadError::Ended)?
    }
}

fn in_transaction<T>(connection: &Connection, read: impl FnOnce(&Connection) -> Result<T, ReadError>) -> Result<T, ReadError> {
    let transaction = connection.unchecked_transaction()?;
    let result = read(&transaction);
    transaction.finish()?;
    result
}
