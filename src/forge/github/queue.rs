//! GitHub's merge queue. That a branch has one is told by its rules; the rest is in GraphQL alone.

use reqwest::Method;
use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::{Value, json};

use super::GitHub;
use crate::domain::{MergeRequestId, Queued, RepoId, Sha, Trial};
use crate::forge::classify::{Failure, Operation};
use crate::forge::text::segment;
use crate::forge::transport::Payload;
use crate::forge::{ErrorKind, ForgeError, Merge};

const RULES: Operation = Operation {
    name: "branch_rules",
    does: "read the rules of the branch",
    needs: "read access to metadata",
};
const QUEUED: Operation = Operation {
    name: "queued",
    does: "look the pull request up in the merge queue",
    needs: "read access to pull requests",
};
const ENQUEUE: Operation = Operation {
    name: "enqueue",
    does: "put the pull request into the merge queue",
    needs: "write access to contents and pull requests",
};
const DEQUEUE: Operation = Operation {
    name: "dequeue",
    does: "take the pull request out of the merge queue",
    needs: "write access to contents and pull requests",
};

const FIND: &str = "query($owner: String!, $name: String!, $number: Int!) { \
    repository(owner: $owner, name: $name) { pullRequest(number: $number) { \
    id mergeQueueEntry { baseCommit { oid } headCommit { oid } } } } }";
const PUT: &str = "mutation($id: ID!, $head: GitObjectID!) { \
    enqueuePullRequest(input: {pullRequestId: $id, expectedHeadOid: $head}) { clientMutationId } }";
const TAKE: &str = "mutation($id: ID!) { dequeuePullRequest(input: {id: $id}) { clientMutationId } }";

/// The rule that has a branch merged by a queue.
const QUEUE_RULE: &str = "merge_queue";

#[derive(Deserialize)]
struct Rule {
    #[serde(rename = "type")]
    kind: String,
}

/// What GraphQL answers: with status 200 also where it did nothing.
#[derive(Deserialize)]
struct Answer<T> {
    data: Option<T>,
    #[serde(default)]
    errors: Vec<Problem>,
}

#[derive(Deserialize)]
struct Problem {
    #[serde(default, rename = "type")]
    kind: String,
    #[serde(default)]
    message: String,
}

#[derive(Deserialize)]
struct Found {
    repository: Option<InRepository>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct InRepository {
    pull_request: Option<PullRequest>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PullRequest {
    id: String,
    merge_queue_entry: Option<Entry>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    base_commit: Option<Commit>,
    head_commit: Option<Commit>,
}

#[derive(Deserialize)]
struct Commit {
    oid: Sha,
}

impl GitHub {
    /// Whether the branch is merged by a queue, as far as its rules tell.
    pub(super) async fn has_queue(&self, repo: RepoId, branch: &str) -> Result<bool, ForgeError> {
        let rest = format!("/rules/branches/{}", segment(branch));
        match self.list::<Rule>(&RULES, repo, &rest).await {
            Ok(rules) => Ok(rules.iter().any(|rule| rule.kind == QUEUE_RULE)),
            // Older servers know no rules, and some plans have none.
            Err(failure) if matches!(failure.error.kind, ErrorKind::Gone | ErrorKind::Refused) => Ok(false),
            Err(failure) => Err(failure.into()),
        }
    }

    pub(super) async fn find_queued(&self, id: MergeRequestId) -> Result<Option<Queued>, ForgeError> {
        let entry = self.queue_entry(id).await?.and_then(|found| found.merge_queue_entry);
        Ok(entry.map(|entry| {
            let commits = entry.head_commit.zip(entry.base_commit);
            let trial = commits.map(|(head, base)| Trial { commit: head.oid, base: base.oid, run: None });
            Queued { trial }
        }))
    }

    /// Puts it into the queue at exactly `head`; one that is there already stays where it is.
    pub(super) async fn enqueue(&self, id: MergeRequestId, head: &Sha) -> Result<Merge, ForgeError> {
        let Some(found) = self.queue_entry(id).await? else { return Err(Self::nowhere(&ENQUEUE).into()) };
        if found.merge_queue_entry.is_none() {
            self.change(&ENQUEUE, id.repo, PUT, &json!({ "id": found.id, "head": head })).await?;
        }
        Ok(Merge::Queued)
    }

    pub(super) async fn dequeue(&self, id: MergeRequestId) -> Result<(), ForgeError> {
        match self.queue_entry(id).await? {
            Some(PullRequest { id: node, merge_queue_entry: Some(_) }) => {
                Ok(self.change(&DEQUEUE, id.repo, TAKE, &json!({ "id": node })).await?)
            }
            _ => Ok(()),
        }
    }

    async fn queue_entry(&self, id: MergeRequestId) -> Result<Option<PullRequest>, Failure> {
        let path = self.path(id.repo, "").await?;
        let (owner, name) = path.trim_start_matches("/repos/").split_once('/').unwrap_or_default();
        let asked = document(FIND, &json!({ "owner": owner, "name": name, "number": id.number }));
        let (address, asked) = (&self.graphql, &asked);
        let answer = self
            .signed(id.repo, |http| async move { http.query(&QUEUED, address, asked.clone()).await })
            .await?;
        let found: Found = self.data(&QUEUED, answer)?;
        Ok(found.repository.and_then(|repository| repository.pull_request))
    }

    async fn change(
        &self,
        operation: &Operation,
        repo: RepoId,
        query: &str,
        variables: &Value,
    ) -> Result<(), Failure> {
        let asked = document(query, variables);
        let (address, asked) = (&self.graphql, &asked);
        let (_, answer) = self
            .signed(repo, |http| async move {
                http.write_at(operation, Method::POST, address, asked.clone()).await
            })
            .await?;
        self.data::<IgnoredAny>(operation, answer).map(drop)
    }

    /// What was asked for, unless it tells of a problem.
    fn data<T: DeserializeOwned>(&self, operation: &Operation, answer: Answer<T>) -> Result<T, Failure> {
        let Some(problem) = answer.errors.into_iter().next() else {
            return answer.data.ok_or_else(|| Self::nowhere(operation));
        };
        let kind = match problem.kind.as_str() {
            "NOT_FOUND" => ErrorKind::Gone,
            "FORBIDDEN" | "INSUFFICIENT_SCOPES" => ErrorKind::Refused,
            "RATE_LIMITED" | "" => ErrorKind::Retry { after: None },
            // The pull request or its queue is not in a state for it.
            _ => ErrorKind::Conflict,
        };
        let words = self.http.clean(&problem.message);
        let needs = match kind {
            ErrorKind::Refused => format!(": it needs {}", operation.needs),
            _ => String::new(),
        };
        Err(Failure::new(
            kind,
            format!("GitHub did not {}{needs}: {words}", operation.does),
            format!("{}: {} {words}", operation.name, problem.kind),
        ))
    }

    fn nowhere(operation: &Operation) -> Failure {
        let why = "the pull request is not there, or our token may not see it";
        Failure::new(
            ErrorKind::Gone,
            format!("GitHub could not {}: {why}", operation.does),
            format!("{}: {why}", operation.name),
        )
    }
}

fn document(query: &str, variables: &Value) -> Payload {
    Payload::Json(json!({ "query": query, "variables": variables }))
}
