//! Tells the names of secrets from secrets, so that a secret in the file is refused and never repeated.

use std::ops::Range;

use super::problems::{Place, Sink};

/// How tokens of well-known services begin, and the least number of characters that follow.
const TOKENS: &[(&str, usize)] = &[
    ("github_pat_", 20),
    ("whsec_", 16),
    ("ghp_", 20),
    ("gho_", 20),
    ("ghu_", 20),
    ("ghs_", 20),
    ("ghr_", 20),
    ("glpat-", 16),
    ("gldt-", 16),
    ("glrt-", 16),
    ("glcbt-", 16),
    ("glptt-", 16),
    ("glft-", 16),
    ("glsoat-", 16),
    ("glimt-", 16),
    ("glagent-", 16),
    ("glffct-", 16),
    ("xoxb-", 20),
    ("xoxp-", 20),
    ("xoxa-", 20),
    ("xoxs-", 20),
    ("xapp-", 20),
    ("dckr_pat_", 20),
    ("dop_v1_", 30),
    ("sk_live_", 20),
    ("rk_live_", 20),
    ("ya29.", 30),
    ("AKIA", 16),
    ("ASIA", 16),
    ("AIza", 30),
    ("hf_", 30),
    ("sk-", 32),
    ("npm_", 30),
    ("pypi-", 30),
    ("eyJ", 40),
    ("-----BEGIN ", 8),
];

/// Where known tokens stand in `text`, as byte ranges in their order.
fn tokens(text: &str) -> Vec<Range<usize>> {
    let in_token = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '+' | '/' | '=');
    let mut found: Vec<Range<usize>> = Vec::new();
    for (prefix, least) in TOKENS {
        let mut covered = 0;
        for (start, _) in text.match_indices(prefix) {
            // A token may hold its own beginning again and again.
            if start < covered {
                continue;
            }
            let before = text.get(..start).and_then(|before| before.chars().next_back());
            if before.is_some_and(|c| c.is_ascii_alphanumeric()) {
                continue;
            }
            let rest = text.get(start + prefix.len()..).unwrap_or_default();
            let mut length = rest.find(|c| !in_token(c)).unwrap_or(rest.len());
            if prefix.starts_with('-') {
                length = rest.len();
            }
            if length >= *least {
                covered = start + prefix.len() + length;
                found.push(start..covered);
            }
        }
    }
    found.extend(passwords(text));
    found.sort_by_key(|range| (range.start, range.end));
    found
}

/// Where passwords stand in addresses such as `https://ben:swordfish@example.com`; a variable in their
/// place is none.
fn passwords(text: &str) -> impl Iterator<Item = Range<usize>> {
    text.match_indices("://").filter_map(|(at, mark)| {
        let start = at + mark.len();
        let rest = text.get(start..)?;
        let end =
            rest.find(|c: char| c.is_whitespace() || matches!(c, '/' | '"' | '\'')).unwrap_or(rest.len());
        let (user, _host) = rest.get(..end)?.rsplit_once('@')?;
        let (name, password) = user.split_once(':')?;
        let from = start + name.len() + 1;
        let literal = !password.is_empty() && !password.starts_with(['$', '<', '{', '*', '%']);
        literal.then(|| from..from + password.len())
    })
}

/// Notes the secrets outside of values: in comments, in keys, in what cannot be read as YAML.
pub(super) fn scan(text: &str, sink: &Sink) {
    let told = sink.hidden_lines();
    for (line, number) in text.lines().zip(1..).filter(|(_, number)| !told.contains(number)) {
        if let Some(range) = tokens(line).first() {
            let column = |at: usize| {
                let before = line.get(..at).unwrap_or_default().chars().count();
                u32::try_from(before).unwrap_or(u32::MAX).saturating_add(1)
            };
            let (column, end_column) = (column(range.start), column(range.end));
            report(Place { line: number, column, end_line: number, end_column }, sink);
        }
    }
}

/// Notes a secret, and keeps it out of every excerpt.
pub(super) fn report(place: Place, sink: &Sink) {
    sink.hide(place);
    sink.report(
        place,
        "a secret stands here in the open".to_owned(),
        "revoke it, keep the new one in the forge's CI variables, and list only its name under `secrets`",
    );
}

/// Whether a well-known token stands anywhere in `text`.
pub(super) fn has_token(text: &str) -> bool {
    !tokens(text).is_empty()
}

/// `text` with every well-known token starred out, letter by letter.
pub(super) fn masked(text: &str) -> String {
    let mut ranges = tokens(text).into_iter().peekable();
    let mut hidden = |at: usize| {
        while ranges.next_if(|range| range.end <= at).is_some() {}
        ranges.peek().is_some_and(|range| range.contains(&at))
    };
    text.char_indices().map(|(at, c)| if hidden(at) { '*' } else { c }).collect()
}

/// Whether `text` can be the name of a secret and does not look like one itself.
pub(super) fn is_name(text: &str) -> bool {
    let shape = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        && text.len() <= 128;
    let has = |what: fn(&char) -> bool| text.chars().any(|c| what(&c));
    let mixed = has(char::is_ascii_lowercase) && has(char::is_ascii_uppercase) && has(char::is_ascii_digit);
    let hex = text.len() >= 32 && text.chars().all(|c| c.is_ascii_hexdigit());
    let random = hex || (mixed && text.len() >= 20);
    shape && !random && !has_token(text)
}

/// Whether `text` is written as people write the names of variables: `MAVEN_PASSWORD`.
pub(super) fn is_variable(text: &str) -> bool {
    text.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
}

/// Whether a key of this name usually holds a secret.
pub(super) fn is_secretive(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    ["secret", "password", "passwd", "token", "api_key", "apikey", "private_key", "credential"]
        .iter()
        .any(|word| key.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_secrets_are_told_from_secrets() {
        for name in ["MAVEN_PASSWORD", "token", "_X", "HF_TOKEN", "AWS_SECRET_ACCESS_KEY_FOR_PRODUCTION_2"] {
            assert!(is_name(name), "{name}");
        }
        let token = format!("glpat_{}", "x".repeat(3));
        assert!(is_name(&token), "a short word with an underscore is a name");
        for value in [
            "hunter 2",
            "p@ss",
            "",
            "1ABC",
            "ghp_0123456789abcdefghij0123456789",
            "glpat-0123456789abcdefghij",
            "deadbeefdeadbeefdeadbeefdeadbeef",
            "wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY",
        ] {
            assert!(!is_name(value), "{value}");
        }
    }

    #[test]
    fn tokens_inside_a_line_are_starred_out() {
        let line = "TOKEN=ghp_0123456789abcdefghij sh publish.sh # ü";
        assert!(has_token(line));
        assert_eq!(masked(line), format!("TOKEN={} sh publish.sh # ü", "*".repeat(24)));
        let twice = format!("sk-{0} hf_{0} sk-{0}", "0123456789abcdef".repeat(2));
        assert_eq!(masked(&twice), format!("{0} {1} {0}", "*".repeat(35), "*".repeat(35)));
        assert_eq!(masked(&"sk-".repeat(80_000)), "*".repeat(240_000), "looked at once, not again and again");
        assert!(!has_token("the prefix ghp_ alone, and task-0123456789012345678901234567890123456789"));
    }
}
