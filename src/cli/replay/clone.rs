//! A clone of the repository, read through git: nothing is fetched and nothing is changed.

use std::path::{Path, PathBuf};
use std::process::Command;

/// A local repository.
#[derive(Debug)]
pub(super) struct Clone {
    folder: PathBuf,
}

/// An entry of a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) mode: String,
    pub(super) kind: String,
    pub(super) id: String,
    /// Below the folder that was asked for.
    pub(super) path: String,
}

/// A commit with those who signed it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Commit {
    pub(super) id: String,
    pub(super) author: String,
    pub(super) committer: String,
    pub(super) message: String,
}

/// A tag; an annotated one has an object of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Tag {
    pub(super) name: String,
    pub(super) object: String,
    pub(super) kind: String,
    pub(super) commit: String,
    pub(super) message: String,
}

impl Clone {
    pub(super) fn open(folder: &Path) -> Result<Self, String> {
        let clone = Self { folder: folder.to_owned() };
        match clone.command(&["rev-parse", "--git-dir"]).output() {
            Ok(done) if done.status.success() => Ok(clone),
            Ok(done) => {
                let said = String::from_utf8_lossy(&done.stderr).trim().replace('\n', " ");
                Err(format!("{} is no clone ({said}); name a folder with a git repository", folder.display()))
            }
            Err(error) => Err(format!("git cannot be run ({error}); --repo needs it")),
        }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("git");
        // A partial clone would fetch what it lacks.
        command.env("GIT_NO_LAZY_FETCH", "1").env("GIT_OPTIONAL_LOCKS", "0").env("LC_ALL", "C");
        command.args(["-c", "core.fsmonitor=false"]).arg("-C").arg(&self.folder).args(arguments);
        command
    }

    fn git(&self, arguments: &[&str]) -> Option<Vec<u8>> {
        let done = self.command(arguments).output().ok()?;
        done.status.success().then_some(done.stdout)
    }

    fn text(&self, arguments: &[&str]) -> Option<String> {
        Some(String::from_utf8_lossy(&self.git(arguments)?).trim_end().to_owned())
    }

    /// The commit that a name stands for.
    pub(super) fn commit(&self, name: &str) -> Option<String> {
        let name = format!("{name}^{{commit}}");
        self.text(&["rev-parse", "--verify", "--quiet", "--end-of-options", &name])
    }

    /// The newest commit of a branch: as it was fetched, else as it is here.
    pub(super) fn branch(&self, name: &str) -> Option<String> {
        let places = [format!("refs/remotes/origin/{name}"), format!("refs/heads/{name}")];
        places.iter().find_map(|place| self.commit(place))
    }

    /// The branch that is checked out.
    pub(super) fn current_branch(&self) -> Option<String> {
        self.text(&["symbolic-ref", "--quiet", "--short", "HEAD"])
    }

    /// A file's bytes.
    pub(super) fn file(&self, commit: &str, path: &str) -> Option<Vec<u8>> {
        self.git(&["cat-file", "blob", &format!("{commit}:{path}")])
    }

    /// What a folder holds, or everything below it.
    pub(super) fn folder(&self, commit: &str, path: &str, all: bool) -> Option<Vec<Entry>> {
        let tree = if path.is_empty() { commit.to_owned() } else { format!("{commit}:{path}") };
        let mut arguments = vec!["ls-tree", "-z"];
        if all {
            arguments.extend(["-r", "-t"]);
        }
        arguments.push(&tree);
        let listed = self.git(&arguments)?;
        let entries = String::from_utf8_lossy(&listed).into_owned();
        let entry = |line: &str| {
            let (head, path) = line.split_once('\t')?;
            let mut words = head.split(' ').map(str::to_owned);
            let (mode, kind, id) = (words.next()?, words.next()?, words.next()?);
            Some(Entry { mode, kind, id, path: path.to_owned() })
        };
        Some(entries.split('\0').filter_map(entry).collect())
    }

    /// Paths that differ between two commits.
    pub(super) fn changed(&self, from: &str, to: &str) -> Option<Vec<String>> {
        let listed = self.git(&["diff", "--name-only", "-z", "--no-renames", "--no-ext-diff", from, to])?;
        let listed = String::from_utf8_lossy(&listed).into_owned();
        Some(listed.split('\0').filter(|path| !path.is_empty()).map(str::to_owned).collect())
    }

    /// Where two lines of commits parted.
    pub(super) fn merge_base(&self, one: &str, other: &str) -> Option<String> {
        self.text(&["merge-base", one, other])
    }

    pub(super) fn parents(&self, commit: &str) -> Option<Vec<String>> {
        let line = self.text(&["rev-list", "--parents", "-n", "1", commit])?;
        Some(line.split(' ').skip(1).map(str::to_owned).collect())
    }

    /// The commits that `to` has and `from` has not, oldest first.
    pub(super) fn between(&self, from: &str, to: &str) -> Option<Vec<Commit>> {
        let range = format!("{from}..{to}");
        let text = self.text(&["log", "--reverse", "--format=%H%x1f%ae%x1f%ce%x1f%B%x1e", &range])?;
        let commit = |one: &str| {
            let mut fields = one.trim_start().splitn(4, '\u{1f}').map(str::to_owned);
            let (id, author) = (fields.next()?, fields.next()?);
            Some(Commit { id, author, committer: fields.next()?, message: fields.next()? })
        };
        Some(text.split('\u{1e}').filter_map(commit).collect())
    }

    /// Tags whose names begin with `prefix`.
    pub(super) fn tags(&self, prefix: &str) -> Vec<Tag> {
        let format =
            "--format=%(refname:strip=2)%1f%(objectname)%1f%(objecttype)%1f%(*objectname)%1f%(contents)%1e";
        let listed = self.text(&["for-each-ref", format, "refs/tags"]).unwrap_or_default();
        let tag = |one: &str| {
            let mut fields = one.trim_start().splitn(5, '\u{1f}').map(str::to_owned);
            let (name, object, kind) = (fields.next()?, fields.next()?, fields.next()?);
            let (peeled, message) = (fields.next()?, fields.next()?);
            let commit = if peeled.is_empty() { object.clone() } else { peeled };
            Some(Tag { name, object, kind, commit, message })
        };
        let tags = listed.split('\u{1e}').filter_map(tag);
        tags.filter(|tag| tag.name.starts_with(prefix)).collect()
    }
}
