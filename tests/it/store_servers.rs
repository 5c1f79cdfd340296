//! The stores that the suite of `stores.rs` runs against: the local disk, and servers of S3 and Azure on
//! 127.0.0.1. `tests/run` installs the servers; where they are not, the suite says so and runs on the
//! local disk alone, unless `LOUDOU_STORE_SERVERS=required`.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::TryStreamExt;
use object_store::aws::AmazonS3Builder;
use object_store::azure::MicrosoftAzureBuilder;
use object_store::local::LocalFileSystem;
use object_store::path::Path as Key;
use object_store::prefix::PrefixStore;
use object_store::{ObjectStore, ObjectStoreExt, PutPayload};

/// What both servers are asked with; it must never be printed by anything.
pub const SECRET: &str =
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";
const ACCOUNT: &str = "devstoreaccount1";
const BUCKET: &str = "loudou";

/// Where servers are installed: `stores-venv/` and `azurite/`.
fn cache() -> PathBuf {
    let of = |name: &str| std::env::var_os(name).map(PathBuf::from);
    of("LOUDOU_CACHE").unwrap_or_else(|| {
        let home = || PathBuf::from(std::env::var_os("HOME").unwrap());
        of("XDG_CACHE_HOME")
            .unwrap_or_else(|| home().join(".cache"))
            .join("loudou")
    })
}

/// A running server; ended when dropped.
pub struct Server {
    child: Child,
    port: u16,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

fn start(program: PathBuf, arguments: impl Fn(u16) -> Vec<String>) -> Option<Server> {
    if !program.is_file() {
        let why = format!(
            "{} is not installed: tests/run installs it",
            program.display()
        );
        assert!(
            std::env::var_os("LOUDOU_STORE_SERVERS").is_none_or(|word| word != "required"),
            "{why}"
        );
        // Past the test harness, which keeps what a test that passes prints.
        let said = writeln!(std::io::stderr(), "SKIPPED on this store: {why}");
        said.unwrap();
        return None;
    }
    let port = free_port();
    let mut server = Server {
        child: Command::new(program)
            .args(arguments(port))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap(),
        port,
    };
    let until = Instant::now() + Duration::from_secs(60);
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(server.child.try_wait().unwrap().is_none(), "it ended");
        assert!(Instant::now() < until, "no server after a minute");
        std::thread::sleep(Duration::from_millis(50));
    }
    Some(server)
}

/// One of the stores, with room of its own in it.
pub struct Place {
    /// What it is.
    pub name: &'static str,
    /// URL of the room, ending in `/`.
    pub url: String,
    /// `stores:` of the project file.
    pub settings: String,
    /// Its objects, by keys below the room.
    pub store: Arc<dyn ObjectStore>,
    /// Of the environment.
    credentials: Vec<(&'static str, &'static str)>,
    _server: Option<Server>,
    _folder: Option<tempfile::TempDir>,
}

/// Times that let a test see a run that is taken for dead.
pub const TIMES: &str =
    "    allow_http: true\n    timeout: 4s\n    retry_for: 1s\n    retries: 3\n    lease: 6s\n";

impl Place {
    /// A folder of the local disk.
    pub fn disk() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = LocalFileSystem::new_with_prefix(folder.path()).unwrap();
        Self {
            name: "disk",
            url: format!("{}/", folder.path().display()),
            settings: String::new(),
            store: Arc::new(store),
            credentials: Vec::new(),
            _server: None,
            _folder: Some(folder),
        }
    }

    /// A server of S3.
    pub fn s3() -> Option<Self> {
        let server = start(cache().join("stores-venv/bin/moto_server"), |port| {
            vec![
                "-H".into(),
                "127.0.0.1".into(),
                "-p".into(),
                port.to_string(),
            ]
        })?;
        let endpoint = format!("http://127.0.0.1:{}", server.port);
        assert_eq!(http(server.port, "PUT", &format!("/{BUCKET}")), 200);
        let store = AmazonS3Builder::new()
            .with_bucket_name(BUCKET)
            .with_endpoint(&endpoint)
            .with_allow_http(true)
            .with_region("us-east-1")
            .with_access_key_id("AKIATEST")
            .with_secret_access_key(SECRET)
            .build()
            .unwrap();
        Some(Self {
            name: "s3",
            url: format!("s3://{BUCKET}/room/"),
            settings: format!("stores:\n  s3://{BUCKET}/:\n    endpoint: {endpoint}\n{TIMES}"),
            store: Arc::new(PrefixStore::new(store, "room")),
            credentials: vec![
                ("AWS_ACCESS_KEY_ID", "AKIATEST"),
                ("AWS_SECRET_ACCESS_KEY", SECRET),
            ],
            _server: Some(server),
            _folder: None,
        })
    }

    /// A server of Azure.
    pub fn azure() -> Option<Self> {
        let program = cache().join("azurite/node_modules/.bin/azurite-blob");
        let server = start(program, |port| {
            [
                "--skipApiVersionCheck",
                "--disableTelemetry",
                "--inMemoryPersistence",
                "--silent",
                "--blobHost",
                "127.0.0.1",
                "--blobPort",
            ]
            .into_iter()
            .map(String::from)
            .chain([port.to_string()])
            .collect()
        })?;
        let endpoint = format!("http://127.0.0.1:{}/{ACCOUNT}", server.port);
        make_container(&endpoint);
        let store = MicrosoftAzureBuilder::new()
            .with_container_name(BUCKET)
            .with_account(ACCOUNT)
            .with_access_key(SECRET)
            .with_endpoint(endpoint.clone())
            .with_allow_http(true)
            .build()
            .unwrap();
        Some(Self {
            name: "azure",
            url: format!("az://{BUCKET}/room/"),
            settings: format!(
                "stores:\n  az://{BUCKET}/:\n    endpoint: {endpoint}\n    account: {ACCOUNT}\n{TIMES}"
            ),
            store: Arc::new(PrefixStore::new(store, "room")),
            credentials: vec![("AZURE_STORAGE_ACCOUNT_KEY", SECRET)],
            _server: Some(server),
            _folder: None,
        })
    }

    /// `stores:` with other times than [`TIMES`] and, where one is given, by way of another port.
    pub fn settings_with(&self, times: &str, port: Option<u16>) -> String {
        let settings = self.settings.replace(TIMES, times);
        match (self.port(), port) {
            (Some(own), Some(other)) => {
                settings.replace(&format!("127.0.0.1:{own}"), &format!("127.0.0.1:{other}"))
            }
            _ => settings,
        }
    }

    /// Port of its server.
    pub fn port(&self) -> Option<u16> {
        self._server.as_ref().map(|server| server.port)
    }

    /// Whether writers are kept apart by the store, not by a lock of the system.
    pub fn is_remote(&self) -> bool {
        !self.settings.is_empty()
    }

    /// Puts an object.
    pub async fn put(&self, key: &str, bytes: impl Into<PutPayload>) {
        self.store.put(&Key::from(key), bytes.into()).await.unwrap();
    }

    /// An object's bytes.
    pub async fn get(&self, key: &str) -> Vec<u8> {
        let found = self.store.get(&Key::from(key)).await;
        let found = found.unwrap_or_else(|error| unreachable!("{}: {key}: {error}", self.name));
        found.bytes().await.unwrap().to_vec()
    }

    /// Removes an object.
    pub async fn remove(&self, key: &str) {
        self.store.delete(&Key::from(key)).await.unwrap();
    }

    /// Keys below a folder, sorted.
    pub async fn keys(&self, folder: &str) -> Vec<String> {
        let folder = Key::from(folder);
        let listed = self.store.list(Some(&folder));
        let mut keys: Vec<String> = listed
            .map_ok(|meta| meta.location.to_string())
            .try_collect()
            .await
            .unwrap();
        keys.sort();
        keys
    }

    /// The binary over a project, with the place's credentials. Nothing it says may hold them.
    pub fn loudou(&self, project: &Path, arguments: &[&str]) -> Output {
        let output = self.command(project, arguments).output().unwrap();
        for text in [&output.stdout, &output.stderr] {
            assert!(
                !String::from_utf8_lossy(text).contains(&SECRET[..20]),
                "a secret was printed"
            );
        }
        output
    }

    /// The same, not run yet.
    pub fn command(&self, project: &Path, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_loudou"));
        for name in [
            "AWS_PROFILE",
            "AWS_ENDPOINT_URL",
            "AZURE_STORAGE_ACCOUNT_NAME",
        ] {
            command.env_remove(name);
        }
        command
            .envs(self.credentials.iter().copied())
            .arg("-C")
            .arg(project)
            .args(arguments);
        command
    }

    /// The binary's standard output; its exit code must be 0.
    pub fn succeeds(&self, project: &Path, arguments: &[&str]) -> String {
        let output = self.loudou(project, arguments);
        assert!(
            output.status.success(),
            "{}: loudou {arguments:?} gave {:?}\n{}\n{}",
            self.name,
            output.status.code(),
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).unwrap()
    }
}

/// One request without a body; its status.
fn http(port: u16, method: &str, path: &str) -> u16 {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer.split(' ').nth(1).unwrap().parse().unwrap()
}

/// Signs and sends the request that makes a container, with the Node.js that runs the server.
fn make_container(endpoint: &str) {
    const SCRIPT: &str = r#"
const [endpoint, account, key, container] = process.argv.slice(1);
const crypto = require("crypto"), http = require("http");
const url = new URL(`${endpoint}/${container}?restype=container`);
const date = new Date().toUTCString(), version = "2023-11-03";
const text = "PUT" + "\n".repeat(12)
  + `x-ms-date:${date}\nx-ms-version:${version}\n/${account}${url.pathname}\nrestype:container`;
const signature = crypto.createHmac("sha256", Buffer.from(key, "base64")).update(text).digest("base64");
const headers = {"x-ms-date": date, "x-ms-version": version, "content-length": 0,
  authorization: `SharedKey ${account}:${signature}`};
http.request(url, {method: "PUT", headers}, answer => {
  answer.resume();
  process.exitCode = answer.statusCode == 201 ? 0 : 1;
}).end();
"#;
    let status = Command::new("node")
        .args(["-e", SCRIPT, endpoint, ACCOUNT, SECRET, BUCKET])
        .status()
        .unwrap();
    assert!(status.success(), "no container could be made");
}
