//! A small disk that can be full: a tmpfs. Mounting one needs root, or sudo without a password.
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use tempfile::TempDir;

/// Written at once, from large to small, so that nothing is left at the end.
const PIECES: [usize; 3] = [1 << 20, 4 << 10, 1];

pub struct Disk {
    dir: TempDir,
    /// What stands before `mount` and `umount`.
    sudo: &'static [&'static str],
}

impl Disk {
    /// `None` where this user may not mount; that is said, past the test's captured output.
    pub fn mount(mb: u32, test: &str) -> Option<Self> {
        let dir = tempfile::Builder::new().prefix("c360-disk-").tempdir().unwrap();
        let options = format!("size={mb}m,mode=1777");
        for sudo in [&[][..], &["sudo", "-n"]] {
            if run(sudo, &["mount", "-t", "tmpfs", "-o", &options, "c360-test", path(dir.path())]) {
                return Some(Self { dir, sudo });
            }
        }
        let _ = writeln!(
            std::io::stderr(),
            "NOT RUN: {test}: a tmpfs cannot be mounted here; run it as root, or with sudo that needs no password"
        );
        None
    }

    pub fn path(&self) -> PathBuf {
        self.dir.path().to_owned()
    }

    fn ballast(&self) -> PathBuf {
        self.dir.path().join("ballast")
    }

    /// Takes every byte that is left.
    pub fn fill(&self) {
        let mut ballast = File::options().create(true).append(true).open(self.ballast()).unwrap();
        for piece in PIECES {
            while ballast.write_all(&vec![0; piece]).is_ok() {}
        }
    }

    pub fn free(&self) {
        std::fs::remove_file(self.ballast()).unwrap();
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Lazily: a process that was killed may not be quite gone.
        run(self.sudo, &["umount", "-l", path(self.dir.path())]);
    }
}

fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn run(before: &[&str], command: &[&str]) -> bool {
    let all = [before, command].concat();
    Command::new(all[0]).args(&all[1..]).stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}
