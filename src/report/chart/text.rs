//! How wide a text is, near enough to place it: the reader's font is not known here, so widths err on
//! the wide side.

/// Width in user units at a font size; a Chinese character is one em.
pub fn width(text: &str, size: f64) -> f64 {
    text.chars().map(em).sum::<f64>() * size
}

/// The text, cut with an ellipsis so that it is at most `limit` wide.
pub fn fit(text: &str, size: f64, limit: f64) -> String {
    if width(text, size) <= limit {
        return text.to_owned();
    }
    let mut out = String::new();
    let mut used = size;
    for c in text.chars() {
        used += em(c) * size;
        if used > limit {
            break;
        }
        out.push(c);
    }
    out.push('…');
    out
}

fn em(c: char) -> f64 {
    match c {
        ' ' | '.' | ',' | ':' | ';' | '\'' | '|' | 'i' | 'j' | 'l' | '(' | ')' | '·' => 0.31,
        'm' | 'w' | 'M' | 'W' | '%' | '@' => 0.9,
        'A'..='Z' | '&' | '+' | '−' => 0.7,
        '0'..='9' => 0.6,
        c if c.is_ascii() => 0.57,
        '\u{00a0}'..='\u{10ff}' => 0.65,
        // CJK, full-width forms, symbols, emoji.
        _ => 1.0,
    }
}
