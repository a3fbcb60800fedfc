//! What people and CI do in a project, by name, for tests and the demo.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use crate::domain::Sha;

use super::world::{
    Comment, Commented, Commit, CommitStatus, File, Hook, MergeMethods, MergeRequest, MergeStyle, MergeWish,
    NewHook, NewMergeRequest, NewStatus, PackageFile, Project, Release, Review, Role, RunsWait, State,
    Subscriptions, Tag, World,
};
use super::{Refusal, archive};

mod checks;
mod forks;
mod jobs;
mod queue;
mod schedules;

/// One project of the sandbox; people are named by login.
#[derive(Clone, Debug)]
pub struct SandboxProject {
    world: Arc<World>,
    id: u64,
}

/// What every verb may answer instead of doing it.
type Done<T> = Result<T, Refusal>;

#[expect(clippy::missing_errors_doc, reason = "every verb fails alike: with the forge's own refusal")]
impl SandboxProject {
    pub(crate) fn new(world: Arc<World>, id: u64) -> Self {
        Self { world, id }
    }

    fn by<T>(&self, login: &str, act: impl FnOnce(&mut State, u64, u64) -> Done<T>) -> Done<T> {
        let mut state = self.world.lock();
        let person = state.named(login)?.id;
        act(&mut state, self.id, person)
    }

    fn read<T>(&self, look: impl FnOnce(&Project) -> Done<T>) -> Done<T> {
        look(self.world.lock().project(self.id)?)
    }

    fn set(&self, change: impl FnOnce(&mut Project)) -> Done<()> {
        self.world.lock().project_mut(self.id).map(change)
    }

    /// The project's number.
    #[must_use]
    pub const fn id(&self) -> u64 {
        self.id
    }

    /// Where the bare repository lies, for git itself.
    pub fn git_folder(&self) -> Done<PathBuf> {
        self.read(|project| Ok(project.git_folder().to_owned()))
    }

    /// Address of a merge request for people.
    pub fn merge_request_url(&self, number: u64) -> Done<String> {
        let state = self.world.lock();
        let path = (state.dialect.merge_request_path)(&state.project(self.id)?.path, number);
        Ok(format!("{}{path}", state.url))
    }

    /// Makes somebody a member, or changes the role; unknown people get an account.
    pub fn member(&self, login: &str, role: Role) -> Done<()> {
        let mut state = self.world.lock();
        let person = state.add_person(login, false).id;
        state.project_mut(self.id)?.members.insert(person, role);
        Ok(())
    }

    /// Takes a membership away.
    pub fn remove_member(&self, login: &str) -> Done<()> {
        let mut state = self.world.lock();
        let person = state.named(login)?.id;
        state.project_mut(self.id)?.members.remove(&person);
        Ok(())
    }

    /// How merge requests are merged.
    pub fn merge_style(&self, style: MergeStyle) -> Done<()> {
        self.set(|project| project.merge_style = style)
    }

    /// Which ways of merging are allowed, on GitHub.
    pub fn merge_methods(&self, methods: MergeMethods) -> Done<()> {
        self.set(|project| project.merge_methods = methods)
    }

    /// Whose runs of pull requests wait for somebody's permission, on GitHub.
    pub fn runs_wait(&self, whose: RunsWait) -> Done<()> {
        self.set(|project| project.runs_wait = whose)
    }

    /// Gives jobs a secret.
    pub fn secret(&self, name: &str, value: &str) -> Done<()> {
        self.set(|project| {
            project.secrets.insert(name.to_owned(), value.to_owned());
        })
    }

    /// Gives the project another path, by renaming or transferring it; the old one leads to it.
    pub fn rename(&self, path: &str) -> Done<()> {
        let mut state = self.world.lock();
        let old = std::mem::replace(&mut state.project_mut(self.id)?.path, path.to_owned());
        state.renamed.insert(old.to_lowercase(), self.id);
        Ok(())
    }

    /// Whether a pipeline must succeed before a merge.
    pub fn merge_needs_pipeline(&self, needed: bool) -> Done<()> {
        self.set(|project| project.merge_needs_pipeline = needed)
    }

    /// Protects a branch, or lifts the protection.
    pub fn protect(&self, branch: &str, protected: bool) -> Done<()> {
        self.set(|project| {
            if protected {
                project.protected.insert(branch.to_owned());
            } else {
                project.protected.remove(branch);
            }
        })
    }

    /// Subscribes to everything. On GitLab `signing_token` is `whsec_…` and `token` goes in clear; on
    /// GitHub `token` is the secret that signs.
    pub fn hook(&self, url: &str, signing_token: Option<&str>, token: Option<&str>) -> Done<Hook> {
        let mut state = self.world.lock();
        let owner = state.add_person("root", false).id;
        state.project_mut(self.id)?.members.insert(owner, Role::Owner);
        let new = NewHook {
            url: url.to_owned(),
            wants: Subscriptions::ALL,
            events: state.dialect.is_github().then(|| [String::from("*")].into()),
            token: token.map(str::to_owned),
            signing_token: signing_token.map(str::to_owned),
        };
        state.add_hook(self.id, owner, new)
    }

    /// Commits files on a branch, which begins at the default branch if it is new.
    pub fn push(&self, login: &str, branch: &str, files: &[File], message: &str) -> Done<Sha> {
        self.by(login, |state, project, person| state.push(project, person, branch, None, files, message))
    }

    /// Commits files on a new branch that begins at a commit.
    pub fn branch_off(
        &self,
        login: &str,
        branch: &str,
        at: &Sha,
        files: &[File],
        message: &str,
    ) -> Done<Sha> {
        self.by(login, |state, project, person| state.push(project, person, branch, Some(at), files, message))
    }

    /// Sets a branch to a commit, as a forced push does.
    pub fn force(&self, login: &str, branch: &str, to: &Sha) -> Done<()> {
        self.by(login, |state, project, person| state.point_branch(project, person, branch, to))
    }

    /// Removes a branch.
    pub fn delete_branch(&self, login: &str, branch: &str) -> Done<()> {
        self.by(login, |state, project, person| state.delete_branch(project, person, branch))
    }

    /// The newest commit of a branch.
    pub fn branch(&self, branch: &str) -> Done<Sha> {
        self.read(|project| {
            project.git.branch(branch).ok_or_else(|| Refusal::NotFound(format!("branch {branch}")))
        })
    }

    /// A file at a commit or branch.
    pub fn file(&self, path: &str, at: &str) -> Done<Vec<u8>> {
        self.read(|project| {
            let sha = project.git.resolve(at).ok_or_else(|| Refusal::NotFound(at.to_owned()))?;
            project.git.file(path, &sha).ok_or_else(|| Refusal::NotFound(path.to_owned()))
        })
    }

    /// Commits of `to` that `from` does not have, the newest first.
    pub fn commits(&self, from: &str, to: &str) -> Done<Vec<Commit>> {
        self.read(|project| {
            let resolve =
                |name: &str| project.git.resolve(name).ok_or_else(|| Refusal::NotFound(name.to_owned()));
            project.git.commits(Some(&resolve(from)?), &resolve(to)?)
        })
    }

    /// Opens a merge request into the default branch; its number.
    pub fn open_merge_request(&self, login: &str, branch: &str, title: &str) -> Done<u64> {
        let target = self.read(|project| Ok(project.default_branch.clone()))?;
        self.open_merge_request_into(login, branch, &target, title)
    }

    /// Opens a merge request into a branch; its number.
    pub fn open_merge_request_into(&self, login: &str, branch: &str, target: &str, title: &str) -> Done<u64> {
        self.by(login, |state, project, person| {
            let new =
                NewMergeRequest { fork: None, source: branch, target, title, description: "", draft: false };
            state.open_merge_request(project, person, new)
        })
    }

    /// Marks it as not ready, or takes the mark off.
    pub fn set_draft(&self, login: &str, number: u64, draft: bool) -> Done<()> {
        self.by(login, |state, project, person| state.set_draft(project, person, number, draft))
    }

    /// Writes a comment; none when the forge took all of it as its own commands.
    pub fn comment(&self, login: &str, number: u64, body: &str) -> Done<Option<u64>> {
        self.by(login, |state, project, person| match state.comment(project, person, number, body)? {
            Commented::Comment(id) => Ok(Some(id)),
            Commented::OnlyCommands(_) => Ok(None),
        })
    }

    /// Writes a comment that only the project's members see, on GitLab.
    pub fn internal_note(&self, login: &str, number: u64, body: &str) -> Done<Option<u64>> {
        self.by(login, |state, project, person| {
            match state.comment_for(project, person, number, body, true)? {
                Commented::Comment(id) => Ok(Some(id)),
                Commented::OnlyCommands(_) => Ok(None),
            }
        })
    }

    /// Changes a comment.
    pub fn edit_comment(&self, login: &str, number: u64, comment: u64, body: &str) -> Done<()> {
        self.by(login, |state, project, person| state.edit_comment(project, person, number, comment, body))
    }

    /// Removes a comment.
    pub fn delete_comment(&self, login: &str, number: u64, comment: u64) -> Done<()> {
        self.by(login, |state, project, person| state.delete_comment(project, person, number, comment))
    }

    /// A line by the forge itself, such as "changed the title".
    pub fn system_note(&self, login: &str, number: u64, text: &str) -> Done<()> {
        self.by(login, |state, project, person| state.system_note(project, person, number, text))
    }

    /// Puts a sign on a comment.
    pub fn react(&self, login: &str, number: u64, comment: u64, name: &str) -> Done<()> {
        self.by(login, |state, project, person| state.react(project, person, number, comment, name).map(drop))
    }

    /// Approves with the forge's own button.
    pub fn approve(&self, login: &str, number: u64) -> Done<()> {
        self.by(login, |state, project, person| state.approve(project, person, number, None))
    }

    /// Asks for changes with the forge's own button.
    pub fn request_changes(&self, login: &str, number: u64, text: &str) -> Done<()> {
        self.by(login, |state, project, person| state.request_changes(project, person, number, text))
    }

    /// Takes back what somebody else asked for: dismissed on GitHub, another review asked for on GitLab.
    pub fn overrule(&self, login: &str, number: u64, whose: &str) -> Done<()> {
        self.by(login, |state, project, person| {
            let whose = state.named(whose)?.id;
            state.overrule(project, person, number, whose)
        })
    }

    /// Takes somebody off the list of reviewers.
    pub fn take_off(&self, login: &str, number: u64, whom: &str) -> Done<()> {
        self.by(login, |state, project, person| {
            let whom = state.named(whom)?.id;
            state.change(project, person, number, "update", |one| Ok(one.reviewers.remove(&whom)))
        })
    }

    /// Every review of a pull request, the oldest first.
    pub fn reviews(&self, number: u64) -> Done<Vec<Review>> {
        self.read(|project| {
            let all = project.reviews.values().filter(|review| review.merge_request == number);
            Ok(all.cloned().collect())
        })
    }

    /// Takes the approval back.
    pub fn unapprove(&self, login: &str, number: u64) -> Done<()> {
        self.by(login, |state, project, person| state.unapprove(project, person, number))
    }

    /// Closes without a merge.
    pub fn close(&self, login: &str, number: u64) -> Done<()> {
        self.by(login, |state, project, person| state.close(project, person, number))
    }

    /// Opens again.
    pub fn reopen(&self, login: &str, number: u64) -> Done<()> {
        self.by(login, |state, project, person| state.reopen(project, person, number))
    }

    /// Gives it another title; one that begins with `Draft:` makes it a draft.
    pub fn retitle(&self, login: &str, number: u64, title: &str) -> Done<()> {
        self.by(login, |state, project, person| state.retitle(project, person, number, title))
    }

    /// Aims it at another branch.
    pub fn retarget(&self, login: &str, number: u64, branch: &str) -> Done<()> {
        self.by(login, |state, project, person| state.retarget(project, person, number, branch))
    }

    /// Puts labels on and takes labels off.
    pub fn labels(&self, login: &str, number: u64, add: &[&str], remove: &[&str]) -> Done<()> {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        self.by(login, |state, project, person| {
            state.change_labels(project, person, number, &owned(add), &owned(remove))
        })
    }

    /// Merges with the forge's own button; the commit on the target branch.
    pub fn merge(&self, login: &str, number: u64) -> Done<Sha> {
        self.by(login, |state, project, person| state.merge(project, person, number, &MergeWish::default()))
    }

    /// Makes all commits one and merges; the commit on the target branch.
    pub fn squash(&self, login: &str, number: u64) -> Done<Sha> {
        let wish = MergeWish { squash: true, ..MergeWish::default() };
        self.by(login, |state, project, person| state.merge(project, person, number, &wish))
    }

    /// Puts all commits anew on top of the target, on GitHub; the commit on the target branch.
    pub fn rebase_merge(&self, login: &str, number: u64) -> Done<Sha> {
        let wish = MergeWish { rebase: true, ..MergeWish::default() };
        self.by(login, |state, project, person| state.merge(project, person, number, &wish))
    }

    /// For the next reads the forge has not computed yet whether it can be merged.
    pub fn still_checking(&self, number: u64, reads: u32) -> Done<()> {
        self.world.lock().project_mut(self.id)?.merge_request_mut(number)?.checking = reads;
        Ok(())
    }

    /// Creates a tag, annotated when there is a message.
    pub fn tag(&self, login: &str, name: &str, at: &str, message: Option<&str>) -> Done<Tag> {
        self.by(login, |state, project, person| state.create_tag(project, person, name, at, message))
    }

    /// Every tag by name.
    pub fn tags(&self) -> Done<Vec<Tag>> {
        self.world.lock().tags(self.id, None)
    }

    /// A merge request as it is now.
    pub fn merge_request(&self, number: u64) -> Done<MergeRequest> {
        self.read(|project| project.merge_request(number).cloned())
    }

    /// All comments of a merge request, the oldest first.
    pub fn comments(&self, number: u64) -> Done<Vec<Comment>> {
        self.read(|project| {
            let all = project.comments.values().filter(|comment| comment.merge_request == number);
            Ok(all.cloned().collect())
        })
    }

    /// The newest value of every status on a commit, by name.
    pub fn statuses(&self, sha: &Sha) -> Done<BTreeMap<String, CommitStatus>> {
        self.read(|project| {
            let on_it = project.statuses.iter().filter(|status| status.sha == *sha);
            Ok(on_it.map(|status| (status.name.clone(), status.clone())).collect())
        })
    }

    /// The newest status of a name on a commit; of those in a pipeline, where that is named.
    pub fn status_in(&self, sha: &Sha, pipeline: Option<u64>, name: &str) -> Done<CommitStatus> {
        self.read(|project| {
            let mut newest = project.statuses.iter().rev();
            let is = |one: &&CommitStatus| one.sha == *sha && one.pipeline == pipeline && one.name == name;
            newest.find(is).cloned().ok_or_else(|| Refusal::NotFound(format!("status {name}")))
        })
    }

    /// Puts a status on a commit, as any program with somebody's token may.
    pub fn set_status(&self, login: &str, sha: &Sha, name: &str, value: &str) -> Done<()> {
        let new = NewStatus {
            sha: sha.to_string(),
            name: name.to_owned(),
            state: value.to_owned(),
            reference: None,
            description: None,
            target_url: None,
            pipeline: None,
        };
        self.by(login, |state, project, person| state.set_status(project, person, new).map(drop))
    }

    /// Every release by tag.
    pub fn releases(&self) -> Done<BTreeMap<String, Release>> {
        self.read(|project| Ok(project.releases.clone()))
    }

    /// Every package file, the oldest first.
    pub fn packages(&self) -> Done<Vec<PackageFile>> {
        self.read(|project| Ok(project.packages.clone()))
    }
}

/// An archive of these files, as a job would leave it.
fn packed(files: &[(&str, &[u8])]) -> Done<Vec<u8>> {
    archive::pack(files.iter().copied()).map_err(|error| Refusal::Invalid(error.to_string()))
}
