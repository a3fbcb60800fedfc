//! Job logs as people would read them: no terminal codes, no section markers, no overwritten text.

/// The end of a raw job log as plain text of at most `limit` bytes, cut at a line where possible.
pub(crate) fn plain_tail(raw: &[u8], limit: usize) -> String {
    let text = String::from_utf8_lossy(raw);
    let mut lines: Vec<String> = Vec::new();
    for line in text.split('\n') {
        let (line, continues) = without_stamp(line);
        let visible = visible(line);
        match lines.last_mut() {
            Some(before) if continues => before.push_str(&visible),
            _ => lines.push(visible),
        }
    }
    let whole = lines.join("\n");
    tail(whole.trim_end(), limit).to_owned()
}

/// The last `limit` bytes, not beginning inside a character, and at a line's start if there is one.
fn tail(text: &str, limit: usize) -> &str {
    let Some(mut start) = text.len().checked_sub(limit).filter(|start| *start > 0) else { return text };
    while !text.is_char_boundary(start) {
        start += 1;
    }
    let end = text.get(start..).unwrap_or_default();
    let cut_inside_a_line = !text.get(..start).unwrap_or_default().ends_with('\n');
    match end.split_once('\n') {
        Some((_, rest)) if cut_inside_a_line && !rest.is_empty() => rest,
        _ => end,
    }
}

/// Newer runners begin each line with `2024-05-22T12:43:46.962646Z 00O `; a `+` instead of the last
/// blank says that the line goes on from the one before.
fn without_stamp(line: &str) -> (&str, bool) {
    let stamped = || {
        let (stamp, rest) = line.split_at_checked(27)?;
        let digits =
            |at: std::ops::Range<usize>| stamp.get(at)?.bytes().all(|b| b.is_ascii_digit()).then_some(());
        digits(0..4)?;
        digits(20..26)?;
        let marks = stamp.get(10..11) == Some("T") && stamp.ends_with('Z');
        let stream = rest.get(..4)?.as_bytes();
        match (marks, stream) {
            (true, [b' ', high, low, b'O' | b'E']) if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
            }
            _ => return None,
        }
        match rest.as_bytes().get(4) {
            Some(b'+') => Some((rest.get(5..)?, true)),
            Some(b' ') => Some((rest.get(5..)?, false)),
            None => Some(("", false)),
            Some(_) => None,
        }
    };
    stamped().unwrap_or((line, false))
}

/// What stays on the screen of one line: the last text after a carriage return, without codes.
fn visible(line: &str) -> String {
    let clean = without_codes(line.strip_suffix('\r').unwrap_or(line));
    clean
        .split('\r')
        .rfind(|part| !part.is_empty() && !is_section_marker(part))
        .unwrap_or_default()
        .chars()
        .filter(|c| !c.is_control() || *c == '\t')
        .collect()
}

/// `section_start:1560896352:name[collapsed=true]`
fn is_section_marker(part: &str) -> bool {
    let mut fields = part.splitn(3, ':');
    matches!(fields.next(), Some("section_start" | "section_end"))
        && fields.next().is_some_and(|time| !time.is_empty() && time.bytes().all(|b| b.is_ascii_digit()))
        && fields.next().is_some()
}

/// Takes out ANSI escape sequences: colours and cursor moves, titles and links, two-letter codes.
fn without_codes(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(c) = characters.next() {
        if c != '\u{1b}' && c != '\u{9b}' {
            clean.push(c);
            continue;
        }
        let introducer = if c == '\u{9b}' { Some('[') } else { characters.next() };
        match introducer {
            Some('[') => while characters.next().is_some_and(|c| !('\u{40}'..='\u{7e}').contains(&c)) {},
            Some(']' | 'P' | 'X' | '^' | '_') => {
                while let Some(c) = characters.next() {
                    if c == '\u{7}' {
                        break;
                    }
                    if c == '\u{1b}' {
                        characters.next_if_eq(&'\\');
                        break;
                    }
                }
            }
            Some('\u{20}'..='\u{2f}') => {
                while characters.next().is_some_and(|c| ('\u{20}'..='\u{2f}').contains(&c)) {}
            }
            _ => {}
        }
    }
    clean
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(raw: &str) -> String {
        plain_tail(raw.as_bytes(), 1000)
    }

    #[test]
    fn colours_titles_and_links_disappear() {
        assert_eq!(plain("\u{1b}[31;1mERROR\u{1b}[0;m: no"), "ERROR: no");
        assert_eq!(plain("\u{1b}]0;title\u{7}a\u{1b}]8;;http://x\u{1b}\\b\u{1b}(Bc"), "abc");
        assert_eq!(plain("unfinished \u{1b}[3"), "unfinished");
        assert_eq!(plain("bell\u{7} and null\0\ttab"), "bell and null\ttab");
    }

    #[test]
    fn section_markers_disappear_and_their_titles_stay() {
        let raw = "section_start:1560896352:build[collapsed=true]\r\u{1b}[0K\u{1b}[36mBuild\u{1b}[0m\n\
                   line\nsection_end:1560896353:build\r\u{1b}[0K\nsection_start: not one";
        assert_eq!(plain(raw), "Build\nline\n\nsection_start: not one");
    }

    #[test]
    fn of_a_progress_bar_the_last_state_stays() {
        assert_eq!(plain("10%\r50%\r100%\r\ndone\r\n"), "100%\ndone");
    }

    #[test]
    fn stamps_of_newer_runners_disappear_and_continued_lines_are_joined() {
        let raw = "2024-05-22T12:43:46.962646Z 00O first\n\
                   2024-05-22T12:43:47.000001Z 01E+ and more\n\
                   2024-05-22T12:43:48.000001Z 01E\n\
                   2024-05-22T12:43:48 not a stamp";
        assert_eq!(plain(raw), "first and more\n\n2024-05-22T12:43:48 not a stamp");
    }

    #[test]
    fn the_tail_begins_at_a_line_and_never_inside_a_character() {
        assert_eq!(plain_tail(b"one\ntwo\nthree", 9), "two\nthree".get(0..9).unwrap());
        assert_eq!(plain_tail(b"one\ntwo\nthree", 8), "three");
        assert_eq!(plain_tail("ääää".as_bytes(), 3), "ä");
        assert_eq!(plain_tail(b"\xff\xfe ok", 100), "\u{fffd}\u{fffd} ok");
        assert_eq!(plain_tail(b"", 10), "");
        assert_eq!(plain_tail(b"abc", 0), "");
    }
}
