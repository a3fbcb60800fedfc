//! Check runs, which only an App may make.
//!
//! Annotations are only ever added to a check run, and a completed one is not begun again. Where either
//! would be needed a new check run of the same name takes the place of the one before: GitHub shows, and
//! requires, the newest.

use reqwest::Method;
use serde_json::{Value, json};

use super::{GitHub, answers};
use crate::domain::{
    Annotation, Check, CheckId, CheckMark, Conclusion, FoundCheck, Progress, RepoId, Sha, User,
};
use crate::forge::classify::Operation;
use crate::forge::text::{cut, segment};
use crate::forge::transport::Payload;
use crate::forge::{ErrorKind, ForgeError};

const CHECKS: Operation =
    Operation { name: "checks", does: "list the commit's checks", needs: "read access to checks" };
const CHECK: Operation = Operation { name: "check", does: "read the check", needs: "read access to checks" };
const CREATE: Operation = Operation {
    name: "create_check",
    does: "put a check on a commit",
    needs: "an App with write access to checks",
};
const UPDATE: Operation =
    Operation { name: "update_check", does: "change its check", needs: "an App with write access to checks" };

/// The most annotations that GitHub takes with one call.
const BATCH: usize = 50;
/// The most characters of a title.
const TITLE: usize = 255;
/// The most bytes of an annotation's message, which GitHub limits to 64 KiB.
const MESSAGE: usize = 65_535;

/// Which check run is meant: in which repository, on which commit, of which name. Merge requests with one head
/// share it: of several check runs of a name GitHub counts the newest made, whatever the others come to.
pub(super) type Place = (RepoId, Sha, String);

/// The newest check run of a place, as we left it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Standing {
    id: u64,
    completed: bool,
    /// Digest of the annotations that it has, or is being given.
    annotated: Option<String>,
    /// How many of them it has.
    annotations: usize,
}

impl Standing {
    /// Whether it can become this check by changing it.
    fn can_become(&self, mark: &CheckMark, check: &Check) -> bool {
        let remarks = self.annotations == 0 || self.annotated == mark.annotated;
        remarks && (!self.completed || check.progress.is_completed())
    }
}

impl GitHub {
    /// Creates or changes it, fifty annotations at a time.
    pub(super) async fn put_check(
        &self,
        sha: &Sha,
        mark: &CheckMark,
        check: &Check,
        summary: &str,
    ) -> Result<(), ForgeError> {
        let place: Place = (mark.merge_request.repo, sha.clone(), check.name.clone());
        let standing = match self.remembered.checks.get(&place) {
            Some(known) => Some(known),
            None => self.newest_check(&place).await?,
        };
        // Until it is answered nobody knows what stands there.
        self.remembered.checks.forget(&place);
        let standing = match standing.filter(|standing| standing.can_become(mark, check)) {
            Some(standing) => match self.patch_check(mark, check, summary, standing).await {
                // Not even the App that made it can see it any more: made anew.
                Err(error) if error.kind == ErrorKind::Gone => {
                    self.create_check(sha, mark, check, summary).await?
                }
                changed => changed?,
            },
            None => self.create_check(sha, mark, check, summary).await?,
        };
        let standing = self.annotate(mark, check, summary, standing).await?;
        self.remembered.checks.put(place, standing);
        Ok(())
    }

    /// The newest check run that we made there; what others made of the same name is not ours to change.
    async fn newest_check(&self, (repo, sha, name): &Place) -> Result<Option<Standing>, ForgeError> {
        let us = self.app_account().await?;
        let rest = format!("/commits/{sha}/check-runs?check_name={}&filter=all", segment(name));
        let open = |page: answers::CheckRuns| page.check_runs;
        let found: Vec<answers::CheckRun> = self.list_in(&CHECKS, *repo, &rest, open).await?;
        let ours = found.into_iter().filter(|run| run.name == *name && run.is_by(&us));
        let marked = ours.filter_map(|run| Some((run.mark()?, run)));
        let newest = marked.max_by_key(|(_, run)| run.id);
        Ok(newest.map(|(mark, run)| Standing {
            id: run.id,
            completed: run.status.as_deref() == Some("completed"),
            annotated: mark.annotated,
            annotations: run.output.and_then(|output| output.annotations_count).unwrap_or_default(),
        }))
    }

    async fn create_check(
        &self,
        sha: &Sha,
        mark: &CheckMark,
        check: &Check,
        summary: &str,
    ) -> Result<Standing, ForgeError> {
        let first = check.annotations.get(..BATCH).unwrap_or(&check.annotations);
        let mut body = body(mark, check, summary, first);
        if let Value::Object(fields) = &mut body {
            fields.insert("head_sha".to_owned(), json!(sha));
        }
        let repo = mark.merge_request.repo;
        let (_, made): (_, answers::Numbered) =
            self.write(&CREATE, Method::POST, repo, "/check-runs", Payload::Json(body)).await?;
        Ok(Standing {
            id: made.id,
            completed: check.progress.is_completed(),
            annotated: mark.annotated.clone(),
            annotations: first.len(),
        })
    }

    /// Adds what annotations are still missing.
    async fn annotate(
        &self,
        mark: &CheckMark,
        check: &Check,
        summary: &str,
        mut standing: Standing,
    ) -> Result<Standing, ForgeError> {
        while standing.annotations < check.annotations.len() {
            standing = self.patch_check(mark, check, summary, standing).await?;
        }
        Ok(standing)
    }

    /// Makes it say what it should, with as many of the annotations that it has not yet as one call takes.
    async fn patch_check(
        &self,
        mark: &CheckMark,
        check: &Check,
        summary: &str,
        standing: Standing,
    ) -> Result<Standing, ForgeError> {
        let missing = check.annotations.get(standing.annotations..).unwrap_or_default();
        let next = missing.get(..BATCH).unwrap_or(missing);
        let rest = format!("/check-runs/{}", standing.id);
        let payload = Payload::Json(body(mark, check, summary, next));
        self.write_only(&UPDATE, Method::PATCH, mark.merge_request.repo, &rest, payload).await?;
        Ok(Standing {
            id: standing.id,
            completed: check.progress.is_completed(),
            annotated: mark.annotated.clone(),
            annotations: standing.annotations + next.len(),
        })
    }

    /// A check run of ours by number.
    pub(super) async fn read_check(
        &self,
        repo: RepoId,
        check: CheckId,
    ) -> Result<Option<FoundCheck>, ForgeError> {
        let us = self.app_account().await?;
        let found: Option<answers::CheckRun> =
            self.find(&CHECK, repo, &format!("/check-runs/{check}")).await?;
        let ours = found.filter(|run| run.is_by(&us));
        Ok(ours.map(|run| {
            let merge_request = run.mark().map(|mark| mark.merge_request);
            FoundCheck { name: run.name, head: run.head_sha, merge_request }
        }))
    }

    /// The account under which our App acts.
    async fn app_account(&self) -> Result<User, ForgeError> {
        use crate::forge::Forge as _;
        self.whoami().await
    }
}

impl answers::CheckRun {
    /// What it says of itself, if that is of our making.
    fn mark(&self) -> Option<CheckMark> {
        self.external_id.as_deref()?.parse().ok()
    }

    /// Whether the App that acts as this account made it.
    fn is_by(&self, us: &User) -> bool {
        self.app.as_ref().and_then(|app| app.slug.as_deref()).is_some_and(|slug| us.is_app(slug))
    }
}

/// What is written of a check. A conclusion makes it completed, whatever else is said, so that there is one
/// exactly where it is.
fn body(mark: &CheckMark, check: &Check, summary: &str, annotations: &[Annotation]) -> Value {
    let buttons = check.buttons.all().iter().map(|button| {
        json!({
            "label": button.label(),
            "description": button.description(),
            "identifier": button.identifier(),
        })
    });
    let mut body = json!({
        "name": check.name,
        "external_id": mark.to_string(),
        "output": {
            "title": cut(&check.title, TITLE),
            "summary": summary,
            "annotations": annotations.iter().map(annotation).collect::<Vec<_>>(),
        },
        "actions": buttons.collect::<Vec<_>>(),
    });
    let (status, conclusion) = words(check.progress);
    if let Value::Object(fields) = &mut body {
        fields.insert("status".to_owned(), json!(status));
        if let Some(conclusion) = conclusion {
            fields.insert("conclusion".to_owned(), json!(conclusion));
        }
    }
    body
}

fn annotation(one: &Annotation) -> Value {
    json!({
        "path": one.path,
        "start_line": one.line,
        "end_line": one.line,
        "annotation_level": "failure",
        "title": cut(&readable(&one.title), TITLE),
        "message": message(&readable(&one.message)),
    })
}

/// At most so many bytes, and never none: GitHub refuses an annotation that says nothing.
fn message(text: &str) -> String {
    let mut end = text.len().min(MESSAGE);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    match text.get(..end).map(str::trim) {
        Some(text) if !text.is_empty() => text.to_owned(),
        _ => "failed".to_owned(),
    }
}

/// Text without characters that show nothing.
fn readable(text: &str) -> String {
    text.chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\t')).collect()
}

const fn words(progress: Progress) -> (&'static str, Option<&'static str>) {
    match progress {
        Progress::Queued => ("queued", None),
        Progress::InProgress => ("in_progress", None),
        Progress::Completed(conclusion) => {
            let word = match conclusion {
                Conclusion::Success => "success",
                Conclusion::Failure => "failure",
                Conclusion::Cancelled => "cancelled",
            };
            ("completed", Some(word))
        }
    }
}
