//! Git's own objects by name: blobs, trees, tags, and the refs that name them.

use crate::domain::Sha;

use super::{Hand, Refusal, Repository, base, execute};

/// An entry of a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TreeEntry {
    /// Object name.
    pub(crate) id: String,
    /// `blob`, `tree` or `commit`.
    pub(crate) kind: String,
    /// File mode, six digits.
    pub(crate) mode: String,
    /// Path from the root.
    pub(crate) path: String,
}

impl Repository {
    /// Stores a tag object that no ref names yet; its name.
    pub(crate) fn tag_object(
        &self,
        hand: Hand<'_>,
        name: &str,
        (object, kind): (&str, &str),
        message: &str,
    ) -> Result<String, Refusal> {
        let seconds = hand.at.0.div_euclid(1000);
        let tagger = format!("{} <{}> {seconds} +0000", hand.person.name, hand.person.email);
        let text = format!("object {object}\ntype {kind}\ntag {name}\ntagger {tagger}\n\n{message}");
        let stored = self.bytes(&["hash-object", "-t", "tag", "-w", "--stdin"], text.as_bytes())?;
        Ok(String::from_utf8_lossy(&stored).trim_end().to_owned())
    }

    /// Stores a blob; its name.
    pub(crate) fn blob(&self, content: &[u8]) -> Result<String, Refusal> {
        let stored = self.bytes(&["hash-object", "-w", "--stdin"], content)?;
        Ok(String::from_utf8_lossy(&stored).trim_end().to_owned())
    }

    /// Stores the tree that `start` becomes with these lines for `update-index --index-info`; its name.
    pub(crate) fn tree_with(&self, start: Option<&str>, lines: &[String]) -> Result<String, Refusal> {
        let folder = tempfile::tempdir_in(&self.folder)
            .map_err(|error| Refusal::Git { command: "read-tree".to_owned(), stderr: error.to_string() })?;
        let run = |args: &[&str], input: &[u8]| {
            let mut command = base(Some(&self.folder));
            command.env("GIT_INDEX_FILE", folder.path().join("index"));
            execute(command.args(args), args.first().unwrap_or(&"git"), input)
        };
        match start {
            Some(start) => run(&["read-tree", start], &[])?,
            None => run(&["read-tree", "--empty"], &[])?,
        };
        run(&["update-index", "-z", "--index-info"], lines.concat().as_bytes())?;
        let tree = run(&["write-tree"], &[])?;
        Ok(String::from_utf8_lossy(&tree).trim_end().to_owned())
    }

    /// What kind of object a name is, and its content as git prints it.
    pub(crate) fn object(&self, name: &str) -> Option<(String, Vec<u8>)> {
        if name.is_empty() || name.starts_with('-') {
            return None;
        }
        let kind = self.git(&["cat-file", "-t", name]).ok()?;
        let content = self.bytes(&["cat-file", &kind, name], &[]).ok()?;
        Some((kind, content))
    }

    /// Refs below a folder, each with the kind and name of its object.
    pub(crate) fn refs(&self, below: &str) -> Result<Vec<(String, String, String)>, Refusal> {
        let format = "--format=%(refname) %(objecttype) %(objectname)";
        let listed = self.git(&["for-each-ref", format, below])?;
        let parts = |line: &str| {
            let mut parts = line.split(' ').map(str::to_owned);
            Some((parts.next()?, parts.next()?, parts.next()?))
        };
        Ok(listed.lines().filter_map(parts).collect())
    }

    /// A file's bytes; none when there is no such file.
    pub(crate) fn file(&self, path: &str, at: &Sha) -> Option<Vec<u8>> {
        self.bytes(&["cat-file", "blob", &format!("{at}:{path}")], &[]).ok()
    }

    /// The entries of a folder (`""` is the root), optionally with all below.
    pub(crate) fn tree(&self, folder: &str, at: &Sha, recursive: bool) -> Result<Vec<TreeEntry>, Refusal> {
        let entries = self.tree_at(&format!("{at}:{folder}"), recursive)?;
        let place = |mut one: TreeEntry| {
            if !folder.is_empty() {
                one.path = format!("{folder}/{}", one.path);
            }
            one
        };
        Ok(entries.into_iter().map(place).collect())
    }

    /// The entries of a tree by its name, their paths from there.
    pub(crate) fn tree_at(&self, tree: &str, recursive: bool) -> Result<Vec<TreeEntry>, Refusal> {
        let missing = || Refusal::NotFound("404 Tree".to_owned());
        let mut args = vec!["ls-tree", "-z"];
        if recursive {
            args.extend(["-r", "-t"]);
        }
        args.push(tree);
        let listed = self.git(&args).map_err(|_error| missing())?;
        let entries = listed.split('\0').filter(|line| !line.is_empty()).filter_map(|line| {
            let (facts, name) = line.split_once('\t')?;
            let mut facts = facts.split(' ');
            let (mode, kind, id) = (facts.next()?, facts.next()?, facts.next()?);
            let path = name.to_owned();
            Some(TreeEntry { id: id.to_owned(), kind: kind.to_owned(), mode: mode.to_owned(), path })
        });
        Ok(entries.collect())
    }
}
