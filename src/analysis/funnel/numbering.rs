//! The numbers of a funnel's steps: `funnel_path` counts fields of forms as optional steps, people count
//! steps alone.

use crate::project::{Condition, Funnel, Step, StepField};

/// One condition of the funnel, in the order in which `funnel_path` gets them.
pub(super) struct Numbered<'a> {
    /// Number for `funnel_path`, from 1.
    pub(super) at: usize,
    /// Number of the step, from 1; of a field, that of the step its form leads to.
    pub(super) step_no: usize,
    /// The step.
    pub(super) step: &'a Step,
    /// The field, with its number from 1.
    pub(super) field: Option<(usize, &'a StepField)>,
    /// Number (for `funnel_path`) of the required step before; 0 for the first.
    pub(super) previous_at: usize,
}

impl Numbered<'_> {
    pub(super) fn condition(&self) -> &Condition {
        self.field.map_or(&self.step.when, |(_, field)| &field.when)
    }

    pub(super) fn is_optional(&self) -> bool {
        self.field.is_some() || self.step.is_optional
    }
}

/// All steps and fields.
pub(super) fn numbered(funnel: &Funnel) -> Vec<Numbered<'_>> {
    let mut all: Vec<Numbered<'_>> = Vec::new();
    let mut previous_at = 0;
    for (index, step) in funnel.steps.iter().enumerate() {
        let fields = step.fields.iter().enumerate();
        let fields = fields.map(|(at, field)| Some((at + 1, field)));
        for field in fields.chain([None]) {
            all.push(Numbered {
                at: all.len() + 1,
                step_no: index + 1,
                step,
                field,
                previous_at,
            });
        }
        if !step.is_optional {
            previous_at = all.len();
        }
    }
    all
}

/// The number (for `funnel_path`) of a step by its position.
pub(super) fn at_of(funnel: &Funnel, position: usize) -> usize {
    numbered(funnel)
        .iter()
        .find(|one| one.field.is_none() && one.step_no == position + 1)
        .map_or(0, |one| one.at)
}
