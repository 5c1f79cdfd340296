//! Reads a picture back: where its marks and texts lie.

use crate::report::chart::Svg;
use crate::report::chart::text;

/// A box: left, top, right, bottom.
pub type Area = (f64, f64, f64, f64);

/// What a picture holds.
#[derive(Debug, Default)]
pub struct Marks {
    pub width: f64,
    pub height: f64,
    /// Class and box of each rectangle.
    pub rects: Vec<(String, Area)>,
    /// Class, text and box of each text, as wide as it may be in any font.
    pub texts: Vec<(String, String, Area)>,
    /// Everything else that is drawn, by its points.
    pub points: Vec<(f64, f64)>,
    /// Thickness of each band at both ends.
    pub bands: Vec<(String, f64, f64)>,
}

/// Font size of a text's class, as `page.css` has it.
fn size(class: &str) -> f64 {
    match class.split(' ').next().unwrap() {
        "name" | "value" => 13.0,
        "note" | "end" | "node-name" | "lost" | "passage" => 12.0,
        "tick" | "rank" => 11.0,
        other => panic!("text class {other}"),
    }
}

fn attribute<'a>(tag: &'a str, name: &str) -> Option<&'a str> {
    let from = tag.find(&format!(" {name}=\""))? + name.len() + 3;
    Some(&tag[from..from + tag[from..].find('"')?])
}

fn number(tag: &str, name: &str) -> f64 {
    attribute(tag, name).unwrap().parse().unwrap()
}

fn unescape(text: &str) -> String {
    text.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&#39;", "'")
        .replace("&amp;", "&")
}

impl Marks {
    pub fn of(svg: &Svg) -> Self {
        let markup = svg.markup();
        assert!(
            !markup.contains("NaN") && !markup.contains("inf"),
            "{markup}"
        );
        let mut marks = Self::default();
        for piece in markup.split('<').skip(1) {
            let (tag, content) = piece.split_once('>').unwrap();
            let class = || attribute(tag, "class").unwrap().to_owned();
            match tag.split(' ').next().unwrap().trim_end_matches('/') {
                "svg" => {
                    let view = attribute(tag, "viewBox").unwrap();
                    let view: Vec<f64> = view.split(' ').map(|n| n.parse().unwrap()).collect();
                    (marks.width, marks.height) = (view[2], view[3]);
                }
                "rect" => {
                    let (x, y) = (number(tag, "x"), number(tag, "y"));
                    let area = (x, y, x + number(tag, "width"), y + number(tag, "height"));
                    marks.rects.push((class(), area));
                }
                "text" => {
                    let (class, said) = (class(), unescape(content));
                    let (size, x, y) = (size(&class), number(tag, "x"), number(tag, "y"));
                    let width = text::width(&said, size);
                    let left = match attribute(tag, "text-anchor") {
                        None => x,
                        Some("middle") => x - width / 2.0,
                        Some(_) => x - width,
                    };
                    let area = (left, y - 0.8 * size, left + width, y + 0.2 * size);
                    if !said.is_empty() {
                        marks.texts.push((class, said, area));
                    }
                }
                "circle" => {
                    let (x, y, r) = (number(tag, "cx"), number(tag, "cy"), number(tag, "r"));
                    marks.points.extend([(x - r, y - r), (x + r, y + r)]);
                }
                "line" => marks.points.extend([
                    (number(tag, "x1"), number(tag, "y1")),
                    (number(tag, "x2"), number(tag, "y2")),
                ]),
                "polygon" | "polyline" => {
                    let points = attribute(tag, "points").unwrap();
                    marks.points.extend(points.split_whitespace().map(|point| {
                        let (x, y) = point.split_once(',').unwrap();
                        (x.parse::<f64>().unwrap(), y.parse::<f64>().unwrap())
                    }));
                }
                "path" => {
                    let path = attribute(tag, "d").unwrap();
                    let n: Vec<f64> = path
                        .split(|c: char| c.is_ascii_alphabetic() || " ,".contains(c))
                        .filter(|part| !part.is_empty())
                        .map(|part| part.parse().unwrap())
                        .collect();
                    if !path.contains('C') {
                        // M x,y L x,y for each of many lines
                        marks
                            .points
                            .extend(n.chunks(2).map(|point| (point[0], point[1])));
                        continue;
                    }
                    // M x0,top C m,top m,end x1,end V low_end C m,low_end m,low x0,low Z
                    marks
                        .points
                        .extend([(n[0], n[1]), (n[6], n[7]), (n[6], n[8]), (n[13], n[14])]);
                    marks.bands.push((class(), n[14] - n[1], n[8] - n[7]));
                }
                _ => {}
            }
        }
        marks
    }

    /// Everything lies in the picture, and no text lies over another.
    #[track_caller]
    pub fn assert_tidy(&self) {
        let inside = |(left, top, right, bottom): Area| {
            left >= -0.02
                && top >= -0.02
                && right <= self.width + 0.02
                && bottom <= self.height + 0.02
        };
        for (class, area) in &self.rects {
            assert!(
                inside(*area),
                "{class} {area:?} in {} × {}",
                self.width,
                self.height
            );
        }
        for (x, y) in &self.points {
            assert!(
                inside((*x, *y, *x, *y)),
                "{x}, {y} in {} × {}",
                self.width,
                self.height
            );
        }
        for (at, (class, said, area)) in self.texts.iter().enumerate() {
            assert!(
                inside(*area),
                "{class} {said:?} {area:?} in {} × {}",
                self.width,
                self.height
            );
            for (_, other, b) in &self.texts[at + 1..] {
                let apart = area.2 <= b.0 + 0.02
                    || b.2 <= area.0 + 0.02
                    || area.3 <= b.1 + 0.02
                    || b.3 <= area.1 + 0.02;
                assert!(apart, "{said:?} {area:?} lies over {other:?} {b:?}");
            }
        }
    }

    /// Rectangles of a class.
    pub fn of_class(&self, class: &str) -> Vec<Area> {
        let found = self.rects.iter().filter(|(other, _)| other == class);
        found.map(|(_, area)| *area).collect()
    }
}
