//! Secrets: never written into the file, only named as `{env: NAME}` or `{file: PATH}`.

use std::fs;
use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret as _, SecretBox, SecretString};

use super::SecretKey;
use super::fields::{Field, Reader};
use super::tree::Value;

/// No credential is longer; a file that is was named by mistake.
const LONGEST_FILE: u64 = 64 * 1024;

/// How a secret is written.
const REMEDY: &str = "put it into the environment or a file and write `{env: NAME}` or `{file: PATH}`";

impl Reader<'_> {
    /// The secret that a field names.
    pub(super) fn secret(&mut self, field: &Field<'_>) -> Option<SecretString> {
        let problem = |what: &str| format!("`{}` {what}", field.name);
        let place = field.node.place;
        let Value::Map(entries) = &field.node.value else {
            let what = match field.node.value {
                Value::Null => problem("is empty"),
                _ => problem("must name where the secret is kept, never hold the secret itself"),
            };
            self.problems.add(place, "", what, REMEDY);
            return None;
        };
        let [(key, value)] = entries.as_slice() else {
            self.problems.add(place, "", problem("must have exactly one key, `env` or `file`"), REMEDY);
            return None;
        };
        let Value::Text(named) = &value.value else {
            self.problems.add(value.place, "", problem("must name a variable or a file"), REMEDY);
            return None;
        };
        // Somebody may have written the secret itself as the name: only what is plainly the name of a
        // variable is repeated.
        let variable = named.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_');
        let shown = if variable { named.as_str() } else { "" };
        let found = match key.name.as_str() {
            "env" => (self.env)(named).map(without_line_end).ok_or_else(|| {
                (
                    format!("the environment variable {shown} is not set"),
                    "set it, or name another one".to_owned(),
                )
            }),
            "file" => read(&self.folder.join(named)).map_err(|why| {
                let remedy = format!("relative paths start at {}", self.folder.display());
                (format!("the file cannot be read: {why}"), remedy)
            }),
            _ => {
                self.problems.add(key.place, "", problem("must have the key `env` or `file`"), REMEDY);
                return None;
            }
        };
        let (what, remedy) = match found {
            Ok(secret) if secret.trim().is_empty() => (
                "the secret is empty".to_owned(),
                "an empty secret would let everybody in: set it".to_owned(),
            ),
            Ok(secret) => return Some(secret.into()),
            Err(told) => told,
        };
        self.problems.add(
            value.place,
            shown,
            format!("`{}`: {}", field.name, what.replace("  ", " ")),
            remedy,
        );
        None
    }

    /// A secret that every request carries in a header.
    pub(super) fn token(&mut self, field: &Field<'_>) -> Option<SecretString> {
        let token = self.secret(field)?;
        if http::HeaderValue::from_str(token.expose_secret()).is_err() {
            let what = format!("`{}` holds characters that no request can carry", field.name);
            let remedy = "copy it again: a token is one line of letters, digits and signs";
            self.problems.add(field.node.place, "", what, remedy);
            return None;
        }
        Some(token)
    }

    /// A list of secrets, several while one replaces another.
    pub(super) fn secrets<'n>(&mut self, field: &Field<'n>) -> Vec<(Field<'n>, SecretString)> {
        let entries = self.list(field, "a list of secrets such as `[{env: NAME}]`");
        entries.into_iter().filter_map(|entry| self.secret(&entry).map(|secret| (entry, secret))).collect()
    }

    /// The key behind `whsec_…`.
    pub(super) fn signing_key(&mut self, field: &Field<'_>, secret: &SecretString) -> Option<SecretKey> {
        let text = secret.expose_secret().trim();
        let bytes = text.strip_prefix("whsec_").and_then(|encoded| STANDARD.decode(encoded).ok());
        match bytes {
            Some(bytes) if bytes.len() == 32 => Some(Arc::new(SecretBox::new(Box::new(bytes)))),
            _ => {
                self.problems.add(
                    field.node.place,
                    "",
                    format!("`{}` is not a signing token", field.name),
                    "a signing token is `whsec_` and the base64 of exactly 32 bytes",
                );
                None
            }
        }
    }
}

/// The content of a secret's file without the line end that editors put there.
fn read(path: &Path) -> Result<String, String> {
    let file = fs::File::open(path).map_err(|error| error.to_string())?;
    let mut content = String::new();
    file.take(LONGEST_FILE + 1).read_to_string(&mut content).map_err(|error| error.to_string())?;
    if content.len() as u64 > LONGEST_FILE {
        return Err(format!("it is longer than {LONGEST_FILE} bytes"));
    }
    Ok(without_line_end(content))
}

fn without_line_end(mut secret: String) -> String {
    secret.truncate(secret.trim_end_matches(['\n', '\r']).len());
    secret
}
