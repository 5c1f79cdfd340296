//! Refuses warehouses on network file systems, whose locks and renames cannot be trusted.

use std::path::Path;

/// The network file system `path` lies on, if it does.
pub(super) fn network_file_system(path: &Path) -> Option<String> {
    let mounts = std::fs::read_to_string("/proc/self/mounts").ok()?;
    of_path(&mounts, path)
}

fn of_path(mounts: &str, path: &Path) -> Option<String> {
    let mut best: Option<(usize, &str)> = None;
    for line in mounts.lines() {
        let mut fields = line.split(' ');
        let (Some(_), Some(point), Some(kind)) = (fields.next(), fields.next(), fields.next())
        else {
            continue;
        };
        let point = point.replace("\\040", " ");
        if path.starts_with(&point) && best.is_none_or(|(length, _)| point.len() >= length) {
            best = Some((point.len(), kind));
        }
    }
    best.map(|(_, kind)| kind)
        .filter(|kind| {
            ["nfs", "cifs", "smb", "fuse.sshfs", "fuse.s3fs", "9p"]
                .iter()
                .any(|network| kind.starts_with(network))
        })
        .map(String::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_mount_decides() {
        let mounts = "/dev/vda / ext4 rw 0 0\nserver:/x /data/my\\040share nfs4 rw 0 0\ntmpfs /data/my\\040share/tmp tmpfs rw 0 0\n";
        let of = |path: &str| of_path(mounts, Path::new(path));
        assert_eq!(of("/data/other"), None);
        assert_eq!(of("/data/my share/warehouse").as_deref(), Some("nfs4"));
        assert_eq!(of("/data/my share/tmp/w"), None);
    }
}
