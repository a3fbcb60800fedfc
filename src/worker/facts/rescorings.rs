//! Runs that measure a baseline anew: exactly those that were started for this head, or for what its merge
//! made.

use crate::domain::{JobStatus, ModelName, ModelState, RunId, Scores};
use crate::engine::{Configuration, RescoringFact, ScoresFact};
use crate::forge::ErrorKind;
use crate::worker::failure::Failure;
use crate::worker::logs;

use super::{Found, Gatherer};

impl Gatherer<'_> {
    /// Reads those that came to nothing yet; asks for nothing where there are none.
    pub(super) async fn read_rescorings(&self, found: &mut Found) -> Result<(), Failure> {
        for (name, state) in &self.state.models {
            let judged = state.judged_anew().map(|anew| &anew.bound.head);
            let head = judged.unwrap_or(&found.facts.merge_request.head);
            let open = state.rescorings.iter().filter(|known| known.scores.is_none() && known.head == *head);
            for run in open.filter_map(|known| known.run).collect::<Vec<_>>() {
                let fact = self.rescoring(name, run, found).await?;
                found.runs.push(run);
                found.facts.open.get_or_insert_default().rescorings.insert(run.0, fact);
            }
        }
        Ok(())
    }

    async fn rescoring(&self, name: &ModelName, id: RunId, found: &Found) -> Result<RescoringFact, Failure> {
        let mut run = match self.forge.run(self.id.repo, id).await {
            Ok(run) => run,
            Err(error) if error.kind == ErrorKind::Gone && !self.young => {
                return Ok(RescoringFact { run: None, scores: None });
            }
            Err(error) => return Err(error.into()),
        };
        logs::read(self.forge, self.memory, self.id.repo, &mut run).await;
        let job = run.jobs.iter().find(|job| job.task == "evaluate" && job.model.as_ref() == Some(name));
        let ended = job.filter(|job| job.status == JobStatus::Succeeded);
        // Where the numbers lie is said by the commit whose code left them.
        let proposal = match self.state.models.get(name).and_then(ModelState::judged_anew) {
            Some(_) => found.facts.merged_configuration(),
            None => &found.facts.proposal,
        };
        let model = match proposal {
            Configuration::Valid(config) => config.models.get(name),
            Configuration::Absent | Configuration::Invalid { .. } => None,
        };
        let scores = match ended.zip(model) {
            None => None,
            Some((job, model)) => Some(match self.scores(model, job).await? {
                Ok(metrics) => {
                    let scores = Scores { job: job.id, page: job.web_url.clone(), metrics };
                    ScoresFact::Read(Box::new(scores))
                }
                Err(why) => ScoresFact::Unreadable { why },
            }),
        };
        Ok(RescoringFact { run: Some(run), scores })
    }
}
