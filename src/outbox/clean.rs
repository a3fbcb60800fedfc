//! What leaves for the forge shows none of our secrets, whatever a job printed.

use serde_json::Value;

use crate::domain::{Annotation, Check, Effect, Redactor};

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
        Effect::Check { sha, check } => {
            Effect::Check { sha: sha.clone(), check: Box::new(shown(redactor, check)) }
        }
        Effect::Report { .. }
        | Effect::Reply { .. }
        | Effect::Answer { .. }
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

/// Words of ours without secrets, at most `limit` characters.
pub(crate) fn text(redactor: &Redactor, text: &str, limit: usize) -> String {
    // What stands in a secret's place may be longer than the secret.
    render::within(&redactor.text(text), limit)
}

/// A check's name and what it tells back keep their form.
fn shown(redactor: &Redactor, check: &Check) -> Check {
    let clean = |text: &str| redactor.text(text).into_owned();
    let report = check.report.as_ref().map(|report| {
        // Every map key in a report is a string, so it always has a JSON form.
        let Ok(mut value) = serde_json::to_value(report) else { return Box::default() };
        scrub(redactor, &mut value);
        // A name that must keep its form and is itself a secret: then nothing but the sentence is shown.
        serde_json::from_value(value).unwrap_or_default()
    });
    let annotations = check.annotations.iter().map(|one| Annotation {
        path: one.path.clone(),
        line: one.line,
        title: clean(&one.title),
        message: clean(&one.message),
    });
    Check { title: clean(&check.title), report, annotations: annotations.collect(), ..check.clone() }
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
    use crate::domain::{Button, Buttons, Progress, Sha, Status, StatusState, StickyReport};

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
    fn of_a_check_all_is_cleaned_but_its_name_and_places() {
        let secret = "glpat-under_score";
        let invalid_configuration = Some(format!("token: {secret}"));
        let check = Check {
            name: "mergewright".to_owned(),
            progress: Progress::InProgress,
            title: format!("waits for {secret}"),
            report: Some(Box::new(StickyReport { invalid_configuration, models: Vec::new() })),
            annotations: vec![Annotation {
                path: "a.py".to_owned(),
                line: 1,
                title: secret.to_owned(),
                message: format!("got {secret}"),
            }],
            buttons: Buttons::of([Button::Approve]),
            edition: 2,
            measured: None,
        };
        let sha: Sha = "a".repeat(40).parse().unwrap();
        let redactor = Redactor::new([secret, "mergewright"]);
        let Effect::Check { check: cleaned, .. } =
            effect(&redactor, &Effect::Check { sha, check: Box::new(check.clone()) })
        else {
            panic!("another effect")
        };
        assert_eq!((&*cleaned.name, &*cleaned.title), ("mergewright", "waits for [redacted]"));
        let text = cleaned.report.as_ref().unwrap().invalid_configuration.as_deref();
        assert_eq!(text, Some("token: [redacted]"));
        let [remark] = cleaned.annotations.as_slice() else { panic!("one remark") };
        assert_eq!((&*remark.title, &*remark.message), ("[redacted]", "got [redacted]"));
        assert_eq!((&cleaned.buttons, cleaned.edition), (&check.buttons, 2));
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
