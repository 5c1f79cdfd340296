//! `loudou compile`: the SQL that runs.

use super::Context;
use super::arguments::Compile;
use super::output;
use crate::analysis;
use crate::error::{Error, Result};

pub(crate) async fn run(context: &Context, arguments: &Compile) -> Result<u8> {
    let workspace = context.workspace().await?;
    context.console.clear();
    let Some(name) = &arguments.model else {
        let names: Vec<&str> = analysis::TABLES
            .iter()
            .copied()
            .filter(|name| workspace.models.get(name).is_some())
            .collect();
        if names.is_empty() {
            output::line("-- no analyses are declared")?;
        }
        for name in names {
            show(&workspace, name)?;
        }
        return Ok(0);
    };
    show(&workspace, name)?;
    Ok(0)
}

fn show(workspace: &crate::run::Workspace, name: &str) -> Result<()> {
    let model = workspace.models.get(name).ok_or_else(|| {
        let names: Vec<&str> = workspace
            .models
            .iter()
            .map(crate::model::Model::name)
            .collect();
        Error::Usage(format!(
            "there is no model {name}; there are: {}",
            names.join(", ")
        ))
    })?;
    output::line(&format!(
        "-- {} ({})",
        model.name(),
        model.contract.sql_path
    ))?;
    output::line(model.sql.trim_end())
}
