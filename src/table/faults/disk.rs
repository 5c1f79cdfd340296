//! A local disk that fails by a plan, and a machine that stops: what was synced is there afterwards, of the
//! rest as much as chance will have it.
//!
//! Operations are carried out on a real folder, and what would survive is kept beside it: the contents of
//! files that were synced, and the changes of folders in their order, of which a sync of the folder makes
//! those for good that concern it. After a stop the surviving files are put into a new folder.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::table::durable::disk::Operation;
use crate::table::planted::{self, Mistake};

/// What happens to an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum DiskFault {
    /// It fails and does nothing.
    Error,
    /// The run is killed before it.
    KillBefore,
    /// The run is killed after it.
    KillAfter,
    /// The machine stops before it.
    StopBefore,
    /// The machine stops after it.
    StopAfter,
}

pub(super) const DISK_FAULTS: [DiskFault; 5] = [
    DiskFault::Error,
    DiskFault::KillBefore,
    DiskFault::KillAfter,
    DiskFault::StopBefore,
    DiskFault::StopAfter,
];

/// What a name stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Node {
    Folder,
    /// A file by its number.
    File(usize),
}

/// Changes of names that survive together or not at all.
type Change = Vec<(PathBuf, Option<Node>)>;

/// The disk below a folder.
#[derive(Debug, Default)]
pub(super) struct Disk {
    root: PathBuf,
    /// Names that survive.
    durable: BTreeMap<PathBuf, Node>,
    /// Names as they are.
    live: BTreeMap<PathBuf, Node>,
    /// Changes that may survive.
    pending: Vec<Change>,
    /// The bytes of each file that survive; none before it was synced.
    synced: Vec<Option<Vec<u8>>>,
    /// Files that were synced before they came below the folder.
    synced_elsewhere: BTreeSet<PathBuf>,
    /// Names of operations so far.
    pub(super) operations: Vec<&'static str>,
    fault: Option<(usize, DiskFault)>,
    /// Nothing is done any more.
    pub(super) is_over: bool,
}

thread_local! {
    static DISK: RefCell<Option<Disk>> = const { RefCell::new(None) };
}

/// From here on this thread writes to the disk below `root`, whose operation of this number fails.
pub(super) fn attach(root: &Path, fault: Option<(usize, DiskFault)>) {
    let mut disk = Disk {
        root: root.to_path_buf(),
        fault,
        ..Disk::default()
    };
    disk.take_in(root);
    disk.live = disk.durable.clone();
    DISK.set(Some(disk));
}

/// Ends that.
pub(super) fn detach() -> Disk {
    DISK.take().unwrap()
}

/// Called by what writes durably.
pub(in crate::table) fn carry_out<T>(
    operation: Operation<'_>,
    act: impl FnOnce() -> io::Result<T>,
) -> io::Result<T> {
    let before = DISK.with_borrow_mut(|disk| disk.as_mut().map(|disk| disk.before(operation)));
    match before {
        None => act(),
        Some(Err(error)) => Err(error),
        Some(Ok(is_last)) => {
            let done = act();
            DISK.with_borrow_mut(|disk| {
                if let Some(disk) = disk {
                    if done.is_ok() {
                        disk.note(operation);
                    }
                    disk.is_over |= is_last;
                }
            });
            match is_last {
                true => Err(io::Error::other("the run was cut off")),
                false => done,
            }
        }
    }
}

fn name_of(operation: Operation<'_>) -> &'static str {
    match operation {
        Operation::CreateFolder(_) => "create folder",
        Operation::SyncFolder(_) => "sync folder",
        Operation::Write(_) => "write",
        Operation::SyncFile(_) => "sync file",
        Operation::Rename(..) => "rename",
        Operation::Link(..) => "link",
        Operation::Remove(_) => "remove",
    }
}

impl Disk {
    /// Everything below the folder is there for good.
    fn take_in(&mut self, folder: &Path) {
        for entry in fs::read_dir(folder).unwrap().flatten() {
            let path = entry.path();
            if path.is_dir() {
                self.durable.insert(path.clone(), Node::Folder);
                self.take_in(&path);
            } else if path.file_name().is_some_and(|name| name != "lock") {
                self.synced.push(Some(fs::read(&path).unwrap()));
                self.durable.insert(path, Node::File(self.synced.len() - 1));
            }
        }
    }

    /// Whether the operation is carried out, and whether it is the last.
    fn before(&mut self, operation: Operation<'_>) -> io::Result<bool> {
        let number = self.operations.len();
        let cut_off = || io::Error::other("the run was cut off");
        if self.is_over {
            return Err(cut_off());
        }
        self.operations.push(name_of(operation));
        match self.fault {
            Some((at, DiskFault::Error)) if at == number => {
                Err(io::Error::other("no space, or a broken disk"))
            }
            Some((at, DiskFault::KillBefore | DiskFault::StopBefore)) if at == number => {
                self.is_over = true;
                Err(cut_off())
            }
            Some((at, DiskFault::KillAfter | DiskFault::StopAfter)) => Ok(at == number),
            _ => Ok(false),
        }
    }

    fn new_file(&mut self, bytes: Option<Vec<u8>>) -> Node {
        self.synced.push(bytes);
        Node::File(self.synced.len() - 1)
    }

    fn change(&mut self, change: Change) {
        for (path, node) in &change {
            match node {
                Some(node) => self.live.insert(path.clone(), node.clone()),
                None => self.live.remove(path),
            };
        }
        self.pending.push(change);
    }

    fn note(&mut self, operation: Operation<'_>) {
        let is_unsynced = planted::is(Mistake::SyncLeftOut);
        match operation {
            Operation::CreateFolder(path) => {
                self.change(vec![(path.to_path_buf(), Some(Node::Folder))]);
            }
            // What was there is emptied, and is gone with it.
            Operation::Write(path) => match self.live.get(path).cloned() {
                Some(Node::File(number)) => self.synced[number] = None,
                _ => {
                    let file = self.new_file(None);
                    self.change(vec![(path.to_path_buf(), Some(file))]);
                }
            },
            Operation::SyncFile(_) | Operation::SyncFolder(_) if is_unsynced => {}
            Operation::SyncFile(path) => match self.live.get(path) {
                Some(Node::File(number)) => self.synced[*number] = fs::read(path).ok(),
                _ => {
                    self.synced_elsewhere.insert(path.to_path_buf());
                }
            },
            Operation::SyncFolder(path) => self.sync_folder(path),
            Operation::Rename(from, to) => {
                let node = match self.live.get(from).cloned() {
                    Some(node) => node,
                    None => {
                        let is_synced = self.synced_elsewhere.remove(from);
                        let bytes = is_synced.then(|| fs::read(to).unwrap());
                        self.new_file(bytes)
                    }
                };
                self.change(vec![
                    (from.to_path_buf(), None),
                    (to.to_path_buf(), Some(node)),
                ]);
            }
            Operation::Link(from, to) => {
                if let Some(node) = self.live.get(from).cloned() {
                    self.change(vec![(to.to_path_buf(), Some(node))]);
                }
            }
            Operation::Remove(path) => self.change(vec![(path.to_path_buf(), None)]),
        }
    }

    fn sync_folder(&mut self, folder: &Path) {
        let of_folder =
            |change: &Change| change.iter().any(|(path, _)| path.parent() == Some(folder));
        let (now, later): (Vec<_>, Vec<_>) = std::mem::take(&mut self.pending)
            .into_iter()
            .partition(of_folder);
        self.pending = later;
        for change in now {
            apply(&mut self.durable, change);
        }
    }

    /// Puts into a new folder what is there after the machine stopped; `survives` tells for each change
    /// that was not synced whether it does.
    pub(super) fn survivors(mut self, to: &Path, mut survives: impl FnMut() -> bool) {
        for change in std::mem::take(&mut self.pending) {
            if survives() {
                apply(&mut self.durable, change);
            }
        }
        for (path, node) in &self.durable {
            let relative = path.strip_prefix(&self.root).unwrap();
            // What lies in a folder that is gone is gone.
            let is_reachable = relative
                .ancestors()
                .skip(1)
                .filter(|folder| !folder.as_os_str().is_empty())
                .all(|folder| self.durable.get(&self.root.join(folder)) == Some(&Node::Folder));
            if !is_reachable {
                continue;
            }
            match node {
                Node::Folder => fs::create_dir_all(to.join(relative)).unwrap(),
                Node::File(number) => {
                    let bytes = self.synced[*number].clone().unwrap_or_default();
                    fs::write(to.join(relative), bytes).unwrap();
                }
            }
        }
    }
}

fn apply(names: &mut BTreeMap<PathBuf, Node>, change: Change) {
    for (path, node) in change {
        match node {
            Some(node) => names.insert(path, node),
            None => names.remove(&path),
        };
    }
}
