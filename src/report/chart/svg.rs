//! Writes SVG elements; the only place that makes an [`Svg`], and it escapes everything.

use std::fmt::Write;

/// A finished picture. Only this module can make one, which is why a template may print it unescaped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Svg(String);

impl Svg {
    /// The markup.
    pub fn markup(&self) -> &str {
        &self.0
    }
}

/// Where a text is anchored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Anchor {
    /// Left edge.
    Start,
    /// Middle.
    Middle,
    /// Right edge.
    End,
}

/// A picture being drawn. Lengths are in user units, one of them a pixel on a phone.
#[derive(Debug)]
pub struct Canvas {
    out: String,
}

impl Canvas {
    /// An empty picture; `class` is of the style sheet.
    pub fn new(class: &str, width: f64, height: f64, title: &str, description: &str) -> Self {
        let mut out = format!(
            "<svg class=\"{}\" viewBox=\"0 0 {} {}\" role=\"img\" xmlns=\"http://www.w3.org/2000/svg\">",
            escape(class),
            length(width),
            length(height)
        );
        let _ = write!(
            out,
            "<title>{}</title><desc>{}</desc>",
            escape(title),
            escape(description)
        );
        Self { out }
    }

    /// A rectangle with round corners.
    pub fn rect(&mut self, class: &str, x: f64, y: f64, width: f64, height: f64, round: f64) {
        let _ = write!(
            self.out,
            "<rect class=\"{}\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" rx=\"{}\"/>",
            escape(class),
            length(x),
            length(y),
            length(width.max(0.0)),
            length(height),
            length(round)
        );
    }

    /// A filled shape with straight edges.
    pub fn polygon(&mut self, class: &str, points: &[(f64, f64)]) {
        let _ = write!(
            self.out,
            "<polygon class=\"{}\" points=\"{}\"/>",
            escape(class),
            joined(points)
        );
    }

    /// A line through points.
    pub fn polyline(&mut self, class: &str, points: &[(f64, f64)]) {
        let _ = write!(
            self.out,
            "<polyline class=\"{}\" points=\"{}\"/>",
            escape(class),
            joined(points)
        );
    }

    /// A straight line between two points.
    pub fn line(&mut self, class: &str, from: (f64, f64), to: (f64, f64)) {
        let _ = write!(
            self.out,
            "<line class=\"{}\" x1=\"{}\" y1=\"{}\" x2=\"{}\" y2=\"{}\"/>",
            escape(class),
            length(from.0),
            length(from.1),
            length(to.0),
            length(to.1)
        );
    }

    /// Many straight lines as one element.
    pub fn lines(&mut self, class: &str, lines: &[[(f64, f64); 2]]) {
        let strokes: String = lines
            .iter()
            .map(|[from, to]| {
                let (x0, y0, x1, y1) = (length(from.0), length(from.1), length(to.0), length(to.1));
                format!("M{x0},{y0}L{x1},{y1}")
            })
            .collect();
        let _ = write!(
            self.out,
            "<path class=\"{}\" d=\"{strokes}\"/>",
            escape(class)
        );
    }

    /// A band of even thickness that leaves `from` and reaches `to` level, both being its upper corners.
    pub fn band(&mut self, class: &str, from: (f64, f64), to: (f64, f64), thickness: f64) {
        let (x0, top, x1, end) = (length(from.0), length(from.1), length(to.0), length(to.1));
        let middle = length((from.0 + to.0) / 2.0);
        let (low, low_end) = (length(from.1 + thickness), length(to.1 + thickness));
        let _ = write!(
            self.out,
            "<path class=\"{}\" d=\"M{x0},{top}C{middle},{top} {middle},{end} {x1},{end}V{low_end}\
             C{middle},{low_end} {middle},{low} {x0},{low}Z\"/>",
            escape(class),
        );
    }

    /// A dot.
    pub fn circle(&mut self, class: &str, x: f64, y: f64, radius: f64) {
        let _ = write!(
            self.out,
            "<circle class=\"{}\" cx=\"{}\" cy=\"{}\" r=\"{}\"/>",
            escape(class),
            length(x),
            length(y),
            length(radius)
        );
    }

    /// A text on its baseline.
    pub fn text(&mut self, class: &str, x: f64, y: f64, anchor: Anchor, text: &str) {
        let anchor = match anchor {
            Anchor::Start => "",
            Anchor::Middle => " text-anchor=\"middle\"",
            Anchor::End => " text-anchor=\"end\"",
        };
        let _ = write!(
            self.out,
            "<text class=\"{}\" x=\"{}\" y=\"{}\"{anchor}>{}</text>",
            escape(class),
            length(x),
            length(y),
            escape(text)
        );
    }

    /// A mark with its own title, which browsers show as a tooltip.
    pub fn mark(&mut self, title: &str, draw: impl FnOnce(&mut Self)) {
        let _ = write!(self.out, "<g><title>{}</title>", escape(title));
        draw(self);
        self.out.push_str("</g>");
    }

    /// Done.
    pub fn finish(mut self) -> Svg {
        self.out.push_str("</svg>");
        Svg(self.out)
    }
}

/// At most two decimals, the same text for the same number on any machine; anything not finite is 0.
fn length(value: f64) -> String {
    if !value.is_finite() {
        return "0".to_owned();
    }
    let text = format!("{value:.2}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" {
        "0".to_owned()
    } else {
        text.to_owned()
    }
}

fn joined(points: &[(f64, f64)]) -> String {
    let points: Vec<String> = points
        .iter()
        .map(|(x, y)| format!("{},{}", length(*x), length(*y)))
        .collect();
    points.join(" ")
}

fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c if c.is_control() => {}
            c => out.push(c),
        }
    }
    out
}
