//! Log lines, for people or as JSON, on stderr.
use tracing_subscriber::EnvFilter;

/// Starts logging.
///
/// # Errors
/// Where the filter makes no sense.
pub(crate) fn start(format: &str, filter: &str) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(filter)?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    if format == "json" {
        builder.json().flatten_event(true).init();
    } else {
        builder.with_target(false).init();
    }
    Ok(())
}
