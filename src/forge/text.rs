//! Small readings of text that both adapters need: paths, address segments, trailers, limits.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// Everything but the characters that no address needs encoded.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// One segment of an address; slashes inside are encoded.
pub(crate) fn segment(text: &str) -> String {
    // A lone `.` or `..` would be taken for a step in the path whatever its encoding.
    match text {
        "." | ".." | "" => "%20".to_owned(),
        _ => utf8_percent_encode(text, SEGMENT).to_string(),
    }
}

/// Several segments of an address; slashes stay.
pub(crate) fn segments(text: &str) -> String {
    text.split('/').map(segment).collect::<Vec<_>>().join("/")
}

/// A path without what does not belong to it; none when it leads out of the repository.
pub(crate) fn plain(path: &str) -> Option<&str> {
    let path = path.strip_prefix("./").unwrap_or(path).trim_end_matches('/');
    let path = if path == "." { "" } else { path };
    let leads_out = path.starts_with('/') || path.split('/').any(|part| matches!(part, "." | ".."));
    (!leads_out).then_some(path)
}

/// E-mail addresses of `Co-authored-by: Name <address>` lines, in any case.
pub(crate) fn co_authors(message: &str) -> impl Iterator<Item = String> {
    message.lines().filter_map(|line| {
        let (key, value) = line.split_once(':')?;
        let (_, address) = value.rsplit_once('<')?;
        let (address, _) = address.split_once('>')?;
        key.trim().eq_ignore_ascii_case("co-authored-by").then(|| address.trim().to_lowercase())
    })
}

/// A text without what a terminal would obey or what turns the direction of writing.
pub(crate) fn visible(text: &str) -> String {
    let turns = |c| matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    text.chars().filter(|&c| c.is_whitespace() || !c.is_control() && !turns(c)).collect()
}

/// A text of at most `most` characters, cut between characters and marked as cut.
pub(crate) fn cut(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    text.chars().take(most.saturating_sub(1)).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_are_encoded_and_none_is_a_step_in_the_path() {
        assert_eq!(segment("iris@v1/x y"), "iris%40v1%2Fx%20y");
        assert_eq!((segment(".."), segment("."), segment("")), ("%20".into(), "%20".into(), "%20".into()));
        assert_eq!(segments("feature/a#b/.."), "feature/a%23b/%20");
    }

    #[test]
    fn paths_are_taken_in_their_plain_form_and_none_leads_out() {
        for (path, expected) in [
            ("a/b.csv", Some("a/b.csv")),
            ("./a/b/", Some("a/b")),
            (".mergewright.yml", Some(".mergewright.yml")),
            (".", Some("")),
            ("", Some("")),
            ("..", None),
            ("a/../../b", None),
            ("/etc/passwd", None),
        ] {
            assert_eq!(plain(path), expected, "{path}");
        }
    }

    #[test]
    fn co_authors_are_found_in_any_case_and_only_in_their_lines() {
        let message = "Fix\n\nwith Bob <bob@x.org>\nCo-authored-by: Ann <Ann@X.org>\nCO-AUTHORED-BY:B <b@y> \nCo-authored-by: none";
        assert_eq!(co_authors(message).collect::<Vec<_>>(), ["ann@x.org", "b@y"]);
    }

    #[test]
    fn what_a_terminal_would_obey_and_what_turns_the_writing_is_left_out() {
        assert_eq!(visible("a\u{1b}[31mb\u{7}\u{9b}2J\u{202e}c\u{2066}d\ne ü"), "a[31mb2Jcd\ne ü");
    }

    #[test]
    fn a_text_is_cut_between_characters_and_only_when_it_is_too_long() {
        assert_eq!(cut(&"ä".repeat(255), 255), "ä".repeat(255));
        assert_eq!(cut(&"ä".repeat(256), 255), format!("{}…", "ä".repeat(254)));
        assert_eq!(cut("", 255), "");
    }
}
