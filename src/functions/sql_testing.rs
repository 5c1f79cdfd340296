//! Running SQL in the tests of our functions.

use arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::prelude::{SessionConfig, SessionContext};

/// A context with our functions, its local time in `zone`.
pub fn context_in(zone: chrono_tz::Tz) -> SessionContext {
    context_with(SessionConfig::new(), zone)
}

/// The same with settings of one's own.
pub fn context_with(config: SessionConfig, zone: chrono_tz::Tz) -> SessionContext {
    let ctx = SessionContext::new_with_config(config);
    super::register(&ctx, zone);
    ctx
}

/// The rows of a query, the columns of a row joined by `|`.
pub async fn table_of(ctx: &SessionContext, sql: &str) -> Vec<String> {
    let batches = ctx.sql(sql).await.unwrap().collect().await.unwrap();
    let options = FormatOptions::default().with_null("NULL");
    let mut rows = Vec::new();
    for batch in &batches {
        let columns: Vec<_> = batch
            .columns()
            .iter()
            .map(|column| ArrayFormatter::try_new(column, &options).unwrap())
            .collect();
        for row in 0..batch.num_rows() {
            let cells: Vec<_> = columns
                .iter()
                .map(|column| column.value(row).to_string())
                .collect();
            rows.push(cells.join("|"));
        }
    }
    rows
}

/// What a query fails with, while planned or while run.
pub async fn error_of(ctx: &SessionContext, sql: &str) -> String {
    match ctx.sql(sql).await {
        Ok(query) => query.collect().await.unwrap_err().to_string(),
        Err(error) => error.to_string(),
    }
}
