//! What a job does, step by step.

use super::{Pin, Setting, StepView, globs, literal, rounded_up};
use crate::generator::pipeline::{Action, Job, Kept, Step};
use crate::generator::proof::{self, Bytes};
use crate::generator::templates::GITHUB_STAGE;
use crate::generator::{GenerateError, Templates};

const CHECKOUT: Pin =
    Pin { pin: "actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1", version: "v7.0.1" };
const SETUP_PYTHON: Pin =
    Pin { pin: "actions/setup-python@5fda3b95a4ea91299a34e894583c3862153e4b97", version: "v7.0.0" };
const UPLOAD: Pin =
    Pin { pin: "actions/upload-artifact@bbbca2ddaa5d8feaa63e36b76fdaad77386f024f", version: "v7.0.0" };
const DOWNLOAD: Pin =
    Pin { pin: "actions/download-artifact@3e5f45b2cfb9172054b4087a40e8e0b5a5461e7c", version: "v8.0.1" };

/// Where files lie for the upload.
const STAGED: &str = "mergewright-staged";
/// Where the judged files lie until they are proved.
const JUDGED: &str = "mergewright-judged";
/// GitHub keeps artifacts so many days at most.
const MOST_DAYS: u64 = 90;
/// The credential of the job itself.
const TOKEN: &str = "${{ github.token }}";

pub(super) fn of(job: &Job, all: &[&Job], templates: &Templates) -> Result<Vec<StepView>, GenerateError> {
    let mut steps = vec![checkout()];
    if let (Some(version), None) = (&job.python, &job.container) {
        steps.push(StepView {
            name: "Set up Python",
            uses: Some(SETUP_PYTHON),
            with: vec![("python-version", text(literal(version)))],
            ..StepView::default()
        });
    }
    for need in &job.needs {
        if all.iter().any(|other| other.step == *need && other.keeps.is_some()) {
            steps.push(StepView {
                name: "Fetch the model",
                uses: Some(DOWNLOAD),
                with: vec![("name", text(artifact(job, *need))), ("path", text(".".to_owned()))],
                ..StepView::default()
            });
        }
    }
    if let Some(proof) = job.proof {
        steps.push(StepView {
            name: "Fetch the judged files",
            uses: Some(DOWNLOAD),
            with: vec![
                ("name", text(artifact(job, Step::Build))),
                ("path", text(JUDGED.to_owned())),
                ("run-id", text("${{ inputs.source }}".to_owned())),
                ("github-token", text(TOKEN.to_owned())),
            ],
            ..StepView::default()
        });
        steps.push(StepView {
            name: "Prove that they are those that were judged",
            env: vec![("GITHUB_TOKEN".to_owned(), TOKEN.to_owned())],
            run: Some(proof::script(proof, job.step, Bytes::OfGitHub, templates)?),
            ..StepView::default()
        });
    }
    steps.extend(own(job));
    if let Some(kept) = &job.keeps {
        steps.extend(keep(job, kept, templates)?);
    }
    Ok(steps)
}

fn checkout() -> StepView {
    StepView {
        name: "Check out",
        uses: Some(CHECKOUT),
        with: vec![
            ("ref", text("${{ env.MERGEWRIGHT_COMMIT }}".to_owned())),
            ("persist-credentials", Setting::Flag(false)),
        ],
        ..StepView::default()
    }
}

/// The people's own lines, those of one kind in one shell.
fn own(job: &Job) -> Vec<StepView> {
    let step = |name, action: Option<Action>, lines: &[String]| {
        let secrets = job.secrets.iter().map(|name| (name.clone(), format!("${{{{ secrets.{name} }}}}")));
        let (given, run) = script(lines);
        (!lines.is_empty()).then(|| StepView {
            name,
            condition: action.map(|action| format!("inputs.action == '{action}'")),
            directory: (job.root != ".").then(|| literal(&job.root)),
            env: secrets.chain(given).collect(),
            run: Some(run),
            ..StepView::default()
        })
    };
    let steps = match (&job.deployment, job.step) {
        (Some(deployment), _) if deployment.rollback.is_empty() || deployment.rollback == job.run => {
            vec![step("Deploy", None, &job.run), step("Verify", None, &deployment.verify)]
        }
        (Some(deployment), _) => vec![
            step("Deploy", Some(Action::Deploy), &job.run),
            step("Roll back", Some(Action::Rollback), &deployment.rollback),
            step("Verify", None, &deployment.verify),
        ],
        (None, Step::Build) => vec![step("Build", None, &job.run)],
        (None, Step::Test) => vec![step("Test", None, &job.run)],
        (None, Step::Publish | Step::Deploy) => vec![step("Publish", None, &job.run)],
    };
    steps.into_iter().flatten().collect()
}

/// Lines for one shell. Those that hold what GitHub would take for an expression come through a
/// variable: then none stands in a script, not even one that only spells the sign.
fn script(lines: &[String]) -> (Option<(String, String)>, String) {
    let lines: Vec<&str> = lines.iter().map(|line| line.trim_end_matches('\n')).collect();
    let mut text = lines.join("\n");
    if text.contains('\n') {
        text.push('\n');
    }
    if text.contains("${{") {
        (Some(("MERGEWRIGHT_LINES".to_owned(), literal(&text))), r#"eval "$MERGEWRIGHT_LINES""#.to_owned())
    } else {
        (None, text)
    }
}

/// Lays the files out with their paths from the repository's root, and uploads them.
fn keep(job: &Job, kept: &Kept, templates: &Templates) -> Result<[StepView; 2], GenerateError> {
    let condition = kept.always.then(|| "always()".to_owned());
    let patterns: Vec<String> = kept.paths.iter().map(|path| globs::expression(path)).collect();
    let stage = StepView {
        name: "Lay out the files",
        condition: condition.clone(),
        env: vec![("MERGEWRIGHT_FILES".to_owned(), literal(&patterns.join("\n")))],
        run: Some(templates.render(GITHUB_STAGE, ())?),
        ..StepView::default()
    };
    let upload = StepView {
        name: "Upload the files",
        condition,
        uses: Some(UPLOAD),
        with: vec![
            ("name", text(artifact(job, job.step))),
            ("path", text(STAGED.to_owned())),
            // A build that leaves nothing has failed; a test may have failed before it wrote a report.
            ("if-no-files-found", text(if kept.always { "warn" } else { "error" }.to_owned())),
            ("include-hidden-files", Setting::Flag(true)),
            ("overwrite", Setting::Flag(true)),
            ("retention-days", Setting::Number(rounded_up(kept.keep_for, 86_400).min(MOST_DAYS))),
        ],
        ..StepView::default()
    };
    Ok([stage, upload])
}

/// The name of what the job of this step leaves.
fn artifact(job: &Job, step: Step) -> String {
    format!("{}-{}", job.model, if step == Step::Build { "model" } else { "reports" })
}

const fn text(text: String) -> Setting {
    Setting::Text(text)
}
