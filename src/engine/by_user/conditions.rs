//! Conditions on rows, as the bits of one number per row. Conditions on one text column of few
//! different values, such as the event's name, are evaluated once per value, not once per row.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{
    Array, AsArray, BooleanArray, RecordBatch, RecordBatchOptions, StringViewArray,
};
use arrow::buffer::BooleanBuffer;
use arrow::datatypes::{DataType, Schema, SchemaRef};
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::common::{Result, ScalarValue, exec_datafusion_err};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::{Column, IsNotNullExpr, IsNullExpr};
use datafusion::physical_expr::utils::collect_columns;
use datafusion::physical_expr_common::physical_expr::is_volatile;
use foldhash::fast::FixedState;

/// More different values than this, and rows are evaluated one by one.
const MOST_VALUES: usize = 512;
/// So they are where, beyond a few, there are not this many rows to a value.
const FEW_VALUES: usize = 16;
const ROWS_PER_VALUE: usize = 32;
/// Texts up to this length lie in the view itself, so that equal views are equal texts.
const INLINE_BYTES: u32 = 12;

/// The length of the text that a view stands for.
fn view_length(view: u128) -> u32 {
    // The lowest four bytes.
    (view & u128::from(u32::MAX)) as u32
}

/// Up to 32 conditions over the columns of a batch.
#[derive(Debug, Clone)]
pub struct Conditions {
    exprs: Vec<Arc<dyn PhysicalExpr>>,
    known: Option<Known>,
}

/// Which conditions the values of the one column fulfil, as far as they have been met.
#[derive(Debug, Clone)]
struct Known {
    column: usize,
    /// A batch of that column alone, and the conditions over it.
    schema: SchemaRef,
    exprs: Vec<Arc<dyn PhysicalExpr>>,
    inline: HashMap<u128, u32, FixedState>,
    longer: HashMap<String, u32, FixedState>,
    null: Option<u32>,
    /// Rows looked at so far.
    rows: usize,
}

impl Conditions {
    /// Conditions over batches of this schema; bit k of a row stands for `exprs[k]`.
    pub fn new(exprs: Vec<Arc<dyn PhysicalExpr>>, schema: &Schema) -> Result<Self> {
        let known = Known::of(&exprs, schema)?;
        Ok(Self { exprs, known })
    }

    /// The conditions that each row fulfils; null counts as false.
    pub fn bits(&mut self, batch: &RecordBatch) -> Result<Vec<u32>> {
        if let Some(known) = &mut self.known {
            if let Some(bits) = known.bits(batch)? {
                return Ok(bits);
            }
            self.known = None;
        }
        evaluate(&self.exprs, batch)
    }

    /// The rows that fulfil the first condition; never null.
    pub fn first(&mut self, batch: &RecordBatch) -> Result<BooleanArray> {
        if self.known.is_none()
            && let [expr, ..] = self.exprs.as_slice()
        {
            return fulfilled(expr, batch).map(|rows| BooleanArray::new(rows, None));
        }
        let bits = self.bits(batch)?;
        let first = |row: usize| bits[row] & 1 == 1;
        let rows = BooleanBuffer::collect_bool(bits.len(), first);
        Ok(BooleanArray::new(rows, None))
    }
}

fn evaluate(exprs: &[Arc<dyn PhysicalExpr>], batch: &RecordBatch) -> Result<Vec<u32>> {
    let mut bits = vec![0; batch.num_rows()];
    for (at, expr) in exprs.iter().enumerate() {
        let bit = 1 << at;
        fulfilled(expr, batch)?
            .set_indices()
            .for_each(|row| bits[row] |= bit);
    }
    Ok(bits)
}

/// The rows that fulfil a condition; null counts as false.
fn fulfilled(expr: &Arc<dyn PhysicalExpr>, batch: &RecordBatch) -> Result<BooleanBuffer> {
    let fulfilled = expr.evaluate(batch)?.into_array(batch.num_rows())?;
    let fulfilled = fulfilled
        .as_boolean_opt()
        .ok_or_else(|| exec_datafusion_err!("`{expr}` is not a condition"))?;
    Ok(match fulfilled.nulls() {
        None => fulfilled.values().clone(),
        Some(nulls) => fulfilled.values() & nulls.inner(),
    })
}

/// Whether a condition only asks for null, which is cheaper than any looking up.
fn is_about_null(expr: &Arc<dyn PhysicalExpr>) -> bool {
    expr.is::<IsNotNullExpr>() || expr.is::<IsNullExpr>()
}

impl Known {
    fn of(exprs: &[Arc<dyn PhysicalExpr>], schema: &Schema) -> Result<Option<Self>> {
        let mut columns = exprs.iter().flat_map(collect_columns);
        let Some(column) = columns.next().map(|column| column.index()) else {
            return Ok(None);
        };
        let field = schema.field(column);
        if columns.any(|other| other.index() != column)
            || field.data_type() != &DataType::Utf8View
            || exprs.iter().any(is_volatile)
            || exprs.iter().all(is_about_null)
        {
            return Ok(None);
        }
        let exprs = exprs
            .iter()
            .map(|expr| {
                Arc::clone(expr)
                    .transform(|node| {
                        Ok(match node.downcast_ref::<Column>() {
                            Some(column) => {
                                Transformed::yes(Arc::new(Column::new(column.name(), 0)) as _)
                            }
                            None => Transformed::no(node),
                        })
                    })
                    .data()
            })
            .collect::<Result<_>>()?;
        Ok(Some(Self {
            column,
            schema: Arc::new(Schema::new(vec![field.clone().with_nullable(true)])),
            exprs,
            inline: HashMap::default(),
            longer: HashMap::default(),
            null: None,
            rows: 0,
        }))
    }

    /// `None` where there are too many values.
    fn bits(&mut self, batch: &RecordBatch) -> Result<Option<Vec<u32>>> {
        let Some(texts) = batch.column(self.column).as_string_view_opt() else {
            return Ok(None);
        };
        let mut bits = Vec::with_capacity(texts.len());
        // Rows of one value often follow each other.
        let mut last: Option<(u128, u32)> = None;
        for (row, &view) in texts.views().iter().enumerate() {
            if texts.is_null(row) {
                bits.push(match self.null {
                    Some(known) => known,
                    None => {
                        let known = self.ask(texts, row)?;
                        self.null = Some(known);
                        known
                    }
                });
                continue;
            }
            // Within one array equal views are equal texts, however long.
            if let Some((_, known)) = last.filter(|(of, _)| *of == view) {
                bits.push(known);
                continue;
            }
            let known = if view_length(view) <= INLINE_BYTES {
                self.inline.get(&view).copied()
            } else {
                self.longer.get(texts.value(row)).copied()
            };
            let known = match known {
                Some(known) => known,
                None if self.is_full(row) => return Ok(None),
                None => self.ask(texts, row)?,
            };
            last = Some((view, known));
            bits.push(known);
        }
        self.rows += texts.len();
        Ok(Some(bits))
    }

    /// Whether one more value, met at a row of the batch at hand, is too many.
    fn is_full(&self, row: usize) -> bool {
        let values = self.inline.len() + self.longer.len();
        values >= MOST_VALUES || (values >= FEW_VALUES && values * ROWS_PER_VALUE > self.rows + row)
    }

    /// Evaluates one row's value and keeps the answer.
    fn ask(&mut self, texts: &StringViewArray, row: usize) -> Result<u32> {
        let one = ScalarValue::try_from_array(texts, row)?.to_array()?;
        let options = RecordBatchOptions::new().with_row_count(Some(1));
        let batch =
            RecordBatch::try_new_with_options(Arc::clone(&self.schema), vec![one], &options)?;
        let bits = evaluate(&self.exprs, &batch)?[0];
        if texts.is_valid(row) {
            let view = texts.views()[row];
            if view_length(view) <= INLINE_BYTES {
                self.inline.insert(view, bits);
            } else {
                self.longer.insert(texts.value(row).to_string(), bits);
            }
        }
        Ok(bits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{ArrayRef, Int64Array};
    use arrow::datatypes::Field;
    use datafusion::common::ToDFSchema;
    use datafusion::prelude::{Expr, SessionContext, col, lit};

    fn batch(texts: &[Option<&str>]) -> RecordBatch {
        let schema = Schema::new(vec![
            Field::new("n", DataType::Int64, false),
            Field::new("t", DataType::Utf8View, true),
        ]);
        let numbers: ArrayRef = Arc::new(Int64Array::from_iter_values(0..texts.len() as i64));
        let texts: ArrayRef = Arc::new(StringViewArray::from_iter(texts.iter().copied()));
        RecordBatch::try_new(Arc::new(schema), vec![numbers, texts]).unwrap()
    }

    fn conditions(exprs: &[Expr], schema: &Schema) -> Conditions {
        let columns = schema.clone().to_dfschema().unwrap();
        let session = SessionContext::new();
        let exprs = exprs
            .iter()
            .map(|expr| {
                session
                    .create_physical_expr(expr.clone(), &columns)
                    .unwrap()
            })
            .collect();
        Conditions::new(exprs, schema).unwrap()
    }

    #[test]
    fn a_value_is_asked_once_and_rows_get_what_they_would_alone() {
        let first = batch(&[
            Some("pay"),
            None,
            Some("a name longer than a view"),
            Some(""),
            Some("pay"),
        ]);
        let second = batch(&[
            Some("a name longer than a VIEW"),
            Some("a name longer than a view"),
            Some("click"),
            None,
        ]);
        let exprs = [
            col("t").eq(lit("pay")),
            col("t").like(lit("%view")),
            col("t").is_null(),
            col("t").not_eq(lit("click")),
        ];
        let mut by_value = conditions(&exprs, &first.schema());
        assert!(by_value.known.is_some());
        assert_eq!(by_value.bits(&first).unwrap(), [9, 4, 10, 8, 9]);
        assert_eq!(by_value.bits(&second).unwrap(), [8, 10, 0, 4]);
        assert_eq!(evaluate(&by_value.exprs, &first).unwrap(), [9, 4, 10, 8, 9]);
        assert!(
            conditions(&[col("t").is_not_null()], &first.schema())
                .known
                .is_none()
        );
        let known = by_value.known.unwrap();
        assert_eq!((known.inline.len(), known.longer.len()), (3, 2));

        let mut mixed = conditions(
            &[col("t").eq(lit("pay")).and(col("n").gt(lit(0i64)))],
            &first.schema(),
        );
        assert!(mixed.known.is_none());
        assert_eq!(mixed.bits(&first).unwrap(), [0, 0, 0, 0, 1]);
    }

    #[test]
    fn with_too_many_values_rows_are_evaluated_one_by_one() {
        let names: Vec<String> = (0..MOST_VALUES + 40).map(|n| format!("v{n}")).collect();
        let many = batch(
            &names
                .iter()
                .map(|name| Some(name.as_str()))
                .collect::<Vec<_>>(),
        );
        let mut conditions = conditions(&[col("t").eq(lit("v520"))], &many.schema());
        // Many rows to each of the first values.
        let repeated: Vec<_> = (0..8_000).map(|n| Some(names[n / 200].as_str())).collect();
        let bits = conditions.bits(&batch(&repeated)).unwrap();
        assert_eq!((bits.len(), bits.iter().sum::<u32>()), (8_000, 0));
        assert!(conditions.known.is_some());
        let bits = conditions.bits(&many).unwrap();
        assert!(conditions.known.is_none());
        assert_eq!(bits.iter().sum::<u32>(), 1);
        assert_eq!(bits[520], 1);
    }
}
