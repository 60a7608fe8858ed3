//! Snapshots in S3: a server that speaks its protocol, in a process of its own (`deploy/setup/install test` installs it).
#![allow(clippy::unwrap_used, reason = "a test breaks loudly")]
mod support;
use c360_engine::{Choice, Engine, EngineConfig, SnapshotError, SnapshotOutcome, SnapshotPlace, SnapshotStore};
use c360_log::{Clock, Log};
use c360_schemas::Topic;
use rand::rngs::StdRng;
use rand::{RngCore, SeedableRng};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};
use support::{PARTITIONS, append, open_log, read_all, runtime, start, wait_until_done};
use tokio::runtime::Runtime;

const WAIT: Duration = Duration::from_secs(60);
const BUCKET: &str = "c360";

/// The server; killed when dropped.
struct Server {
    child: Child,
    address: String,
}

impl Server {
    fn start() -> Self {
        let cache = std::env::var_os("XDG_CACHE_HOME")
            .map_or_else(|| PathBuf::from(std::env::var_os("HOME").unwrap()).join(".cache"), PathBuf::from);
        let program = cache.join("c360/s3-server/bin/moto_server");
        let mut command = Command::new(&program);
        // It chooses its port itself and says which: nobody else can have taken it in the meantime.
        command.args(["-H", "127.0.0.1", "-p", "0"]).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|e| panic!("{}: {e}; deploy/setup/install test installs it", program.display()));
        let said = BufReader::new(child.stderr.take().unwrap()).lines();
        let (tell, told) = std::sync::mpsc::channel();
        // It is listened to until its end, so that what it says later does not stop it.
        std::thread::spawn(move || {
            for line in said.map_while(Result::ok) {
                if let Some((_, address)) = line.split_once("Running on http://") {
                    let _ = tell.send(address.trim().to_owned());
                }
            }
        });
        let mut server = Self { child, address: String::new() };
        server.address = told.recv_timeout(WAIT).expect("the server does not start");
        server.put(&format!("/{BUCKET}"), b"");
        server
    }

    fn put(&self, path: &str, body: &[u8]) {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        write!(stream, "PUT {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n", self.address, body.len())
            .unwrap();
        stream.write_all(body).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }

    fn store(&self, url: &str, runtime: &Runtime) -> Result<SnapshotStore, SnapshotError> {
        let settings = [
            ("aws_endpoint", format!("http://{}", self.address)),
            ("aws_region", "us-east-1".into()),
            ("aws_access_key_id", "test".into()),
            ("aws_secret_access_key", "test".into()),
            ("proxy_excludes", "127.0.0.1".into()),
        ];
        let settings = settings.map(|(name, value)| (name.to_owned(), value)).to_vec();
        SnapshotPlace::S3 { url: url.into(), settings }.open(runtime.handle().clone())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn engine(dir: &Path, log: &Arc<dyn Log>, store: &SnapshotStore) -> Engine {
    let mut config = EngineConfig::new(dir.join("state"), "test".into());
    (config.snapshot_every, config.snapshots_kept, config.snapshots_grace) = (None, 2, Duration::from_secs(60));
    Engine::new(Arc::clone(log), Clock::real(), config, Some(store.clone()))
}

/// Takes one of each partition; their sequences, bytes and new bytes.
fn take(engine: &Engine, runtime: &Runtime) -> Vec<(u64, u64, u64)> {
    let started = Instant::now();
    loop {
        let answers = runtime.block_on(engine.snapshot(WAIT));
        if answers.len() == PARTITIONS as usize {
            let taken = answers.into_iter().map(|answer| match answer.outcome {
                // A worker may have sat down between two askings: then the first took that of the other.
                SnapshotOutcome::Taken { snapshot } | SnapshotOutcome::Unchanged { snapshot } => {
                    (snapshot.sequence, snapshot.bytes, snapshot.new_bytes)
                }
                SnapshotOutcome::Failed { message } => panic!("{message}"),
            });
            return taken.collect();
        }
        assert!(started.elapsed() < WAIT);
        std::thread::yield_now();
    }
}

/// Values of a key long enough that a state's file goes in parts.
fn long_keys(runtime: &Runtime, log: &dyn Log) {
    let mut random = StdRng::seed_from_u64(1);
    for _ in 0..40 {
        let mut bytes = vec![0; 1 << 20];
        random.fill_bytes(&mut bytes);
        let key: String = bytes.iter().map(|b| char::from(b' ' + b % 95)).collect();
        append(runtime.handle(), log, &key, ["1".to_owned()]);
    }
}

#[test]
fn the_journey_of_a_state_over_s3() {
    let (server, runtime) = (Server::start(), runtime());
    let (dir, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let store = server.store(&format!("s3://{BUCKET}/some/prefix"), &runtime).unwrap();
    assert_eq!(store.list().unwrap(), [], "nothing is there yet");
    assert!(store.restore(("summing", 0), &Choice::Newest, other.path(), &|_| ()).unwrap().is_none());

    let log: Arc<dyn Log> = open_log(dir.path(), &Clock::real());
    long_keys(&runtime, &*log);
    append(runtime.handle(), &*log, "a", (0..100).map(|_| "1".to_owned()));
    let first = engine(dir.path(), &log, &store);
    let (running, _) = start(&first);
    wait_until_done(&*log);
    let taken = take(&first, &runtime);
    assert!(taken.iter().any(|(_, bytes, _)| *bytes > 16 << 20), "large enough for several parts: {taken:?}");
    for round in 0..2 {
        for key in ["a", "b", "c", "d", "e", "f"] {
            append(runtime.handle(), &*log, key, ["1".to_owned()]);
        }
        wait_until_done(&*log);
        let again = take(&first, &runtime);
        assert!(
            again.iter().zip(&taken).all(|(again, first)| again.0 == first.0 + round + 1 && again.2 < again.1),
            "{again:?} after {taken:?}"
        );
    }
    let listed = store.list().unwrap();
    let sequences: Vec<_> = listed.iter().map(|s| (s.partition, s.sequence, s.whole)).collect();
    assert_eq!(sequences, [(0, 2, true), (0, 3, true), (1, 2, true), (1, 3, true)]);
    for snapshot in &listed {
        store.verify(snapshot).unwrap();
    }
    running.stop();

    append(runtime.handle(), &*log, "a", ["5".to_owned()]);
    let (running, shell) = start(&engine(other.path(), &log, &store));
    wait_until_done(&*log);
    running.stop();
    assert!(read_all(&*log, Topic::Alerts).iter().any(|(key, said)| key == "a" && said.ends_with(" 5 107")));
    assert_eq!(shell.0.load(std::sync::atomic::Ordering::Relaxed), 1);
}

#[test]
fn a_list_of_more_than_a_page_is_read_to_its_end() {
    let (server, runtime, dir) = (Server::start(), runtime(), tempfile::tempdir().unwrap());
    // A page of S3 has 1,000 objects; these come before those of the snapshot, whose names start with other digits or are further on.
    for partition in 0..PARTITIONS {
        for n in 0..1_010 {
            server.put(&format!("/{BUCKET}/summing/{partition}/files/%21{n:04}"), b"x");
        }
    }
    let store = server.store(&format!("s3://{BUCKET}"), &runtime).unwrap();
    let log: Arc<dyn Log> = open_log(dir.path(), &Clock::real());
    append(runtime.handle(), &*log, "a", ["1".to_owned()]);
    let engine = engine(dir.path(), &log, &store);
    let (running, _) = start(&engine);
    wait_until_done(&*log);
    take(&engine, &runtime);
    running.stop();
    assert!(store.list().unwrap().iter().all(|snapshot| snapshot.whole));
}

#[test]
fn what_is_wrong_with_the_place_is_said() {
    let (server, runtime) = (Server::start(), runtime());
    for (url, wanted) in [("s3://", "names no bucket"), ("https://x/y", "s3://bucket/prefix")] {
        let error = server.store(url, &runtime).err().unwrap().to_string();
        assert!(error.contains(wanted), "{error}");
    }
    let error = server.store("s3://there-is-no-such-bucket", &runtime).unwrap().list().unwrap_err().to_string();
    assert!(error.contains("snapshot store") && error.contains("NoSuchBucket"), "{error}");
}
