//! The operations of a file system that durable writes are made of, each by itself: so that a disk that
//! fails, or a machine that stops between any two of them, can stand in for the real one.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::Path;

/// An operation.
#[cfg_attr(
    not(test),
    expect(
        dead_code,
        reason = "what is written to is looked at by the fault plan"
    )
)]
#[derive(Debug, Clone, Copy)]
pub(in crate::table) enum Operation<'a> {
    CreateFolder(&'a Path),
    SyncFolder(&'a Path),
    Write(&'a Path),
    SyncFile(&'a Path),
    Rename(&'a Path, &'a Path),
    Link(&'a Path, &'a Path),
    Remove(&'a Path),
}

#[cfg(not(test))]
fn carry_out<T>(_: Operation<'_>, act: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    act()
}

#[cfg(test)]
fn carry_out<T>(operation: Operation<'_>, act: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    crate::table::faults::disk::carry_out(operation, act)
}

pub(super) fn create_folder(path: &Path) -> io::Result<()> {
    carry_out(Operation::CreateFolder(path), || fs::create_dir(path))
}

pub(super) fn sync_folder(path: &Path) -> io::Result<()> {
    carry_out(Operation::SyncFolder(path), || File::open(path)?.sync_all())
}

/// Creates a file, or empties it, and fills it.
pub(super) fn write(
    path: &Path,
    fill: impl FnOnce(&mut File) -> io::Result<()>,
) -> io::Result<File> {
    carry_out(Operation::Write(path), || {
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .open(path)?;
        fill(&mut file)?;
        Ok(file)
    })
}

pub(super) fn sync_file(file: &File, path: &Path) -> io::Result<()> {
    carry_out(Operation::SyncFile(path), || file.sync_all())
}

pub(super) fn rename(from: &Path, to: &Path) -> io::Result<()> {
    carry_out(Operation::Rename(from, to), || fs::rename(from, to))
}

pub(super) fn link(from: &Path, to: &Path) -> io::Result<()> {
    carry_out(Operation::Link(from, to), || fs::hard_link(from, to))
}

pub(super) fn remove(path: &Path) -> io::Result<()> {
    carry_out(Operation::Remove(path), || fs::remove_file(path))
}
