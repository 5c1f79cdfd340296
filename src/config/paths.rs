//! Folders as people write them (`raw/events/`, `/data/logs`, `file:///data/logs`) → absolute URLs.

use std::ffi::OsString;
use std::path::{Component, Path, PathBuf};

use url::Url;

use super::words;

/// A folder.
#[derive(Debug)]
pub struct Folder {
    /// Absolute `file://` URL ending in `/`, percent-encoded.
    pub url: String,
    /// The same as a path.
    pub path: PathBuf,
}

/// What is wrong with a folder.
#[derive(Debug)]
pub struct Wrong {
    /// What.
    pub cause: String,
    /// How to mend it.
    pub mend: String,
}

fn wrong<T>(cause: impl Into<String>, mend: impl Into<String>) -> Result<T, Wrong> {
    Err(Wrong {
        cause: cause.into(),
        mend: mend.into(),
    })
}

/// Schemes of stores that are to come.
const LATER: [&str; 13] = [
    "s3", "s3a", "gs", "gcs", "az", "azure", "abfs", "abfss", "adl", "oss", "cos", "http", "https",
];

/// Reads the value of `key`. A relative folder lies in the project (`root`, canonical), also where
/// links lead elsewhere; an absolute one may lie anywhere. Nothing needs to exist.
///
/// Messages never repeat a URL: it may hold a password.
pub fn folder(root: &Path, key: &str, text: &str) -> Result<Folder, Wrong> {
    let such = format!("write a folder, such as `{key}: raw/events/`");
    if text.trim().is_empty() {
        return wrong(format!("`{key}` is empty"), such);
    }
    if let Some((scheme, _)) = text.split_once("://") {
        return url(key, scheme, text);
    }
    if text.starts_with('~') {
        return wrong(
            format!("`{key}` begins with `~`, which is not expanded here"),
            "write the folder in full, or relative to the project",
        );
    }
    if text.contains('\\') || text.contains('\0') {
        return wrong(
            format!("`{key}` holds a character that no folder has here"),
            "part folders by `/`",
        );
    }
    let written = Path::new(text);
    if written
        .components()
        .any(|part| part == Component::ParentDir)
    {
        return wrong(
            format!(
                "`{key}` holds `..`, which may lead out of the project: {}",
                words::quoted(text)
            ),
            "write a folder inside the project, or an absolute path",
        );
    }
    let is_relative = written.is_relative();
    // Joining an absolute path replaces the root; collecting drops `.` and doubled slashes.
    let path: PathBuf = root.join(written).components().collect();
    if path.is_file() {
        return wrong(
            format!("`{key}` is a file: {}", words::quoted(text)),
            "name the folder that holds it",
        );
    }
    if is_relative && !resolve(&path).starts_with(root) {
        return wrong(
            format!(
                "`{key}` leads out of the project by a link: {}",
                words::quoted(text)
            ),
            "write the absolute path, if that folder is meant",
        );
    }
    finished(key, path)
}

fn url(key: &str, scheme: &str, text: &str) -> Result<Folder, Wrong> {
    if scheme != "file" {
        let known = LATER.contains(&scheme.to_ascii_lowercase().as_str());
        let shown = if known {
            format!("`{scheme}://`")
        } else {
            "this kind of URL".to_owned()
        };
        return wrong(
            if known {
                format!("`{key}` is at {shown}: object stores come with a later version")
            } else {
                format!("`{key}` is a URL of an unknown kind")
            },
            "use a local folder for now: relative to the project, absolute, or `file:///…`",
        );
    }
    let three = "write it as `file:///folder/`, with three slashes, or as a plain path";
    let Ok(url) = Url::parse(text) else {
        return wrong(format!("`{key}` is not a valid URL"), three);
    };
    if url.query().is_some() || url.fragment().is_some() {
        return wrong(
            format!("`{key}` holds a `?` or `#`, which a folder's URL cannot"),
            "write them as `%3F` and `%23`, or write a plain path",
        );
    }
    match url.to_file_path() {
        Ok(path) if path.is_file() => wrong(
            format!("`{key}` is a file"),
            "name the folder that holds it",
        ),
        Ok(path) => finished(key, path.components().collect()),
        Err(()) => wrong(format!("`{key}` is not the URL of a local folder"), three),
    }
}

fn finished(key: &str, path: PathBuf) -> Result<Folder, Wrong> {
    match Url::from_directory_path(&path) {
        Ok(url) => Ok(Folder {
            url: url.into(),
            path,
        }),
        Err(()) => wrong(
            format!("`{key}` is not an absolute folder"),
            "write the folder in full",
        ),
    }
}

/// The path with the links of its existing part resolved.
fn resolve(path: &Path) -> PathBuf {
    let mut missing: Vec<OsString> = Vec::new();
    let mut existing = path.to_path_buf();
    loop {
        if let Ok(mut resolved) = existing.canonicalize() {
            resolved.extend(missing.iter().rev());
            return resolved;
        }
        match existing.file_name() {
            Some(name) => missing.push(name.to_owned()),
            None => return path.to_path_buf(),
        }
        existing.pop();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cause(root: &Path, text: &str) -> String {
        folder(root, "from", text).unwrap_err().cause
    }

    #[test]
    fn folders_become_urls() {
        let root = Path::new("/nowhere/项目 1");
        for (text, url) in [
            (
                "raw/events",
                "file:///nowhere/%E9%A1%B9%E7%9B%AE%201/raw/events/",
            ),
            (
                "./raw//events/",
                "file:///nowhere/%E9%A1%B9%E7%9B%AE%201/raw/events/",
            ),
            ("/data/logs", "file:///data/logs/"),
            ("file:///data/a%20b", "file:///data/a%20b/"),
            ("dt=1/x", "file:///nowhere/%E9%A1%B9%E7%9B%AE%201/dt=1/x/"),
        ] {
            assert_eq!(folder(root, "from", text).unwrap().url, url, "{text}");
        }
    }

    #[test]
    fn what_cannot_be_a_folder_is_refused_without_telling_secrets() {
        let root = Path::new("/nowhere");
        for text in [
            "",
            " ",
            "../x",
            "a/../../x",
            "/a/../b",
            "~/x",
            "a\\b",
            "file://data/x",
            "file:///a?b",
            "s3://key:hush@bucket/x",
            "ftp://me:hush@host/",
            "https://host/?sig=hush",
        ] {
            let wrong = folder(root, "from", text).unwrap_err();
            assert!(
                !format!("{}{}", wrong.cause, wrong.mend).contains("hush"),
                "{text}"
            );
        }
        assert!(cause(root, "s3://bucket/").contains("later version"));
    }

    #[cfg(unix)]
    #[test]
    fn a_link_out_of_the_project_is_refused() {
        let outside = tempfile::tempdir().unwrap();
        let inside = tempfile::tempdir().unwrap();
        let root = inside.path().canonicalize().unwrap();
        std::os::unix::fs::symlink(outside.path(), root.join("raw")).unwrap();
        std::fs::create_dir(root.join("own")).unwrap();
        std::os::unix::fs::symlink(root.join("own"), root.join("alias")).unwrap();
        assert!(cause(&root, "raw/events").contains("by a link"));
        assert!(folder(&root, "from", "alias/events").is_ok());
        std::fs::write(root.join("own/file"), "").unwrap();
        assert!(cause(&root, "own/file").contains("is a file"));
    }
}
