//! Our words for the YAML parser's errors, whose own do not tell a person what to do.

const INDENTATION: &str = "indent the keys of one mapping equally, with a blank after each `:`";
const QUOTES: &str =
    "put texts that hold `: ` or ` #`, or begin with one of `{ [ * & ! % @ | > '`, in quotes";
const KEY_OR_TEXT: &str = "if it ends a key, indent the key like those around it; if it is part of a text, put the text in quotes";
const INDENTATION_OR_BRACE: &str =
    "indent the keys of one mapping equally; a text that begins with `{` or `[` needs quotes";
const CLOSE_QUOTE: &str = "close the quoted text with the quote it began with";
const REMOVE_TAG: &str = "remove it; if a text that begins with `!` is meant, put it in quotes";

/// A part of the parser's message, what it means, how to mend it. The first that fits counts.
const WORDS: [(&str, &str, &str); 23] = [
    (
        "start with a tab",
        "a text below `|` or `>` begins with a tab",
        "indent it with blanks: YAML takes no tabs for that",
    ),
    (
        "mapping values are not allowed",
        "a `:` stands where no key can be",
        KEY_OR_TEXT,
    ),
    (
        "simple key",
        "a line is neither a key with a `:` nor part of the value above",
        INDENTATION,
    ),
    (
        "did not find expected key",
        "a line does not fit the mapping it stands in",
        INDENTATION_OR_BRACE,
    ),
    (
        "did not find expected '-'",
        "a line does not fit the list it stands in",
        "begin each item with `- `, all equally indented",
    ),
    (
        "expected ',' or '}'",
        "a `{` is not closed",
        "close it with `}` and part its entries by `,`; a text that begins with `{` needs quotes",
    ),
    (
        "expected ',' or ']'",
        "a `[` is not closed",
        "close it with `]` and part its items by `,`; a text that begins with `[` needs quotes",
    ),
    (
        "found unexpected end of stream",
        "a quote is not closed",
        CLOSE_QUOTE,
    ),
    (
        "indentation in quoted scalar",
        "a quote is not closed",
        CLOSE_QUOTE,
    ),
    (
        "trailing content after",
        "something follows a quoted text",
        "quote the whole value, or use the other kind of quote outside",
    ),
    (
        "unknown escape",
        "an unknown escape stands in double quotes",
        "use single quotes: in them `\\` is an ordinary character",
    ),
    (
        "unknown anchor",
        "an alias (`*name`) is not read here",
        "write the value out; if a text that begins with `*` is meant, put it in quotes",
    ),
    ("anchor or alias", "a value begins with `*` or `&`", QUOTES),
    (
        "unexpected character",
        "a value begins with a character that YAML keeps for itself",
        QUOTES,
    ),
    (
        "scanning a tag",
        "a tag (`!name`) is not read here",
        REMOVE_TAG,
    ),
    (
        "parsing a tag",
        "a tag (`!name`) is not read here",
        REMOVE_TAG,
    ),
    (
        "handle wasn't declared",
        "a tag (`!name`) is not read here",
        REMOVE_TAG,
    ),
    ("directive", "a line begins with `%`", QUOTES),
    (
        "flow construct",
        "a `{` or `[` is not closed",
        "close it, or put a text that begins with it in quotes",
    ),
    (
        "misplaced bracket",
        "a `}` or `]` stands where none was opened",
        "remove it, or put the text in quotes",
    ),
    ("unprintable", "an unprintable character", "remove it"),
    (
        "recursion limit",
        "brackets are nested too deep",
        "look for brackets that are not closed",
    ),
    (
        "document",
        "a second document, or text behind `...`",
        "keep one document per file: remove the `---` and `...` lines",
    ),
];

/// What an error of the parser means, and how to mend it.
pub fn words(info: &str) -> (&str, &'static str) {
    WORDS
        .iter()
        .find(|(part, ..)| info.contains(part))
        .map_or((info, INDENTATION), |(_, cause, mend)| (cause, mend))
}
