//! The identity tokens of a job: which variable holds the one for which audience.

use super::reader::{Entry, Field, Section, cut};
use super::scalars::OWN_VARIABLES;
use super::secrets;
use crate::config::valid::IdTokens;

/// The most identity tokens of one job: each of them is asked of the forge before its lines run.
const MOST_TOKENS: usize = 16;
/// The longest audience.
const LONGEST_AUDIENCE: usize = 255;
/// How the names of the variables begin that the forges give to jobs.
const FORGES_VARIABLES: &[&str] = &["CI_", "GITLAB_", "GITHUB_", "ACTIONS_", "RUNNER_"];

/// The audience of each token by the variable's name; what cannot be meant is told. `secrets` are those of
/// the same job.
pub(super) fn id_tokens(section: Option<&Section<'_>>, secrets: &[String]) -> IdTokens {
    let mut tokens = IdTokens::new();
    let Some(field) = section.and_then(|section| section.field("id_tokens")) else { return tokens };
    let entries = field.named();
    if entries.len() > MOST_TOKENS {
        field.refuse(&format!("lists more than {MOST_TOKENS} tokens"), "share one token per audience");
    }
    for entry in &entries {
        let named = sound_name(&field, entry, secrets);
        // A name that may be a secret is no part of what is said about its value.
        let path = if named { entry.field.path.clone() } else { field.path.clone() };
        let audience = audience(&Field { path, ..entry.field.clone() });
        if let (Some(audience), true) = (audience, named) {
            tokens.insert(entry.name.to_owned(), audience);
        }
    }
    tokens
}

/// Whether a variable can be called so; what cannot is told.
fn sound_name(field: &Field<'_>, entry: &Entry<'_>, of_job: &[String]) -> bool {
    let name = entry.name;
    let report = |what: String, remedy: &str| field.sink.report(entry.place, what, remedy);
    if !secrets::is_name(name) {
        field.sink.hide(entry.place);
        let what = format!("`{}` names no variable; this may be a secret itself", field.path);
        report(what, "name the variable that will hold the token, such as `SIGSTORE_ID_TOKEN`");
        return false;
    }
    let taken = [OWN_VARIABLES].into_iter().chain(FORGES_VARIABLES.iter().copied());
    if let Some(beginning) = taken.into_iter().find(|beginning| name.starts_with(beginning)) {
        let whose = if beginning == OWN_VARIABLES { "the bot's" } else { "the forge's" };
        let what =
            format!("`{}.{}` begins with `{beginning}`, as {whose} own variables do", field.path, cut(name));
        report(what, "rename it");
        return false;
    }
    if of_job.iter().any(|secret| secret == name) {
        report(
            format!("`{}.{}` is also a secret of the job", field.path, cut(name)),
            "give one of the two another name",
        );
        return false;
    }
    true
}

fn audience(field: &Field<'_>) -> Option<String> {
    let text = field.line()?;
    if text.len() > LONGEST_AUDIENCE {
        field.refuse(&format!("is longer than {LONGEST_AUDIENCE} bytes"), "write the audience alone");
    } else if !text.chars().all(|c| c.is_ascii_graphic()) {
        let remedy =
            "write the audience as the service asks for it, such as `sigstore` or `https://example.com`";
        field.refuse("has white space in it, or a letter beyond ASCII", remedy);
    } else if text.contains('$') {
        field.refuse("has a `$`, which forges read as more than itself", "write the audience itself");
    } else {
        return Some(text.to_owned());
    }
    None
}
