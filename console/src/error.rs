//! What can go wrong with opening the console.

/// Why the console did not open.
#[derive(Debug, thiserror::Error)]
pub enum ConsoleError {
    #[error("the read model at {path} cannot be opened: {source}; it is a cache, so deleting it is safe")]
    Database { path: String, source: rusqlite::Error },
    #[error("the folder of the read model {path} cannot be made: {source}")]
    Folder { path: String, source: std::io::Error },
    #[error("the fold's thread cannot be started: {0}")]
    Thread(std::io::Error),
    #[error("no random numbers from the system: {0}")]
    Random(String),
}
