//! A real bare repository, driven by the git program with argument vectors only.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};

use crate::domain::{Sha, Timestamp};

use super::{File, Person, Refusal};
use crate::sandbox::program;

mod objects;

pub(crate) use objects::TreeEntry;

/// A commit as git tells of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commit {
    /// Name.
    pub sha: Sha,
    /// Parents, the first one first.
    pub parents: Vec<Sha>,
    /// The author's name.
    pub author_name: String,
    /// The author's e-mail address.
    pub author_email: String,
    /// When it was committed.
    pub at: Timestamp,
    /// The whole message.
    pub message: String,
}

impl Commit {
    /// The first line of the message.
    #[must_use]
    pub fn title(&self) -> &str {
        self.message.lines().next().unwrap_or_default()
    }
}

/// A path that differs between two trees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ChangedFile {
    /// The name before.
    pub(crate) old_path: String,
    /// The name after.
    pub(crate) new_path: String,
    /// `A`, `M`, `D` or `R`.
    pub(crate) kind: char,
}

/// A bare repository on disk.
#[derive(Clone, Debug)]
pub(crate) struct Repository {
    folder: PathBuf,
    /// Commits read before; they never change.
    known: Arc<Mutex<BTreeMap<Sha, Commit>>>,
}

/// Who and when, for objects that git signs with a name.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hand<'a> {
    pub(crate) person: &'a Person,
    pub(crate) at: Timestamp,
}

impl Repository {
    pub(crate) fn create(folder: &Path, branch: &str) -> Result<Self, Refusal> {
        let repository = Self { folder: folder.to_owned(), known: Arc::default() };
        let text = folder.to_string_lossy().into_owned();
        let initial = format!("--initial-branch={branch}");
        execute(base(None).args(["init", "--quiet", "--bare", &initial, &text]), "init", &[])?;
        // Jobs fetch the very commit of their pipeline, on a branch or not.
        repository.git(&["config", "uploadpack.allowAnySHA1InWant", "true"])?;
        Ok(repository)
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Runs git here and returns what it printed, without the last line break.
    pub(crate) fn git(&self, args: &[&str]) -> Result<String, Refusal> {
        let output = self.bytes(args, &[])?;
        Ok(String::from_utf8_lossy(&output).trim_end_matches('\n').to_owned())
    }

    fn bytes(&self, args: &[&str], input: &[u8]) -> Result<Vec<u8>, Refusal> {
        execute(base(Some(&self.folder)).args(args), args.first().unwrap_or(&"git"), input)
    }

    fn signed(&self, hand: Hand<'_>, args: &[&str], input: &[u8]) -> Result<String, Refusal> {
        let mut command = base(Some(&self.folder));
        let date = format!("{} +0000", hand.at.0.div_euclid(1000));
        for role in ["AUTHOR", "COMMITTER"] {
            command.env(format!("GIT_{role}_NAME"), &hand.person.name);
            command.env(format!("GIT_{role}_EMAIL"), &hand.person.email);
            command.env(format!("GIT_{role}_DATE"), &date);
        }
        let output = execute(command.args(args), args.first().unwrap_or(&"git"), input)?;
        Ok(String::from_utf8_lossy(&output).trim_end().to_owned())
    }

    /// The commit that a branch, tag or commit name stands for.
    pub(crate) fn resolve(&self, name: &str) -> Option<Sha> {
        if name.is_empty() || name.starts_with('-') {
            return None;
        }
        let spelled = format!("{name}^{{commit}}");
        self.git(&["rev-parse", "--verify", "--quiet", "--end-of-options", &spelled]).ok()?.parse().ok()
    }

    pub(crate) fn branch(&self, name: &str) -> Option<Sha> {
        self.resolve(&format!("refs/heads/{name}"))
    }

    pub(crate) fn branches(&self) -> Result<BTreeMap<String, Sha>, Refusal> {
        let listed =
            self.git(&["for-each-ref", "--format=%(objectname) %(refname:lstrip=2)", "refs/heads"])?;
        let pairs = listed.lines().filter_map(|line| line.split_once(' '));
        Ok(pairs.filter_map(|(sha, name)| Some((name.to_owned(), sha.parse().ok()?))).collect())
    }

    /// A new commit on a branch with these files written or removed; the branch begins at `start`.
    pub(crate) fn commit(
        &self,
        hand: Hand<'_>,
        branch: &str,
        start: Option<&Sha>,
        files: &[File],
        message: &str,
    ) -> Result<Sha, Refusal> {
        let mut stream = Vec::new();
        let signature =
            format!("{} <{}> {} +0000", hand.person.name, hand.person.email, hand.at.0.div_euclid(1000));
        let head = format!(
            "commit refs/heads/{branch}\nauthor {signature}\ncommitter {signature}\ndata {}\n{message}\n",
            message.len()
        );
        stream.extend_from_slice(head.as_bytes());
        if let Some(start) = start {
            stream.extend_from_slice(format!("from {start}\n").as_bytes());
        }
        for file in files {
            // Paths are quoted as git's C strings so that spaces and quotes stay part of the name.
            let path = file.path.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
            match &file.content {
                None => stream.extend_from_slice(format!("D \"{path}\"\n").as_bytes()),
                Some(content) => {
                    let mode = if file.executable { "100755" } else { "100644" };
                    let line = format!("M {mode} inline \"{path}\"\ndata {}\n", content.len());
                    stream.extend_from_slice(line.as_bytes());
                    stream.extend_from_slice(content);
                    stream.push(b'\n');
                }
            }
        }
        self.bytes(&["fast-import", "--quiet", "--force"], &stream)?;
        self.branch(branch).ok_or_else(|| Refusal::NotFound(format!("branch {branch}")))
    }

    /// A commit object of a given tree; no branch moves.
    pub(crate) fn commit_tree(
        &self,
        hand: Hand<'_>,
        tree: &str,
        parents: &[&Sha],
        message: &str,
    ) -> Result<Sha, Refusal> {
        let mut args = vec!["commit-tree", tree];
        for parent in parents {
            args.extend(["-p", parent.as_str()]);
        }
        args.extend(["-F", "-"]);
        let sha = self.signed(hand, &args, message.as_bytes())?;
        sha.parse().map_err(|_error| Refusal::Invalid("git answered without a commit name".to_owned()))
    }

    /// The tree of both sides merged; none when they conflict.
    pub(crate) fn merged_tree(&self, ours: &Sha, theirs: &Sha) -> Option<String> {
        let printed = self.git(&["merge-tree", "--write-tree", ours.as_str(), theirs.as_str()]).ok()?;
        printed.lines().next().map(str::to_owned)
    }

    /// Moves a branch if it still stands at `from`.
    pub(crate) fn move_branch(&self, branch: &str, to: &Sha, from: Option<&Sha>) -> Result<(), Refusal> {
        let name = format!("refs/heads/{branch}");
        let zero = "0".repeat(40);
        let from = from.map_or(zero.as_str(), Sha::as_str);
        self.git(&["update-ref", &name, to.as_str(), from]).map(drop)
    }

    /// Sets a ref that is no branch, such as `refs/merge-requests/1/head`.
    pub(crate) fn set_ref(&self, name: &str, to: &Sha) -> Result<(), Refusal> {
        self.git(&["update-ref", name, to.as_str()]).map(drop)
    }

    /// Takes a commit over from another repository, with all that leads to it.
    pub(crate) fn fetch(&self, from: &Self, commit: &Sha) -> Result<(), Refusal> {
        let from = from.folder.to_string_lossy();
        self.git(&["fetch", "--quiet", "--no-tags", "--no-write-fetch-head", &from, commit.as_str()])
            .map(drop)
    }

    /// Takes over every branch and tag of another repository.
    pub(crate) fn mirror(&self, from: &Self) -> Result<(), Refusal> {
        let from = from.folder.to_string_lossy();
        let (heads, tags) = ("+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*");
        self.git(&["fetch", "--quiet", "--no-tags", "--update-head-ok", &from, heads, tags]).map(drop)
    }

    pub(crate) fn delete_branch(&self, branch: &str) -> Result<(), Refusal> {
        self.git(&["update-ref", "-d", &format!("refs/heads/{branch}")]).map(drop)
    }

    /// An annotated tag with this message, or a lightweight one when there is none.
    pub(crate) fn tag(
        &self,
        hand: Hand<'_>,
        name: &str,
        commit: &Sha,
        message: Option<&str>,
    ) -> Result<(), Refusal> {
        let Some(message) = message else {
            return self.git(&["tag", "--", name, commit.as_str()]).map(drop);
        };
        let args = ["tag", "--annotate", "--cleanup=verbatim", "--file=-", "--", name, commit.as_str()];
        self.signed(hand, &args, message.as_bytes()).map(drop)
    }

    pub(crate) fn is_ancestor(&self, old: &Sha, new: &Sha) -> bool {
        self.git(&["merge-base", "--is-ancestor", old.as_str(), new.as_str()]).is_ok()
    }

    pub(crate) fn merge_base(&self, one: &Sha, other: &Sha) -> Option<Sha> {
        self.git(&["merge-base", one.as_str(), other.as_str()]).ok()?.parse().ok()
    }

    /// Paths that differ between two commits; with `renames`, a moved file is one entry.
    pub(crate) fn changed(&self, from: &str, to: &str) -> Result<Vec<ChangedFile>, Refusal> {
        let listed = self.git(&["diff-tree", "-r", "-z", "-M", "--name-status", from, to])?;
        let mut words = listed.split('\0').filter(|word| !word.is_empty());
        let mut found = Vec::new();
        while let (Some(kind), Some(old)) = (words.next(), words.next()) {
            let kind = kind.chars().next().unwrap_or('M');
            let new = if kind == 'R' { words.next().unwrap_or(old) } else { old };
            found.push(ChangedFile { old_path: old.to_owned(), new_path: new.to_owned(), kind });
        }
        Ok(found)
    }

    /// Commits reachable from `to` and not from `from`, the newest first.
    pub(crate) fn commits(&self, from: Option<&Sha>, to: &Sha) -> Result<Vec<Commit>, Refusal> {
        let mut args =
            vec!["log", "-z", "--topo-order", "--format=%H%x01%P%x01%an%x01%ae%x01%ct%x01%B", to.as_str()];
        let exclude = from.map(|from| format!("^{from}"));
        match &exclude {
            Some(exclude) => args.push(exclude),
            None => args.push("--max-count=1"),
        }
        let listed = self.git(&args)?;
        Ok(listed.split('\0').filter(|text| !text.is_empty()).filter_map(commit_of).collect())
    }

    /// Every commit that leads to this one, the newest first.
    pub(crate) fn history(&self, to: &Sha) -> Result<Vec<Commit>, Refusal> {
        let format = "--format=%H%x01%P%x01%an%x01%ae%x01%ct%x01%B";
        let listed = self.git(&["log", "-z", "--topo-order", format, to.as_str()])?;
        Ok(listed.split('\0').filter(|text| !text.is_empty()).filter_map(commit_of).collect())
    }

    pub(crate) fn commit_named(&self, sha: &Sha) -> Result<Commit, Refusal> {
        let known = || self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(commit) = known().get(sha) {
            return Ok(commit.clone());
        }
        let found = self.commits(None, sha)?.into_iter().next();
        let found = found.ok_or_else(|| Refusal::NotFound("404 Commit".to_owned()))?;
        known().insert(sha.clone(), found.clone());
        Ok(found)
    }
}

fn commit_of(text: &str) -> Option<Commit> {
    let mut parts = text.splitn(6, '\u{1}');
    let sha = parts.next()?.trim().parse().ok()?;
    let parents = parts.next()?.split(' ').filter_map(|parent| parent.parse().ok()).collect();
    let author_name = parts.next()?.to_owned();
    let author_email = parts.next()?.to_owned();
    let seconds: i64 = parts.next()?.parse().ok()?;
    let message = parts.next()?.trim_end_matches('\n').to_owned();
    Some(Commit {
        sha,
        parents,
        author_name,
        author_email,
        at: Timestamp(seconds.saturating_mul(1000)),
        message,
    })
}

/// git without this machine's or user's own settings.
fn base(folder: Option<&Path>) -> Command {
    let mut command = Command::new(program::git());
    command.env_clear();
    if let Some(path) = std::env::var_os("PATH") {
        command.env("PATH", path);
    }
    command.env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_CONFIG_GLOBAL", "/dev/null").env("LC_ALL", "C");
    command.env("GIT_TERMINAL_PROMPT", "0");
    command.args(["-c", "core.quotePath=false", "-c", "gc.auto=0"]);
    if let Some(folder) = folder {
        command.arg("--git-dir").arg(folder);
    }
    command
}

fn execute(command: &mut Command, word: &str, input: &[u8]) -> Result<Vec<u8>, Refusal> {
    let failed = |stderr: String| Refusal::Git { command: word.to_owned(), stderr };
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child =
        command.spawn().map_err(|error| failed(format!("the program does not start: {error}")))?;
    if let Some(mut stdin) = child.stdin.take() {
        // A closed pipe means that git gave up early; its exit status tells why.
        let written = stdin.write_all(input);
        drop(stdin);
        if let Err(error) = written
            && error.kind() != std::io::ErrorKind::BrokenPipe
        {
            return Err(failed(error.to_string()));
        }
    }
    let output = child.wait_with_output().map_err(|error| failed(error.to_string()))?;
    if output.status.success() {
        Ok(output.stdout)
    } else {
        Err(failed(String::from_utf8_lossy(&output.stderr).trim().chars().take(500).collect()))
    }
}
