//! Releases and their files, which lie in the release itself.

use std::sync::Arc;

use reqwest::Method;
use serde_json::json;

use super::{GitHub, answers};
use crate::domain::{Digest, RepoId};
use crate::forge::classify::{Failure, Operation};
use crate::forge::text::segment;
use crate::forge::transport::{Payload, Transport};
use crate::forge::{Asset, ErrorKind, ForgeError, NewRelease, Release};

const READ: Operation =
    Operation { name: "release", does: "read the release", needs: "read access to contents" };
const CREATE: Operation =
    Operation { name: "create_release", does: "create the release", needs: "write access to contents" };
const UPLOAD: Operation = Operation {
    name: "upload_release_file",
    does: "store a file of the release",
    needs: "write access to contents",
};
const READ_BACK: Operation = Operation {
    name: "read_release_file",
    does: "read back a file of the release",
    needs: "read access to contents",
};

/// A file's bytes instead of their description.
const BYTES: &str = "application/octet-stream";

impl GitHub {
    pub(super) async fn read_release(&self, repo: RepoId, tag: &str) -> Result<Option<Release>, ForgeError> {
        Ok(self.raw_release(repo, tag).await?.map(Release::from))
    }

    async fn raw_release(&self, repo: RepoId, tag: &str) -> Result<Option<answers::Release>, Failure> {
        self.find(&READ, repo, &format!("/releases/tags/{}", segment(tag))).await
    }

    /// Makes the release, stores its files, then reads it back. Whatever an earlier try has left is used,
    /// never doubled and never overwritten.
    pub(super) async fn publish_release(
        &self,
        repo: RepoId,
        wanted: &NewRelease,
    ) -> Result<Release, ForgeError> {
        if wanted.fresh
            && let Some(made) = self.publish_anew(repo, wanted).await?
        {
            return Ok(made.into());
        }
        if self.raw_release(repo, &wanted.tag).await?.is_none() {
            self.post_release(repo, wanted).await?;
        }
        let mut made = self.made(repo, wanted).await?;
        let mut wrote = false;
        for asset in &wanted.assets {
            if !self.holds(repo, &made, asset).await? {
                self.store(repo, &made, asset).await?;
                wrote = true;
            }
        }
        if wrote {
            made = self.made(repo, wanted).await?;
            for asset in &wanted.assets {
                if !self.holds(repo, &made, asset).await? {
                    return Err(lacking(&format!("the release lacks `{}` after it was added", asset.name)));
                }
            }
        }
        Ok(made.into())
    }

    /// The same where nothing can be there: GitHub's own answers prove each step. None where one of them
    /// does not, so that everything has to be looked at.
    async fn publish_anew(
        &self,
        repo: RepoId,
        wanted: &NewRelease,
    ) -> Result<Option<answers::Release>, ForgeError> {
        let Some(mut made) = self.post_release(repo, wanted).await? else { return Ok(None) };
        for asset in &wanted.assets {
            match self.store(repo, &made, asset).await? {
                Some(kept) if kept.proves(asset) => made.assets.push(kept),
                _ => return Ok(None),
            }
        }
        Ok(Some(made))
    }

    /// None where somebody was faster; what it lacks is added next.
    async fn post_release(
        &self,
        repo: RepoId,
        wanted: &NewRelease,
    ) -> Result<Option<answers::Release>, ForgeError> {
        let body = json!({ "tag_name": wanted.tag, "name": wanted.name, "body": wanted.notes });
        match self.write(&CREATE, Method::POST, repo, "/releases", Payload::Json(body)).await {
            Ok((_, made)) => Ok(Some(made)),
            Err(failure) if failure.is(422) && failure.says("already_exists") => Ok(None),
            Err(failure) => Err(failure.into()),
        }
    }

    /// The release after it was made, read back.
    async fn made(&self, repo: RepoId, wanted: &NewRelease) -> Result<answers::Release, ForgeError> {
        let made = self.raw_release(repo, &wanted.tag).await?;
        made.ok_or_else(|| lacking("the release was made but is not there"))
    }

    /// Whether the release holds exactly these bytes under the file's name. Other bytes are not ours to
    /// replace.
    async fn holds(
        &self,
        repo: RepoId,
        release: &answers::Release,
        asset: &Asset,
    ) -> Result<bool, ForgeError> {
        let kept = release.assets.iter().find(|kept| kept.name == asset.name && kept.state != "starter");
        let Some(kept) = kept else { return Ok(false) };
        let ours = Digest::of(&asset.content);
        let same = match kept.digest.as_deref().and_then(|text| text.parse::<Digest>().ok()) {
            Some(digest) => digest == ours,
            None => self.same_bytes(repo, kept.id, asset, ours).await?,
        };
        if same {
            return Ok(true);
        }
        let why = format!(
            "the release holds other bytes under `{}`; delete that file, then publish again",
            asset.name
        );
        Err(self.http.refused(&READ_BACK, &why).into())
    }

    async fn same_bytes(
        &self,
        repo: RepoId,
        id: u64,
        asset: &Asset,
        ours: Digest,
    ) -> Result<bool, ForgeError> {
        let rest = format!("/releases/assets/{id}");
        let response = self.download(&READ_BACK, repo, &rest, Some(BYTES)).await?;
        match self.http.bytes(&READ_BACK, response, asset.content.len() as u64).await {
            Ok(kept) => Ok(Digest::of(kept) == ours),
            // Longer than ours.
            Err(failure) if failure.error.kind == ErrorKind::Refused => Ok(false),
            Err(failure) => Err(failure.into()),
        }
    }

    /// Uploads a file, which goes to a host beside the API. What an upload that broke off has left is
    /// taken away first. None where somebody was faster: their bytes are compared next.
    async fn store(
        &self,
        repo: RepoId,
        release: &answers::Release,
        asset: &Asset,
    ) -> Result<Option<answers::Asset>, ForgeError> {
        let broken = release.assets.iter().filter(|kept| kept.name == asset.name && kept.state == "starter");
        for kept in broken {
            let rest = format!("/releases/assets/{}", kept.id);
            self.write_only(&UPLOAD, Method::DELETE, repo, &rest, Payload::Nothing).await?;
        }
        let rest = format!("/releases/{}/assets?name={}", release.id, segment(&asset.name));
        let address = format!("{}{}", self.uploads, self.path(repo, &rest).await?);
        let payload = Payload::Bytes(asset.content.clone().into());
        let (address, payload) = (&address, &payload);
        let upload = |http: Arc<Transport>| async move {
            http.write_at(&UPLOAD, Method::POST, address, payload.clone()).await
        };
        match self.signed(repo, upload).await {
            Ok((_, kept)) => Ok(Some(kept)),
            Err(failure) if failure.is(422) && failure.says("already_exists") => Ok(None),
            Err(failure) => Err(failure.into()),
        }
    }
}

/// Written, acknowledged, not there: GitHub's copies may lag behind one another.
fn lacking(what: &str) -> ForgeError {
    ForgeError {
        kind: ErrorKind::Retry { after: None },
        external: format!("{what}; this is tried again"),
        internal: format!("{}: {what}", CREATE.name),
    }
}

impl answers::Asset {
    /// Whether GitHub says that it holds exactly these bytes.
    fn proves(&self, asset: &Asset) -> bool {
        let digest = self.digest.as_deref().and_then(|text| text.parse::<Digest>().ok());
        self.name == asset.name && self.state == "uploaded" && digest == Some(Digest::of(&asset.content))
    }
}

impl From<answers::Release> for Release {
    fn from(release: answers::Release) -> Self {
        let assets = release.assets.into_iter().filter(|asset| asset.state != "starter");
        Self {
            tag: release.tag_name,
            web_url: release.html_url,
            assets: assets.map(|asset| asset.name).collect(),
        }
    }
}
