//! Annotated tags, which hold the numbers of versions.

use reqwest::Method;
use serde_json::json;

use super::{GitHub, answers};
use crate::domain::{RepoId, Sha, Tag};
use crate::forge::classify::Operation;
use crate::forge::text::segments;
use crate::forge::transport::Payload;
use crate::forge::{ErrorKind, ForgeError};

const LIST: Operation = Operation { name: "tags", does: "list the tags", needs: "read access to contents" };
const READ: Operation = Operation { name: "tag", does: "read the tag", needs: "read access to contents" };
const CREATE: Operation = Operation {
    name: "create_tag",
    does: "create the tag",
    needs: "write access to contents, and what rulesets for tags say",
};

/// How many tags may point to one another before the chain is given up.
const DEEPEST: usize = 8;

impl GitHub {
    pub(super) async fn list_tags(&self, repo: RepoId, prefix: &str) -> Result<Vec<Tag>, ForgeError> {
        let rest = format!("/git/matching-refs/tags/{}", segments(prefix));
        let found: Vec<answers::Reference> = self.list_uncut(&LIST, repo, &rest).await?;
        let mut tags = Vec::new();
        for reference in found {
            tags.extend(self.peeled(repo, reference).await?);
        }
        Ok(tags)
    }

    pub(super) async fn read_tag(&self, repo: RepoId, name: &str) -> Result<Option<Tag>, ForgeError> {
        let rest = format!("/git/ref/tags/{}", segments(name));
        let found: Option<answers::Reference> = self.find(&READ, repo, &rest).await?;
        match found.filter(|found| found.name == format!("refs/tags/{name}")) {
            Some(reference) => self.peeled(repo, reference).await,
            None => Ok(None),
        }
    }

    /// Follows a tag to its commit; none where it leads to something else. The message is the outermost
    /// tag's: that is the one whose name it is.
    async fn peeled(&self, repo: RepoId, reference: answers::Reference) -> Result<Option<Tag>, ForgeError> {
        let Some(name) = reference.name.strip_prefix("refs/tags/").map(str::to_owned) else {
            return Ok(None);
        };
        let mut target = reference.object;
        let mut message = None;
        for _ in 0..DEEPEST {
            match target.kind.as_str() {
                "commit" => {
                    let message = message.unwrap_or_default();
                    return Ok(Some(Tag { name, commit: target.sha, message }));
                }
                "tag" => {
                    let (next, text) = self.tag_object(repo, &target.sha).await?;
                    message.get_or_insert(text);
                    target = next;
                }
                _ => return Ok(None),
            }
        }
        Ok(None)
    }

    async fn tag_object(&self, repo: RepoId, sha: &Sha) -> Result<(answers::Target, String), ForgeError> {
        let key = (repo, sha.clone());
        if let Some(known) = self.remembered.tags.get(&key) {
            return Ok(known);
        }
        let found: answers::TagObject = self.get(&READ, repo, &format!("/git/tags/{sha}")).await?;
        let known = (found.object, found.message);
        self.remembered.tags.put(key, known.clone());
        Ok(known)
    }

    /// First the tag itself, which nobody sees, then its name: that is what can be taken only once.
    pub(super) async fn create_annotated_tag(
        &self,
        repo: RepoId,
        name: &str,
        commit: &Sha,
        message: &str,
    ) -> Result<Tag, ForgeError> {
        let body = json!({ "tag": name, "message": message, "object": commit, "type": "commit" });
        let (_, made): (_, answers::TagObject) =
            self.write(&CREATE, Method::POST, repo, "/git/tags", Payload::Json(body)).await?;
        let body = json!({ "ref": format!("refs/tags/{name}"), "sha": made.sha });
        match self.write_only(&CREATE, Method::POST, repo, "/git/refs", Payload::Json(body)).await {
            Ok(_) => Ok(Tag { name: name.to_owned(), commit: made.object.sha, message: made.message }),
            Err(failure) if matches!(failure.status, Some(409 | 422)) && failure.says("already exists") => {
                Err(failure.meaning(ErrorKind::Conflict, format!("the tag `{name}` exists already")))
            }
            Err(failure) => Err(failure.into()),
        }
    }
}
