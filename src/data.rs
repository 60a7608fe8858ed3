//! The data folder: who it belongs to, and the small files in it.
use anyhow::{Context, bail};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

/// The folder that holds everything that is kept.
#[derive(Clone, Debug)]
pub(crate) struct DataFolder(PathBuf);

impl DataFolder {
    /// Opens the folder, and makes it where it is not there.
    ///
    /// # Errors
    /// Where it cannot be made.
    pub(crate) fn open(path: &Path) -> anyhow::Result<Self> {
        std::fs::create_dir_all(path).with_context(|| format!("cannot make the data folder {}", path.display()))?;
        Ok(Self(path.to_owned()))
    }

    pub(crate) fn join(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Takes the folder for this process, as long as the answer lives: nobody else may run on it meanwhile.
    ///
    /// # Errors
    /// Where another process has it.
    pub(crate) fn lock(&self) -> anyhow::Result<File> {
        let path = self.join("lock");
        let file = File::options().create(true).append(true).open(&path).with_context(|| format!("cannot write {}", path.display()))?;
        match file.try_lock() {
            Ok(()) => Ok(file),
            Err(TryLockError::WouldBlock) => bail!("{} is in use by another process: stop that one first", self.0.display()),
            Err(TryLockError::Error(error)) => Err(error).with_context(|| format!("cannot lock {}", path.display())),
        }
    }

    /// The stable name of this process among those of its installation: random, made once.
    ///
    /// # Errors
    /// Where it cannot be read or written.
    pub(crate) fn node(&self) -> anyhow::Result<String> {
        if let Some(node) = self.read_json("node.json")? {
            return Ok(node);
        }
        let node = uuid::Uuid::new_v4().simple().to_string()[..12].to_owned();
        self.write_json("node.json", &node)?;
        Ok(node)
    }

    /// The content of a small file; `None` where it is not there.
    ///
    /// # Errors
    /// Where it cannot be read or is something else.
    pub(crate) fn read_json<T: DeserializeOwned>(&self, name: &str) -> anyhow::Result<Option<T>> {
        let path = self.join(name);
        match std::fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes).map(Some).with_context(|| format!("{} is damaged", path.display())),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
        }
    }

    /// Writes a small file, whole or not at all.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub(crate) fn write_json<T: Serialize>(&self, name: &str, value: &T) -> anyhow::Result<()> {
        let path = self.join(name);
        let fresh = path.with_extension("new");
        std::fs::write(&fresh, serde_json::to_vec(value)?).with_context(|| format!("cannot write {}", fresh.display()))?;
        std::fs::rename(&fresh, &path).with_context(|| format!("cannot write {}", path.display()))
    }
}
