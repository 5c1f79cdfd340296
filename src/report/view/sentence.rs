//! The one sentence that is read first: what moved against the same weekday, and by how much.

use super::Maker;
use super::funnel::Chains;
use super::numbers::Core;
use crate::project::Format;
use crate::report::change::{Change, NOTABLE};
use crate::report::number::{clean, month_day, percent};
use crate::report::words::Key;

/// A step's rate must also move by this many points to be worth the sentence.
const NOTABLE_STEP_POINTS: f64 = 1.0;

/// The sentence. `cores` are of the first numbers section (`None`: the day has no row), the first of
/// them leads; `chains` are of the first funnel.
pub fn sentence(maker: Maker, cores: Option<&[Core]>, chains: Option<&Chains>) -> String {
    let words = maker.words;
    let date = month_day(maker.input.date);
    let Some((lead, others)) = cores.and_then(<[Core]>::split_first) else {
        let nothing = words.fill(Key::NothingToSay, &[("date", &date)]);
        return nothing + words.get(Key::SentenceEnd);
    };
    let change = |core: &Core| Change::between(core.column.format, &core.now, &core.before);
    let mover = others
        .iter()
        .filter_map(|core| change(core).map(|change| (core, change)))
        .filter(|(_, change)| change.is_notable() && change.relative().is_finite())
        .max_by(|(_, a), (_, b)| a.relative().abs().total_cmp(&b.relative().abs()));
    let step = chains.and_then(|chains| moved_step(maker, chains));
    let mut clauses = vec![lead_clause(maker, lead, change(lead))];
    if let Some((core, change)) = mover {
        clauses.push(words.fill(
            Key::BiggestMover,
            &[
                ("metric", maker.label(core.column)),
                ("change", &change.said(maker.writer)),
            ],
        ));
    }
    clauses.extend(step);
    let is_calm = clauses.len() == 1 && change(lead).is_some_and(|change| !change.is_notable());
    if is_calm {
        clauses.insert(
            0,
            words.fill(Key::Calm, &[("limit", &format!("{:.0}%", NOTABLE * 100.0))]),
        );
    }
    format!(
        "{}{}",
        clauses.join(words.get(Key::ClauseJoin)),
        words.get(Key::SentenceEnd)
    )
}

fn lead_clause(maker: Maker, lead: &Core, change: Option<Change>) -> String {
    let (words, writer) = (maker.words, maker.writer);
    let metric = maker.label(lead.column);
    let Some(value) = writer.short(&lead.now, lead.column.format) else {
        return words.fill(
            Key::NoLead,
            &[("date", &format!("{} {metric}", month_day(maker.input.date)))],
        );
    };
    let Some(change) = change else {
        return words.fill(Key::LeadAlone, &[("metric", metric), ("value", &value)]);
    };
    let said = change.said(writer);
    let difference = match (lead.column.format, lead.now.number(), lead.before.number()) {
        (Format::Money, Some(now), Some(before)) if !change.is_flat() => Some(now - before),
        _ => None,
    };
    match difference {
        Some(difference) => {
            let key = if difference > 0.0 {
                Key::More
            } else {
                Key::Less
            };
            let difference = words.fill(key, &[("n", &writer.short_money(difference.abs()))]);
            words.fill(
                Key::LeadMovedMoney,
                &[
                    ("metric", metric),
                    ("value", &value),
                    ("change", &said),
                    ("difference", &difference),
                ],
            )
        }
        None => words.fill(
            Key::LeadMoved,
            &[("metric", metric), ("value", &value), ("change", &said)],
        ),
    }
}

/// The step of the day's funnel whose rate moved most.
fn moved_step(maker: Maker, chains: &Chains) -> Option<String> {
    let pair = chains.same_day(maker.input.date)?;
    let (at, change) = (1..pair.steps.len())
        .filter_map(|at| pair.rate_change(at).map(|change| (at, change)))
        .filter(|(_, change)| match change {
            Change::Points { points, relative } => {
                change.is_notable() && points.abs() >= NOTABLE_STEP_POINTS && relative.is_finite()
            }
            Change::Relative(_) => false,
        })
        .max_by(|(_, a), (_, b)| a.relative().abs().total_cmp(&b.relative().abs()))?;
    let step = pair.steps.get(at)?;
    Some(maker.words.fill(
        Key::StepMoved,
        &[
            (
                "funnel",
                &clean(maker.input.funnel_title(&chains.funnel), 30),
            ),
            ("step", &step.title),
            ("value", &percent(step.step_rate.number()?)),
            ("change", &change.said(maker.writer)),
        ],
    ))
}
