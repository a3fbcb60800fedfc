//! `.mergewright.yml`: what people write becomes what the program may see.
//!
//! [`parse`] reads the text into a tree with places (`raw`), asks it for types (`reader`, `scalars`,
//! `times`) in the forms that one table gives (`keys`), fills in the defaults (`jobs`, `policy`) and compares the models with each other
//! (`models`). Every problem is collected in one run, as far as the text can be read as YAML at all.

mod forms;
mod id_tokens;
mod jobs;
mod keys;
mod models;
mod policy;
mod problems;
mod raw;
mod reader;
mod scalars;
mod schema;
mod secrets;
mod shape;
mod times;
mod words;

#[cfg(test)]
mod tests;

use std::borrow::Cow;

use base64::Engine as _;

use super::valid::RepositoryConfig;
use crate::domain::Digest;
use problems::{Place, Sink};
pub use problems::{Problem, Problems};
pub use raw::MOST_BYTES;
use reader::{Field, Section};
pub use schema::schema;

/// The file's name at the root of a repository.
pub const FILE_NAME: &str = ".mergewright.yml";

/// Judges the text of a `.mergewright.yml`.
///
/// # Errors
/// Everything that is wrong with it, each problem with its place, an excerpt and a remedy. A value
/// that looks like a secret is not repeated.
pub fn parse(text: &str) -> Result<RepositoryConfig, Problems> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    // All of these end a line of YAML; places are counted in lines that end with `\n`.
    let text = &match text.contains('\r') {
        true => Cow::Owned(text.replace("\r\n", "\n").replace('\r', "\n")),
        false => Cow::Borrowed(text),
    };
    let sink = Sink::default();
    let config = raw::read(text, &sink).and_then(|root| {
        let file = Field { node: &root, shape: &keys::FILE, path: String::new(), sink: &sink };
        if root.is_nothing() {
            sink.report(
                root.place,
                "the file is empty".to_owned(),
                "`mergewright init` writes one to start from",
            );
            return None;
        }
        whole(&file.section()?)
    });
    if text.len() <= MOST_BYTES {
        secrets::scan(text, &sink);
    }
    match config {
        Some(config) if sink.is_empty() => Ok(config),
        _ => Err(sink.judge(text)),
    }
}

/// Whether a model cannot be called `name`, because commands or jobs use the word.
#[must_use]
pub fn is_reserved(name: &str) -> bool {
    keys::RESERVED.contains(&name)
}

/// [`parse`] for bytes that may not even be text.
///
/// # Errors
/// As [`parse`]; bytes that are no UTF-8 are one more problem.
pub fn parse_bytes(bytes: &[u8]) -> Result<RepositoryConfig, Problems> {
    let sink = Sink::default();
    if raw::is_too_large(bytes.len(), &sink) {
        return Err(sink.judge(""));
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => parse(text),
        Err(error) => {
            let valid = bytes.get(..error.valid_up_to()).unwrap_or_default();
            let place = Place::of(&String::from_utf8_lossy(valid), valid.len());
            let message =
                format!("the file is no UTF-8 text: byte {} begins no character", error.valid_up_to());
            Err(Problems::unreadable(place, &message, "save it as UTF-8"))
        }
    }
}

fn whole(file: &Section<'_>) -> Option<RepositoryConfig> {
    if let Some(version) = file.required("version") {
        match version.node.value {
            raw::Value::Text { ref text, plain: true } if text == "1" => {}
            _ => version.refuse("is not 1, the only version of this format", "write `version: 1`"),
        }
    }
    let secrets = file.field("secrets").map(|field| field.secret_names(None)).unwrap_or_default();
    let registry_key = file.field("registry_key").and_then(|field| registry_key(&field));
    let models = models::models(file, &secrets)?;
    let mut config = RepositoryConfig { digest: Digest::of(""), secrets, models, registry_key };
    config.digest = models::digest_of_all(&config)?;
    Some(config)
}

/// The public half of the registry's key: 32 bytes.
fn registry_key(field: &Field<'_>) -> Option<String> {
    let text = field.line()?;
    let bytes = text
        .strip_prefix("ed25519:")
        .and_then(|encoded| base64::engine::general_purpose::STANDARD.decode(encoded).ok());
    if bytes.is_some_and(|bytes| bytes.len() == 32) {
        return Some(text.to_owned());
    }
    field.sink.hide(field.node.place);
    field.refuse(
        "is no public key",
        "write `ed25519:` and the base64 of its 32 bytes; never the private half",
    );
    None
}
