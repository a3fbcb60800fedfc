//! The description of a merge request that we open.

use minijinja::{Environment, Error, context};
use serde::Serialize;

use crate::domain::ProposalText;

#[derive(Debug, Serialize)]
struct Beside {
    theirs: String,
    ours: String,
}

pub(super) fn render(templates: &Environment<'_>, text: &ProposalText) -> Result<String, Error> {
    let pair = |(theirs, ours): &(String, String)| Beside { theirs: theirs.clone(), ours: ours.clone() };
    let beside: Vec<_> = text.beside.iter().map(pair).collect();
    templates.get_template("onboarding")?.render(context! {
        digest => minijinja::Value::from_safe_string(text.digest.hex()),
        files => text.files.clone(),
        beside => minijinja::Value::from(minijinja::value::Serde(&beside)),
    })
}
