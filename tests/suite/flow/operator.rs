//! An operator beside the running bot: the program itself, as another process on the same database.

use std::process::Command;

use super::Play;
use super::forges::server_lines;
use super::play::{HUB_SECRET, SIGNING_TOKEN};

/// Runs the program with these words: exit status, standard output and standard error.
pub(super) fn asks(play: &Play, words: &[&str]) -> (Option<i32>, String, String) {
    let config = play.folder.path().join("mergewright.yml");
    let lines = server_lines(play.forge, "repositories: [\"group/*\"]\n", &play.sandbox);
    std::fs::write(&config, lines).unwrap();
    let done = Command::new(env!("CARGO_BIN_EXE_mergewright"))
        .args(words)
        .arg("--config")
        .arg(&config)
        .env("TOKEN", play.bot.token())
        .env("SIGNING", SIGNING_TOKEN)
        .env("HUB_SECRET", HUB_SECRET)
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (done.status.code(), text(done.stdout), text(done.stderr))
}
