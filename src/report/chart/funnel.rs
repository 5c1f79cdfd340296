//! The funnel picture: a bar per step on the track of all entrants, narrowing from step to step, with
//! the rate and the loss written where they happen.

use super::svg::{Anchor, Canvas, Svg};
use super::text;

/// One step, texts as written.
#[derive(Debug, Clone, PartialEq)]
pub struct FunnelStep {
    /// Name.
    pub name: String,
    /// How many reached it, or its state.
    pub reached: String,
    /// Share of the first step, beside the count; empty where there is none.
    pub overall: String,
    /// Share of the first step, 0..=1; `None` where not yet due.
    pub share: Option<f64>,
    /// Rate from the step before and what is lost; empty on the first.
    pub passage: String,
    /// Tooltip.
    pub title: String,
}

/// Steps from the first.
#[derive(Debug, Clone, PartialEq)]
pub struct Funnel {
    /// What it shows.
    pub title: String,
    /// In words.
    pub description: String,
    /// In order.
    pub steps: Vec<FunnelStep>,
}

const WIDTH: f64 = 340.0;
/// Name and count.
const HEAD: f64 = 20.0;
const THICK: f64 = 16.0;
/// Between a bar and the next step's name.
const GAP: f64 = 24.0;

impl Funnel {
    /// Draws it.
    pub fn draw(&self) -> Svg {
        let row = HEAD + THICK + GAP;
        let height = row * self.steps.len().max(1) as f64 - GAP + 2.0;
        let mut canvas = Canvas::new("funnel", WIDTH, height, &self.title, &self.description);
        // A bar of something is seen; a bar of nothing is none.
        let length = |share: f64| match share > 0.0 {
            true => (WIDTH * share.min(1.0)).max(2.0),
            false => 0.0,
        };
        // One right edge for all counts.
        let overall = self
            .steps
            .iter()
            .map(|step| text::width(&step.overall, 12.0))
            .fold(0.0, f64::max)
            + 10.0;
        for (at, step) in self.steps.iter().enumerate() {
            let top = row * at as f64;
            let bar = top + HEAD;
            if let Some(next) = self.steps.get(at + 1) {
                if let (Some(share), Some(next)) = (step.share, next.share) {
                    let below = bar + row;
                    canvas.polygon(
                        "narrowing",
                        &[
                            (0.0, bar + THICK / 2.0),
                            (length(share), bar + THICK / 2.0),
                            (length(next), below),
                            (0.0, below),
                        ],
                    );
                }
                canvas.text(
                    "passage",
                    8.0,
                    bar + THICK + 15.0,
                    Anchor::Start,
                    &next.passage,
                );
            }
            canvas.mark(&step.title, |canvas| {
                let reached = text::width(&step.reached, 13.0);
                let name = text::fit(&step.name, 13.0, WIDTH - overall - reached - 12.0);
                canvas.text("name", 0.0, top + 14.0, Anchor::Start, &name);
                canvas.text(
                    "value",
                    WIDTH - overall,
                    top + 14.0,
                    Anchor::End,
                    &step.reached,
                );
                canvas.text("note", WIDTH, top + 14.0, Anchor::End, &step.overall);
                match step.share {
                    Some(share) => {
                        canvas.rect("track", 0.0, bar, WIDTH, THICK, 3.0);
                        canvas.rect("fill", 0.0, bar, length(share), THICK, 3.0);
                    }
                    None => canvas.rect("undue", 0.5, bar + 0.5, WIDTH - 1.0, THICK - 1.0, 3.0),
                }
            });
        }
        canvas.finish()
    }
}
