//! `manifest.json`: the project as it is resolved, for lineage and other tools. A pure function of the
//! definitions; `docs/results.md` says what its fields mean.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::Serialize;

use super::Workspace;
use crate::analysis;
use crate::error::{Error, Result};
use crate::ingest;
use crate::model::check::friendly;
use crate::model::sql;
use crate::model::{Model, Window};
use crate::project::{Before, Build, Format, Funnel, Report, Section, Severity, Source};
use crate::source::RowSchema;
use crate::table::audit::{column_words, words};
use crate::table::write::hash_text;

/// Version of the file's form.
const FORM: u32 = 1;

/// The whole file.
#[derive(Debug, Serialize)]
pub struct Manifest {
    form: u32,
    loudou: &'static str,
    project: String,
    time_zone: &'static str,
    locale: &'static str,
    currency: String,
    /// Models in the order in which a night builds them.
    build_order: Vec<String>,
    /// By id.
    nodes: BTreeMap<String, Node>,
}

#[derive(Debug, Default, Serialize)]
struct Node {
    kind: &'static str,
    name: String,
    /// Files that define it, relative to the project.
    files: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<usize>,
    /// Hash of its definition; of a source or model the one that the run log keeps with its partitions.
    hash: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    build: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    grain: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    key: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    matures_after: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    columns: Vec<Column>,
    /// What it is defined on, directly.
    depends_on: Vec<Dependency>,
    /// Stored tables whose partitions it sees, through views.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    sees: Vec<Dependency>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    checks: Vec<Check>,
    parents: BTreeSet<String>,
    children: BTreeSet<String>,
}

#[derive(Debug, Serialize)]
struct Column {
    name: String,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    data_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unit: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    format: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    personal: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
struct Dependency {
    node: String,
    /// Dates around its own that it sees; absent where it sees all, or has no dates.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    around: Option<Around>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
struct Around {
    before_days: BeforeDays,
    after_days: u32,
}

/// A number, or `"all"`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(untagged)]
enum BeforeDays {
    Some(u32),
    All(&'static str),
}

#[derive(Debug, Serialize)]
struct Check {
    check: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    severity: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    reads: Vec<String>,
}

impl Manifest {
    /// Of a project without problems.
    pub fn of(workspace: &Workspace) -> Result<Self> {
        let project = &workspace.project;
        let mut nodes = BTreeMap::new();
        for source in project.sources.values() {
            nodes.insert(id(workspace, &source.name), of_source(workspace, source));
        }
        for funnel in project.funnels.values() {
            nodes.insert(
                format!("funnel.{}", funnel.name),
                of_funnel(workspace, funnel),
            );
        }
        for model in workspace.models.iter() {
            nodes.insert(id(workspace, model.name()), of_model(workspace, model));
        }
        for report in &project.reports {
            for section in &report.sections {
                let name = format!("section.{}.{}", report.role, section.name);
                nodes.insert(name, of_section(workspace, report, section)?);
            }
            let name = format!("report.{}", report.role);
            nodes.insert(name, of_report(workspace, report)?);
        }
        let edges: Vec<(String, String)> = nodes
            .iter()
            .flat_map(|(child, node)| {
                let parents = node.depends_on.iter();
                parents.map(|parent| (child.clone(), parent.node.clone()))
            })
            .collect();
        for (child, parent) in edges {
            if let Some(node) = nodes.get_mut(&parent) {
                node.children.insert(child.clone());
            }
            if let Some(node) = nodes.get_mut(&child) {
                node.parents.insert(parent);
            }
        }
        Ok(Self {
            form: FORM,
            loudou: env!("CARGO_PKG_VERSION"),
            project: project.name.clone(),
            time_zone: project.zone.name(),
            locale: project.locale.tag(),
            currency: project.currency.clone(),
            build_order: workspace
                .models
                .iter()
                .filter(|model| !model.is_view())
                .map(|model| id(workspace, model.name()))
                .collect(),
            nodes,
        })
    }

    /// As written, with a line end.
    pub fn text(&self) -> Result<String> {
        let text = serde_json::to_string_pretty(self)
            .map_err(|error| Error::Failed(format!("writing the manifest: {error}")))?;
        Ok(text + "\n")
    }

    /// Writes `manifest.json` into the project's work folder.
    pub fn write(&self, folder: &Path) -> Result<()> {
        std::fs::create_dir_all(folder).map_err(Error::io("making the folder", folder))?;
        let path = folder.join("manifest.json");
        std::fs::write(&path, self.text()?).map_err(Error::io("writing", &path))
    }
}

/// The id of a table's node.
fn id(workspace: &Workspace, table: &str) -> String {
    match workspace.project.sources.contains_key(table) {
        true => format!("source.{table}"),
        false => format!("model.{table}"),
    }
}

fn dependency(workspace: &Workspace, table: &str, window: Window) -> Dependency {
    Dependency {
        node: id(workspace, table),
        around: match window {
            Window::Around { before, after } => Some(Around {
                before_days: match before {
                    Before::Days(days) => BeforeDays::Some(days),
                    Before::All => BeforeDays::All("all"),
                },
                after_days: after,
            }),
            Window::Earlier => Some(Around {
                before_days: BeforeDays::All("all"),
                after_days: 0,
            }),
            Window::All => None,
        },
    }
}

fn of_source(workspace: &Workspace, source: &Source) -> Node {
    let schema = RowSchema::of(source).schema;
    let limits = source.freshness.map_or([None, None], |limits| {
        [
            limits.warn_after.map(|bound| (bound, Severity::Warn)),
            limits.fail_after.map(|bound| (bound, Severity::Stop)),
        ]
    });
    Node {
        kind: "source",
        name: source.name.clone(),
        files: vec![source.place.0.clone()],
        line: Some(source.place.1),
        hash: ingest::definition(source, &workspace.engine),
        columns: schema
            .fields()
            .iter()
            .map(|field| Column {
                name: field.name().clone(),
                data_type: Some(friendly(field.data_type())),
                unit: None,
                format: None,
                description: None,
                personal: source
                    .columns
                    .iter()
                    .any(|column| column.personal && column.name == *field.name()),
            })
            .collect(),
        checks: limits
            .into_iter()
            .flatten()
            .map(|(bound, severity)| Check {
                check: format!("freshness within {bound}"),
                name: None,
                severity: severity.word(),
                reads: Vec::new(),
            })
            .collect(),
        ..Node::default()
    }
}

fn of_funnel(workspace: &Workspace, funnel: &Funnel) -> Node {
    let mut placeless = funnel.clone();
    placeless.place = (String::new(), 0, 0);
    for step in &mut placeless.steps {
        step.when.place = (String::new(), 0, 0);
        for field in &mut step.fields {
            field.when.place = (String::new(), 0, 0);
        }
    }
    for exclusion in &mut placeless.exclusions {
        exclusion.when.place = (String::new(), 0, 0);
    }
    Node {
        kind: "funnel",
        name: funnel.name.clone(),
        files: vec![funnel.place.0.clone()],
        line: Some(funnel.place.1),
        // The debug text holds every field.
        hash: hash_text(&format!("{placeless:?}")),
        depends_on: vec![dependency(
            workspace,
            &funnel.on,
            Window::Around {
                before: Before::Days(0),
                after: funnel.window.days_ceil(),
            },
        )],
        ..Node::default()
    }
}

fn of_model(workspace: &Workspace, model: &Model) -> Node {
    let contract = &model.contract;
    let is_declared = workspace.project.contracts.contains_key(model.name());
    let mut depends_on: Vec<Dependency> = model
        .tables
        .iter()
        .map(|table| dependency(workspace, table, workspace.models.window_of(model, table)))
        .collect();
    if model.name() == analysis::FROM_FUNNELS {
        let funnels = workspace.project.funnels.keys();
        depends_on.extend(funnels.map(|funnel| Dependency {
            node: format!("funnel.{funnel}"),
            around: None,
        }));
    }
    depends_on.sort();
    let sees = workspace.models.windows(model);
    let columns = contract.columns.iter().map(|column| Column {
        name: column.name.clone(),
        data_type: Some(column.data_type.to_string()),
        unit: column.unit.clone(),
        format: None,
        description: column.description.clone(),
        personal: column.personal,
    });
    Node {
        kind: "model",
        name: model.name().to_string(),
        files: match is_declared {
            true => vec![contract.sql_path.clone(), contract.yaml_path.clone()],
            false => vec![contract.yaml_path.clone()],
        },
        hash: workspace.models.definition(&workspace.project, model),
        build: Some(match contract.build {
            Build::ByDate => "by_date",
            Build::Whole => "whole",
            Build::View => "view",
        }),
        grain: Some(contract.grain.clone()),
        key: contract.key.clone(),
        matures_after: Some(contract.matures_after.to_string()),
        columns: columns.collect(),
        depends_on,
        sees: sees
            .iter()
            .map(|(table, window)| dependency(workspace, table, *window))
            .collect(),
        checks: checks(workspace, model),
        ..Node::default()
    }
}

fn checks(workspace: &Workspace, model: &Model) -> Vec<Check> {
    let contract = &model.contract;
    if model.is_view() {
        return Vec::new();
    }
    let of_key = |check: String| Check {
        check,
        name: None,
        severity: Severity::Stop.word(),
        reads: Vec::new(),
    };
    let mut found = Vec::new();
    if !contract.key.is_empty() {
        found.push(of_key(format!("key ({}) unique", contract.key.join(", "))));
    }
    let not_null = contract.key.iter();
    found.extend(not_null.map(|name| of_key(format!("{name}: not_null (key)"))));
    for column in &contract.columns {
        found.extend(column.checks.iter().map(|check| Check {
            check: column_words(&column.name, &check.rule),
            name: check.name.clone(),
            severity: check.severity.word(),
            reads: Vec::new(),
        }));
    }
    for (index, check) in contract.checks.iter().enumerate() {
        found.push(Check {
            check: words(&check.rule, check.name.as_deref()),
            name: check.name.clone(),
            severity: check.severity.word(),
            reads: model
                .tables_of_check(index)
                .map(|table| id(workspace, table))
                .collect(),
        });
    }
    found
}

fn of_section(workspace: &Workspace, report: &Report, section: &Section) -> Result<Node> {
    let select = text(workspace, &section.sql_path)?;
    let declared = text(workspace, &section.yaml_path)?;
    let tables = sql::parse(&select, &section.sql_path)
        .map(|query| query.tables)
        .unwrap_or_default();
    Ok(Node {
        kind: "section",
        name: format!("{}.{}", report.role, section.name),
        files: vec![section.sql_path.clone(), section.yaml_path.clone()],
        hash: hash_text(&(select + "\n" + &declared)),
        columns: section
            .columns
            .iter()
            .map(|column| Column {
                name: column.name.clone(),
                data_type: None,
                unit: None,
                format: Some(Format::word(column.format)),
                description: None,
                personal: false,
            })
            .collect(),
        depends_on: tables
            .iter()
            .map(|table| dependency(workspace, table, Window::All))
            .collect(),
        ..Node::default()
    })
}

fn of_report(workspace: &Workspace, report: &Report) -> Result<Node> {
    let role = &report.role;
    let files = vec![
        format!("reports/{role}/page.hbs"),
        format!("reports/{role}/report.yaml"),
    ];
    let mut all = String::new();
    for file in &files {
        all.push_str(&text(workspace, file)?);
        all.push('\n');
    }
    Ok(Node {
        kind: "report",
        name: role.clone(),
        files,
        hash: hash_text(&all),
        depends_on: report
            .sections
            .iter()
            .map(|section| Dependency {
                node: format!("section.{role}.{}", section.name),
                around: None,
            })
            .collect::<BTreeSet<_>>()
            .into_iter()
            .collect(),
        ..Node::default()
    })
}

fn text(workspace: &Workspace, file: &str) -> Result<String> {
    let path = workspace.project.root.join(file);
    std::fs::read_to_string(&path).map_err(Error::io("reading", &path))
}
