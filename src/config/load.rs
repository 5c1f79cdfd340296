//! All files of a project together: which tables there are, which names are taken, what refers to what.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::de::DeserializeOwned;
use serde_json::Value as Json;

use super::check::{self, Basics, Checker, Declared, Surroundings, Tables};
use super::files::{self, Files, PROJECT_FILE, Pair, ReportFolder};
use super::parts::{Parts, Select};
use super::raw::{ContractFile, PipelineFile, ProjectFile, ReportFile, SectionFile};
use super::tree::{Document, Node};
use super::walk::{self, Read};
use super::{parse, schema, words};
use crate::diagnostic::{Diagnostic, Place};
use crate::project::{Contract, FUNNEL_TABLES, LocalText, Project, Report, Section, Stores};

/// A YAML file read as a `T`.
struct Loaded<T> {
    document: Document,
    read: Option<Read<T>>,
}

impl<T> Loaded<T> {
    fn root(&self) -> &Node {
        &self.document.root
    }
}

/// Loads the files of a project, telling problems as they come.
pub struct Loader<'a> {
    root: &'a Path,
    problems: &'a mut Vec<Diagnostic>,
}

impl<'a> Loader<'a> {
    /// For the project at `root`, canonical.
    pub fn new(root: &'a Path, problems: &'a mut Vec<Diagnostic>) -> Self {
        Self { root, problems }
    }

    /// The project, as far as its files could be read.
    pub fn load(mut self, files: &Files) -> Option<Parts> {
        let basics = self.basics();
        let pipeline_schema = schema::pipeline();
        let pipelines: Vec<Loaded<PipelineFile>> = files
            .pipelines
            .iter()
            .filter_map(|path| self.yaml(path, &pipeline_schema))
            .collect();
        let are_all_named = pipelines.len() == files.pipelines.len()
            && pipelines.iter().all(|pipeline| pipeline.read.is_some());
        let contract_schema = schema::contract();
        let contracts: Vec<(&Pair, Option<Loaded<ContractFile>>)> = files
            .models
            .iter()
            .map(|pair| {
                self.incomplete_model(pair);
                let contract = if pair.has_yaml {
                    self.yaml(&pair.yaml_path, &contract_schema)
                } else {
                    None
                };
                (pair, contract)
            })
            .collect();

        let tables = self.tables(&pipelines, &contracts);
        let declared = self.pipelines(&pipelines, basics.as_ref(), &tables);
        let mut contracts = self.contracts(&contracts, &tables);
        let mut selects = Vec::new();
        let (reports, unlisted_reports) = self.reports(&files.reports, &declared, &mut selects);

        let (sources, funnels): (Vec<_>, Vec<_>) = declared
            .into_iter()
            .map(|(_, declared)| (declared.sources, declared.funnels))
            .unzip();
        let sources: BTreeMap<_, _> = sources
            .into_iter()
            .flatten()
            .filter(|source| !tables.is_contested(&source.name))
            .map(|source| (source.name.clone(), source))
            .collect();
        contracts.retain(|name, _| !tables.is_contested(name));
        let funnels: BTreeMap<_, _> = funnels
            .into_iter()
            .flatten()
            .map(|funnel| (funnel.name.clone(), funnel))
            .collect();
        let has_funnels = pipelines.iter().any(|pipeline| {
            let funnels = pipeline.root().get("funnels");
            funnels.is_some_and(|funnels| !funnels.entries().is_empty())
        });
        let unread_tables: BTreeSet<String> = tables
            .names()
            .filter(|name| !sources.contains_key(*name) && !contracts.contains_key(*name))
            // One sound funnel is enough to know the columns of their table.
            .filter(|name| !FUNNEL_TABLES.contains(name) || (has_funnels && funnels.is_empty()))
            .map(str::to_owned)
            .collect();
        let loose_models = files
            .models
            .iter()
            .filter(|pair| pair.has_sql)
            .filter(|pair| {
                contracts
                    .get(&pair.name)
                    .is_none_or(|contract| contract.sql_path != pair.sql_path)
            })
            .map(|pair| (pair.name.clone(), pair.sql_path.clone()))
            .collect();
        let basics = basics.or_else(|| Basics::unknown(self.root))?;
        Some(Parts {
            project: Project {
                root: self.root.to_path_buf(),
                name: basics.name,
                zone: basics.zone,
                locale: basics.locale,
                currency: basics.currency,
                warehouse_store: basics.stores.of(&basics.warehouse),
                warehouse: basics.warehouse,
                catch_up_days: basics.catch_up_days,
                memory: basics.memory,
                sources,
                funnels,
                contracts,
                reports,
            },
            is_whole: self.problems.is_empty(),
            unread_tables,
            are_all_named,
            loose_models,
            selects,
            unlisted_reports,
        })
    }

    /// Reads one YAML file; `None` if not even its tree could be read.
    fn yaml<T: DeserializeOwned>(&mut self, path: &str, schema: &Json) -> Option<Loaded<T>> {
        let text = files::text(self.root, path, self.problems)?;
        let Some(document) = parse::parse(path, &text, self.problems) else {
            self.name_keys(path, schema);
            return None;
        };
        let read = walk::read(&document, schema, self.problems);
        Some(Loaded { document, read })
    }

    /// An empty file is begun with the keys that it must have.
    fn name_keys(&mut self, path: &str, schema: &Json) {
        let required = schema["required"].as_array();
        let keys = required.into_iter().flatten().filter_map(Json::as_str);
        let keys = words::list(keys);
        let told = self.problems.last_mut();
        if let Some(told) = told.filter(|told| told.file == path && told.cause == parse::EMPTY)
            && !keys.is_empty()
        {
            told.mend = match path == PROJECT_FILE {
                true => format!(
                    "write its keys {keys}, such as `project: my_shop`, `time_zone: Asia/Shanghai`, `locale: zh-CN`, `currency: CNY`, each on a line of its own; `loudou init DIR` writes a whole project to look at"
                ),
                false => format!("write its keys {keys}, or remove the file"),
            };
        }
    }

    fn tell(
        &mut self,
        path: &str,
        place: Place,
        cause: impl Into<String>,
        mend: impl Into<String>,
    ) {
        self.problems
            .push(Diagnostic::new(path, place, cause, mend));
    }

    fn basics(&mut self) -> Option<Basics> {
        let loaded: Loaded<ProjectFile> = self.yaml(PROJECT_FILE, &schema::project())?;
        let mut checker = Checker::new(PROJECT_FILE, self.problems);
        check::project(
            self.root,
            &loaded.read.as_ref()?.value,
            loaded.root(),
            &mut checker,
        )
    }

    fn incomplete_model(&mut self, pair: &Pair) {
        let Pair {
            name,
            sql_path,
            yaml_path,
            ..
        } = pair;
        if !pair.has_yaml {
            self.tell(
                sql_path,
                Place::FILE,
                format!("the model `{name}` has no contract"),
                format!("write `{yaml_path}` with `build`, `grain`, `key` and `columns`"),
            );
        }
        if !pair.has_sql {
            self.tell(
                yaml_path,
                Place::FILE,
                format!("this contract has no model: `{sql_path}` is missing"),
                "write the model's query there, or remove the contract",
            );
        } else if self.root.join(sql_path).is_dir() {
            self.tell(
                sql_path,
                Place::FILE,
                "a folder stands where a file should be",
                "rename the folder",
            );
        }
    }

    /// All tables by name; a name can be taken once.
    fn tables(
        &mut self,
        pipelines: &[Loaded<PipelineFile>],
        contracts: &[(&Pair, Option<Loaded<ContractFile>>)],
    ) -> Tables {
        let mut tables = Tables::default();
        let entries = |kind: &'static str| {
            pipelines.iter().flat_map(move |pipeline| {
                let entries = pipeline
                    .root()
                    .get(kind)
                    .into_iter()
                    .flat_map(Node::entries);
                entries.map(|entry| (pipeline.document.path.as_str(), entry))
            })
        };
        let declared = |path: &str, place: Place| format!("{path}:{}", place.line);

        // Reserved even without a funnel, so that declaring the first one breaks nothing.
        let first_funnel = entries("funnels").next().map_or_else(
            || "the table of all funnels".to_owned(),
            |(path, entry)| {
                format!(
                    "the table of all funnels, {}",
                    declared(path, entry.key_place)
                )
            },
        );
        tables.add_funnels(&first_funnel);
        for (path, entry) in entries("sources") {
            if !tables.add_source(&entry.key, &entry.value, declared(path, entry.key_place)) {
                let first = tables
                    .get(&entry.key)
                    .map_or("", |table| table.declared.as_str());
                self.tell(
                    path,
                    entry.key_place,
                    format!("the name `{}` is taken by {first}", entry.key),
                    "give the source another name; tables have one name in the whole project",
                );
            }
        }
        for (pair, contract) in contracts {
            let node = contract.as_ref().map(Loaded::root);
            let path = if pair.has_sql {
                &pair.sql_path
            } else {
                &pair.yaml_path
            };
            if !tables.add_model(&pair.name, node, path.clone()) {
                let first = tables
                    .get(&pair.name)
                    .map_or("", |table| table.declared.as_str());
                let mend =
                    if FUNNEL_TABLES.contains(&pair.name.as_str()) || !first.ends_with(".sql") {
                        "rename the model's two files; tables have one name in the whole project"
                    } else {
                        "rename one of the two models; the folder is no part of the name"
                    };
                self.tell(
                    path,
                    Place::FILE,
                    format!("the model's name `{}` is taken by {first}", pair.name),
                    mend,
                );
            }
        }
        let mut funnels: BTreeMap<&str, String> = BTreeMap::new();
        for (path, entry) in entries("funnels") {
            if let Some(first) = funnels.get(entry.key.as_str()) {
                self.tell(
                    path,
                    entry.key_place,
                    format!("the funnel's name `{}` is taken by {first}", entry.key),
                    "give it another name; funnels have one name in the whole project",
                );
            } else {
                funnels.insert(&entry.key, declared(path, entry.key_place));
            }
        }
        tables
    }

    /// What each pipeline file declares, with the file's path.
    fn pipelines(
        &mut self,
        pipelines: &[Loaded<PipelineFile>],
        basics: Option<&Basics>,
        tables: &Tables,
    ) -> Vec<(String, Declared)> {
        let warehouse = basics.map(|basics| basics.warehouse.as_str());
        let no_stores = Stores::default();
        let stores = basics.map_or(&no_stores, |basics| &basics.stores);
        pipelines
            .iter()
            .filter_map(|loaded| {
                let path = loaded.document.path.as_str();
                let mut checker = Checker::new(path, self.problems);
                let read = loaded.read.as_ref()?;
                let declared = check::pipeline(
                    Surroundings {
                        root: self.root,
                        warehouse,
                        stores,
                    },
                    tables,
                    read,
                    loaded.root(),
                    &mut checker,
                );
                Some((path.to_owned(), declared))
            })
            .collect()
    }

    fn contracts(
        &mut self,
        contracts: &[(&Pair, Option<Loaded<ContractFile>>)],
        tables: &Tables,
    ) -> BTreeMap<String, Contract> {
        let mut checked = BTreeMap::new();
        for (pair, loaded) in contracts {
            let path = if pair.has_sql {
                &pair.sql_path
            } else {
                &pair.yaml_path
            };
            Checker::new(path, self.problems).name(Place::FILE, "a model", &pair.name);
            let Some((node, read)) = loaded
                .as_ref()
                .and_then(|loaded| Some((loaded.root(), loaded.read.as_ref()?)))
            else {
                continue;
            };
            let mut checker = Checker::new(&pair.yaml_path, self.problems);
            let contract = check::contract(
                &pair.name,
                &pair.sql_path,
                &read.value,
                node,
                tables,
                &mut checker,
            );
            checked.extend(contract.map(|contract| (pair.name.clone(), contract)));
        }
        checked
    }

    /// The reports in the order in which pipelines name them, and those that none names: they are
    /// checked too.
    fn reports(
        &mut self,
        folders: &[ReportFolder],
        declared: &[(String, Declared)],
        selects: &mut Vec<Select>,
    ) -> (Vec<Report>, Vec<Report>) {
        let mut checked: BTreeMap<&str, Report> = folders
            .iter()
            .map(|folder| (folder.role.as_str(), self.report(folder, selects)))
            .collect();
        let mut reports = Vec::new();
        let mut named: BTreeMap<&str, String> = BTreeMap::new();
        for (path, declared) in declared {
            for (role, place) in &declared.reports {
                if let Some(first) = named.get(role.as_str()) {
                    self.tell(
                        path,
                        *place,
                        format!("the report `{role}` is listed twice: {first}"),
                        "list it once",
                    );
                    continue;
                }
                named.insert(role, format!("{path}:{}", place.line));
                reports.extend(checked.remove(role.as_str()));
                if !folders.iter().any(|folder| folder.role == *role) {
                    let roles: Vec<&str> =
                        folders.iter().map(|folder| folder.role.as_str()).collect();
                    self.tell(
                        path,
                        *place,
                        format!(
                            "there is no report {}: `reports/<role>/report.yaml` is missing",
                            words::quoted(role)
                        ),
                        format!(
                            "{}write that file, or take the role out of `reports`",
                            words::did_you_mean(role, roles)
                        ),
                    );
                }
            }
        }
        (reports, checked.into_values().collect())
    }

    fn report(&mut self, folder: &ReportFolder, selects: &mut Vec<Select>) -> Report {
        let role = folder.role.as_str();
        Checker::new(&folder.report_path, self.problems).name(Place::FILE, "a role", role);
        let title = if folder.has_report {
            self.yaml::<ReportFile>(&folder.report_path, &schema::report())
                .and_then(|loaded| {
                    let mut checker = Checker::new(&folder.report_path, self.problems);
                    check::report(
                        role,
                        &loaded.read.as_ref()?.value,
                        loaded.root(),
                        &mut checker,
                    )
                })
        } else {
            self.tell(
                &folder.report_path,
                Place::FILE,
                "the file is missing",
                format!("write it with `role: {role}` and a `title`, or remove the folder `reports/{role}/`"),
            );
            None
        };
        if folder.sections.is_empty() {
            self.tell(
                &folder.report_path,
                Place::FILE,
                format!("the report `{role}` has no section"),
                format!("write one: `reports/{role}/sections/<name>.yaml` with its select `sql/reports/{role}/<name>.sql`"),
            );
        }
        let section_schema = schema::section();
        let mut sections: Vec<_> = folder
            .sections
            .iter()
            .filter_map(|pair| {
                let section = self.section(pair, &section_schema);
                if pair.has_sql {
                    selects.push(Select {
                        sql_path: pair.sql_path.clone(),
                        section: section.clone(),
                    });
                }
                section.filter(|_| pair.has_sql)
            })
            .collect();
        sections.sort_by(|a, b| (a.order, &a.name).cmp(&(b.order, &b.name)));
        Report {
            role: role.to_owned(),
            title: title.unwrap_or_else(|| LocalText {
                fallback: role.to_owned(),
                ..LocalText::default()
            }),
            sections,
        }
    }

    fn section(&mut self, pair: &Pair, schema: &Json) -> Option<Section> {
        let Pair {
            name,
            sql_path,
            yaml_path,
            ..
        } = pair;
        if !pair.has_yaml {
            self.tell(
                sql_path,
                Place::FILE,
                "this select has no section",
                format!("write `{yaml_path}` with `order`, `title`, `as` and `columns`, or remove the select"),
            );
            return None;
        }
        Checker::new(yaml_path, self.problems).name(Place::FILE, "a section", name);
        if !pair.has_sql {
            self.tell(
                yaml_path,
                Place::FILE,
                format!("this section has no select: `{sql_path}` is missing"),
                "write the select there, or remove the section",
            );
        }
        let loaded: Loaded<SectionFile> = self.yaml(yaml_path, schema)?;
        let mut checker = Checker::new(yaml_path, self.problems);
        check::section(
            name,
            sql_path,
            &loaded.read.as_ref()?.value,
            loaded.root(),
            &mut checker,
        )
    }
}
