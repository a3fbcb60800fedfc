//! Releases and their files, which lie in the project's generic package registry.

use reqwest::Method;
use serde_json::json;

use super::{GitLab, answers, project};
use crate::domain::{Digest, RepoId};
use crate::forge::classify::{Failure, Operation};
use crate::forge::text::segment;
use crate::forge::transport::Payload;
use crate::forge::{Asset, ErrorKind, ForgeError, NewRelease, Release};

const READ: Operation =
    Operation { name: "release", does: "read the release", needs: "the scope `api` and at least Reporter" };
const CREATE: Operation = Operation {
    name: "create_release",
    does: "create the release",
    needs: "Developer, and for a protected tag what `Allowed to create` says",
};
const UPLOAD: Operation = Operation {
    name: "upload_release_file",
    does: "store a file of the release",
    needs: "Developer, and that the project's package registry is switched on",
};
const READ_BACK: Operation = Operation {
    name: "read_release_file",
    does: "read back a file of the release",
    needs: "Reporter, and that the project's package registry is switched on",
};

impl GitLab {
    pub(super) async fn read_release(&self, repo: RepoId, tag: &str) -> Result<Option<Release>, ForgeError> {
        Ok(self.raw_release(repo, tag).await?.map(|release| self.release_from(repo, release)))
    }

    async fn raw_release(&self, repo: RepoId, tag: &str) -> Result<Option<answers::Release>, Failure> {
        let path = project(repo, &format!("/releases/{}", segment(tag)));
        match self.http.get(&READ, &path).await {
            Ok(release) => Ok(Some(release)),
            Err(failure) if failure.is(404) && !failure.says("project not found") => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    /// Stores the files first, then makes the release that links to them, then reads it back. Whatever
    /// an earlier try has left is used, never doubled and never overwritten.
    pub(super) async fn publish_release(
        &self,
        repo: RepoId,
        wanted: &NewRelease,
    ) -> Result<Release, ForgeError> {
        if wanted.fresh
            && let Some(made) = self.publish_anew(repo, wanted).await?
        {
            return Ok(made);
        }
        for asset in &wanted.assets {
            self.store(repo, wanted, asset).await?;
        }
        if self.raw_release(repo, &wanted.tag).await?.is_none() {
            self.post_release(repo, wanted).await?;
        }
        let made = self.made(repo, wanted).await?;
        let missing = self.missing_links(repo, wanted, &made)?;
        let complete = missing.is_empty();
        for asset in missing {
            let path = project(repo, &format!("/releases/{}/assets/links", segment(&wanted.tag)));
            let body = Payload::Json(self.link(repo, wanted, asset));
            self.http.write_only(&CREATE, Method::POST, &path, body).await?;
        }
        let made = if complete { made } else { self.made(repo, wanted).await? };
        let made = self.release_from(repo, made);
        match wanted.assets.iter().find(|asset| !made.assets.contains(&asset.name)) {
            Some(asset) => {
                Err(self.lacking(&format!("the release lacks `{}` after it was added", asset.name)))
            }
            None => Ok(made),
        }
    }

    /// The same where nothing can be there: GitLab's own answers prove each step. None where one of them
    /// does not, so that everything has to be looked at.
    async fn publish_anew(&self, repo: RepoId, wanted: &NewRelease) -> Result<Option<Release>, ForgeError> {
        for asset in &wanted.assets {
            let path = format!("{}?select=package_file", package_path(repo, wanted, asset));
            let payload = Payload::Bytes(asset.content.clone().into());
            match self.http.write::<answers::PackageFile>(&UPLOAD, Method::PUT, &path, payload).await {
                Ok((_, kept)) if kept.file_sha256 == Some(Digest::of(&asset.content).hex()) => {}
                Ok(_) => return Ok(None),
                // A file of that name is there, and the registry keeps no second one.
                Err(failure) if failure.error.kind == ErrorKind::Refused => return Ok(None),
                Err(failure) => return Err(failure.into()),
            }
        }
        let Some(made) = self.post_release(repo, wanted).await? else { return Ok(None) };
        let complete = self.missing_links(repo, wanted, &made)?.is_empty();
        Ok(complete.then(|| self.release_from(repo, made)))
    }

    /// Makes sure that the registry holds exactly these bytes under the file's name.
    async fn store(&self, repo: RepoId, release: &NewRelease, asset: &Asset) -> Result<(), ForgeError> {
        let path = package_path(repo, release, asset);
        let mut same = self.holds(&path, asset).await?;
        if same.is_none() {
            self.http
                .write_only(&UPLOAD, Method::PUT, &path, Payload::Bytes(asset.content.clone().into()))
                .await?;
            same = self.holds(&path, asset).await?;
        }
        match same {
            Some(true) => Ok(()),
            Some(false) => {
                let what = format!(
                    "the package registry holds other bytes under `{}` {} `{}`; delete that file, then publish again",
                    release.model, release.package_version, asset.name
                );
                Err(self.http.refused(&READ_BACK, &what).into())
            }
            None => Err(self.lacking(&format!("`{}` was stored but is not there", asset.name))),
        }
    }

    /// Whether the registry holds these very bytes, by their digest; none when it holds nothing.
    async fn holds(&self, path: &str, asset: &Asset) -> Result<Option<bool>, ForgeError> {
        let response = match self.http.download(&READ_BACK, path).await {
            Ok(response) => response,
            Err(failure) if failure.error.kind == ErrorKind::Gone => return Ok(None),
            Err(failure) => return Err(failure.into()),
        };
        match self.http.bytes(&READ_BACK, response, asset.content.len() as u64).await {
            Ok(kept) => Ok(Some(Digest::of(kept) == Digest::of(&asset.content))),
            // Longer than ours.
            Err(failure) if failure.error.kind == ErrorKind::Refused => Ok(Some(false)),
            Err(failure) => Err(failure.into()),
        }
    }

    /// None where somebody was faster; what it lacks is added next.
    async fn post_release(
        &self,
        repo: RepoId,
        wanted: &NewRelease,
    ) -> Result<Option<answers::Release>, ForgeError> {
        let links: Vec<_> = wanted.assets.iter().map(|asset| self.link(repo, wanted, asset)).collect();
        let body = json!({
            "tag_name": wanted.tag,
            "name": wanted.name,
            "description": wanted.notes,
            "assets": { "links": links },
        });
        let path = project(repo, "/releases");
        match self.http.write::<answers::Release>(&CREATE, Method::POST, &path, Payload::Json(body)).await {
            Ok((_, made)) => Ok(Some(made)),
            Err(failure) if failure.is(409) && failure.error.kind == ErrorKind::Conflict => Ok(None),
            Err(failure) => Err(failure.into()),
        }
    }

    /// The release after it was made, read back.
    async fn made(&self, repo: RepoId, wanted: &NewRelease) -> Result<answers::Release, ForgeError> {
        let made = self.raw_release(repo, &wanted.tag).await?;
        made.ok_or_else(|| self.lacking("the release was made but is not there"))
    }

    /// Files without a link. A link of the same name to another place is not ours to change.
    fn missing_links<'a>(
        &self,
        repo: RepoId,
        wanted: &'a NewRelease,
        made: &answers::Release,
    ) -> Result<Vec<&'a Asset>, ForgeError> {
        let mut missing = Vec::new();
        for asset in &wanted.assets {
            match made.assets.links.iter().find(|link| link.name == asset.name) {
                None => missing.push(asset),
                Some(link) if link.url == self.http.address(&package_path(repo, wanted, asset)) => {}
                Some(_) => {
                    let what = format!(
                        "`{}` of the release links to another place; remove that link, then publish again",
                        asset.name
                    );
                    return Err(self.http.refused(&CREATE, &what).into());
                }
            }
        }
        Ok(missing)
    }

    fn link(&self, repo: RepoId, release: &NewRelease, asset: &Asset) -> serde_json::Value {
        json!({
            "name": asset.name,
            "url": self.http.address(&package_path(repo, release, asset)),
            "link_type": "package",
        })
    }

    fn release_from(&self, repo: RepoId, release: answers::Release) -> Release {
        let web_url = release.links.own.unwrap_or_else(|| self.http.address(&project(repo, "/releases")));
        let assets = release.assets.links.into_iter().map(|link| link.name).collect();
        Release { tag: release.tag_name, web_url, assets }
    }

    /// Written, acknowledged, not there: the forge's copies may lag behind one another.
    fn lacking(&self, what: &str) -> ForgeError {
        ForgeError {
            kind: ErrorKind::Retry { after: None },
            external: format!("{what}; this is tried again"),
            internal: format!("{}: {what}", CREATE.name),
        }
    }
}

fn package_path(repo: RepoId, release: &NewRelease, asset: &Asset) -> String {
    let rest = format!(
        "/packages/generic/{}/{}/{}",
        segment(release.model.as_str()),
        segment(&release.package_version),
        segment(&asset.name)
    );
    project(repo, &rest)
}
