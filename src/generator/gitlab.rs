//! The pipeline in GitLab's notation: one file, and beyond a number of models one more for each.

mod cache;
mod check;
mod conditions;
mod job;

use serde::Serialize;

use super::pipeline::{Job, Pipeline, Step, Trigger};
use super::templates::{GITLAB_MODEL, GITLAB_PIPELINE, Renderer};
use super::{Dialect, GITLAB_FILE, GenerateError};
use conditions::RuleView;
use job::JobView;

/// The most models whose jobs stand in the one file.
const MOST_MODELS: usize = 20;
/// A job that never runs, for a file that otherwise only includes others.
const PLACEHOLDER: &str = "mergewright:none";

/// `.gitlab-ci.yml` or the file of one model, as the templates see it.
#[derive(Debug, Serialize)]
pub(super) struct File {
    path: String,
    /// None in the file of one model.
    top: Option<Top>,
    jobs: Vec<JobView>,
}

/// What stands before the jobs.
#[derive(Debug, Serialize)]
struct Top {
    workflow: Vec<String>,
    stages: Vec<&'static str>,
    includes: Vec<IncludeView>,
}

#[derive(Debug, Serialize)]
struct IncludeView {
    path: String,
    /// When the model is concerned at all: GitLab reads only a limited number of files for a pipeline.
    rules: Vec<RuleView>,
}

/// The fields of both, flat for the template.
#[derive(Debug, Serialize)]
struct View<'f> {
    workflow: &'f [String],
    stages: &'f [&'static str],
    includes: &'f [IncludeView],
    jobs: &'f [JobView],
    placeholder: &'static str,
}

impl File {
    /// Every file of a pipeline, `.gitlab-ci.yml` first.
    pub(super) fn all(pipeline: &Pipeline, templates: &Renderer<'_>) -> Result<Vec<Self>, GenerateError> {
        let models = pipeline.models();
        let jobs =
            |jobs: &[&Job]| jobs.iter().map(|job| JobView::of(job, templates)).collect::<Result<Vec<_>, _>>();
        let top = |includes| Some(Top { workflow: workflow(pipeline), stages: stages(pipeline), includes });
        let path = GITLAB_FILE.to_owned();
        if models.len() <= MOST_MODELS {
            let all: Vec<&Job> = pipeline.jobs.iter().collect();
            return Ok(vec![Self { path, top: top(Vec::new()), jobs: jobs(&all)? }]);
        }
        let mut includes = Vec::new();
        let mut files = Vec::new();
        for (model, of_model) in &models {
            let path = Dialect::gitlab_model_path(model.as_str());
            includes.push(IncludeView { path: path.clone(), rules: conditions::concerning(of_model) });
            files.push(Self { path, top: None, jobs: jobs(of_model)? });
        }
        files.insert(0, Self { path, top: top(includes), jobs: Vec::new() });
        Ok(files)
    }

    /// Where it lies in the repository.
    pub(super) fn path(&self) -> String {
        self.path.clone()
    }

    /// The file's text after its header.
    pub(super) fn render(&self, templates: &Renderer<'_>) -> Result<String, GenerateError> {
        let jobs = self.jobs.as_slice();
        let (name, view) = match &self.top {
            None => {
                let view = View { workflow: &[], stages: &[], includes: &[], jobs, placeholder: PLACEHOLDER };
                (GITLAB_MODEL, view)
            }
            Some(Top { workflow, stages, includes }) => {
                (GITLAB_PIPELINE, View { workflow, stages, includes, jobs, placeholder: PLACEHOLDER })
            }
        };
        templates.render(name, view)
    }
}

/// What makes a pipeline: exactly one for each push, a merge request's or the default branch's, and
/// whatever the bot asks for.
fn workflow(pipeline: &Pipeline) -> Vec<String> {
    let mut workflow = vec![
        conditions::IS_MERGE_REQUEST.to_owned(),
        conditions::asked_for_anything(),
        conditions::asked_of_head(),
    ];
    let mut triggers = pipeline.jobs.iter().flat_map(|job| &job.triggers);
    if triggers.any(|trigger| matches!(trigger, Trigger::Push { .. })) {
        workflow.push(conditions::push());
    }
    workflow
}

fn stages(pipeline: &Pipeline) -> Vec<&'static str> {
    let wanted = |step: &Step| pipeline.jobs.iter().any(|job| job.step == *step);
    let mut stages: Vec<_> = Step::ALL.into_iter().filter(wanted).map(Step::stage).collect();
    stages.dedup();
    stages
}
