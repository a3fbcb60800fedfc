//! Job logs as GitHub's pages show them: without stamps, and with words instead of markers.

/// Length of `2026-01-01T00:00:00.0000000Z `.
const STAMP: usize = 29;

/// What begins a line that GitHub shows otherwise, and what it shows.
const MARKERS: [(&str, &str); 7] = [
    ("##[group]", ""),
    ("##[error]", "Error: "),
    ("##[warning]", "Warning: "),
    ("##[notice]", "Notice: "),
    ("##[command]", ""),
    ("##[section]", ""),
    ("##[debug]", ""),
];

/// The text of a raw log.
pub(super) fn as_shown(raw: &[u8]) -> String {
    let text = String::from_utf8_lossy(raw);
    let mut shown = String::with_capacity(text.len());
    for line in text.trim_start_matches('\u{feff}').lines() {
        let line = without_stamp(line);
        if line == "##[endgroup]" {
            continue;
        }
        let marked = MARKERS.iter().find_map(|(marker, word)| Some((line.strip_prefix(marker)?, *word)));
        let (rest, word) = marked.unwrap_or((line, ""));
        shown.push_str(word);
        shown.push_str(rest);
        shown.push('\n');
    }
    shown
}

fn without_stamp(line: &str) -> &str {
    let stamped = |stamp: &str| {
        stamp.char_indices().all(|(at, character)| match at {
            4 | 7 => character == '-',
            10 => character == 'T',
            13 | 16 => character == ':',
            19 => character == '.',
            27 => character == 'Z',
            28 => character == ' ',
            _ => character.is_ascii_digit(),
        })
    };
    match line.split_at_checked(STAMP) {
        Some((stamp, rest)) if stamped(stamp) => rest,
        // An empty line may have lost its blank.
        None if line.len() + 1 == STAMP && stamped(line) => "",
        _ => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stamps_disappear_and_markers_become_words() {
        let raw = "\u{feff}2026-01-01T00:00:00.1234567Z ##[group]Run python3 evaluate.py\r\n\
                   2026-01-01T00:00:00.1234567Z ##[endgroup]\n\
                   2026-01-01T00:00:01.1234567Z AssertionError\n\
                   2026-01-01T00:00:01.1234567Z\n\
                   2026-01-01T00:00:01.1234567Z ##[error]Process completed with exit code 1.\n\
                   2026-01-01T00:00:01 mine\n\
                   cut";
        let shown = "Run python3 evaluate.py\nAssertionError\n\nError: Process completed with exit code 1.\n2026-01-01T00:00:01 mine\ncut\n";
        assert_eq!(as_shown(raw.as_bytes()), shown);
        assert_eq!(as_shown(b""), "");
    }
}
