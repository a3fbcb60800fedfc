//! Somebody from outside with a fork of the project.

use std::time::Duration;

use mergewright::sandbox::{File, SandboxProject};

use super::Play;

/// Belongs to nobody's project but the own fork.
pub(crate) const OUTSIDER: &str = "olga";

/// A fork of the project, made by [`OUTSIDER`].
pub(crate) fn forked(play: &Play) -> SandboxProject {
    let _account = play.sandbox.person(OUTSIDER);
    play.project.public(true).unwrap();
    play.project.fork(OUTSIDER, "olga/models").unwrap()
}

/// The outsider changes the model's parameters on a new branch of the fork and opens a merge request.
pub(crate) async fn offers(play: &mut Play, fork: &SandboxProject, title: &str) -> u64 {
    let branch = title.to_lowercase().replace(' ', "-");
    let main = fork.branch("main").unwrap();
    let files = [File::write("models/iris/params.json", format!("{{\"title\": \"{title}\"}}\n"))];
    fork.branch_off(OUTSIDER, &branch, &main, &files, title).unwrap();
    let number = play.project.open_from_fork(OUTSIDER, fork, &branch, title).unwrap();
    play.settle().await;
    number
}

/// The outsider pushes something else to the merge request's branch.
pub(crate) async fn pushes_again(play: &mut Play, fork: &SandboxProject, number: u64) {
    push_again(play, fork, number);
    play.settle().await;
}

/// The same, but nobody has heard of it yet.
pub(crate) fn push_again(play: &Play, fork: &SandboxProject, number: u64) {
    let branch = play.project.merge_request(number).unwrap().source_branch;
    let files = [File::write("models/iris/params.json", "{\"unseen\": true}\n")];
    fork.push(OUTSIDER, &branch, &files, "Unseen").unwrap();
}

/// Somebody comments, and it is decided about, but nothing is done at the forge yet.
pub(crate) async fn is_heard(play: &mut Play, login: &str, number: u64, text: &str) -> u64 {
    play.clock.advance(Duration::from_secs(1));
    let comment = play.project.comment(login, number, text).unwrap().unwrap();
    play.hears().await;
    comment
}

/// The first digits of the head, as the report shows them.
pub(crate) fn head(play: &Play, number: u64) -> String {
    play.project.merge_request(number).unwrap().head.short().to_owned()
}

/// Jobs of the project itself that wait for a runner, by name.
pub(crate) fn waiting(play: &Play) -> Vec<String> {
    play.project.waiting_jobs().unwrap().into_iter().map(|job| job.name).collect()
}
