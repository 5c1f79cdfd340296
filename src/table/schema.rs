//! Arrow schemas of contracts.

use std::sync::Arc;

use arrow::datatypes::{Field, Schema, SchemaRef};

use crate::project::Contract;
use crate::source::arrow_type;

/// The schema a contract's table is written with. Every column may hold nulls as far as the file is
/// concerned: the audit tells a missing value by name, a writer's refusal would not.
pub fn of_contract(contract: &Contract) -> SchemaRef {
    Arc::new(Schema::new(
        contract
            .columns
            .iter()
            .map(|column| Field::new(&column.name, arrow_type(column.data_type), true))
            .collect::<Vec<_>>(),
    ))
}
