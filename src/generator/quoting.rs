//! Every text that enters a YAML file passes here, so that it arrives as data whatever it holds.

use std::fmt::Write as _;

/// `text` as a YAML scalar on one line.
///
/// Single quotes where they leave a text readable that has double quotes or backslashes in it,
/// double quotes with escapes for everything else.
pub(super) fn quoted(text: &str) -> String {
    let printable = |c: char| matches!(c, ' '..='~' | '\u{a1}'..='\u{d7ff}') && !unseen(c);
    if text.contains(['"', '\\']) && text.chars().all(printable) {
        return format!("'{}'", text.replace('\'', "''"));
    }
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        let _infallible = match c {
            '"' => out.write_str("\\\""),
            '\\' => out.write_str("\\\\"),
            '\n' => out.write_str("\\n"),
            '\t' => out.write_str("\\t"),
            '\r' => out.write_str("\\r"),
            _ if printable(c) => out.write_char(c),
            _ if u32::from(c) < 0x1_0000 => write!(out, "\\u{:04X}", u32::from(c)),
            _ => write!(out, "\\U{:08X}", u32::from(c)),
        };
    }
    out.push('"');
    out
}

/// Breaks, marks and joiners that nobody sees: some turn the order in which a line is read, so that a reviewer
/// is shown another one than the one that runs.
fn unseen(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}')
}

/// `text` as a literal block whose lines stand `indent` deep, where it has several lines and the
/// block form can hold it; else [`quoted`].
pub(super) fn block(text: &str, indent: usize) -> String {
    let plain = |byte: u8| matches!(byte, b'\n' | b' '..=b'~');
    let several = text.trim_end_matches('\n').contains('\n');
    let one_end = text.ends_with('\n') && !text.ends_with("\n\n");
    if !several || !one_end || text.starts_with([' ', '\n']) || !text.bytes().all(plain) {
        return quoted(text);
    }
    // A line of its own with these words would be taken for a mark of the file itself.
    if text.contains("# mergewright:") {
        return quoted(text);
    }
    let margin = " ".repeat(indent);
    let mut out = String::with_capacity(text.len() * 5 / 4);
    out.push('|');
    for line in text.lines() {
        out.push('\n');
        if !line.is_empty() {
            out.push_str(&margin);
            out.push_str(line);
        }
    }
    out
}

/// What one or the other version of YAML takes for a truth or for nothing, whatever its case.
const OTHER: &[&str] = &["true", "false", "null", "yes", "no", "on", "off", "y", "n"];

/// A word that means itself without quotes; none for everything else.
pub(super) fn word(text: &str) -> Option<&str> {
    let shaped = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    (shaped && !OTHER.contains(&text)).then_some(text)
}

/// The name of a variable or of a setting, in quotes where YAML would take it for something else; none for
/// everything else.
pub(super) fn key(text: &str) -> Option<String> {
    let shaped = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'));
    let other = OTHER.iter().any(|word| word.eq_ignore_ascii_case(text));
    shaped.then(|| if other { quoted(text) } else { text.to_owned() })
}

/// The name of a job or a step of ours, in quotes where it is more than a [`word`]; none for everything else.
pub(super) fn id(text: &str) -> Option<String> {
    let named = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_');
    let shaped = !text.is_empty() && text.chars().all(named);
    shaped.then(|| word(text).map_or_else(|| quoted(text), str::to_owned))
}

/// Words, names or a pinned action that mean themselves without quotes, also in a comment; none for everything else.
pub(super) fn plain(text: &str) -> Option<&str> {
    let shaped = text.starts_with(|c: char| c.is_ascii_alphabetic())
        && !text.ends_with(' ')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '/' | '@' | ' '));
    shaped.then_some(text)
}

/// `text` as one word of a POSIX shell.
pub(super) fn shell(text: &str) -> String {
    let harmless = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '/');
    if !text.is_empty() && text.chars().all(harmless) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(yaml: &str) -> serde_yaml::Value {
        serde_yaml::from_str(yaml).unwrap_or_else(|error| panic!("{error} in:\n{yaml}"))
    }

    fn survives(text: &str) {
        let yaml = format!("a:\n  - {}\n  - {}\nb: 1\n", quoted(text), block(text, 4));
        let expected = serde_yaml::Value::String(text.to_owned());
        assert_eq!(read(&yaml)["a"][0], expected, "{yaml}");
        assert_eq!(read(&yaml)["a"][1], expected, "{yaml}");
        assert_eq!(read(&yaml)["b"], serde_yaml::Value::from(1), "nothing leaks out of its place");
    }

    #[test]
    fn texts_that_yaml_would_read_as_something_else_stay_texts() {
        for text in [
            "",
            " ",
            "yes",
            "no",
            "0755",
            "1e3",
            "null",
            "~",
            "*a",
            "&a",
            "!a",
            "- a",
            "a: b",
            "# c",
            "a #b",
            "'",
            "\"",
            "\\",
            "\\n",
            "it's \"so\"",
            "line\nbreak\n",
            "cat <<EOF\n  ${{ x }} $[[ y ]]\nEOF\n",
            "a\n\n",
            "\ta\nb\n",
            " a\nb\n",
            "é",
            "\u{85}",
            "\u{2028}",
            "\u{feff}",
            "😀",
            "\u{7f}",
            "a\r\nb",
            "---",
            "...",
            "{{ x }}",
            "<{ x }>",
            "a\n---\nb\n",
            "\n",
            "a\n",
            "a\nb\n",
            "a\n  b\n\n  c\n",
            "|",
            ">",
            "%TAG",
            "@",
            "`",
        ] {
            survives(text);
        }
    }

    #[test]
    fn a_shell_reads_one_word() {
        for (text, word) in [
            ("./a-b_c.d", "./a-b_c.d"),
            ("", "''"),
            ("a b", "'a b'"),
            ("$(x)", "'$(x)'"),
            ("it's", "'it'\\''s'"),
        ] {
            assert_eq!(shell(text), word);
        }
    }

    /// The shell itself is asked, about all of them at once.
    fn read_by_a_shell(texts: &[String]) -> Vec<String> {
        let words: Vec<String> = texts.iter().map(|text| shell(text)).collect();
        let line = format!("printf '%s\\0' {}", words.join(" "));
        let done = std::process::Command::new("sh").args(["-ec", &line]).output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        let text = String::from_utf8(done.stdout).unwrap();
        text.split_terminator('\0').map(str::to_owned).collect()
    }

    #[test]
    fn a_name_of_a_job_is_a_text_whatever_it_looks_like() {
        for (text, written) in [("build", "build"), ("on", "\"on\""), ("1e3", "\"1e3\""), ("a-b", "\"a-b\"")]
        {
            assert_eq!(id(text).as_deref(), Some(written));
        }
        assert!(id("a b").is_none() && id("").is_none() && id("a:b").is_none());
    }

    #[test]
    fn a_name_of_a_variable_is_a_text_whatever_it_looks_like() {
        for (text, written) in
            [("TOKEN", "TOKEN"), ("_a-b", "_a-b"), ("Null", "\"Null\""), ("Y", "\"Y\""), ("on", "\"on\"")]
        {
            assert_eq!(key(text).as_deref(), Some(written));
            assert_eq!(read(&format!("{written}: 1\n"))[text], serde_yaml::Value::from(1), "{text}");
        }
        assert!(key("").is_none() && key("1a").is_none() && key("a b").is_none() && key("a: b").is_none());
    }

    #[test]
    fn what_nobody_sees_is_written_so_that_it_is_seen() {
        for text in ["a\u{202e}b", "a\u{2066}b \"c\"", "a\u{200b}b", "a\u{61c}b"] {
            assert!(quoted(text).is_ascii(), "{}", quoted(text));
            survives(text);
        }
    }

    #[test]
    fn only_harmless_words_go_without_quotes() {
        assert_eq!(word("build"), Some("build"));
        for text in ["", "no", "on", "a b", "a:b", "Build", "1", "null"] {
            assert_eq!(word(text), None, "{text}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(16))]
        #[test]
        fn a_shell_takes_any_texts_as_one_word_each(texts in prop::collection::vec("[^\0]{0,20}", 1..20)) {
            prop_assert_eq!(read_by_a_shell(&texts), texts);
        }
    }

    proptest! {
        #[test]
        fn any_text_arrives_as_data(text in any::<String>()) {
            survives(&text);
        }

        #[test]
        fn any_lines_arrive_as_data(text in "([ -~\t]{0,12}\n){0,5}") {
            survives(&text);
        }
    }
}
