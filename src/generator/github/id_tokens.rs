//! The lines by which a step gets its identity tokens: nobody but GitHub's own service gives them.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;

use crate::config::valid::IdTokens;
use crate::generator::GenerateError;
use crate::generator::templates::{GITHUB_ID_TOKENS, Renderer};

/// What an address does not take for more than itself.
const QUERY: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

#[derive(Debug, Serialize)]
struct View {
    /// Variable and audience, the latter as an address has it.
    tokens: Vec<(String, String)>,
}

/// Lines before those of the people, in the same shell; none where these get no token.
pub(super) fn script(tokens: &IdTokens, templates: &Renderer<'_>) -> Result<Option<String>, GenerateError> {
    if tokens.is_empty() {
        return Ok(None);
    }
    let encoded = |audience: &str| utf8_percent_encode(audience, QUERY).to_string();
    let tokens = tokens.iter().map(|(name, audience)| (name.clone(), encoded(audience))).collect();
    templates.render(GITHUB_ID_TOKENS, View { tokens }).map(Some)
}
