//! Takes known secrets out of text before it is logged, stored or shown.

mod learnt;

pub use learnt::Learnt;

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;

use aho_corasick::{AhoCorasick, MatchKind};
use base64::Engine as _;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::GeneralPurpose;
use base64::engine::general_purpose::NO_PAD;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// What stands in a secret's place.
const MASK: &str = "[redacted]";

/// Shorter patterns would hit ordinary words.
const SHORTEST: usize = 4;

/// What most programs leave unescaped in addresses besides letters and digits.
const UNRESERVED_KEPT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Replaces every known secret, also where it is written in base64, url-encoded or escaped as JSON.
#[derive(Clone, Default)]
pub struct Redactor {
    patterns: Option<AhoCorasick>,
    learnt: Learnt,
}

impl Redactor {
    /// Knows these secrets; those shorter than four characters are left out.
    #[must_use]
    pub fn new<'a>(secrets: impl IntoIterator<Item = &'a str>) -> Self {
        Self { patterns: searched_for(secrets), learnt: Learnt::default() }
    }

    /// The same, and besides what is learnt there from now on.
    #[must_use]
    pub fn with(mut self, learnt: Learnt) -> Self {
        self.learnt = learnt;
        self
    }

    /// The text without secrets; borrowed where there was none.
    #[must_use]
    pub fn text<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let clean = self.patterns.as_ref().and_then(|patterns| masked(patterns, text));
        match self.learnt.masked(clean.as_deref().unwrap_or(text)).or(clean) {
            Some(clean) => Cow::Owned(clean),
            None => Cow::Borrowed(text),
        }
    }

    /// The bytes without secrets; borrowed where there was none.
    #[must_use]
    pub fn bytes<'b>(&self, bytes: &'b [u8]) -> Cow<'b, [u8]> {
        let clean = self.patterns.as_ref().and_then(|patterns| masked_bytes(patterns, bytes));
        match self.learnt.masked_bytes(clean.as_deref().unwrap_or(bytes)).or(clean) {
            Some(clean) => Cow::Owned(clean),
            None => Cow::Borrowed(bytes),
        }
    }
}

/// Finds every spelling of these secrets; none where nothing is searched for.
fn searched_for<'a>(secrets: impl IntoIterator<Item = &'a str>) -> Option<AhoCorasick> {
    let mut patterns = BTreeSet::new();
    for secret in secrets {
        let secret = secret.trim();
        if secret.chars().count() >= SHORTEST {
            patterns.extend(forms(secret));
        }
    }
    patterns.retain(|pattern| pattern.len() >= SHORTEST);
    if patterns.is_empty() {
        return None;
    }
    // Building fails only beyond two billion bytes of patterns, which no configuration holds.
    AhoCorasick::builder().match_kind(MatchKind::LeftmostLongest).build(&patterns).ok()
}

/// The text without what is searched for; none where nothing was found.
fn masked(patterns: &AhoCorasick, text: &str) -> Option<String> {
    patterns.is_match(text).then(|| {
        let mut clean = String::with_capacity(text.len());
        patterns.replace_all_with(text, &mut clean, |_found, _secret, clean| {
            clean.push_str(MASK);
            true
        });
        clean
    })
}

fn masked_bytes(patterns: &AhoCorasick, bytes: &[u8]) -> Option<Vec<u8>> {
    patterns.is_match(bytes).then(|| {
        let mut clean = Vec::with_capacity(bytes.len());
        patterns.replace_all_with_bytes(bytes, &mut clean, |_found, _secret, clean| {
            clean.extend_from_slice(MASK.as_bytes());
            true
        });
        clean
    })
}

impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let patterns = self.patterns.as_ref().map_or(0, AhoCorasick::patterns_len);
        f.debug_struct("Redactor").field("patterns", &patterns).finish()
    }
}

/// Every spelling under which a secret travels.
fn forms(secret: &str) -> Vec<String> {
    let mut forms = vec![secret.to_owned(), json_escaped(secret)];
    for kept in [NON_ALPHANUMERIC, UNRESERVED_KEPT] {
        let encoded = utf8_percent_encode(secret, kept).to_string();
        for spelling in [lower_escapes(&encoded), encoded] {
            forms.push(spelling.replace("%20", "+"));
            forms.push(spelling);
        }
    }
    for alphabet in [&STANDARD, &URL_SAFE] {
        let engine = GeneralPurpose::new(alphabet, NO_PAD);
        forms.extend((0..3).filter_map(|offset| inside_base64(secret, offset, &engine)));
    }
    // A key in several lines (PEM) is logged line by line.
    forms.extend(
        secret.lines().filter(|line| line.len() >= 24 && !line.starts_with("-----")).map(str::to_owned),
    );
    forms
}

/// The characters that are the same in the base64 of any text with the secret `offset` bytes behind
/// a multiple of three.
fn inside_base64(secret: &str, offset: usize, engine: &GeneralPurpose) -> Option<String> {
    let mut padded = vec![0; offset];
    padded.extend_from_slice(secret.as_bytes());
    let encoded = engine.encode(&padded);
    let first = (offset * 8).div_ceil(6);
    let last = padded.len() * 8 / 6;
    encoded.get(first..last).map(str::to_owned)
}

fn json_escaped(secret: &str) -> String {
    let mut escaped = String::with_capacity(secret.len());
    for c in secret.chars() {
        match c {
            '"' => escaped.push_str("\\\""),
            '\\' => escaped.push_str("\\\\"),
            '\n' => escaped.push_str("\\n"),
            '\r' => escaped.push_str("\\r"),
            '\t' => escaped.push_str("\\t"),
            other => escaped.push(other),
        }
    }
    escaped
}

/// `%2F` as `%2f`, everything else unchanged.
fn lower_escapes(encoded: &str) -> String {
    let mut left = 0;
    encoded
        .chars()
        .map(|c| {
            if c == '%' {
                left = 2;
                c
            } else if left > 0 {
                left -= 1;
                c.to_ascii_lowercase()
            } else {
                c
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_secret_is_taken_out_in_every_spelling() {
        let secret = "p@ss/wörd \"1\"";
        let redactor = Redactor::new([secret]);
        let basic = general_purpose::STANDARD.encode(format!("bot:{secret}"));
        for (text, rest) in [
            (format!("token {secret}!"), "token [redacted]!"),
            ("?t=p%40ss%2Fw%C3%B6rd%20%221%22&x".to_owned(), "?t=[redacted]&x"),
            ("?t=p%40ss%2fw%c3%b6rd+%221%22&x".to_owned(), "?t=[redacted]&x"),
            (r#"{"t":"p@ss/wörd \"1\""}"#.to_owned(), r#"{"t":"[redacted]"}"#),
        ] {
            assert_eq!(redactor.text(&text), rest, "{text}");
        }
        assert!(redactor.text(&basic).contains(MASK), "{basic}");
    }

    #[test]
    fn short_values_and_clean_text_stay_as_they_are() {
        let redactor = Redactor::new(["abc", "", "   "]);
        assert!(matches!(redactor.text("abcabc"), Cow::Borrowed("abcabc")));
        assert!(matches!(Redactor::new(["hunter2"]).text("nothing here"), Cow::Borrowed(_)));
        assert_eq!(Redactor::new(["abcd"]).text("abcd"), MASK);
    }

    #[test]
    fn of_two_secrets_the_longer_one_is_taken_whole() {
        assert_eq!(Redactor::new(["hunter", "hunter2-long"]).text("x hunter2-long y"), "x [redacted] y");
    }

    #[test]
    fn printing_the_redactor_shows_no_secret() {
        assert!(!format!("{:?}", Redactor::new(["hunter2"])).contains("hunter2"));
    }

    proptest! {
        #[test]
        fn no_surrounding_hides_a_secret(before in "\\PC{0,12}", after in "\\PC{0,12}", secret in "[!-~]{8,40}") {
            let redactor = Redactor::new([secret.as_str()]);
            let whole = format!("{before}{secret}{after}");
            let clean = redactor.text(&whole).into_owned();
            prop_assert!(!clean.contains(&secret));
            let encoded = general_purpose::STANDARD.encode(&whole);
            let clean = redactor.text(&encoded);
            prop_assert!(clean.contains(MASK), "base64 kept it: {}", clean);
            let as_text = redactor.text(&whole).into_owned().into_bytes();
            prop_assert_eq!(redactor.bytes(whole.as_bytes()).into_owned(), as_text);
        }
    }
}
