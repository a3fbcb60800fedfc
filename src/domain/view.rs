//! What people are shown, before it is words: the outbox renders it through `templates/comments`.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::{Judged, ModelName, Phase, Sha, Stage, TestFailure};

/// The content of the sticky comment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StickyReport {
    /// An invalid `.mergewright.yml`: the excerpt with its message, instead of any model.
    pub invalid_configuration: Option<String>,
    /// One section a model, by name.
    pub models: Vec<ModelSection>,
}

impl StickyReport {
    /// The first line of the comment that carries it.
    pub const MARKER: &'static str = "<!-- mergewright:report -->";
}

/// One model's section of the sticky comment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelSection {
    /// The model.
    pub model: ModelName,
    /// Where it stands.
    pub phase: Phase,
    /// The head that this section speaks of.
    pub head: Sha,
    /// The candidate's id, `cand-<mr>.<n>-g<sha8>`.
    pub candidate: String,
    /// How each stage stands.
    pub stages: Vec<StageMark>,
    /// Rules judged, the worst first.
    pub gates: Vec<Judged>,
    /// One whole sentence: what the candidate was compared with and why, or why with nothing.
    pub baseline: String,
    /// Judged metrics over the versions, the worst first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub charts: Vec<Chart>,
    /// Metrics of the report that no rule reads.
    pub other_metrics: Vec<(String, Decimal)>,
    /// Address of the job whose artifacts hold the whole report.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub whole_report: Option<String>,
    /// Failing tests.
    pub failing_tests: Vec<TestFailure>,
    /// How many more failed than are named.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub more_failing: usize,
    /// Ends of the logs of failed jobs.
    pub logs: Vec<LogTail>,
    /// The model card; none where the policy asks for none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub card: Option<Card>,
    /// How many approvals the policy asks for.
    pub approvals_needed: u32,
    /// Who approved, by login.
    pub approved_by: Vec<String>,
    /// What the merge request changes of the rules that it is judged by.
    #[serde(default)]
    pub policy_changes: Vec<PolicyChange>,
    /// Files and keys that it changes of what measures the model.
    #[serde(default)]
    pub evaluation_changes: Vec<String>,
    /// What was remarkable: approvals voided with the reason, retries, a report superseded.
    pub notices: Vec<String>,
    /// What has to happen next, in one sentence.
    pub next_step: String,
    /// Names and values of the lineage, folded away.
    pub lineage: Vec<(String, String)>,
}

/// One key of the policy that a merge request changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyChange {
    /// The key, such as `gates.rules.accuracy.min`.
    pub key: String,
    /// Its value on the target branch, as data; none where it is not there.
    pub before: Option<String>,
    /// Its value at the head.
    pub after: Option<String>,
}

/// Serde hands over a reference.
const fn is_zero(count: &usize) -> bool {
    *count == 0
}

/// One metric over the last published versions, with the candidate as the last point.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chart {
    /// The metric.
    pub metric: String,
    /// Versions and their numbers, the oldest first.
    pub points: Vec<(String, Decimal)>,
    /// The fixed bounds of its rule.
    pub bounds: Vec<Decimal>,
    /// Versions that were measured on other data, so that a line through them would say nothing.
    pub on_other_data: usize,
}

/// What was found of the model card that the policy asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Card {
    /// Its path in the repository.
    pub path: String,
    /// What is missing and what mends it, one sentence each; none = the card is complete.
    pub problems: Vec<String>,
}

/// One stage and its sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StageMark {
    /// The stage.
    pub stage: Stage,
    /// How it stands.
    pub mark: Mark,
}

/// How a stage stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mark {
    /// Not its turn.
    Waiting,
    /// At work.
    Active,
    /// Good.
    Passed,
    /// Bad.
    Failed,
}

/// A job that people should look at: the end of its log, where it failed and was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogTail {
    /// `build`, `test` or `publish`.
    pub job: String,
    /// Address for people.
    pub web_url: String,
    /// The last lines, as data; empty where there is only the address to show.
    pub text: String,
}

/// The answer to one comment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reply {
    /// One a command, in order.
    pub answers: Vec<Answer>,
}

/// The answer to one command.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "snake_case")]
pub enum Answer {
    /// A question answered, as Markdown that we wrote ourselves (no foreign text in it).
    Text {
        /// The answer.
        markdown: String,
    },
    /// A small table with what there is to say about it; everything in it is data.
    Sheet {
        /// The sheet.
        sheet: Box<Sheet>,
    },
    /// The command was refused, and why.
    Refused {
        /// The command as written.
        command: String,
        /// The rule that refused: `head-moved`, `not-owner`, `comment-changed`, …
        rule: String,
        /// What happened, as data.
        message: String,
        /// What would make it succeed, as data.
        remedy: String,
    },
    /// The command could not be understood.
    Misunderstood {
        /// The line as written.
        command: String,
        /// What is wrong, with a did-you-mean where there is one, as data.
        message: String,
        /// How the command is written.
        usage: String,
    },
    /// An earlier command of the comment was refused, so this one was not run.
    NotRun {
        /// The command as written.
        command: String,
    },
}

impl Answer {
    /// Whether the following commands of the comment are still run.
    #[must_use]
    pub const fn lets_others_run(&self) -> bool {
        matches!(self, Self::Text { .. } | Self::Sheet { .. })
    }
}

/// A small table with what there is to say about it. It is shown in a comment or on a terminal, so
/// everything in it is data; `code spans` in sentences stay code spans.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sheet {
    /// One sentence that says it all.
    pub title: String,
    /// Sentences after it.
    pub notes: Vec<String>,
    /// Heads of the columns; empty words where the rows explain themselves.
    pub columns: Vec<String>,
    /// The rows, each as long as `columns`.
    pub rows: Vec<Vec<String>>,
    /// Cells hold sentences of ours rather than single values: `code spans` in them stay code spans.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub sentences: bool,
    /// A job to look at.
    pub log: Option<LogTail>,
}
