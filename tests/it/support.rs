//! Small projects in temporary folders: what is written, the nights run over it, the tables that come
//! out.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use arrow::util::display::{ArrayFormatter, FormatOptions};
use chrono::{DateTime, NaiveDate};
use loudou::error::Error;
use loudou::model::select::Selection;
use loudou::run::Workspace;
use loudou::run::check::check;
use loudou::run::night::{self, Progress, RunOptions};
use loudou::run::results::{RunResults, Status, StepResult};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

/// A project file of a zone, without reports; a day is complete two hours after its midnight.
pub fn project_file(zone: &str) -> String {
    format!(
        "project: small\ntime_zone: {zone}\nlocale: en\ncurrency: CNY\nwarehouse: warehouse/\ncatch_up: 7d\n"
    )
}

/// Hears nothing.
pub struct Silent;

impl Progress for Silent {
    fn begin(&self, _kind: &str, _name: &str, _done: usize, _total: usize) {}
    fn end(&self, _step: &StepResult) {}
    fn waits(&self, _why: &str) {}
    fn pause(&self, _time: Duration) -> futures::future::BoxFuture<'_, ()> {
        Box::pin(std::future::ready(()))
    }
}

/// What a night is run with.
#[derive(Debug, Clone)]
pub struct Night {
    now: String,
    dates: Option<(NaiveDate, NaiveDate)>,
    rescan: bool,
    full_refresh: bool,
    select: Vec<String>,
    into: Option<PathBuf>,
    wait: Duration,
}

/// A bare night at a time, RFC 3339.
pub fn night(now: &str) -> Night {
    Night {
        now: now.to_string(),
        dates: None,
        rescan: false,
        full_refresh: false,
        select: Vec::new(),
        into: None,
        wait: Duration::ZERO,
    }
}

impl Night {
    /// `--select`
    pub fn select(mut self, selection: &str) -> Self {
        self.select.push(selection.to_string());
        self
    }

    /// `--into`
    pub fn into_dir(mut self, dir: PathBuf) -> Self {
        self.into = Some(dir);
        self
    }

    /// `--wait`
    pub fn wait(mut self, seconds: u64) -> Self {
        self.wait = Duration::from_secs(seconds);
        self
    }

    /// As the library takes it, for one project.
    pub fn options_for(&self, workspace: &Workspace) -> RunOptions {
        let select = (!self.select.is_empty()).then(|| {
            Selection::parse(&self.select, &workspace.project, &workspace.models).unwrap()
        });
        RunOptions {
            select,
            ..self.options()
        }
    }

    /// `--from` and `--to`.
    pub fn of(mut self, from: &str, to: &str) -> Self {
        self.dates = Some((date(from), date(to)));
        self
    }

    /// `--rescan`
    pub fn rescan(mut self) -> Self {
        self.rescan = true;
        self
    }

    /// `--full-refresh`
    pub fn full_refresh(mut self) -> Self {
        self.full_refresh = true;
        self
    }

    /// As the library takes it.
    pub fn options(&self) -> RunOptions {
        RunOptions {
            dates: self.dates,
            rescan: self.rescan,
            full_refresh: self.full_refresh,
            accept_vanished: false,
            select: None,
            into: self.into.clone(),
            wait: self.wait,
            reports: false,
            now: DateTime::parse_from_rfc3339(&self.now).unwrap().to_utc(),
            started: DateTime::UNIX_EPOCH,
            holder: "a test".to_string(),
        }
    }
}

/// A date from its text.
pub fn date(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

/// A row as text by column; `None` is null.
pub type Row = BTreeMap<String, Option<String>>;

/// A project's folder.
#[derive(Debug)]
pub struct Folder(tempfile::TempDir);

impl Folder {
    /// With these files.
    pub fn new(files: &[(&str, &str)]) -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        for (path, text) in files {
            folder.write(path, text);
        }
        folder
    }

    /// The built-in project in a time zone, with `catch_up` of 7 days.
    pub fn built_in(zone: &str) -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        for part in ["pipelines", "sql", "reports"] {
            crate::cli::copy_folder(&root.join(part), &folder.path(part));
        }
        let path = folder.path("pipelines/_project.yaml");
        let text = fs::read_to_string(&path).unwrap();
        let text = text.replace("time_zone: Asia/Shanghai", &format!("time_zone: {zone}"));
        fs::write(path, text).unwrap();
        folder
    }

    /// Replaces a text in one of its files.
    pub fn edit(&self, path: &str, from: &str, to: &str) {
        let text = fs::read_to_string(self.path(path)).unwrap();
        assert!(text.contains(from), "{path} does not hold {from}");
        self.write(path, text.replace(from, to));
    }

    /// A path in it.
    pub fn path(&self, path: &str) -> PathBuf {
        self.0.path().join(path)
    }

    /// Writes a file; compressed if its name says so.
    pub fn write(&self, path: &str, bytes: impl AsRef<[u8]>) {
        let bytes = bytes.as_ref();
        let stored = if path.ends_with(".gz") {
            let mut encoder =
                flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            encoder.write_all(bytes).unwrap();
            encoder.finish().unwrap()
        } else if path.ends_with(".zst") {
            zstd::stream::encode_all(bytes, 1).unwrap()
        } else {
            bytes.to_vec()
        };
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, stored).unwrap();
    }

    /// Removes a file.
    pub fn remove(&self, path: &str) {
        fs::remove_file(self.path(path)).unwrap();
    }

    /// The project, which must have no problems.
    pub async fn workspace(&self) -> Workspace {
        let (workspace, problems) = check(self.0.path()).await.unwrap();
        let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
        assert_eq!(problems, Vec::<String>::new());
        workspace.unwrap()
    }

    /// Runs a night, which must not stop.
    pub async fn run(&self, night: Night) -> RunResults {
        self.try_run(night).await.unwrap()
    }

    /// Runs a night.
    pub async fn try_run(&self, night: Night) -> Result<RunResults, Error> {
        let workspace = self.workspace().await;
        night::run(&workspace, &night.options_for(&workspace), &Silent).await
    }

    /// Runs a night, which must go well.
    pub async fn run_well(&self, night: Night) -> RunResults {
        let results = self.run(night).await;
        assert_eq!(results.exit_code, 0, "{:#?}", results.steps);
        results
    }

    /// Rows of a published partition in their stored order; `dt` is empty for an unpartitioned table.
    pub fn rows(&self, table: &str, dt: &str) -> Vec<Row> {
        rows(&self.partition(table, dt))
    }

    /// One column of a published partition.
    pub fn column(&self, table: &str, dt: &str, name: &str) -> Vec<String> {
        column(&self.rows(table, dt), name)
    }

    /// Where a partition lies.
    pub fn partition(&self, table: &str, dt: &str) -> PathBuf {
        self.path(&match dt {
            "" => format!("warehouse/{table}/data.parquet"),
            dt => format!("warehouse/{table}/dt={dt}/data.parquet"),
        })
    }

    /// Published dates of a table.
    pub fn dates(&self, table: &str) -> Vec<String> {
        let start = format!("{table}/dt=");
        self.tables()
            .keys()
            .filter_map(|path| path.strip_prefix(&start)?.strip_suffix("/data.parquet"))
            .map(String::from)
            .collect()
    }

    /// Every published partition's bytes by path below the warehouse.
    pub fn tables(&self) -> BTreeMap<String, Vec<u8>> {
        let mut found = BTreeMap::new();
        let root = self.path("warehouse");
        collect(&root, &root, &mut found);
        found
    }

    /// Bytes of every file set aside, by path.
    pub fn all_quarantine(&self) -> BTreeMap<String, Vec<u8>> {
        let mut found = BTreeMap::new();
        let root = self.path("warehouse/_loudou/quarantine");
        collect(&root, &root, &mut found);
        found
    }

    /// Lines set aside of an object.
    pub fn quarantine(&self, source: &str, object: &str) -> Vec<serde_json::Value> {
        let path = self.path(&format!(
            "warehouse/_loudou/quarantine/{source}/{object}.ndjson"
        ));
        match fs::read_to_string(path) {
            Ok(text) => text
                .lines()
                .map(|line| serde_json::from_str(line).unwrap())
                .collect(),
            Err(_) => Vec::new(),
        }
    }
}

fn collect(root: &Path, folder: &Path, found: &mut BTreeMap<String, Vec<u8>>) {
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        let name = path
            .strip_prefix(root)
            .unwrap()
            .to_str()
            .unwrap()
            .to_string();
        if path.is_dir() && name != "_loudou" {
            collect(root, &path, found);
        } else if path.is_file() {
            found.insert(name, fs::read(&path).unwrap());
        }
    }
}

/// Paths whose bytes differ, or that only one has.
pub fn differing(
    left: &BTreeMap<String, Vec<u8>>,
    right: &BTreeMap<String, Vec<u8>>,
) -> Vec<String> {
    left.keys()
        .chain(right.keys())
        .filter(|path| left.get(*path) != right.get(*path))
        .cloned()
        .collect::<std::collections::BTreeSet<_>>()
        .into_iter()
        .collect()
}

/// Rows of a Parquet file in their stored order.
pub fn rows(path: &Path) -> Vec<Row> {
    let file = fs::File::open(path)
        .unwrap_or_else(|error| unreachable!("{} is not published: {error}", path.display()));
    let reader = ParquetRecordBatchReaderBuilder::try_new(file)
        .unwrap()
        .build()
        .unwrap();
    let mut rows = Vec::new();
    for batch in reader {
        let batch = batch.unwrap();
        let options = FormatOptions::new();
        for row in 0..batch.num_rows() {
            let mut texts = Row::new();
            for (field, column) in batch.schema().fields().iter().zip(batch.columns()) {
                let formatter = ArrayFormatter::try_new(column, &options).unwrap();
                let text = column
                    .is_valid(row)
                    .then(|| formatter.value(row).to_string());
                texts.insert(field.name().clone(), text);
            }
            rows.push(texts);
        }
    }
    rows
}

/// One column, nulls as `null`.
pub fn column(rows: &[Row], name: &str) -> Vec<String> {
    rows.iter()
        .map(|row| row[name].clone().unwrap_or_else(|| "null".to_string()))
        .collect()
}

/// A step of a run.
pub fn step<'a>(results: &'a RunResults, name: &str) -> &'a StepResult {
    results
        .steps
        .iter()
        .find(|step| step.name == name)
        .unwrap_or_else(|| unreachable!("there is no step {name}"))
}

/// Status of each step by name.
pub fn statuses(results: &RunResults) -> BTreeMap<&str, Status> {
    results
        .steps
        .iter()
        .map(|step| (step.name.as_str(), step.status))
        .collect()
}
