//! Which store the settings name.
use super::{SnapshotError, SnapshotStore};
use std::path::PathBuf;
use tokio::runtime::Handle;

/// Where snapshots are to lie.
#[derive(Clone, PartialEq, Eq)]
pub enum SnapshotPlace {
    /// A local folder.
    Folder(PathBuf),
    /// `s3://bucket/prefix`. Endpoint, region and credentials come from the environment as `AWS_...`, and from these settings, which go before it.
    S3 { url: String, settings: Vec<(String, String)> },
}

impl SnapshotPlace {
    /// Opens the store; it is not asked anything yet.
    ///
    /// # Errors
    /// Where the settings are wrong, or the folder cannot be made.
    pub fn open(&self, runtime: Handle) -> Result<SnapshotStore, SnapshotError> {
        match self {
            Self::Folder(dir) => SnapshotStore::local(dir, runtime),
            Self::S3 { url, settings } => s3(url, settings, runtime),
        }
    }
}

impl std::fmt::Display for SnapshotPlace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Folder(dir) => write!(f, "{}", dir.display()),
            Self::S3 { url, .. } => f.write_str(url),
        }
    }
}

/// Without the settings: some are secrets.
impl std::fmt::Debug for SnapshotPlace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}

#[cfg(not(feature = "s3"))]
fn s3(url: &str, _settings: &[(String, String)], _runtime: Handle) -> Result<SnapshotStore, SnapshotError> {
    Err(SnapshotError::Setup(format!("snapshots in {url}: this c360 was built without S3; build it with the feature s3, or give a folder")))
}

#[cfg(feature = "s3")]
fn s3(url: &str, settings: &[(String, String)], runtime: Handle) -> Result<SnapshotStore, SnapshotError> {
    use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
    use std::sync::Arc;
    let wrong = |e: &dyn std::fmt::Display| SnapshotError::Setup(format!("snapshots in {url}: {e}"));
    let rest = url.strip_prefix("s3://").ok_or_else(|| wrong(&"the url is s3://bucket/prefix"))?;
    let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
    if bucket.is_empty() {
        return Err(wrong(&"the url names no bucket: s3://bucket/prefix"));
    }
    let prefix = object_store::path::Path::parse(prefix.trim_matches('/')).map_err(|e| wrong(&e))?;
    // Whoever runs this may have set another; whichever is there is used.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut builder = AmazonS3Builder::from_env().with_bucket_name(bucket);
    for (name, value) in settings {
        let key: AmazonS3ConfigKey = name.parse().map_err(|e: object_store::Error| wrong(&e))?;
        builder = builder.with_config(key, value);
    }
    let endpoint = builder.get_config_value(&AmazonS3ConfigKey::Endpoint).unwrap_or_default();
    if endpoint.starts_with("http://") {
        // Said so on purpose, by whoever wrote the endpoint.
        builder = builder.with_allow_http(true);
    }
    let store = builder.build().map_err(|e| wrong(&e))?;
    Ok(SnapshotStore::over(Arc::new(object_store::prefix::PrefixStore::new(store, prefix)), runtime))
}
