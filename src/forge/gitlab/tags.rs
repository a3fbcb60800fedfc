//! Annotated tags, which hold the numbers of versions.

use reqwest::Method;
use serde_json::json;

use super::{GitLab, answers, project};
use crate::domain::{RepoId, Sha, Tag};
use crate::forge::classify::Operation;
use crate::forge::text::segment;
use crate::forge::transport::Payload;
use crate::forge::{ErrorKind, ForgeError};

const LIST: Operation =
    Operation { name: "tags", does: "list the tags", needs: "the scope `api` and at least Reporter" };
const READ: Operation =
    Operation { name: "tag", does: "read the tag", needs: "the scope `api` and at least Reporter" };
const CREATE: Operation = Operation {
    name: "create_tag",
    does: "create the tag",
    needs: "Developer, or where tags are protected what `Allowed to create` says",
};

impl GitLab {
    pub(super) async fn list_tags(&self, repo: RepoId, prefix: &str) -> Result<Vec<Tag>, ForgeError> {
        let path = project(repo, &format!("/repository/tags?search={}", segment(&format!("^{prefix}"))));
        let found: Vec<answers::Tag> = self.http.list(&LIST, &path).await?;
        Ok(found.into_iter().map(Tag::from).filter(|tag| tag.name.starts_with(prefix)).collect())
    }

    pub(super) async fn read_tag(&self, repo: RepoId, name: &str) -> Result<Option<Tag>, ForgeError> {
        let path = project(repo, &format!("/repository/tags/{}", segment(name)));
        match self.http.get::<answers::Tag>(&READ, &path).await {
            Ok(tag) => Ok(Some(tag.into())),
            Err(failure) if failure.is(404) && !failure.says("project not found") => Ok(None),
            Err(failure) => Err(failure.into()),
        }
    }

    pub(super) async fn create_annotated_tag(
        &self,
        repo: RepoId,
        name: &str,
        commit: &Sha,
        message: &str,
    ) -> Result<Tag, ForgeError> {
        let body = json!({ "tag_name": name, "ref": commit, "message": message });
        let path = project(repo, "/repository/tags");
        match self.http.write::<answers::Tag>(&CREATE, Method::POST, &path, Payload::Json(body)).await {
            Ok((_, tag)) => Ok(tag.into()),
            Err(failure)
                if matches!(failure.status, Some(400 | 409 | 422)) && failure.says("already exists") =>
            {
                Err(failure.meaning(ErrorKind::Conflict, format!("the tag `{name}` exists already")))
            }
            Err(failure) => Err(failure.into()),
        }
    }
}

impl From<answers::Tag> for Tag {
    fn from(tag: answers::Tag) -> Self {
        Self { name: tag.name, commit: tag.commit.id, message: tag.message.unwrap_or_default() }
    }
}
