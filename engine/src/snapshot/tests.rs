//! What the store sees: a store in memory that misbehaves on demand, and checkpoints made of plain files.
use super::catalog::Catalog;
use super::layout::{FILES, PRUNED, Place, SNAPSHOTS};
use super::upload::{Upload, Uploaded};
use super::*;
use crate::storage::Meta;
use async_trait::async_trait;
use c360_schemas::Topic;
use futures::StreamExt;
use futures::stream::BoxStream;
use object_store::memory::InMemory;
use object_store::path::Path as ObjectPath;
use object_store::*;
use parking_lot::Mutex;
use std::sync::Arc;
use tempfile::TempDir;
use tokio::runtime::{Handle, Runtime};

/// Names and contents.
type Files = Vec<(String, String)>;
type Hook = Box<dyn FnOnce() + Send>;

/// What goes wrong.
enum Fault {
    None,
    /// From the nth object on nothing can be written: the process died there.
    Dies {
        after: usize,
    },
    /// What is written is not what was meant.
    Changes(fn(Vec<u8>) -> Vec<u8>),
    /// Somebody else does something just before a manifest is written.
    Before(Option<Hook>),
}

struct Faulty {
    inner: InMemory,
    fault: Mutex<Fault>,
    /// Paths and lengths of what was written.
    written: Mutex<Vec<(String, usize)>>,
}

impl std::fmt::Debug for Faulty {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Faulty")
    }
}

impl std::fmt::Display for Faulty {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Faulty")
    }
}

impl Faulty {
    fn changed(&self, location: &ObjectPath, payload: PutPayload) -> Result<PutPayload> {
        let bytes: Vec<u8> = payload.iter().flat_map(|chunk| chunk.to_vec()).collect();
        self.written.lock().push((location.to_string(), bytes.len()));
        let hook = match &mut *self.fault.lock() {
            Fault::Dies { after: 0 } => return Err(Error::Generic { store: "faulty", source: "the process died".into() }),
            Fault::Dies { after } => {
                *after -= 1;
                None
            }
            Fault::Changes(change) if location.to_string().contains("/files/") => return Ok(change(bytes).into()),
            Fault::Before(hook) if location.to_string().contains("/snapshots/") => hook.take(),
            _ => None,
        };
        if let Some(hook) = hook {
            hook();
        }
        Ok(bytes.into())
    }
}

#[async_trait]
impl ObjectStore for Faulty {
    async fn put_opts(&self, location: &ObjectPath, payload: PutPayload, opts: PutOptions) -> Result<PutResult> {
        let payload = self.changed(location, payload)?;
        self.inner.put_opts(location, payload, opts).await
    }

    async fn put_multipart_opts(&self, location: &ObjectPath, opts: PutMultipartOptions) -> Result<Box<dyn MultipartUpload>> {
        self.inner.put_multipart_opts(location, opts).await
    }

    async fn get_opts(&self, location: &ObjectPath, options: GetOptions) -> Result<GetResult> {
        self.inner.get_opts(location, options).await
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<ObjectPath>>) -> BoxStream<'static, Result<ObjectPath>> {
        self.inner.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&ObjectPath>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&ObjectPath>) -> Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &ObjectPath, to: &ObjectPath, options: CopyOptions) -> Result<()> {
        self.inner.copy_opts(from, to, options).await
    }
}

/// A partition whose state is a few plain files.
struct Rig {
    runtime: Runtime,
    faulty: Arc<Faulty>,
    store: SnapshotStore,
    dir: TempDir,
}

const KEEP: Keep = Keep { count: 2, age: Duration::from_secs(3_600), grace: Duration::ZERO };

impl Rig {
    fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let faulty = Arc::new(Faulty { inner: InMemory::new(), fault: Mutex::new(Fault::None), written: Mutex::default() });
        let store = SnapshotStore::over(Arc::<Faulty>::clone(&faulty), runtime.handle().clone());
        Self { runtime, faulty, store, dir: tempfile::tempdir().unwrap() }
    }

    fn fault(&self, fault: Fault) {
        *self.faulty.fault.lock() = fault;
    }

    /// Takes a snapshot at `position` with these files (name and content).
    fn take(&self, position: u64, files: &[(&str, &str)]) -> Result<Uploaded, SnapshotError> {
        self.runtime.block_on(take(self.store.clone(), self.dir.path().to_owned(), position, files.to_vec()))
    }

    fn prune(&self, keep: Keep) {
        self.runtime.block_on(prune::prune(&self.store, &place(), keep)).unwrap();
    }

    /// Objects of a folder.
    fn objects(&self, folder: &str) -> Vec<ObjectPath> {
        let all = self.faulty.inner.list(Some(&place().in_folder(folder, "")));
        let mut all: Vec<_> = self.runtime.block_on(all.map(|object| object.unwrap().location).collect());
        all.sort();
        all
    }

    fn spoil(&self, path: &ObjectPath, change: impl FnOnce(Vec<u8>) -> Vec<u8>) {
        self.runtime.block_on(async {
            let bytes = self.faulty.inner.get(path).await.unwrap().bytes().await.unwrap();
            self.faulty.inner.put(path, change(bytes.to_vec()).into()).await.unwrap();
        });
    }

    fn object_of(&self, sequence: u64, name: &str) -> ObjectPath {
        let catalog = self.runtime.block_on(Catalog::read(&self.store, &place())).unwrap();
        let file = catalog.by_sequence(sequence).unwrap().files.iter().find(|file| file.name == name).unwrap().clone();
        place().file(&file.object)
    }

    /// Restores on a machine of its own; sequence, and the files.
    fn restore(&self, choice: &Choice<'_>) -> Result<Option<(u64, Files)>, SnapshotError> {
        let machine = tempfile::tempdir().unwrap();
        let restored = self.store.restore(("m", 0), choice, machine.path(), &|_| ())?;
        let read = |path: PathBuf| (path.file_name().unwrap().to_string_lossy().into_owned(), std::fs::read_to_string(&path).unwrap());
        Ok(restored.map(|restored| {
            let mut files: Vec<_> =
                std::fs::read_dir(machine.path().join("m/0")).unwrap().map(|entry| read(entry.unwrap().path())).collect();
            files.sort();
            (restored.snapshot.sequence, files)
        }))
    }

    fn sequences(&self) -> Vec<(u64, bool)> {
        self.store.list().unwrap().into_iter().map(|snapshot| (snapshot.sequence, snapshot.whole)).collect()
    }
}

fn place() -> Place {
    Place::new("m", 0)
}

async fn take(store: SnapshotStore, dir: PathBuf, position: u64, files: Vec<(&str, &str)>) -> Result<Uploaded, SnapshotError> {
    let checkpoint = dir.join("checkpoint");
    let _ = std::fs::remove_dir_all(&checkpoint);
    std::fs::create_dir_all(&checkpoint).unwrap();
    for (name, content) in files {
        std::fs::write(checkpoint.join(name), content).unwrap();
    }
    let mut meta = Meta { now: position as i64, ..Meta::default() };
    meta.set(Topic::Events, position);
    let upload = Upload { place: place(), dir: checkpoint, sums: dir.join("sums.json"), meta, node: "n".into() };
    upload.run(&store).await
}

fn new_bytes(uploaded: Result<Uploaded, SnapshotError>) -> u64 {
    match uploaded.unwrap() {
        Uploaded::Taken(snapshot) => snapshot.new_bytes,
        Uploaded::Unchanged(_) => panic!("it was taken as unchanged"),
    }
}

fn named(files: &[(&str, &str)]) -> Files {
    files.iter().map(|(name, content)| ((*name).to_owned(), (*content).to_owned())).collect()
}

#[test]
fn only_new_content_is_uploaded_whatever_its_name() {
    let rig = Rig::new();
    assert_eq!(new_bytes(rig.take(1, &[("1.sst", "aaaa"), ("CURRENT", "c")])), 5);
    assert_eq!(new_bytes(rig.take(2, &[("1.sst", "aaaa"), ("2.sst", "bb"), ("CURRENT", "c")])), 2);
    // After a restore elsewhere the numbers start again: the same name is another file, and another name the same.
    assert_eq!(new_bytes(rig.take(3, &[("1.sst", "zzzz"), ("9.sst", "aaaa"), ("CURRENT", "c")])), 4);
    let written: Vec<usize> = rig.faulty.written.lock().iter().filter(|(path, _)| path.contains("/files/")).map(|(_, len)| *len).collect();
    assert_eq!(written, [4, 1, 2, 4]);
    assert_eq!(rig.objects(FILES).len(), 4);
    let wanted = named(&[("1.sst", "zzzz"), ("9.sst", "aaaa"), ("CURRENT", "c")]);
    assert_eq!(rig.restore(&Choice::Newest).unwrap(), Some((3, wanted)));
}

#[test]
fn where_nothing_happened_there_is_no_new_snapshot() {
    let rig = Rig::new();
    rig.take(1, &[("1.sst", "a")]).unwrap();
    assert!(matches!(rig.take(1, &[("2.sst", "b")]).unwrap(), Uploaded::Unchanged(_)));
    assert_eq!(rig.sequences(), [(1, true)]);
}

#[test]
fn what_arrives_changed_is_caught_and_the_snapshot_before_it_stays() {
    let changes: [fn(Vec<u8>) -> Vec<u8>; 3] = [
        |mut bytes| {
            bytes[0] ^= 1;
            bytes
        },
        |mut bytes| {
            bytes.pop();
            bytes
        },
        |_| Vec::new(),
    ];
    for change in changes {
        let rig = Rig::new();
        rig.take(1, &[("1.sst", "good")]).unwrap();
        rig.fault(Fault::Changes(change));
        assert!(matches!(rig.take(2, &[("1.sst", "good"), ("2.sst", "more")]), Err(SnapshotError::Broken(_))));
        rig.fault(Fault::None);
        assert_eq!(rig.restore(&Choice::Newest).unwrap(), Some((1, named(&[("1.sst", "good")]))));
    }
}

#[test]
fn a_crash_after_any_object_leaves_the_snapshot_before_it_and_the_next_one_is_whole() {
    let files = [("1.sst", "one"), ("2.sst", "two"), ("3.sst", "three")];
    // Two new files and the manifest.
    for after in 0..3 {
        let rig = Rig::new();
        rig.take(1, &files[..1]).unwrap();
        rig.fault(Fault::Dies { after });
        assert!(rig.take(2, &files).is_err(), "{after}");
        rig.fault(Fault::None);
        assert_eq!(rig.restore(&Choice::Newest).unwrap(), Some((1, named(&files[..1]))), "{after}");
        rig.take(2, &files).unwrap();
        rig.prune(KEEP);
        assert_eq!(rig.restore(&Choice::Newest).unwrap(), Some((2, named(&files))), "{after}");
        assert_eq!(rig.objects(FILES).len(), 3, "what was uploaded in vain is gone: {after}");
    }
}

#[test]
fn a_crash_while_old_ones_are_removed_leaves_good_ones_and_work_for_the_next_time() {
    let rig = Rig::new();
    for (position, name) in [(1, "1.sst"), (2, "2.sst"), (3, "3.sst")] {
        rig.take(position, &[(name, name)]).unwrap();
    }
    rig.fault(Fault::Dies { after: 0 });
    assert!(rig.runtime.block_on(prune::prune(&rig.store, &place(), KEEP)).is_err());
    rig.fault(Fault::None);
    assert_eq!(rig.sequences(), [(1, true), (2, true), (3, true)]);
    rig.prune(KEEP);
    assert_eq!((rig.sequences(), rig.objects(FILES).len(), rig.objects(PRUNED).len()), (vec![(2, true), (3, true)], 2, 0));
}

#[test]
fn old_ones_go_by_count_and_by_age_with_the_files_that_nobody_needs() {
    let rig = Rig::new();
    for position in 1..=5 {
        rig.take(position, &[("shared.sst", "shared"), (&format!("{position}.sst"), &format!("of {position}"))]).unwrap();
        rig.prune(KEEP);
    }
    assert_eq!(rig.sequences(), [(4, true), (5, true)]);
    assert_eq!(rig.objects(FILES).len(), 3);
    rig.prune(Keep { age: Duration::ZERO, count: 9, ..KEEP });
    let left = rig.sequences();
    assert!(left.len() <= 2 && left.last() == Some(&(5, true)), "the last good one stays, however old: {left:?}");
}

#[test]
fn what_goes_stays_readable_for_the_grace_time() {
    let rig = Rig::new();
    for position in 1..=3 {
        rig.take(position, &[(&format!("{position}.sst"), &format!("of {position}"))]).unwrap();
    }
    rig.prune(Keep { count: 1, grace: Duration::from_secs(3_600), ..KEEP });
    assert_eq!((rig.sequences(), rig.objects(FILES).len(), rig.objects(PRUNED).len()), (vec![(3, true)], 3, 2));
}

#[test]
fn a_snapshot_that_went_bad_is_passed_over_for_the_next_older_one() {
    let flip = |mut bytes: Vec<u8>| {
        bytes[0] ^= 1;
        bytes
    };
    let cut = |mut bytes: Vec<u8>| {
        bytes.pop();
        bytes
    };
    let rig = || {
        let rig = Rig::new();
        rig.take(1, &[("1.sst", "one")]).unwrap();
        rig.take(2, &[("1.sst", "one"), ("2.sst", "two")]).unwrap();
        rig
    };
    let older = Some((1, named(&[("1.sst", "one")])));
    let spoilt: [&dyn Fn(&Rig); 5] = [
        &|rig| rig.spoil(&rig.object_of(2, "2.sst"), flip),
        &|rig| rig.spoil(&rig.object_of(2, "2.sst"), cut),
        &|rig| rig.spoil(&rig.objects(SNAPSHOTS)[1], flip),
        &|rig| rig.spoil(&rig.objects(SNAPSHOTS)[1], |_| Vec::new()),
        &|rig| rig.runtime.block_on(rig.faulty.inner.delete(&rig.object_of(2, "2.sst"))).unwrap(),
    ];
    for (case, spoil) in spoilt.iter().enumerate() {
        let rig = rig();
        spoil(&rig);
        assert_eq!(rig.restore(&Choice::Furthest { committed: &[(Topic::Events, 9)] }).unwrap(), older, "{case}");
        // And the older one is not taken for superfluous.
        rig.prune(Keep { count: 1, ..KEEP });
        if case >= 1 {
            assert_eq!(rig.restore(&Choice::Newest).unwrap(), older, "{case}");
        }
    }
}

#[test]
fn where_none_is_good_that_is_said() {
    let rig = Rig::new();
    assert_eq!(rig.restore(&Choice::Newest).unwrap(), None, "none at all is another matter");
    rig.take(1, &[("1.sst", "one")]).unwrap();
    rig.spoil(&rig.object_of(1, "1.sst"), |_| b"two".to_vec());
    let error = rig.restore(&Choice::Newest).unwrap_err().to_string();
    assert!(error.contains("none of the snapshots of m 0 can be used") && error.contains("1.sst is damaged"), "{error}");
}

/// A process that was taken for dead refers to a file of a snapshot that its heir takes out of use at this very moment.
#[test]
fn a_process_that_was_taken_for_dead_cannot_make_a_snapshot_with_holes() {
    for (grace, whole) in [(Duration::from_secs(3_600), true), (Duration::ZERO, false)] {
        let rig = Rig::new();
        rig.take(1, &[("1.sst", "old")]).unwrap();
        let (store, heir) = (rig.store.clone(), tempfile::tempdir().unwrap());
        let (dir, runtime) = (heir.path().to_owned(), Handle::clone(rig.runtime.handle()));
        let meddle = move || {
            let meddling = async move {
                take(store.clone(), dir.clone(), 3, vec![("8.sst", "new")]).await.unwrap();
                take(store.clone(), dir, 4, vec![("9.sst", "newer")]).await.unwrap();
                prune::prune(&store, &place(), Keep { count: 2, grace, ..KEEP }).await.unwrap();
            };
            // In a thread of its own: this one belongs to the runtime.
            std::thread::spawn(move || runtime.block_on(meddling)).join().unwrap();
        };
        rig.fault(Fault::Before(Some(Box::new(meddle))));
        let zombie = rig.take(2, &[("1.sst", "old"), ("2.sst", "of the zombie")]);
        rig.fault(Fault::None);
        assert_eq!(zombie.is_ok(), whole);
        assert!(rig.sequences().iter().all(|(_, whole)| *whole), "{:?}", rig.sequences());
        let furthest = Choice::Furthest { committed: &[(Topic::Events, 9)] };
        assert_eq!(rig.restore(&furthest).unwrap().unwrap().1, named(&[("9.sst", "newer")]), "the heir's, which is further");
    }
}
