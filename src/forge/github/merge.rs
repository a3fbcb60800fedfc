//! Merging with the head as guard.

use reqwest::Method;
use serde_json::json;

use super::{GitHub, answers};
use crate::domain::{MergeMethod, MergeRequestId, RepoId, Sha};
use crate::forge::classify::{Failure, Operation};
use crate::forge::transport::Payload;
use crate::forge::{ErrorKind, ForgeError, Merge};

const MERGE: Operation = Operation {
    name: "merge",
    does: "merge the pull request",
    needs: "write access to contents and pull requests, and what the branch's protection or rulesets say",
};

impl GitHub {
    pub(super) async fn merge_at(
        &self,
        id: MergeRequestId,
        target: &str,
        head: &Sha,
        method: MergeMethod,
    ) -> Result<Merge, ForgeError> {
        // Whoever may pass the queue by would do so unawares.
        if self.has_queue(id.repo, target).await? {
            return self.enqueue(id, head).await;
        }
        let mut body = json!({ "sha": head });
        if let (Some(word), Some(fields)) = (self.method(id.repo, method).await?, body.as_object_mut()) {
            fields.insert("merge_method".to_owned(), word.into());
        }
        let rest = format!("/pulls/{}/merge", id.number);
        let answer = self.write(&MERGE, Method::PUT, id.repo, &rest, Payload::Json(body)).await;
        match answer {
            Ok((_, answers::Merged { sha: Some(commit), merged: true })) => Ok(Merge::Merged(commit)),
            Ok(_) => Err(ForgeError {
                kind: ErrorKind::Conflict,
                external: "GitHub took the merge but has not finished it; it is looked at again".to_owned(),
                internal: format!("{}: not merged yet", MERGE.name),
            }),
            // A branch protection of the older kind, which has no rules to be read.
            Err(failure) if failure.is(405) && failure.says("merge queue") => self.enqueue(id, head).await,
            Err(failure) => Err(not_merged(failure)),
        }
    }

    /// The word for how to merge; nothing leaves it to GitHub. What the repository allows is shown only
    /// to those who may push.
    async fn method(&self, repo: RepoId, method: MergeMethod) -> Result<Option<&'static str>, ForgeError> {
        let [merge, squash, rebase] = self.name(repo).await?.allows;
        let known = [
            (MergeMethod::Merge, "merge", merge),
            (MergeMethod::Squash, "squash", squash),
            (MergeMethod::Rebase, "rebase", rebase),
        ];
        if method == MergeMethod::Auto {
            return Ok(known
                .into_iter()
                .find(|(_, _, allowed)| *allowed == Some(true))
                .map(|(_, word, _)| word));
        }
        match known.into_iter().find(|(one, _, _)| *one == method) {
            Some((_, word, Some(false))) => {
                let why = format!(
                    "the repository does not allow merging by `{word}`; allow it in its settings, or change `publish.merge`"
                );
                Err(self.http.refused(&MERGE, &why).into())
            }
            found => Ok(found.map(|(_, word, _)| word)),
        }
    }
}

fn not_merged(failure: Failure) -> ForgeError {
    let said = if failure.words.is_empty() { String::new() } else { format!(": {}", failure.words) };
    match failure.status {
        Some(405) if failure.says("not allowed on this repository") => failure.meaning(
            ErrorKind::Refused,
            format!(
                "GitHub will not merge the pull request{said}; allow it there, or change `publish.merge`"
            ),
        ),
        Some(405) => {
            failure.meaning(ErrorKind::Conflict, format!("GitHub cannot merge the pull request now{said}"))
        }
        Some(409) if failure.error.kind == ErrorKind::Conflict => failure.meaning(
            ErrorKind::Conflict,
            "the head of the pull request moved, so it was not merged".to_owned(),
        ),
        _ => failure.into(),
    }
}
