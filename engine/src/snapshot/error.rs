//! What goes wrong with snapshots.
use std::path::Path;

/// Why a snapshot was not taken, listed or restored.
#[derive(Clone, Debug, thiserror::Error)]
pub enum SnapshotError {
    /// The store does not answer, or refuses.
    #[error("the snapshot store: {0}")]
    Store(String),
    /// What is in the store is not what was put there.
    #[error("{0}")]
    Broken(String),
    /// A local file cannot be read or written.
    #[error("{0}")]
    Disk(String),
    /// The store's URL or settings are wrong.
    #[error("{0}")]
    Setup(String),
}

impl SnapshotError {
    pub(super) fn disk(path: &Path, error: &std::io::Error) -> Self {
        Self::Disk(format!("{}: {error}", path.display()))
    }
}

impl From<object_store::Error> for SnapshotError {
    fn from(error: object_store::Error) -> Self {
        match error {
            object_store::Error::NotFound { path, .. } => Self::Broken(format!("{path} is not there")),
            other => Self::Store(other.to_string()),
        }
    }
}
