//! What in a line of a file may be a secret, so that no excerpt shows it: somebody who puts a password
//! into a file is told so, and the telling may end in a log.

/// What people call credentials, without its `_` and `-`.
const SECRETS: [&str; 9] = [
    "secret",
    "password",
    "passwd",
    "token",
    "accesskey",
    "accountkey",
    "apikey",
    "credential",
    "sastoken",
];

/// Whether a key is what people call credentials.
pub fn is_of_a_secret(key: &str) -> bool {
    let key = key.to_ascii_lowercase().replace(['-', '_'], "");
    SECRETS.iter().any(|word| key.contains(word))
}

/// The line with a `*` for every character of values of such keys, of what stands before the `@` of a
/// URL, and of what follows its `?`. It keeps its length: columns stay where they were.
pub(super) fn masked(line: &str) -> String {
    let mut characters: Vec<char> = line.chars().collect();
    mask_urls(&mut characters);
    mask_values(&mut characters);
    characters.into_iter().collect()
}

fn mask_urls(characters: &mut [char]) {
    let ends = |c: &char| c.is_whitespace() || matches!(c, '"' | '\'' | '}' | ']' | ',');
    let mut at = 0;
    while at + 3 <= characters.len() {
        if characters[at..at + 3] != [':', '/', '/'] {
            at += 1;
            continue;
        }
        let start = at + 3;
        let rest = &characters[start..];
        // A password may hold anything, a `/` or a comma too: the last `@` of the word counts.
        let word = start
            + rest
                .iter()
                .position(|c| c.is_whitespace())
                .unwrap_or(rest.len());
        if let Some(sign) = characters[start..word].iter().rposition(|c| *c == '@') {
            characters[start..start + sign].fill('*');
        }
        let rest = &characters[start..];
        let end = start + rest.iter().position(ends).unwrap_or(rest.len());
        if let Some(mark) = characters[start..end].iter().position(|c| *c == '?') {
            characters[start + mark + 1..end].fill('*');
        }
        at = end;
    }
}

fn mask_values(characters: &mut [char]) {
    let is_of_a_key = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-');
    let mut at = 0;
    while at < characters.len() {
        if !is_of_a_key(characters[at]) {
            at += 1;
            continue;
        }
        let start = at;
        while at < characters.len() && is_of_a_key(characters[at]) {
            at += 1;
        }
        let key: String = characters[start..at].iter().collect();
        let mut colon = at;
        while matches!(characters.get(colon), Some('"' | '\'' | ' ')) {
            colon += 1;
        }
        let is_key = characters.get(colon) == Some(&':') && characters.get(colon + 1) != Some(&':');
        if !is_key || !is_of_a_secret(&key) {
            continue;
        }
        let mut value = colon + 1;
        while characters.get(value) == Some(&' ') {
            value += 1;
        }
        let (first, end) = match characters.get(value) {
            Some(quote @ ('"' | '\'')) => {
                let rest = &characters[value + 1..];
                let closed = rest.iter().rposition(|c| c == quote);
                (value + 1, value + 1 + closed.unwrap_or(rest.len()))
            }
            _ => (value, characters.len()),
        };
        for c in &mut characters[first.min(end)..end] {
            if !matches!(c, '{' | '}' | ' ') {
                *c = '*';
            }
        }
        at = end;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_a_secret_is_not_shown_and_columns_stay() {
        let cases = [
            (
                "warehouse: s3://AK:pw1@bkt/w/",
                "warehouse: s3://******@bkt/w/",
            ),
            (
                "from: \"https://u:p/w,1@host/x\"  # note",
                "from: \"https://*******@host/x\"  # note",
            ),
            (
                "warehouse: s3://bkt/w/?sig=abc&x=1",
                "warehouse: s3://bkt/w/?***********",
            ),
            ("secret: sEcReT", "secret: ******"),
            (
                "  account-key: \"a: b, c\" # 1",
                "  account-key: \"** ** *\" # 1",
            ),
            (
                "  s3://b: {secret_access_key: aB+/=, endpoint: \"http://u:p@h:1\"}",
                "  s3://b: {secret_access_key: ****** ********* ****************}",
            ),
            ("{region: x, apiKey: 'k'}", "{region: x, apiKey: '*'}"),
            ("select token::int, a from t", "select token::int, a from t"),
            (
                "time: {field: ts, format: iso}",
                "time: {field: ts, format: iso}",
            ),
        ];
        for (line, expected) in cases {
            assert_eq!(masked(line), expected);
            assert_eq!(masked(line).chars().count(), line.chars().count());
        }
    }
}
