//! `explain`: every rule that decided, where it stands in the configuration, and what it said.

use crate::config::valid::PublishWhen;
use crate::domain::{Judged, Mark, ModelName, ModelState, Phase, Refused, Sheet, Stage};
use crate::engine::setting::Rules;
use crate::engine::turn::{Finding, Turn};
use crate::engine::{approvals, baseline};

use super::section::{lineage, mark, notices};
use super::sentence::Told;

/// The most remarks that are repeated; the report has them all.
const MOST_REMARKS: usize = 20;

/// Everything that decided about a model, or about one stage of it.
pub(in crate::engine) fn explain(
    turn: &Turn<'_>,
    name: &ModelName,
    rules: &Rules<'_>,
    stage: Option<&str>,
) -> Sheet {
    let Some(model) = turn.state.models.get(name) else {
        return Sheet { title: format!("Nothing was decided about `{name}` here."), ..Sheet::default() };
    };
    let told = Told { model, rules: Some(rules), finding: turn.findings.get(name) };
    let asked = Asked { turn, name, model, rules, told };
    let wanted = Stage::ALL.into_iter().filter(|one| stage.is_none_or(|word| word == one.as_str()));
    let mut rows: Vec<_> = wanted.flat_map(|stage| asked.stage(stage)).collect();
    if stage.is_none() {
        rows.extend(asked.refused());
    }
    Sheet {
        title: format!("`{name}` is {} at `{}`: {}.", model.phase, turn.judged(model).short(), told.stands()),
        notes: asked.notes(),
        columns: ["stage", "rule", "where", "verdict", "why"].map(str::to_owned).into(),
        rows,
        sentences: true,
        ..Sheet::default()
    }
}

/// What is explained.
struct Asked<'a, 't> {
    turn: &'a Turn<'t>,
    name: &'a ModelName,
    model: &'a ModelState,
    rules: &'a Rules<'a>,
    told: Told<'a>,
}

type Row = Vec<String>;

impl Asked<'_, '_> {
    /// Which file rules, what everything is bound to, what was compared with, and what was remarkable.
    fn notes(&self) -> Vec<String> {
        let bound = lineage(self.turn, self.model);
        let bound = bound.iter().map(|(what, value)| format!("{what} {}", span(value))).collect::<Vec<_>>();
        let mut notes = vec![
            format!(
                "Gates, review and publish are those of `.mergewright.yml` on {}; build and test those of {}.",
                self.side(),
                self.source()
            ),
            format!("Bound to {}.", bound.join(", ")),
        ];
        if self.model.report.is_some() {
            notes.push(baseline::says(self.model.baseline.as_ref(), self.rules.policy.gates.baseline));
        }
        let nothing = Finding::default();
        let finding = self.told.finding.unwrap_or(&nothing);
        let remarks = notices(self.turn.state.holds.get(self.name), self.model, finding);
        let more = remarks.len().saturating_sub(MOST_REMARKS);
        notes.extend(remarks.into_iter().take(MOST_REMARKS));
        if more > 0 {
            notes.push(format!("… and {more} more remarks; the report has them."));
        }
        notes
    }

    /// The side whose policy holds.
    fn side(&self) -> &'static str {
        if self.rules.scrutiny.new_model { "the head" } else { "the target branch" }
    }

    /// Whose file says how to build and test.
    fn source(&self) -> &'static str {
        if self.model.anew.is_some() { "the merge commit" } else { "the head" }
    }

    fn stage(&self, stage: Stage) -> Vec<Row> {
        let mut rows = Vec::new();
        match stage {
            Stage::Build => rows.push(self.whole(stage, "build.run", self.source().to_owned())),
            Stage::Test => {
                rows.push(self.whole(stage, "test.run", self.source().to_owned()));
                rows.extend(self.gates());
            }
            Stage::Review => {
                let place = self.place(self.rules.policy.review.line);
                rows.push(self.whole(stage, "review.approvals", place));
                rows.extend(self.card());
                rows.extend(self.approvals());
            }
            Stage::Publish => {
                let place = self.place(self.rules.policy.publish.line);
                rows.push(self.whole(stage, "publish.when", place));
                rows.extend(self.publication());
            }
        }
        rows
    }

    /// How a stage stands as a whole.
    fn whole(&self, stage: Stage, key: &str, place: String) -> Row {
        let mark = mark(self.model, stage);
        let word = match mark {
            Mark::Passed => "passed",
            Mark::Failed => "failed",
            Mark::Active => "under way",
            Mark::Waiting => "waiting",
        };
        let why = match mark {
            Mark::Passed => self.told.passed(stage),
            Mark::Waiting if self.model.stage != stage => "its turn has not come".to_owned(),
            Mark::Waiting | Mark::Active | Mark::Failed => {
                let diagnosis = self.told.finding.and_then(|finding| finding.diagnosis.as_ref());
                let diagnosis = diagnosis.map(|why| format!(". {why}")).unwrap_or_default();
                format!("{}{diagnosis}", self.told.stands())
            }
        };
        row(stage, span(key), place, word.to_owned(), why)
    }

    /// One row a rule, or a slice of it; the worst first.
    fn gates(&self) -> Vec<Row> {
        if self.model.judged.is_empty() {
            let rules = self.rules.policy.gates.rules.iter();
            let waiting = "there is no report to judge".to_owned();
            let unjudged = |id: &str, line| {
                row(Stage::Test, span(id), self.place(line), "waiting".to_owned(), waiting.clone())
            };
            return rules.map(|rule| unjudged(&rule.id, rule.line)).collect();
        }
        let mut judged: Vec<&Judged> = self.model.judged.iter().collect();
        judged.sort_by_key(|judged| std::cmp::Reverse((judged.blocks(), judged.verdict)));
        judged.into_iter().map(|judged| self.gate(judged)).collect()
    }

    fn gate(&self, judged: &Judged) -> Row {
        let rule = match judged.rule == judged.metric {
            true => span(&judged.rule),
            false => format!("{} on {}", span(&judged.rule), span(&judged.metric)),
        };
        let numbers = [
            judged.candidate.map(|value| format!("candidate {value}")),
            judged
                .baseline
                .zip(self.model.baseline.as_ref())
                .map(|(value, baseline)| format!("baseline {value} ({baseline})")),
        ];
        let numbers = numbers.into_iter().flatten().collect::<Vec<_>>().join(", ");
        let numbers = if numbers.is_empty() { numbers } else { format!("{numbers}. ") };
        let (verdict, waived) = match &judged.waived {
            Some(waived) => (format!("{}, waived", judged.verdict), format!(". {}", waived.told())),
            None => (judged.verdict.to_string(), String::new()),
        };
        let why = format!("{numbers}{}: {}{waived}", judged.bounds, judged.reason);
        row(Stage::Test, rule, self.place(judged.line), verdict, why)
    }

    /// The model card, where the policy asks for one.
    fn card(&self) -> Option<Row> {
        let card = self.model.card.as_ref()?;
        let (verdict, why) = match card.problems.is_empty() {
            true => ("complete", format!("{} says what is asked for", span(&card.path))),
            false => ("incomplete", card.problems.join(" ")),
        };
        let place = self.place(self.rules.policy.review.line);
        Some(row(Stage::Review, span("review.card"), place, verdict.to_owned(), why))
    }

    /// Who is counted, and whose word given by command is not.
    fn approvals(&self) -> Vec<Row> {
        let counted = &self.model.approved_by;
        let given = if counted.is_empty() { "nobody".to_owned() } else { counted.join(", ") };
        let asked = approvals::needed(self.rules);
        let said = format!("{} of {asked}", counted.len());
        let mut rows = vec![row(Stage::Review, "counted".to_owned(), String::new(), said, given)];
        let given = self.model.approvals.iter().map(|approval| &approval.by.login);
        for login in given.filter(|login| !counted.contains(login)) {
            let waits = matches!(
                self.model.phase,
                Phase::AwaitingRun
                    | Phase::Building
                    | Phase::Testing
                    | Phase::GateFailed
                    | Phase::InfraError
                    | Phase::Inconclusive
                    | Phase::Draft
            );
            let why = match waits {
                true => "it was given, and counts once build and test are good",
                false => "that account is no owner any more, or wrote a part of it",
            };
            let why = why.to_owned();
            rows.push(row(
                Stage::Review,
                format!("approval of {login}"),
                String::new(),
                "not counted".to_owned(),
                why,
            ));
        }
        rows
    }

    /// What begins the publication, and what keeps it.
    fn publication(&self) -> Vec<Row> {
        let mut rows = Vec::new();
        let mut say = |rule: &str, verdict: &str, why: String| {
            rows.push(row(Stage::Publish, span(rule), String::new(), verdict.to_owned(), why));
        };
        match self.rules.policy.publish.when {
            PublishWhen::Merge => say("when", "merge", "the merge publishes it".to_owned()),
            PublishWhen::Command => {
                say("when", "command", "after the merge an owner publishes it by command".to_owned());
            }
        }
        if let Some(hold) = self.turn.state.holds.get(self.name) {
            say("held", "holds", hold.told());
        }
        if let Some(by) = &self.model.armed {
            say("when-ready", "armed", format!("by {}, for this head", by.login));
        }
        if let Some(why) = &self.model.unblessed {
            say("unblessed", "not published", why.clone());
        }
        rows
    }

    /// The last commands that were refused, about this model or about none by name.
    fn refused(&self) -> Vec<Row> {
        let about = |refused: &&Refused| refused.model.as_ref().is_none_or(|model| model == self.name);
        let refused = self.turn.state.refused.iter().rev().filter(about);
        let told = refused.map(|refused| {
            let why = format!("{} of {} at {}", span(&refused.command), refused.by, refused.at);
            vec!["command".to_owned(), span(&refused.rule), String::new(), "refused".to_owned(), why]
        });
        told.collect()
    }

    /// The line of a key, and the side whose file it is in.
    fn place(&self, line: Option<u32>) -> String {
        match line {
            Some(line) => format!("line {line}, {}", self.side()),
            None => format!("not written: the default, {}", self.side()),
        }
    }
}

fn row(stage: Stage, rule: String, place: String, verdict: String, why: String) -> Row {
    vec![stage.to_string(), rule, place, verdict, why]
}

/// Text that stands for itself, as a code span.
fn span(text: &str) -> String {
    format!("`{}`", text.replace('`', "'"))
}
