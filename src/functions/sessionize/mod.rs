//! `sessionize(user_id, event_time, event_id, gap [, campaign [, cut_at_midnight]])`: which session an
//! event belongs to.
//!
//! A window function, to be used as
//!
//! ```sql
//! sessionize(user_id, event_time, event_id, interval '30 minutes')
//!     over (partition by user_key, user_id order by event_time, event_id)
//! ```
//!
//! | argument | takes |
//! | --- | --- |
//! | `user_id` | string or integer, one per window partition; null gives null |
//! | `event_time` | Timestamp (finer than µs is cut; without a zone it is UTC), rising; a row without a time has no session and disturbs none |
//! | `event_id` | string or integer, may be null |
//! | `gap` | constant INTERVAL, more than nothing and at most 12 hours |
//! | `campaign` | string or integer; null says nothing |
//! | `cut_at_midnight` | constant boolean, `false` unless given |
//!
//! A new session begins
//! - after a pause longer than `gap` (one of exactly `gap` does not end a session);
//! - where `campaign` is not null and differs from the session's, which is the last one seen in
//!   it; a session that has none so far has a different one;
//! - with `cut_at_midnight`, at the first event of every local day;
//! - at the first event of a local day if the whole local day before had no pause: its first event
//!   within `gap` of its beginning, each next one within `gap`, its last within `gap` of its end. So no
//!   session is endless, and the sessions of a day follow from its events and those of the day before.
//!
//! The result (Utf8) is 32 hexadecimal digits: XXH3-128 of the user id, the time of the session's
//! first event and that event's id. It is the same in every run that sees the session's first event
//! and the day before it. Rows come out as they come in: it runs in bounded memory.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> datafusion::error::Result<()> {
//! let ctx = datafusion::prelude::SessionContext::new();
//! loudou::functions::register(&ctx, chrono_tz::Asia::Shanghai);
//! // The pause of exactly 30 minutes goes on, the one a second longer does not: two sessions.
//! let rows = ctx
//!     .sql(
//!         "with events(u, t, id) as (values
//!              ('u', timestamp '2026-10-18 01:00:00', 'a'),
//!              ('u', timestamp '2026-10-18 01:30:00', 'b'),
//!              ('u', timestamp '2026-10-18 02:00:01', 'c')),
//!          sessions as (
//!              select sessionize(u, t, id, interval '30 minutes') over (partition by u order by t, id) as session_id
//!              from events)
//!          select count(*) as events from sessions group by session_id order by events",
//!     )
//!     .await?
//!     .to_string()
//!     .await?;
//! assert!(rows.contains("| 1      |\n| 2      |"));
//! # Ok(())
//! # }
//! ```
//!
//! `boundary` holds the rules, `evaluator` feeds it one row after the other.

mod boundary;
mod evaluator;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef, TimeUnit};
use chrono_tz::Tz;
use datafusion::common::{DataFusionError, Result, plan_datafusion_err, plan_err};
use datafusion::logical_expr::function::{
    ExpressionArgs, PartitionEvaluatorArgs, WindowUDFFieldArgs,
};
use datafusion::logical_expr::{
    LimitEffect, PartitionEvaluator, Signature, Volatility, WindowUDFImpl,
};
use datafusion::physical_expr::PhysicalExpr;

use super::constant;
use boundary::{SessionBoundary, SessionRules};
use evaluator::SessionEvaluator;

/// The positions of the constants among the arguments.
const GAP: usize = 3;
const CUT_AT_MIDNIGHT: usize = 5;
/// Shorter than any day, so that a day without events is always a pause.
const LONGEST_GAP_US: i64 = 12 * 3_600_000_000;

/// `sessionize`, see the module.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Sessionize {
    zone: Tz,
    signature: Signature,
}

impl Sessionize {
    /// The function with the local days of one zone.
    pub fn new(zone: Tz) -> Self {
        Self {
            zone,
            signature: Signature::user_defined(Volatility::Immutable),
        }
    }
}

impl WindowUDFImpl for Sessionize {
    fn name(&self) -> &str {
        "sessionize"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        let ([user_id, event_time, event_id, gap], optional) = types
            .split_first_chunk()
            .ok_or_else(|| too_few_or_many(types.len()))?;
        let (campaign, cut_at_midnight) = match optional {
            [] => (None, None),
            [campaign] => (Some(campaign), None),
            [campaign, cut_at_midnight] => (Some(campaign), Some(cut_at_midnight)),
            _ => return Err(too_few_or_many(types.len())),
        };
        let event_time = match event_time {
            DataType::Timestamp(_, zone) => {
                DataType::Timestamp(TimeUnit::Microsecond, zone.clone())
            }
            other => return plan_err!("sessionize: event_time must be a timestamp, got {other}"),
        };
        let DataType::Interval(_) = gap else {
            return plan_err!(
                "sessionize: gap must be an INTERVAL such as `interval '30 minutes'`, got {gap}"
            );
        };
        let mut coerced = vec![
            string_type("user_id", user_id)?,
            event_time,
            string_type("event_id", event_id)?,
            gap.clone(),
        ];
        if let Some(campaign) = campaign {
            coerced.push(string_type("campaign", campaign)?);
        }
        match cut_at_midnight {
            Some(DataType::Boolean) => coerced.push(DataType::Boolean),
            Some(other) => {
                return plan_err!("sessionize: cut_at_midnight must be true or false, got {other}");
            }
            None => {}
        }
        Ok(coerced)
    }

    /// The engine need not make columns of the constants.
    fn expressions(&self, args: ExpressionArgs) -> Vec<Arc<dyn PhysicalExpr>> {
        let mut exprs = args.input_exprs().to_vec();
        exprs.truncate(CUT_AT_MIDNIGHT);
        if exprs.len() > GAP {
            exprs.remove(GAP);
        }
        exprs
    }

    fn partition_evaluator(
        &self,
        args: PartitionEvaluatorArgs,
    ) -> Result<Box<dyn PartitionEvaluator>> {
        const WHAT: &str = "sessionize: gap";
        let Some(gap) = args.input_exprs().get(GAP) else {
            return plan_err!("{WHAT} is missing");
        };
        let gap_us = constant::interval_us(constant::value(gap, WHAT)?, WHAT)?;
        if !(1..=LONGEST_GAP_US).contains(&gap_us) {
            return plan_err!("{WHAT} must be more than nothing and at most 12 hours");
        }
        let cut_at_midnight = match args.input_exprs().get(CUT_AT_MIDNIGHT) {
            None => false,
            Some(cut) => {
                const WHAT: &str = "sessionize: cut_at_midnight";
                constant::boolean(constant::value(cut, WHAT)?, WHAT)?
            }
        };
        Ok(Box::new(SessionEvaluator::new(SessionBoundary::new(
            self.zone,
            SessionRules {
                gap_us,
                cut_at_midnight,
            },
        ))))
    }

    fn field(&self, args: WindowUDFFieldArgs) -> Result<FieldRef> {
        Ok(Arc::new(Field::new(args.name(), DataType::Utf8, true)))
    }

    fn limit_effect(&self, _args: &[Arc<dyn PhysicalExpr>]) -> LimitEffect {
        LimitEffect::None
    }
}

fn too_few_or_many(given: usize) -> DataFusionError {
    plan_datafusion_err!(
        "sessionize(user_id, event_time, event_id, gap [, campaign [, cut_at_midnight]]) takes 4 to 6 arguments, got {given}"
    )
}

/// Strings stay what they are, integers become text.
fn string_type(argument: &str, given: &DataType) -> Result<DataType> {
    match given {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Ok(given.clone()),
        DataType::Null => Ok(DataType::Utf8),
        whole if whole.is_integer() => Ok(DataType::Utf8),
        other => plan_err!("sessionize: {argument} must be a string or an integer, got {other}"),
    }
}
