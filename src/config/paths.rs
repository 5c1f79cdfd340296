//! Folders as people write them (`raw/events/`, `/data/logs`, `file:///data/logs`, `s3://bucket/logs`) →
//! absolute URLs.

use std::ffi::OsString;
use std::path::{Component, Path, PathBuf};

use url::Url;

use super::words;

/// A folder.
#[derive(Debug)]
pub struct Folder {
    /// Absolute URL ending in `/`; of a local folder percent-encoded.
    pub url: String,
    /// The same as a path, if it is one of this machine.
    pub path: Option<PathBuf>,
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

/// Schemes of object stores.
const STORES: [&str; 3] = ["s3", "az", "gs"];

/// What people write for them, and what to write.
const OTHER_NAMES: [(&str, &str); 10] = [
    ("s3a", "s3"),
    ("s3n", "s3"),
    ("oss", "s3"),
    ("cos", "s3"),
    ("azure", "az"),
    ("abfs", "az"),
    ("abfss", "az"),
    ("adl", "az"),
    ("gcs", "gs"),
    ("gcp", "gs"),
];

/// Where secrets belong.
pub const USE_THE_ENVIRONMENT: &str = "credentials come from the environment (AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, AZURE_STORAGE_ACCOUNT_KEY, GOOGLE_APPLICATION_CREDENTIALS, …), the machine's role or a named profile, never from a file of the project";

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
        return match store(text) {
            Ok(url) => Ok(Folder { url, path: None }),
            Err(found) => wrong(format!("`{key}` {}", found.cause), found.mend),
        };
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

/// Reads the URL of a folder in an object store; gives it ending in `/`. The cause of what is wrong goes on
/// after the name of a key, and never repeats the URL.
pub fn store(text: &str) -> Result<String, Wrong> {
    let kinds = "write `s3://bucket/folder/`, `az://container/folder/` or `gs://bucket/folder/`";
    let Some((scheme, rest)) = text.split_once("://") else {
        return wrong("is no URL of a store", kinds);
    };
    let scheme = scheme.to_ascii_lowercase();
    if let Some((_, name)) = OTHER_NAMES.iter().find(|(other, _)| *other == scheme) {
        return wrong(
            format!("is a URL of the kind `{scheme}://`"),
            format!(
                "write it as `{name}://bucket/folder/`; for a service other than the cloud's own give its `endpoint` below `stores` in pipelines/_project.yaml"
            ),
        );
    }
    if matches!(scheme.as_str(), "http" | "https") {
        return wrong(
            format!("is an {scheme} URL"),
            format!(
                "{kinds}, and the service's address as `endpoint` below `stores` in pipelines/_project.yaml"
            ),
        );
    }
    if !STORES.contains(&scheme.as_str()) {
        return wrong("is a URL of an unknown kind", kinds);
    }
    let (bucket, folder) = rest.split_once('/').unwrap_or((rest, ""));
    if bucket.contains('@') || bucket.contains(':') {
        return wrong(
            "holds more than the name of a bucket: a user, a password or a port",
            format!("{kinds}; {USE_THE_ENVIRONMENT}"),
        );
    }
    if rest.contains('?') || rest.contains('#') {
        return wrong(
            "holds a `?` or `#`",
            format!("{kinds}; {USE_THE_ENVIRONMENT}"),
        );
    }
    let is_sound = |part: &str| {
        !matches!(part, "." | "..")
            && part
                .chars()
                .all(|letter| letter.is_alphanumeric() || "-_.=+,@ ".contains(letter))
    };
    if bucket.is_empty() || !is_sound(bucket) {
        return wrong("names no bucket", kinds);
    }
    let parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    if !parts.iter().all(|part| is_sound(part)) {
        return wrong(
            "holds a folder with `..` or a character that is not allowed there",
            "use letters, digits and `-_.=+,@` in the names of folders",
        );
    }
    let mut url = format!("{scheme}://{bucket}/");
    for part in parts {
        url.push_str(part);
        url.push('/');
    }
    Ok(url)
}

fn finished(key: &str, path: PathBuf) -> Result<Folder, Wrong> {
    match Url::from_directory_path(&path) {
        Ok(url) => Ok(Folder {
            url: url.into(),
            path: Some(path),
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
        for (text, url) in [
            ("s3://bucket", "s3://bucket/"),
            ("S3://bucket//a/b=1", "s3://bucket/a/b=1/"),
            ("az://container/a/", "az://container/a/"),
        ] {
            assert_eq!(folder(root, "from", text).unwrap().url, url);
        }
        assert!(cause(root, "oss://bucket/").contains("of the kind `oss://`"));
        assert!(cause(root, "s3://bucket/a/../b").contains("`..`"));
        assert!(cause(root, "s3:///a").contains("names no bucket"));
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
