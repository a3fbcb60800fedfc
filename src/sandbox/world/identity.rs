//! Identity tokens: a job says by them who it is. What stands in one can be read, and nobody has signed it.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::{Job, JobState, Project, State};
use crate::sandbox::Refusal;

impl State {
    /// A token of a job for one audience, in the form of a JWT.
    pub(crate) fn id_token(&self, project: u64, job: u64, audience: &str) -> Result<String, Refusal> {
        let place = self.project(project)?;
        let job = place.job(job)?;
        let reference = &place.pipeline(job.pipeline)?.reference;
        let path = &place.path;
        let subject = match (self.dialect.is_github(), &job.plan.environment) {
            (true, Some(environment)) => format!("repo:{path}:environment:{environment}"),
            (true, None) => format!("repo:{path}:ref:refs/heads/{reference}"),
            (false, _) => format!("project_path:{path}:ref_type:branch:ref:{reference}"),
        };
        let says = json!({"iss": self.url, "aud": audience, "sub": subject, "job": job.id});
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        Ok(format!("{}.{}.unsigned", part(&json!({"alg": "none", "typ": "JWT"})), part(&says)))
    }

    /// The job that runs with this credential and may ask for identity tokens, with its project.
    pub(crate) fn asks_for_identity(&self, credential: &str) -> Option<(&Project, &Job)> {
        let jobs = self.projects.values().flat_map(|place| place.jobs.values().map(move |job| (place, job)));
        let mut asking = jobs.filter(|(_place, job)| job.plan.may_identify && job.state == JobState::Running);
        asking.find(|(_place, job)| job.token() == credential)
    }
}
