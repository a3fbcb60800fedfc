//! Asking for a review.

use reqwest::Method;
use serde_json::{Value, json};

use super::GitHub;
use crate::domain::MergeRequestId;
use crate::forge::ForgeError;
use crate::forge::classify::{Failure, Operation};
use crate::forge::transport::Payload;

const REQUEST: Operation = Operation {
    name: "request_reviews",
    does: "ask for a review",
    needs: "write access to pull requests, and reviewers who belong to the repository",
};

impl GitHub {
    /// GitHub refuses the whole list for one name that it does not accept: then each is asked for alone.
    pub(super) async fn ask_for_reviews(
        &self,
        id: MergeRequestId,
        people: &[String],
        teams: &[String],
    ) -> Result<(), ForgeError> {
        let mut body = serde_json::Map::new();
        for (field, names) in [("reviewers", people), ("team_reviewers", teams)] {
            if !names.is_empty() {
                body.insert(field.to_owned(), json!(names));
            }
        }
        let refused = match self.post_request(id, Value::Object(body)).await {
            Ok(()) => return Ok(()),
            Err(failure) if failure.is(422) && people.len() + teams.len() > 1 => failure,
            Err(failure) => return Err(failure.into()),
        };
        let people = people.iter().map(|name| json!({ "reviewers": [name] }));
        let single = people.chain(teams.iter().map(|name| json!({ "team_reviewers": [name] })));
        let mut accepted = false;
        for body in single {
            match self.post_request(id, body).await {
                Ok(()) => accepted = true,
                Err(failure) if failure.is(422) => {}
                Err(failure) => return Err(failure.into()),
            }
        }
        if accepted { Ok(()) } else { Err(refused.into()) }
    }

    async fn post_request(&self, id: MergeRequestId, body: Value) -> Result<(), Failure> {
        let rest = format!("/pulls/{}/requested_reviewers", id.number);
        self.write_only(&REQUEST, Method::POST, id.repo, &rest, Payload::Json(body)).await.map(drop)
    }
}
