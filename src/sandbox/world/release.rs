//! Tags as read, releases and package files.

use crate::domain::{Sha, Timestamp};

use super::{Occurrence, Refusal, Role, State};

/// A tag as git tells of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tag {
    /// Name.
    pub name: String,
    /// The object that the ref names: a tag object when annotated.
    pub object: String,
    /// The commit in the end.
    pub commit: Sha,
    /// The message of an annotated tag.
    pub message: Option<String>,
}

/// A release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Release {
    /// Number.
    pub id: u64,
    /// Its tag.
    pub tag: String,
    /// Name.
    pub name: String,
    /// Markdown.
    pub description: String,
    /// Whether it is not yet public, on GitHub.
    pub draft: bool,
    /// Whether it is only a taste of the next, on GitHub.
    pub prerelease: bool,
    /// Links to files, on GitLab.
    pub links: Vec<AssetLink>,
    /// Files, on GitHub.
    pub assets: Vec<Asset>,
    /// Who made it.
    pub by: u64,
    /// When.
    pub at: Timestamp,
}

/// A file that a release holds itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asset {
    /// Number.
    pub id: u64,
    /// File name.
    pub name: String,
    /// Media type.
    pub kind: String,
    /// Content.
    pub content: Vec<u8>,
    /// Who put it.
    pub by: u64,
    /// When.
    pub at: Timestamp,
}

/// A release to be.
#[derive(Clone, Debug)]
pub(crate) struct NewRelease {
    pub(crate) tag: String,
    pub(crate) name: String,
    pub(crate) description: String,
    pub(crate) draft: bool,
    pub(crate) prerelease: bool,
}

/// A file of a release that lies elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AssetLink {
    /// Number.
    pub id: u64,
    /// File name.
    pub name: String,
    /// Where it lies.
    pub url: String,
    /// `other`, `package`, `image` or `runbook`.
    pub kind: String,
}

/// A file of a package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PackageFile {
    /// Number.
    pub id: u64,
    /// The package.
    pub package: String,
    /// Its version.
    pub version: String,
    /// File name.
    pub name: String,
    /// Content.
    pub content: Vec<u8>,
}

impl State {
    /// One tag.
    pub(crate) fn tag(&self, project: u64, name: &str) -> Result<Tag, Refusal> {
        let found = self.tags(project, Some(name))?;
        found.into_iter().next().ok_or_else(|| Refusal::NotFound("404 Tag".to_owned()))
    }

    /// All tags by name, or only the named one.
    pub(crate) fn tags(&self, project: u64, only: Option<&str>) -> Result<Vec<Tag>, Refusal> {
        let git = &self.project(project)?.git;
        let format =
            "--format=%(objecttype)%01%(objectname)%01%(*objectname)%01%(refname:lstrip=2)%01%(contents)%02";
        let pattern = only.map_or_else(|| "refs/tags".to_owned(), |name| format!("refs/tags/{name}"));
        let listed = git.git(&["for-each-ref", format, &pattern])?;
        let tags = listed.split('\u{2}').filter_map(|text| {
            let mut parts = text.trim_start_matches('\n').splitn(5, '\u{1}');
            let (kind, object, inner) = (parts.next()?, parts.next()?, parts.next()?);
            let (name, message) = (parts.next()?.to_owned(), parts.next()?);
            let annotated = kind == "tag";
            let commit = if annotated { inner } else { object }.parse().ok()?;
            let message = annotated.then(|| message.trim_end_matches('\n').to_owned());
            Some(Tag { name, object: object.to_owned(), commit, message })
        });
        Ok(tags.filter(|tag| only.is_none_or(|name| name == tag.name)).collect())
    }

    /// Makes a release for a tag that exists.
    pub(crate) fn create_release(
        &mut self,
        project: u64,
        person: u64,
        new: NewRelease,
    ) -> Result<(), Refusal> {
        self.require(project, person, Role::Developer)?;
        if self.project(project)?.releases.contains_key(&new.tag) {
            return Err(Refusal::Conflict("Release already exists".to_owned()));
        }
        self.tag(project, &new.tag)
            .map_err(|_error| Refusal::Unprocessable("Ref is not specified".to_owned()))?;
        let release = Release {
            id: self.next("release", 1501),
            tag: new.tag.clone(),
            name: new.name,
            description: new.description,
            draft: new.draft,
            prerelease: new.prerelease,
            links: Vec::new(),
            assets: Vec::new(),
            by: person,
            at: self.now(),
        };
        self.project_mut(project)?.releases.insert(new.tag.clone(), release);
        if !new.draft {
            self.tell(&Occurrence::Released { project, tag: new.tag });
        }
        Ok(())
    }

    /// Changes a release; one that was a draft comes out when it becomes public.
    pub(crate) fn change_release(
        &mut self,
        project: u64,
        tag: &str,
        name: Option<String>,
        description: Option<String>,
        public: bool,
    ) -> Result<(), Refusal> {
        let missing = || Refusal::NotFound("404".to_owned());
        let release = self.project_mut(project)?.releases.get_mut(tag).ok_or_else(missing)?;
        release.name = name.unwrap_or_else(|| release.name.clone());
        release.description = description.unwrap_or_else(|| release.description.clone());
        if public && std::mem::replace(&mut release.draft, false) {
            self.tell(&Occurrence::Released { project, tag: tag.to_owned() });
        }
        Ok(())
    }

    /// Puts a file into a release; a name is there once.
    pub(crate) fn add_asset(
        &mut self,
        project: u64,
        person: u64,
        tag: &str,
        [name, kind]: [&str; 2],
        content: Vec<u8>,
    ) -> Result<Asset, Refusal> {
        self.require(project, person, Role::Developer)?;
        if self.release(project, tag)?.assets.iter().any(|asset| asset.name == name) {
            return Err(Refusal::Conflict("already_exists".to_owned()));
        }
        let asset = Asset {
            id: self.next("asset", 1601),
            name: name.to_owned(),
            kind: kind.to_owned(),
            content,
            by: person,
            at: self.now(),
        };
        if let Some(release) = self.project_mut(project)?.releases.get_mut(tag) {
            release.assets.push(asset.clone());
        }
        Ok(asset)
    }

    pub(crate) fn release(&self, project: u64, tag: &str) -> Result<&Release, Refusal> {
        self.project(project)?.releases.get(tag).ok_or_else(|| Refusal::NotFound("404".to_owned()))
    }

    /// Adds a file to a release; a name is there once.
    pub(crate) fn link_asset(
        &mut self,
        project: u64,
        person: u64,
        tag: &str,
        name: &str,
        url: &str,
        kind: &str,
    ) -> Result<AssetLink, Refusal> {
        self.require(project, person, Role::Developer)?;
        let taken = |link: &AssetLink| link.name == name || link.url == url;
        if self.release(project, tag)?.links.iter().any(taken) {
            return Err(Refusal::Invalid("Validation failed: Name has already been taken".to_owned()));
        }
        let link = AssetLink {
            id: self.next("link", 601),
            name: name.to_owned(),
            url: url.to_owned(),
            kind: kind.to_owned(),
        };
        if let Some(release) = self.project_mut(project)?.releases.get_mut(tag) {
            release.links.push(link.clone());
        }
        Ok(link)
    }

    /// Stores a package's file; a second one of the same name stands beside the first, the newest is read.
    pub(crate) fn put_package(
        &mut self,
        project: u64,
        person: u64,
        place: [&str; 3],
        content: Vec<u8>,
    ) -> Result<PackageFile, Refusal> {
        self.require(project, person, Role::Developer)?;
        let [package, version, name] = place.map(str::to_owned);
        let file = PackageFile { id: self.next("package_file", 651), package, version, name, content };
        self.project_mut(project)?.packages.push(file.clone());
        Ok(file)
    }

    pub(crate) fn package(&self, project: u64, place: [&str; 3]) -> Result<&PackageFile, Refusal> {
        let all = self.project(project)?.packages.iter().rev();
        let mut same = all.filter(|file| [file.package.as_str(), &file.version, &file.name] == place);
        same.next().ok_or_else(|| Refusal::NotFound("404 Package".to_owned()))
    }
}
