//! Takes secrets out of every text that leaves an adapter.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use secrecy::{ExposeSecret as _, SecretString};

/// What stands where a secret stood.
const HIDDEN: &str = "***";

/// Shorter secrets would make every text unreadable, so they are not searched for.
const LEAST_LENGTH: usize = 4;

/// Names of query parameters whose values are credentials, by their endings.
const SECRET_PARAMETERS: &[&str] = &["token=", "signature=", "credential=", "sig=", "password=", "secret="];

/// Knows the credentials of one adapter and hides them.
#[derive(Clone)]
pub(crate) struct Redactor {
    patterns: Vec<SecretString>,
}

impl Redactor {
    /// Hides `secrets` as they are, percent-encoded, and in base64.
    pub(crate) fn new<'a>(secrets: impl IntoIterator<Item = &'a SecretString>) -> Self {
        let mut patterns = Vec::new();
        for secret in secrets {
            let plain = secret.expose_secret();
            if plain.len() < LEAST_LENGTH {
                continue;
            }
            let encoded = percent_encoding::utf8_percent_encode(plain, percent_encoding::NON_ALPHANUMERIC);
            for form in [
                plain.to_owned(),
                encoded.to_string(),
                STANDARD_NO_PAD.encode(plain),
                URL_SAFE_NO_PAD.encode(plain),
            ] {
                patterns.push(SecretString::from(form));
            }
        }
        Self { patterns }
    }

    /// The text without our secrets, without credentials in addresses and in query parameters.
    pub(crate) fn clean(&self, text: &str) -> String {
        let mut clean = text.to_owned();
        for pattern in &self.patterns {
            if clean.contains(pattern.expose_secret()) {
                clean = clean.replace(pattern.expose_secret(), HIDDEN);
            }
        }
        without_parameters(&without_user_info(&clean))
    }
}

impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redactor").field("patterns", &self.patterns.len()).finish()
    }
}

/// `https://user:secret@host/…` loses what stands before the `@`.
fn without_user_info(text: &str) -> String {
    let mut parts = text.split("://");
    let mut clean = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        clean.push_str("://");
        let end = part.find(|c: char| c == '/' || c.is_whitespace() || c == '"').unwrap_or(part.len());
        let (authority, rest) = part.split_at(end);
        match authority.rsplit_once('@') {
            Some((_, host)) => {
                clean.push_str(HIDDEN);
                clean.push('@');
                clean.push_str(host);
            }
            None => clean.push_str(authority),
        }
        clean.push_str(rest);
    }
    clean
}

/// `…token=secret&…` loses its value.
fn without_parameters(text: &str) -> String {
    let lower = text.to_ascii_lowercase();
    let mut clean = String::with_capacity(text.len());
    let mut at = 0;
    while let Some((start, length)) = SECRET_PARAMETERS
        .iter()
        .filter_map(|name| lower.get(at..)?.find(name).map(|found| (at + found, name.len())))
        .min()
    {
        let value = start + length;
        let rest = text.get(value..).unwrap_or_default();
        let end = rest.find(|c: char| c == '&' || c.is_whitespace() || c == '"' || c == '\'');
        clean.push_str(text.get(at..value).unwrap_or_default());
        clean.push_str(HIDDEN);
        at = value + end.unwrap_or(rest.len());
    }
    clean.push_str(text.get(at..).unwrap_or_default());
    clean
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_hidden_in_every_form_it_is_written_in() {
        let token = SecretString::from("glpat-a+b/c=d%ü");
        let redactor = Redactor::new([&token]);
        let plain = token.expose_secret();
        let encoded =
            percent_encoding::utf8_percent_encode(plain, percent_encoding::NON_ALPHANUMERIC).to_string();
        for form in [plain.to_owned(), encoded, STANDARD_NO_PAD.encode(plain), URL_SAFE_NO_PAD.encode(plain)]
        {
            assert_eq!(redactor.clean(&format!("x {form} y")), "x *** y");
        }
    }

    #[test]
    fn a_secret_of_three_letters_is_no_pattern() {
        let redactor = Redactor::new([&SecretString::from("the"), &SecretString::from("")]);
        assert_eq!(redactor.clean("over the hills"), "over the hills");
    }

    #[test]
    fn credentials_in_addresses_are_hidden() {
        let redactor = Redactor::new([]);
        assert_eq!(
            redactor.clean("at https://bot:p@ss:w@host/a@b and ssh://git@host \"https://u@h\""),
            "at https://***@host/a@b and ssh://***@host \"https://***@h\""
        );
        assert_eq!(
            redactor.clean("https://s3/x?X-Amz-Signature=abc&y=1&private_token=q w"),
            "https://s3/x?X-Amz-Signature=***&y=1&private_token=*** w"
        );
        assert_eq!(redactor.clean("a plain text, user@host"), "a plain text, user@host");
    }
}
