//! Foreign text becomes Markdown in which nothing acts: no mention, reference, link, image, HTML,
//! quick action, and no way out of a table, code span or fence.

/// An invisible break (zero-width space) that keeps forges from recognising what it splits.
const BREAK: char = '\u{200b}';

/// Characters that begin a mention or reference on one of the forges (`@user`, `#1`, `!1`,
/// `&epic`, `%milestone`, `~label`, `$snippet`, `^alert`, `[vulnerability:1]`).
const SIGILS: &[char] = &['@', '#', '!', '&', '%', '~', '$', '^', '['];

/// Text for running prose and table cells, on one line, every character shown as it is.
#[must_use]
pub(crate) fn prose(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + text.len() / 4);
    write_prose(&mut out, &one_line(text), true);
    out
}

/// A sentence of our own that may quote foreign text: `code spans` in it stay code spans.
#[must_use]
pub(crate) fn words(text: &str) -> String {
    with_spans(text, code)
}

/// The same for a table's cell.
#[must_use]
pub(crate) fn cell_words(text: &str) -> String {
    with_spans(text, cell_code)
}

fn with_spans(text: &str, span: impl Fn(&str) -> String) -> String {
    let text = one_line(text);
    let mut out = String::with_capacity(text.len() + text.len() / 4);
    let mut rest = text.as_str();
    while let Some((before, after)) = rest.split_once('`') {
        let Some((inside, left)) = after.split_once('`') else { break };
        if inside.trim().is_empty() {
            // Two or more backticks in a row are no span that we would write.
            write_prose(&mut out, before, rest.len() == text.len());
            out.push_str("\\`");
            rest = after;
        } else {
            write_prose(&mut out, before, rest.len() == text.len());
            out.push_str(&span(inside));
            rest = left;
        }
    }
    write_prose(&mut out, rest, rest.len() == text.len());
    out
}

/// A code span that shows `text`, whatever it holds; outside of tables.
#[must_use]
pub(crate) fn code(text: &str) -> String {
    let text = one_line(text);
    let text = text.trim();
    if text.is_empty() {
        return "–".to_owned();
    }
    let fence = "`".repeat(longest_run(text, '`') + 1);
    let pad = if text.starts_with('`') || text.ends_with('`') { " " } else { "" };
    format!("{fence}{pad}{text}{pad}{fence}")
}

/// A code span in a table's cell; prose where a character has another meaning in tables.
#[must_use]
pub(crate) fn cell_code(text: &str) -> String {
    if text.contains(['|', '\\', '`']) { prose(text) } else { code(text) }
}

/// A fenced block that shows `text` line by line, longer than any run of backticks inside.
#[must_use]
pub(crate) fn fence(text: &str) -> String {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    // Before anything is counted: what is left out may have stood between two runs of backticks.
    let text: String = text.chars().filter(|c| shown(*c) || matches!(c, '\t' | '\n')).collect();
    let fence = "`".repeat(longest_run(&text, '`').max(2) + 1);
    let mut out = format!("{fence}text\n");
    for line in text.trim_end_matches('\n').split('\n') {
        // GitLab looks for quick actions before it looks for fences.
        if line.trim_start().starts_with('/') {
            out.push(' ');
        }
        out.push_str(line);
        out.push('\n');
    }
    out.push_str(&fence);
    out
}

fn write_prose(out: &mut String, text: &str, starts: bool) {
    let mut chars = text.char_indices().peekable();
    let mut number = starts;
    while let Some((at, c)) = chars.next() {
        let next = chars.peek().map(|(_, next)| *next);
        let first = starts && at == 0;
        match c {
            // What begins a block, or a quick action, at the start of a line.
            '+' | '-' | '=' | ':' | '/' if first => out.extend(['\\', c]),
            // `1.` and `1)` begin a list.
            '.' | ')' if number && next.is_none_or(char::is_whitespace) => out.extend(['\\', c]),
            // Bare addresses become links, and a link to an issue is a reference.
            ':' if text.get(at..).is_some_and(|rest| rest.starts_with("://")) => out.extend([':', BREAK]),
            '.' if text.get(..at).is_some_and(ends_with_www) => out.extend([BREAK, '.']),
            // `GH-12` is a reference.
            '-' if text.get(..at).is_some_and(ends_with_gh) => out.extend([BREAK, '-']),
            '\\' | '`' | '*' | '_' | '{' | '}' | ']' | '<' | '>' | '|' => out.extend(['\\', c]),
            _ if SIGILS.contains(&c) => {
                out.extend(['\\', c]);
                if next.is_some_and(|next| !next.is_whitespace()) {
                    out.push(BREAK);
                }
            }
            _ => out.push(c),
        }
        number = number && c.is_ascii_digit();
    }
}

fn ends_with_www(before: &str) -> bool {
    before.get(before.len().saturating_sub(3)..).is_some_and(|end| end.eq_ignore_ascii_case("www"))
}

fn ends_with_gh(before: &str) -> bool {
    before.get(before.len().saturating_sub(2)..).is_some_and(|end| end.eq_ignore_ascii_case("gh"))
}

/// White space of any kind becomes one space; characters that only steer are left out.
fn one_line(text: &str) -> String {
    let spaced: String =
        text.chars().map(|c| if c.is_whitespace() { ' ' } else { c }).filter(|c| shown(*c)).collect();
    spaced.split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

/// Whether a character shows something: control characters and those that turn the direction of
/// writing round would let text look like other text.
fn shown(c: char) -> bool {
    !c.is_control()
        && !matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

fn longest_run(text: &str, wanted: char) -> usize {
    let mut longest = 0;
    let mut run = 0;
    for c in text.chars() {
        run = if c == wanted { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    longest
}

#[cfg(test)]
mod tests;
