//! What leaves for the forge shows none of our secrets, whatever a job printed.

use serde_json::Value;

use crate::domain::{Effect, Redactor};

use super::render;

/// The effect without secrets in what people will read. This comes before anything is cut or escaped:
/// half a secret, or one with a backslash inside, would not be recognised afterwards.
pub(crate) fn effect(redactor: &Redactor, effect: &Effect) -> Effect {
    match effect {
        Effect::Status { sha, run, status } => {
            let mut status = status.clone();
            status.description = redactor.text(&status.description).into_owned();
            Effect::Status { sha: sha.clone(), run: *run, status }
        }
        Effect::Report { .. }
        | Effect::Reply { .. }
        | Effect::CreateTag { .. }
        | Effect::AssignStage { .. }
        | Effect::Retire { .. }
        | Effect::Release { .. } => {
            // A name that must keep its form and is itself a secret: then only the text is cleaned.
            everywhere(redactor, effect).unwrap_or_else(|_| effect.clone())
        }
        other => other.clone(),
    }
}

/// A comment without secrets, at most `limit` characters; its first line is our marker and stays.
pub(crate) fn comment(redactor: &Redactor, body: &str, limit: usize) -> String {
    let Some((marker, rest)) = body.split_once('\n') else { return body.to_owned() };
    let rest = redactor.text(rest);
    let most = limit.saturating_sub(marker.len() + 1);
    // What stands in a secret's place may be longer than the secret.
    format!("{marker}\n{}", render::within(&rest, most))
}

fn everywhere(redactor: &Redactor, effect: &Effect) -> Result<Effect, serde_json::Error> {
    let mut value = serde_json::to_value(effect)?;
    scrub(redactor, &mut value);
    serde_json::from_value(value)
}

fn scrub(redactor: &Redactor, value: &mut Value) {
    match value {
        Value::String(text) => *text = redactor.text(text).into_owned(),
        Value::Array(entries) => entries.iter_mut().for_each(|entry| scrub(redactor, entry)),
        Value::Object(fields) => {
            let before = std::mem::take(fields);
            for (name, mut value) in before {
                scrub(redactor, &mut value);
                fields.insert(redactor.text(&name).into_owned(), value);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Sha, Status, StatusState, StickyReport};

    fn redactor() -> Redactor {
        Redactor::new(["glpat-under_score"])
    }

    #[test]
    fn a_secret_is_taken_out_before_escaping_hides_it() {
        let invalid_configuration = Some("token: glpat-under_score".to_owned());
        let report = Box::new(StickyReport { invalid_configuration, models: Vec::new() });
        let Effect::Report { report } = effect(&redactor(), &Effect::Report { report }) else {
            panic!("another effect")
        };
        assert_eq!(report.invalid_configuration.as_deref(), Some("token: [redacted]"));
    }

    #[test]
    fn of_a_status_only_the_description_is_cleaned() {
        let status = Status {
            context: "mergewright".to_owned(),
            state: StatusState::Pending,
            description: "mergewright waits".to_owned(),
        };
        let sha: Sha = "a".repeat(40).parse().unwrap();
        let cleaned = effect(&Redactor::new(["mergewright"]), &Effect::Status { sha, run: None, status });
        let Effect::Status { status, .. } = cleaned else { panic!("another effect") };
        assert_eq!((&*status.context, &*status.description), ("mergewright", "[redacted] waits"));
    }

    #[test]
    fn the_marker_stays_and_the_limit_is_kept() {
        let redactor = Redactor::new(["report", "four"]);
        let marker = "<!-- mergewright:report -->";
        let cleaned = comment(&redactor, &format!("{marker}\nfour report"), 1000);
        assert_eq!(cleaned, format!("{marker}\n[redacted] [redacted]"));
        let cut = comment(&redactor, &format!("{marker}\n{}", "four".repeat(9)), 60);
        assert_eq!(cut.chars().count(), 60);
        assert!(cut.starts_with(marker));
    }
}
