//! Flows from column to column (Sankey): a node's height is what runs through it, a band's thickness
//! what flows. Every label has a place of its own, whatever its node's height.

use super::order::{Link, order};
use super::svg::{Anchor, Canvas, Svg};
use super::text;

/// What a node stands for; the later ones stand below.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum NodeKind {
    /// One thing.
    Plain,
    /// Small ones, taken together.
    Other,
    /// The end.
    Exit,
}

/// A node, texts as written.
#[derive(Debug, Clone, PartialEq)]
pub struct FlowNode {
    /// Name.
    pub name: String,
    /// How much, below the name.
    pub note: String,
    /// What it stands for.
    pub kind: NodeKind,
    /// Tooltip.
    pub title: String,
}

/// A flow between two neighbouring columns, by the places of its nodes.
#[derive(Debug, Clone, PartialEq)]
pub struct FlowLink {
    /// Node of the left column.
    pub from: usize,
    /// Node of the right column.
    pub to: usize,
    /// How much.
    pub value: f64,
    /// Tooltip.
    pub title: String,
}

/// Columns from the left.
#[derive(Debug, Clone, PartialEq)]
pub struct Flow {
    /// What it shows.
    pub title: String,
    /// In words.
    pub description: String,
    /// What the first and the last column hold.
    pub heads: (String, String),
    /// Nodes of each column.
    pub columns: Vec<Vec<FlowNode>>,
    /// `links[k]` join columns k and k + 1.
    pub links: Vec<Vec<FlowLink>>,
}

const WIDTH: f64 = 340.0;
/// The columns' heads.
const HEAD: f64 = 22.0;
/// Height of the fullest column's nodes together.
const SPAN: f64 = 220.0;
/// A label of two lines.
const LABEL: f64 = 30.0;
const GAP: f64 = 6.0;
const NODE: f64 = 7.0;
const LEAST_NODE: f64 = 2.0;
const NAME: f64 = 12.0;
const NOTE: f64 = 11.0;
const WIDEST_LABEL: f64 = 98.0;
/// Between a node and its label.
const BESIDE: f64 = 6.0;

/// Where a node is drawn.
#[derive(Debug, Clone, Copy, Default)]
struct Place {
    x: f64,
    top: f64,
    height: f64,
    /// Where the next band leaves and arrives.
    leaving: f64,
    arriving: f64,
}

impl Flow {
    /// Draws it.
    pub fn draw(&self) -> Svg {
        let mut places = self.places();
        let bottom = places
            .iter()
            .flatten()
            .map(|place| (place.top + place.height).max(middle(place) + LABEL / 2.0))
            .fold(HEAD + LABEL, f64::max);
        let mut canvas = Canvas::new("flow", WIDTH, bottom + 2.0, &self.title, &self.description);
        let (from, to) = &self.heads;
        canvas.text(
            "note",
            0.0,
            12.0,
            Anchor::Start,
            &text::fit(from, NAME, WIDTH / 2.0 - 6.0),
        );
        canvas.text(
            "note",
            WIDTH,
            12.0,
            Anchor::End,
            &text::fit(to, NAME, WIDTH / 2.0 - 6.0),
        );
        self.draw_links(&mut canvas, &mut places);
        self.draw_nodes(&mut canvas, &places);
        canvas.finish()
    }

    /// What runs through each node: the larger of what arrives and what leaves.
    fn values(&self) -> Vec<Vec<f64>> {
        let mut sums: Vec<Vec<(f64, f64)>> = self
            .columns
            .iter()
            .map(|nodes| vec![(0.0, 0.0); nodes.len()])
            .collect();
        for (at, links) in self.links.iter().enumerate() {
            for link in links.iter().filter(|link| link.is_something()) {
                if let Some(sum) = sums.get_mut(at).and_then(|nodes| nodes.get_mut(link.from)) {
                    sum.0 += link.value;
                }
                if let Some(sum) = sums
                    .get_mut(at + 1)
                    .and_then(|nodes| nodes.get_mut(link.to))
                {
                    sum.1 += link.value;
                }
            }
        }
        sums.iter()
            .map(|nodes| nodes.iter().map(|(out, inward)| out.max(*inward)).collect())
            .collect()
    }

    /// How many units of height one unit of flow takes.
    fn scale(&self, values: &[Vec<f64>]) -> f64 {
        let fullest = values
            .iter()
            .map(|nodes| nodes.iter().sum::<f64>())
            .fold(0.0, f64::max);
        if fullest > 0.0 { SPAN / fullest } else { 0.0 }
    }

    fn places(&self) -> Vec<Vec<Place>> {
        let values = self.values();
        let scale = self.scale(&values);
        let ranked: Vec<Vec<(u8, f64)>> = self
            .columns
            .iter()
            .zip(&values)
            .map(|(nodes, values)| {
                nodes
                    .iter()
                    .zip(values)
                    .map(|(node, value)| (node.kind as u8, *value))
                    .collect()
            })
            .collect();
        let links: Vec<Vec<Link>> = self
            .links
            .iter()
            .map(|links| {
                links
                    .iter()
                    .map(|link| Link {
                        from: link.from,
                        to: link.to,
                        value: link.value,
                    })
                    .collect()
            })
            .collect();
        let mut places: Vec<Vec<Place>> = self
            .columns
            .iter()
            .map(|nodes| vec![Place::default(); nodes.len()])
            .collect();
        for (at, order) in order(&ranked, &links).iter().enumerate() {
            let mut top = HEAD;
            for node in order {
                let value = values.get(at).and_then(|values| values.get(*node));
                let height = (value.copied().unwrap_or(0.0) * scale).max(LEAST_NODE);
                // A low node stands in the middle of the room that its label takes.
                let room = height.max(LABEL);
                if let Some(place) = places.get_mut(at).and_then(|nodes| nodes.get_mut(*node)) {
                    let top = top + (room - height) / 2.0;
                    *place = Place {
                        x: self.across(at),
                        top,
                        height,
                        leaving: top,
                        arriving: top,
                    };
                }
                top += room + GAP;
            }
        }
        places
    }

    /// Left edge of a column's nodes.
    fn across(&self, at: usize) -> f64 {
        let widest = |nodes: Option<&Vec<FlowNode>>| {
            nodes
                .into_iter()
                .flatten()
                .map(|node| text::width(&node.name, NAME).max(text::width(&node.note, NOTE)))
                .fold(0.0, f64::max)
                .min(WIDEST_LABEL)
                + BESIDE
        };
        let left = widest(self.columns.first());
        let right = WIDTH - NODE - widest(self.columns.last());
        let steps = self.columns.len().max(2) - 1;
        left + (right - left) * at as f64 / steps as f64
    }

    /// Bands, each node's in the order in which the nodes at their other ends stand.
    fn draw_links(&self, canvas: &mut Canvas, places: &mut [Vec<Place>]) {
        let values = self.values();
        let scale = self.scale(&values);
        for (at, links) in self.links.iter().enumerate() {
            let top = |places: &[Vec<Place>], at: usize, node: usize| {
                places
                    .get(at)
                    .and_then(|nodes| nodes.get(node))
                    .map_or(0.0, |place| place.top)
            };
            let mut sorted: Vec<&FlowLink> =
                links.iter().filter(|link| link.is_something()).collect();
            sorted.sort_by(|a, b| {
                top(places, at, a.from)
                    .total_cmp(&top(places, at, b.from))
                    .then(top(places, at + 1, a.to).total_cmp(&top(places, at + 1, b.to)))
            });
            for link in sorted {
                let thickness = link.value * scale;
                let kind = |at: usize, node: usize| {
                    self.columns
                        .get(at)
                        .and_then(|nodes| nodes.get(node))
                        .map(|node| node.kind)
                };
                let class = match kind(at + 1, link.to) {
                    Some(NodeKind::Exit) => "band-exit",
                    Some(NodeKind::Other) => "band-other",
                    _ => "band",
                };
                let Some(from) = places
                    .get_mut(at)
                    .and_then(|nodes| nodes.get_mut(link.from))
                else {
                    continue;
                };
                let start = (from.x + NODE, from.leaving);
                from.leaving += thickness;
                let Some(to) = places
                    .get_mut(at + 1)
                    .and_then(|nodes| nodes.get_mut(link.to))
                else {
                    continue;
                };
                let end = (to.x, to.arriving);
                to.arriving += thickness;
                canvas.mark(&link.title, |canvas| {
                    // A band that is thinner than a hair is still seen.
                    canvas.band(class, start, end, thickness.max(0.4));
                });
            }
        }
    }

    fn draw_nodes(&self, canvas: &mut Canvas, places: &[Vec<Place>]) {
        let last = self.columns.len().saturating_sub(1);
        for (at, (nodes, places)) in self.columns.iter().zip(places).enumerate() {
            for (node, place) in nodes.iter().zip(places) {
                let class = match node.kind {
                    NodeKind::Plain => "node",
                    NodeKind::Other => "node-other",
                    NodeKind::Exit => "node-exit",
                };
                canvas.mark(&node.title, |canvas| {
                    canvas.rect(class, place.x, place.top, NODE, place.height, 1.5);
                    let (x, anchor) = match at {
                        0 => (place.x - BESIDE, Anchor::End),
                        _ => (place.x + NODE + BESIDE, Anchor::Start),
                    };
                    // Labels between two columns lie over the bands, on paper of their own.
                    let over = if at > 0 && at < last { " over" } else { "" };
                    let limit = match over {
                        "" => WIDEST_LABEL,
                        _ => self.across(at + 1) - place.x - NODE - 2.0 * BESIDE,
                    };
                    let name = text::fit(&node.name, NAME, limit);
                    let note = text::fit(&node.note, NOTE, limit);
                    let middle = middle(place);
                    canvas.text(&format!("node-name{over}"), x, middle - 2.5, anchor, &name);
                    canvas.text(&format!("tick{over}"), x, middle + 11.0, anchor, &note);
                });
            }
        }
    }
}

impl FlowLink {
    fn is_something(&self) -> bool {
        self.value.is_finite() && self.value > 0.0
    }
}

fn middle(place: &Place) -> f64 {
    place.top + place.height / 2.0
}
