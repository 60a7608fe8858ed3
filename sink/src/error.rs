//! What can be wrong with the sink's configuration; whatever goes wrong with a delivery is an outcome in the log instead.

/// Why the sink cannot start, or a new configuration is not taken.
#[derive(Debug, thiserror::Error)]
pub enum SinkError {
    /// One destination is wrong.
    #[error("destination {name:?}: {problem}")]
    Destination { name: String, problem: String },
    /// Something beside the destinations is wrong.
    #[error("{0}")]
    Config(String),
    /// The HTTP client could not be made: no root certificates, most often.
    #[error("the http client cannot be made, are root certificates installed (ca-certificates): {0}")]
    Client(String),
}
