//! Path globs of the configuration in two other notations: GitHub's path filters, and the regular
//! expressions of `grep -E`.

/// A glob as a path filter. What filters cannot say becomes wider, never narrower: a run too many
/// judges once more, a run too few lets a change pass unseen.
pub(super) fn filter(glob: &str) -> String {
    let mut out = String::new();
    let mut rest = glob.chars();
    while let Some(c) = rest.next() {
        match c {
            '?' => out.push('*'),
            '[' => {
                let taken = class(&format!("[{}", rest.as_str())).map_or(0, |(length, _)| length - 1);
                rest = rest.as_str().get(taken..).unwrap_or_default().chars();
                out.push('*');
            }
            '{' => {
                let mut open = 1_usize;
                rest.by_ref().find(|c| {
                    open = if *c == '{' { open + 1 } else { open - usize::from(*c == '}') };
                    open == 0
                });
                out.push_str("**");
            }
            '\\' => out.push_str(&rest.next().map(escaped).unwrap_or_default()),
            '*' => out.push('*'),
            other => out.push_str(&escaped(other)),
        }
    }
    out
}

/// A character that filters would take for more than itself, with its backslash.
fn escaped(c: char) -> String {
    if matches!(c, '*' | '?' | '+' | '[' | ']' | '!' | '\\') { format!("\\{c}") } else { c.to_string() }
}

/// A glob as an extended regular expression for a whole path; a folder brings what is in it.
pub(super) fn expression(glob: &str) -> String {
    let mut out = String::new();
    let mut rest = glob.trim_start_matches("./").trim_end_matches('/');
    let mut braces = 0_usize;
    while let Some(c) = rest.chars().next() {
        let at_start = out.is_empty() || out.ends_with('/');
        let (taken, written) = match c {
            '*' if at_start && rest.starts_with("**/") => (3, "(.*/)?".to_owned()),
            '*' if at_start && rest == "**" => (2, ".*".to_owned()),
            '*' => (rest.len() - rest.trim_start_matches('*').len(), "[^/]*".to_owned()),
            '?' => (1, "[^/]".to_owned()),
            '[' => class(rest).unwrap_or((1, "\\[".to_owned())),
            '{' => {
                braces += 1;
                (1, "(".to_owned())
            }
            '}' if braces > 0 => {
                braces -= 1;
                (1, ")".to_owned())
            }
            ',' if braces > 0 => (1, "|".to_owned()),
            '\\' => {
                let next = rest.chars().nth(1);
                (1 + next.map_or(0, char::len_utf8), next.map(plain).unwrap_or_default())
            }
            other => (other.len_utf8(), plain(other)),
        };
        out.push_str(&written);
        rest = rest.get(taken..).unwrap_or_default();
    }
    format!("{out}(/.*)?")
}

/// A class of characters and its length in the glob.
fn class(text: &str) -> Option<(usize, String)> {
    let inside = text.strip_prefix('[')?;
    let negated = inside.starts_with(['!', '^']);
    let body = if negated { inside.get(1..)? } else { inside };
    // A bracket right after the beginning belongs to the class.
    let end = body.char_indices().skip(1).find(|(_, c)| *c == ']')?.0;
    let members = body.get(..end)?;
    Some((1 + usize::from(negated) + end + 1, format!("[{}{members}]", if negated { "^" } else { "" })))
}

fn plain(c: char) -> String {
    let special =
        matches!(c, '.' | '*' | '+' | '?' | '(' | ')' | '[' | ']' | '{' | '}' | '|' | '^' | '$' | '\\');
    if special { format!("\\{c}") } else { c.to_string() }
}

#[cfg(test)]
mod tests {
    use globset::GlobBuilder;
    use regex_automata::meta::Regex;

    use super::*;

    #[test]
    fn filters_say_the_same_or_more() {
        for (glob, said) in [
            ("**", "**"),
            ("models/iris/**", "models/iris/**"),
            ("a/*.toml", "a/*.toml"),
            ("c++/x", "c\\+\\+/x"),
            ("!a", "\\!a"),
            ("a?b", "a*b"),
            ("a[xy]b", "a*b"),
            ("{a,b/c}.py", "**.py"),
            ("{a,{b,c}}/x", "**/x"),
            ("[]a]b/*", "*b/*"),
            ("[!]a]b", "*b"),
            ("a\\*b", "a\\*b"),
        ] {
            assert_eq!(filter(glob), said);
        }
    }

    #[test]
    fn an_expression_matches_what_the_glob_matches() {
        let paths = [
            "model.json",
            "a/model.json",
            "a/b/model.json",
            "a",
            "a/x",
            "a/.hidden/x",
            "a.b",
            "axb",
            "a+b",
            "m.bin",
            "m1.bin",
            "mx.bin",
            "a/b",
            "a b/c",
            "model_json",
            "a/model.jsonl",
            "b/c.py",
        ];
        for glob in [
            "model.json",
            "*.json",
            "a/*.json",
            "**/model.json",
            "a/**",
            "**",
            "a?b",
            "m[0-9].bin",
            "m[!0-9].bin",
            "a/**/model.json",
            "{a,b/c}*",
            "a+b",
            "a.b",
            "a b/*",
            "*",
            "a*/**/x",
        ] {
            let matcher = GlobBuilder::new(glob).literal_separator(true).build().unwrap().compile_matcher();
            let regex = Regex::new(&format!("^(?:{})$", expression(glob))).unwrap();
            for path in paths {
                let within = std::path::Path::new(path)
                    .ancestors()
                    .any(|part| !part.as_os_str().is_empty() && matcher.is_match(part));
                assert_eq!(regex.is_match(path), within, "{glob} as {} on {path}", expression(glob));
            }
        }
    }
}
