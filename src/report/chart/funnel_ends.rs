//! The funnel with its ends: a bar per step on the track of all entrants and, below each, where those
//! who came no further went, as one bar of 100% with its parts written out in the same order.

use super::svg::{Anchor, Canvas, Svg};
use super::text;

/// What became of those who stopped. The order is that of the picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum EndKind {
    /// Did another thing within the window.
    Elsewhere,
    /// Did nothing more.
    Gone,
    /// Went on, too late.
    TimedOut,
    /// Did what excludes from the funnel.
    Excluded,
    /// The window is not over.
    Open,
    /// Came through (where the last steps are optional).
    Converted,
}

impl EndKind {
    /// Class of the style sheet; each differs in lightness or outline, not in hue alone.
    fn class(self) -> &'static str {
        match self {
            Self::Elsewhere => "end-elsewhere",
            Self::Gone => "end-gone",
            Self::TimedOut => "end-timed-out",
            Self::Excluded => "end-excluded",
            Self::Open => "end-open",
            Self::Converted => "end-converted",
        }
    }

    /// Drawn as an outline.
    fn is_outlined(self) -> bool {
        matches!(self, Self::Excluded | Self::Open)
    }
}

/// One part of those who stopped at a step.
#[derive(Debug, Clone, PartialEq)]
pub struct End {
    /// What became of them.
    pub kind: EndKind,
    /// How many, for the length.
    pub weight: f64,
    /// Name and share as written.
    pub text: String,
    /// Tooltip.
    pub title: String,
}

/// One step, texts as written.
#[derive(Debug, Clone, PartialEq)]
pub struct EndsStep {
    /// Name.
    pub name: String,
    /// How many reached it, or its state.
    pub reached: String,
    /// Share of the first step; empty where there is none.
    pub overall: String,
    /// Share of the first step, 0..=1; `None` where not yet due.
    pub share: Option<f64>,
    /// Tooltip of the bar.
    pub title: String,
    /// How many stopped here; empty where nobody did.
    pub stopped: String,
    /// Where they went, in the order of [`EndKind`].
    pub ends: Vec<End>,
    /// What those who did another thing did, a lead and its parts; empty where nothing is known.
    pub led_to: Vec<String>,
}

/// Steps from the first.
#[derive(Debug, Clone, PartialEq)]
pub struct FunnelEnds {
    /// What it shows.
    pub title: String,
    /// In words.
    pub description: String,
    /// In order.
    pub steps: Vec<EndsStep>,
}

const WIDTH: f64 = 340.0;
/// Name and count.
const HEAD: f64 = 20.0;
const THICK: f64 = 16.0;
/// From a step's bar or ends to the next step's name.
const GAP: f64 = 16.0;
/// Where the ends begin: they belong to the bar above.
const INDENT: f64 = 12.0;
/// The bar of ends.
const THIN: f64 = 10.0;
/// A line of text.
const LINE: f64 = 17.0;
/// Size of the ends' letters.
const SMALL: f64 = 12.0;
/// A key's square and the space behind it.
const KEY: f64 = 13.0;
/// Between two parts of the legend.
const APART: f64 = 12.0;

impl FunnelEnds {
    /// Draws it.
    pub fn draw(&self) -> Svg {
        let height: f64 = self
            .steps
            .iter()
            .map(|step| HEAD + THICK + step.ends_height() + GAP)
            .sum();
        let height = (height - GAP).max(HEAD) + 2.0;
        let mut canvas = Canvas::new("ends", WIDTH, height, &self.title, &self.description);
        // One right edge for all counts.
        let overall = self
            .steps
            .iter()
            .map(|step| text::width(&step.overall, SMALL))
            .fold(0.0, f64::max)
            + 10.0;
        let mut top = 0.0;
        for step in &self.steps {
            step.draw(&mut canvas, top, overall);
            top += HEAD + THICK + step.ends_height() + GAP;
        }
        canvas.finish()
    }
}

impl EndsStep {
    /// Parts that have somebody in them.
    fn parts(&self) -> impl Iterator<Item = &End> {
        self.ends.iter().filter(|end| end.weight > 0.0)
    }

    /// Height of what stands below the bar.
    fn ends_height(&self) -> f64 {
        let Some((last, _)) = self.keys().last().copied() else {
            return 0.0;
        };
        let led_to = self.led_to_places().last().map_or(0, |(line, _)| line + 1);
        LINE + 4.0 + THIN + LINE * (last + 1 + led_to) as f64 + 2.0
    }

    /// Line and left edge of each part's key.
    fn keys(&self) -> Vec<(usize, f64)> {
        lines(self.parts().map(|end| KEY + text::width(&end.text, SMALL)))
    }

    /// Line and left edge of each part of what those elsewhere did.
    fn led_to_places(&self) -> Vec<(usize, f64)> {
        lines(self.led_to.iter().map(|part| text::width(part, SMALL)))
    }

    fn draw(&self, canvas: &mut Canvas, top: f64, overall: f64) {
        let bar = top + HEAD;
        canvas.mark(&self.title, |canvas| {
            let reached = text::width(&self.reached, 13.0);
            let name = text::fit(&self.name, 13.0, WIDTH - overall - reached - 12.0);
            canvas.text("name", 0.0, top + 14.0, Anchor::Start, &name);
            let right = WIDTH - overall;
            canvas.text("value", right, top + 14.0, Anchor::End, &self.reached);
            canvas.text("note", WIDTH, top + 14.0, Anchor::End, &self.overall);
            match self.share.filter(|share| share.is_finite()) {
                Some(share) => {
                    canvas.rect("track", 0.0, bar, WIDTH, THICK, 3.0);
                    if share > 0.0 {
                        let length = (WIDTH * share.min(1.0)).max(2.0);
                        canvas.rect("fill", 0.0, bar, length, THICK, 3.0);
                    }
                }
                None => canvas.rect("undue", 0.5, bar + 0.5, WIDTH - 1.0, THICK - 1.0, 3.0),
            }
        });
        let height = self.ends_height();
        if height == 0.0 {
            return;
        }
        let below = bar + THICK;
        canvas.line("belongs", (2.5, below + 6.0), (2.5, below + height));
        let stopped = text::fit(&self.stopped, SMALL, WIDTH - INDENT);
        canvas.text("note", INDENT, below + LINE, Anchor::Start, &stopped);
        self.draw_bar(canvas, below + LINE + 4.0);
        let first_line = below + LINE + 4.0 + THIN;
        let mut last = 0;
        for (end, (line, x)) in self.parts().zip(self.keys()) {
            let base = first_line + LINE * (line + 1) as f64 - 2.0;
            canvas.rect(end.kind.class(), x, base - 8.5, 8.0, 8.0, 1.5);
            let text = text::fit(&end.text, SMALL, WIDTH - x - KEY);
            canvas.text("end", x + KEY, base, Anchor::Start, &text);
            last = line + 1;
        }
        let first_line = first_line + LINE * last as f64;
        for (part, (line, x)) in self.led_to.iter().zip(self.led_to_places()) {
            let base = first_line + LINE * (line + 1) as f64 - 2.0;
            let part = text::fit(part, SMALL, WIDTH - x);
            canvas.text("note", x, base, Anchor::Start, &part);
        }
    }

    /// All parts side by side; together they are as long as the bar is wide.
    fn draw_bar(&self, canvas: &mut Canvas, top: f64) {
        let whole: f64 = self.parts().map(|end| end.weight).sum();
        let width = WIDTH - INDENT;
        let mut before = 0.0;
        for end in self.parts() {
            let from = INDENT + width * (before / whole).clamp(0.0, 1.0);
            before += end.weight;
            let to = INDENT + width * (before / whole).clamp(0.0, 1.0);
            // A hair of paper keeps neighbours apart without their colours; slivers keep all they have.
            let gap = if to - from > 3.0 { 1.0 } else { 0.0 };
            // An outline lies inside, where there is an inside.
            let is_inset = end.kind.is_outlined() && to - from - gap >= 1.0;
            let inset = if is_inset { 0.5 } else { 0.0 };
            canvas.mark(&end.title, |canvas| {
                let width = to - from - gap - 2.0 * inset;
                let height = THIN - 2.0 * inset;
                canvas.rect(
                    end.kind.class(),
                    from + inset,
                    top + inset,
                    width,
                    height,
                    0.0,
                );
            });
        }
    }
}

/// Line and left edge of things side by side: as many in a line as fit.
fn lines(widths: impl Iterator<Item = f64>) -> Vec<(usize, f64)> {
    let (mut line, mut x) = (0, INDENT);
    widths
        .map(|width| {
            if x > INDENT && x + width > WIDTH {
                line += 1;
                x = INDENT;
            }
            let place = (line, x);
            x += width + APART;
            place
        })
        .collect()
}
