//! When a job runs, as `rules`.

use serde::Serialize;

use crate::generator::pipeline::{Action, Deployment, Job, Trigger};

/// GitLab takes at most 50 patterns in one `changes`.
const MOST_CHANGES: usize = 50;
/// The environment that the bot asked for.
pub(super) const ASKED_ENVIRONMENT: &str = "$MERGEWRIGHT_ENVIRONMENT";
pub(super) const IS_MERGE_REQUEST: &str = r#"$CI_PIPELINE_SOURCE == "merge_request_event""#;
const IS_DEFAULT_BRANCH: &str = "$CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH";
/// A branch that gets no protected variable, or the default branch, at exactly the commit that the bot meant.
const IS_HEAD: &str = r#"$CI_COMMIT_BRANCH && ($CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH || $CI_COMMIT_REF_PROTECTED != "true") && $CI_COMMIT_SHA == $MERGEWRIGHT_COMMIT"#;

/// One rule of a job or of an included file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct RuleView {
    pub(super) condition: String,
    pub(super) changes: Vec<String>,
}

/// The rules of a job: any of its triggers.
pub(super) fn of(job: &Job) -> Vec<RuleView> {
    job.triggers.iter().flat_map(|trigger| rules(trigger, job)).collect()
}

/// When any of a model's jobs could run.
pub(super) fn concerning(jobs: &[&Job]) -> Vec<RuleView> {
    let mut rules = Vec::new();
    let mut push_rule = |rule: RuleView| {
        if !rules.contains(&rule) {
            rules.push(rule);
        }
    };
    for job in jobs {
        for trigger in &job.triggers {
            match trigger {
                Trigger::MergeRequest { .. } | Trigger::Push { .. } => {
                    self::rules(trigger, job).into_iter().for_each(&mut push_rule);
                }
                Trigger::Asked { .. } | Trigger::AskedOfHead { .. } | Trigger::Clock { .. } => {
                    let condition = format!(r#"$MERGEWRIGHT_MODEL == "{}""#, job.model);
                    push_rule(RuleView { condition, changes: Vec::new() });
                }
            }
        }
    }
    rules
}

/// The bot's own pipelines on the default branch.
pub(super) fn asked_for_anything() -> String {
    format!("{IS_DEFAULT_BRANCH} && $MERGEWRIGHT_ACTION")
}

/// The bot's own pipelines on the branch of a merge request or at the end of the default branch.
pub(super) fn asked_of_head() -> String {
    format!(r#"{IS_HEAD} && $MERGEWRIGHT_ACTION == "{}""#, Action::Evaluate)
}

/// A push to the default branch.
pub(super) fn push() -> String {
    format!(r#"$CI_PIPELINE_SOURCE == "push" && {IS_DEFAULT_BRANCH}"#)
}

fn rules(trigger: &Trigger, job: &Job) -> Vec<RuleView> {
    match trigger {
        Trigger::MergeRequest { paths } => {
            let unasked = r#"($MERGEWRIGHT_ACTION == null || $MERGEWRIGHT_ACTION == "run")"#;
            with_paths(&format!("{IS_MERGE_REQUEST} && {unasked}"), paths)
        }
        Trigger::Push { paths } => with_paths(&format!("{} && $MERGEWRIGHT_ACTION == null", push()), paths),
        Trigger::Asked { action, protected } => asked(action.as_str(), *protected, job),
        Trigger::AskedOfHead { action } => {
            let condition = format!("{IS_HEAD} && {}", wanted(action.as_str(), job));
            vec![RuleView { condition, changes: Vec::new() }]
        }
        // The schedule itself is made by the bot: GitLab has no key for it. It brings the variables along.
        Trigger::Clock { name, .. } => asked(name, true, job),
    }
}

fn asked(action: &str, protected: bool, job: &Job) -> Vec<RuleView> {
    let guard = if protected { r#" && $CI_COMMIT_REF_PROTECTED == "true""# } else { "" };
    let asked = wanted(action, job);
    let place = job.deployment.as_ref().map(environments).unwrap_or_default();
    vec![RuleView { condition: format!("{IS_DEFAULT_BRANCH}{guard} && {asked}{place}"), changes: Vec::new() }]
}

/// The bot asks for this of the job's model.
fn wanted(action: &str, job: &Job) -> String {
    format!(r#"$MERGEWRIGHT_ACTION == "{action}" && $MERGEWRIGHT_MODEL == "{}""#, job.model)
}

fn with_paths(condition: &str, paths: &[String]) -> Vec<RuleView> {
    let changes: Vec<String> = paths.iter().map(|path| changes_pattern(path)).collect();
    changes
        .chunks(MOST_CHANGES)
        .map(|chunk| RuleView { condition: condition.to_owned(), changes: chunk.to_vec() })
        .collect()
}

/// The end of a condition that names the environments of the configuration: there are no others.
fn environments(deployment: &Deployment) -> String {
    let names: Vec<String> =
        deployment.environments.iter().map(|name| format!(r#"{ASKED_ENVIRONMENT} == "{name}""#)).collect();
    format!(" && ({})", names.join(" || "))
}

/// A path glob of ours in the words of `changes`: there a trailing `**` stays within one folder.
fn changes_pattern(path: &str) -> String {
    match path.strip_suffix("**") {
        Some(folder) if folder.is_empty() || folder.ends_with('/') => format!("{path}/*"),
        _ => path.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trailing_double_star_still_crosses_folders() {
        for (path, pattern) in [
            ("**", "**/*"),
            ("models/iris/**", "models/iris/**/*"),
            ("a/**/b", "a/**/b"),
            ("a**", "a**"),
            ("*", "*"),
        ] {
            assert_eq!(changes_pattern(path), pattern);
        }
    }

    #[test]
    fn more_patterns_than_one_rule_takes_become_several_rules() {
        let paths: Vec<String> = (0..120).map(|number| format!("p{number}")).collect();
        let rules = with_paths("x", &paths);
        assert_eq!(rules.iter().map(|rule| rule.changes.len()).collect::<Vec<_>>(), [50, 50, 20]);
        assert_eq!(rules.into_iter().flat_map(|rule| rule.changes).collect::<Vec<_>>(), paths);
    }
}
