//! What a job does, step by step.

use serde::Serialize;

use super::job::rounded_up;
use super::{globs, id_tokens, literal, tools};
use crate::generator::GenerateError;
use crate::generator::pins::{self, Action as PinnedAction};
use crate::generator::pipeline::{Action, Job, Keeps, Kept, Part, Proof, Proven};
use crate::generator::proof::{self, Bytes};
use crate::generator::templates::{GITHUB_STAGE, Renderer};

/// One step: an action with settings, or shell lines.
#[derive(Debug, Default, Serialize)]
pub(super) struct StepView {
    pub(super) name: &'static str,
    pub(super) id: Option<&'static str>,
    pub(super) condition: Option<String>,
    pub(super) uses: Option<Pin>,
    pub(super) with: Vec<(&'static str, Setting)>,
    pub(super) directory: Option<String>,
    pub(super) env: Vec<(String, String)>,
    pub(super) run: Option<String>,
}

/// An action at one commit.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Pin {
    pub(super) pin: String,
    pub(super) version: &'static str,
}

impl Pin {
    pub(super) fn of(action: &PinnedAction) -> Self {
        Self { pin: action.pin(), version: action.version }
    }
}

/// What an action is told.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(super) enum Setting {
    Text(String),
    Flag(bool),
    Number(u64),
}

/// Where files lie for the upload.
const STAGED: &str = "mergewright-staged";
/// Where the judged files lie until they are proved.
const JUDGED: &str = "mergewright-judged";
/// GitHub keeps artifacts so many days at most.
const MOST_DAYS: u64 = 90;
/// Whatever became of the steps before, but not in a run that somebody has ended: nobody reads its reports.
const ALSO_AFTER_FAILURE: &str = "!cancelled()";
/// In an image with a shell of its own, nothing says which one: where it can, a command that fails before a
/// pipe fails its line, as on GitLab and as in the shell that is named elsewhere.
const PIPES: &str = "if (set -o pipefail) 2>/dev/null; then set -o pipefail; fi";
/// The credential of the job itself.
const TOKEN: &str = "${{ github.token }}";

/// The step that finds out what is live, and what it says.
const LIVE: &str = "live";

/// Every step of a job, in order.
pub(super) fn of(job: &Job, all: &[&Job], templates: &Renderer<'_>) -> Result<Vec<StepView>, GenerateError> {
    let mut steps = vec![checkout()];
    steps.extend(tools::of(job));
    for need in &job.needs {
        if let Some(needed) = all.iter().find(|other| other.step == *need) {
            steps.extend(needed.keeps.iter().map(|kept| StepView {
                name: "Fetch the model",
                uses: Some(Pin::of(&pins::DOWNLOAD)),
                with: vec![("name", text(artifact(job, kept.what))), ("path", text(".".to_owned()))],
                ..StepView::default()
            }));
        }
    }
    if let Some(proof) = &job.proof {
        steps.extend(proved(job, proof, templates)?);
    }
    for part in &job.parts {
        steps.push(own(job, part, templates)?);
    }
    for kept in &job.keeps {
        steps.extend(keep(job, kept, templates)?);
    }
    Ok(steps)
}

fn checkout() -> StepView {
    StepView {
        name: "Check out",
        uses: Some(Pin::of(&pins::CHECKOUT)),
        with: vec![
            ("ref", text("${{ env.MERGEWRIGHT_COMMIT }}".to_owned())),
            ("persist-credentials", Setting::Flag(false)),
        ],
        ..StepView::default()
    }
}

/// The judged bytes, fetched and proved.
fn proved(
    job: &Job,
    proof: &(Proof, Proven),
    templates: &Renderer<'_>,
) -> Result<Vec<StepView>, GenerateError> {
    let token = ("GITHUB_TOKEN".to_owned(), TOKEN.to_owned());
    let mut steps = Vec::new();
    let mut env = vec![token.clone()];
    let mut source = "${{ inputs.source }}".to_owned();
    if let Some(run) = proof::live(proof, Bytes::OfGitHub, templates)? {
        steps.push(StepView {
            name: "Find out what is live",
            id: Some(LIVE),
            env: vec![token],
            run: Some(run),
            ..StepView::default()
        });
        let said = |name: &str| format!("${{{{ inputs.{name} || steps.{LIVE}.outputs.{name} }}}}");
        source = said("source");
        env.push(("MERGEWRIGHT_VERSION".to_owned(), said("version")));
        env.push(("MERGEWRIGHT_SOURCE".to_owned(), source.clone()));
    }
    steps.push(StepView {
        name: "Fetch the judged files",
        uses: Some(Pin::of(&pins::DOWNLOAD)),
        with: vec![
            ("name", text(artifact(job, Keeps::Model))),
            ("path", text(JUDGED.to_owned())),
            ("run-id", text(source)),
            ("github-token", text(TOKEN.to_owned())),
        ],
        ..StepView::default()
    });
    steps.push(StepView {
        name: "Prove that they are those that were judged",
        env,
        run: Some(proof::script(proof, job.step, Bytes::OfGitHub, templates)?),
        ..StepView::default()
    });
    Ok(steps)
}

/// The people's own lines of one kind, in one shell.
fn own(job: &Job, part: &Part, templates: &Renderer<'_>) -> Result<StepView, GenerateError> {
    let secrets = part.secrets.iter().map(|name| (name.clone(), format!("${{{{ secrets.{name} }}}}")));
    let pipes = job.container.as_ref().map(|_| PIPES);
    let identity = id_tokens::script(&part.id_tokens, templates)?;
    let ours = pipes.into_iter().chain(identity.as_deref());
    let (given, run) = script(ours.chain(part.lines.iter().map(String::as_str)));
    Ok(StepView {
        name: part.title,
        condition: part.only.map(|action: Action| format!("inputs.action == '{action}'")),
        directory: (job.root != ".").then(|| literal(&job.root)),
        env: secrets.chain(given).collect(),
        run: Some(run),
        ..StepView::default()
    })
}

/// Lines for one shell. Those that hold what GitHub would take for an expression come through a
/// variable: then none stands in a script, not even one that only spells the sign.
fn script<'l>(lines: impl Iterator<Item = &'l str>) -> (Option<(String, String)>, String) {
    let lines: Vec<&str> = lines.map(|line| line.trim_end_matches('\n')).collect();
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
fn keep(job: &Job, kept: &Kept, templates: &Renderer<'_>) -> Result<[StepView; 2], GenerateError> {
    let condition = kept.always().then(|| ALSO_AFTER_FAILURE.to_owned());
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
        uses: Some(Pin::of(&pins::UPLOAD)),
        with: vec![
            ("name", text(artifact(job, kept.what))),
            ("path", text(STAGED.to_owned())),
            // A build that leaves nothing has failed; a test may have failed before it wrote a report.
            ("if-no-files-found", text(if kept.always() { "warn" } else { "error" }.to_owned())),
            ("include-hidden-files", Setting::Flag(true)),
            ("overwrite", Setting::Flag(true)),
            ("retention-days", Setting::Number(rounded_up(kept.keep_for, 86_400).min(MOST_DAYS))),
        ],
        ..StepView::default()
    };
    Ok([stage, upload])
}

/// The name of what jobs of the model leave.
fn artifact(job: &Job, what: Keeps) -> String {
    format!("{}-{}", job.model, what.word())
}

pub(super) const fn text(text: String) -> Setting {
    Setting::Text(text)
}
