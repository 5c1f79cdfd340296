//! The query engine: the only place that builds a `SessionContext`.
//!
//! One [`Engine`] serves a whole run: one memory pool, one spill folder. Each query gets a fresh
//! session that knows our functions and exactly the tables it was given.

mod by_user;
mod machine;
mod open_files;
mod published;
mod spill_folder;

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;

use chrono_tz::Tz;
use datafusion::config::SpillCompression;
use datafusion::execution::context::SessionContext;
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::memory_pool::{
    FairSpillPool, MemoryConsumer, MemoryReservation, TrackConsumersPool,
};
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::execution::session_state::SessionStateBuilder;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_optimizer::optimizer::PhysicalOptimizer;
use datafusion::prelude::SessionConfig;

use object_store::local::LocalFileSystem;
use url::Url;

use crate::error::{Error, Result};
use crate::functions;
use crate::project::Memory;

pub use open_files::Pin;
pub use published::{PartitionFile, PublishedTable, view_schema};
use spill_folder::SpillFolder;

/// Rows per batch everywhere.
pub const BATCH_ROWS: usize = 8192;
/// Spilled bytes a run may hold on disk at once.
const MAX_SPILL_BYTES: u64 = 64 << 30;

/// What an engine is built from.
#[derive(Debug, Clone)]
pub struct EngineOptions {
    /// Days are days of this zone.
    pub zone: Tz,
    /// Memory a run may hold. Three quarters of it are given to what counts its memory: queries and
    /// decoded rows. The rest is for what does not: batches on their way, decoders, encoders, the
    /// run's own books.
    pub memory_bytes: usize,
    /// Where sorts and aggregates spill to, in a folder of this process; made if absent.
    pub spill_dir: PathBuf,
    /// Parallel streams of one query.
    pub threads: usize,
}

impl EngineOptions {
    /// A budget of this machine's memory, all its cores.
    pub fn for_machine(zone: Tz, memory: Memory, spill_dir: PathBuf) -> Self {
        Self {
            zone,
            memory_bytes: usize::try_from(memory.bytes(machine::memory_bytes()))
                .unwrap_or(usize::MAX),
            spill_dir,
            threads: std::thread::available_parallelism().map_or(1, NonZeroUsize::get),
        }
    }
}

/// What the engine knows the local disk by, unless it is told not to.
const FILES: &str = "file://";

fn url(text: &str) -> Result<Url> {
    Url::parse(text).map_err(|error| Error::Failed(format!("{text}: {error}")))
}

/// Lets a person's query open files by their paths. Queries of a project never may.
pub fn allow_files(session: &SessionContext) -> Result<()> {
    let disk = Arc::new(LocalFileSystem::new());
    session.register_object_store(&url(FILES)?, disk);
    Ok(())
}

/// Builds sessions that share memory and spill space.
#[derive(Debug, Clone)]
pub struct Engine {
    runtime: Arc<RuntimeEnv>,
    /// Goes with the last copy of the engine.
    _spill: Arc<SpillFolder>,
    zone: Tz,
    threads: usize,
}

impl Engine {
    /// Makes the spill folder and the memory pool.
    pub fn new(options: EngineOptions) -> Result<Self> {
        let spill = SpillFolder::make(&options.spill_dir)?;
        let five = NonZeroUsize::MIN.saturating_add(4);
        let pool = TrackConsumersPool::new(FairSpillPool::new(options.memory_bytes / 4 * 3), five);
        let disk = DiskManagerBuilder::default()
            .with_mode(DiskManagerMode::Directories(vec![
                spill.path().to_path_buf(),
            ]))
            .with_max_temp_directory_size(MAX_SPILL_BYTES);
        let runtime = RuntimeEnvBuilder::new()
            .with_memory_pool(Arc::new(pool))
            .with_disk_manager_builder(disk)
            .with_max_spill_merge_fan_in(64)
            .build_arc()
            .map_err(Error::engine("starting the engine"))?;
        let disk = Arc::new(LocalFileSystem::new());
        runtime.register_object_store(&url(published::DISK)?, disk);
        runtime
            .deregister_object_store(&url(FILES)?)
            .map_err(Error::engine("starting the engine"))?;
        Ok(Self {
            runtime,
            _spill: Arc::new(spill),
            zone: options.zone,
            threads: options.threads,
        })
    }

    /// The zone of days.
    pub fn zone(&self) -> Tz {
        self.zone
    }

    /// Counts memory that is held outside of queries with theirs: where it cannot grow, its holder puts
    /// something on scratch.
    pub fn reserve(&self, what: &str) -> MemoryReservation {
        MemoryConsumer::new(what)
            .with_can_spill(true)
            .register(&self.runtime.memory_pool)
    }

    /// Bytes that may lie on scratch for want of memory.
    pub fn spill_limit(&self) -> u64 {
        MAX_SPILL_BYTES
    }

    /// Parallel streams of one query.
    pub fn threads(&self) -> usize {
        self.threads
    }

    /// A session with our functions and no tables.
    pub fn session(&self) -> Result<SessionContext> {
        let mut config = SessionConfig::new()
            .with_batch_size(BATCH_ROWS)
            .with_target_partitions(self.threads)
            .with_spill_compression(SpillCompression::Lz4Frame)
            .with_information_schema(false);
        let options = config.options_mut();
        options.sql_parser.collect_spans = true;
        options.execution.time_zone = Some(self.zone.name().to_string());
        // Projected key columns decide most of our filters; late materialisation pays for itself.
        options.execution.parquet.pushdown_filters = true;
        // Data cut by `user_key` is cut well enough for (user_key, user_id), with as many streams as
        // there are to use.
        options.optimizer.subset_repartition_threshold = self.threads.clamp(2, 4);
        let state = SessionStateBuilder::new()
            .with_config(config)
            .with_runtime_env(Arc::clone(&self.runtime))
            .with_default_features()
            .with_physical_optimizer_rules(physical_rules())
            .build();
        let mut context = SessionContext::new_with_state(state);
        functions::register(&context, self.zone);
        datafusion_functions_json::register_all(&mut context)
            .map_err(Error::engine("registering the JSON functions"))?;
        Ok(context)
    }
}

/// The engine's own rules; one of ours before the one that adds exchanges and sorts, one at the end.
fn physical_rules() -> Vec<Arc<dyn PhysicalOptimizerRule + Send + Sync>> {
    let mut rules = PhysicalOptimizer::new().rules;
    let at = rules
        .iter()
        .position(|rule| rule.name() == "EnsureRequirements")
        .unwrap_or(rules.len());
    rules.insert(at, Arc::new(by_user::ReadByUser));
    rules.push(Arc::new(by_user::GroupByUser));
    rules
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn files_are_opened_only_where_that_is_allowed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rows.csv");
        std::fs::write(&path, "a\n1\n").unwrap();
        let engine = Engine::new(EngineOptions {
            zone: Tz::Asia__Shanghai,
            memory_bytes: 1 << 26,
            spill_dir: folder.path().join("spill"),
            threads: 1,
        })
        .unwrap();
        let sql = format!("select * from '{}'", path.display());
        let session = engine.session().unwrap().enable_url_table();
        let refused = session.sql(&sql).await.map(|_| ());
        assert!(refused.is_err(), "a file was opened by its path");
        allow_files(&session).unwrap();
        let rows = session.sql(&sql).await.unwrap().collect().await.unwrap();
        assert_eq!(rows[0].num_rows(), 1);
    }
}
