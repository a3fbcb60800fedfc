//! What GitHub would answer, as far as the payload and the clone know it.

use serde_json::{Value, json};

use super::asked::{Asked, Told};
use super::clone::{Clone, Entry, Tag};
use super::facts::Role;
use super::stage::Stage;

/// Our own account, where nobody tells: a number that nobody else has.
const US: u64 = u32::MAX as u64;

/// The answer to a reading; none where nobody knows.
pub(super) fn known(stage: &Stage, asked: &Asked) -> Option<Told> {
    let parts = asked.parts();
    let body = &stage.payload;
    match parts.as_slice() {
        ["user"] => stage.facts.bot.as_ref().map(Told::json),
        ["user", number] => {
            let number = number.parse().ok()?;
            let (login, _) = stage.role_of(number)?;
            Some(Told::json(&json!({ "id": number, "login": login, "type": "User" })))
        }
        ["repositories", number] => {
            let repository = body.at("/repository")?;
            (body.number("/repository/id") == number.parse().ok()).then(|| Told::json(repository))
        }
        ["repos", _, _] => body.at("/repository").map(Told::json),
        ["repos", _, _, rest @ ..] => below(stage, asked, rest),
        _ => None,
    }
}

fn below(stage: &Stage, asked: &Asked, rest: &[&str]) -> Option<Told> {
    let body = &stage.payload;
    match rest {
        ["pulls", number] => pull(stage, number.parse().ok()?),
        ["pulls", number, "files"] => {
            let (base, head) = ends(stage, number)?;
            let paths = stage.clone.as_ref()?.changed(&base, &head)?;
            Some(list(paths.into_iter().map(|path| json!({ "filename": path }))))
        }
        ["pulls", number, "commits"] => {
            let (base, head) = ends(stage, number)?;
            let commits = stage.clone.as_ref()?.between(&base, &head)?;
            Some(list(commits.into_iter().map(|commit| {
                let (author, committer) =
                    (json!({ "email": commit.author }), json!({ "email": commit.committer }));
                let text = json!({ "message": commit.message, "author": author, "committer": committer });
                json!({ "sha": commit.id, "commit": text })
            })))
        }
        ["pulls", _, "reviews"] => body.at("/review").map(|review| list([review.clone()])),
        ["issues", "comments", number] => {
            let ours = body.number("/comment/id") == number.parse().ok();
            body.at("/comment").filter(|_| ours).map(Told::json)
        }
        ["issues", _, "labels"] => {
            let labels = body.at("/pull_request/labels").or_else(|| body.at("/issue/labels"));
            labels.map(Told::json)
        }
        ["collaborators", login, "permission"] => {
            let (base, role) = match stage.facts.people.get(*login)? {
                Role::None => ("none", "none"),
                Role::Read => ("read", "read"),
                Role::Write => ("write", "write"),
                Role::Maintain => ("write", "maintain"),
            };
            Some(Told::json(&json!({ "permission": base, "role_name": role })))
        }
        ["actions", "runs"] => runs(stage, asked),
        ["actions", "runs", number] => {
            let ours = body.number("/workflow_run/id") == number.parse().ok();
            body.at("/workflow_run").filter(|_| ours).map(Told::json)
        }
        ["actions", "runs", number, "jobs"] => {
            let ours = body.number("/workflow_job/run_id") == number.parse().ok();
            let job = body.at("/workflow_job").filter(|_| ours)?;
            stage.assume(format!("run {number} has no other job than the one that the payload tells of"));
            Some(Told::json(&json!({ "jobs": [job] })))
        }
        ["git", "ref", "heads", branch @ ..] => head_of(stage, &branch.join("/")),
        ["contents", path @ ..] => contents(stage, asked, &path.join("/")),
        _ => objects(stage, asked, rest),
    }
}

/// The pull request as the payload shows it; a comment tells only its number, so that what is checked
/// out has to be its head.
fn pull(stage: &Stage, number: u64) -> Option<Told> {
    let body = &stage.payload;
    if let Some(pull) = body.at("/pull_request")
        && body.number("/pull_request/number") == Some(number)
        && pull.get("base").is_some()
    {
        return Some(Told::json(pull));
    }
    if body.number("/issue/number") != Some(number) {
        return None;
    }
    let clone = stage.clone.as_ref()?;
    let head = clone.commit("HEAD")?;
    stage.assume(format!("the head of #{number} is what is checked out, {head}"));
    let target = body.text("/repository/default_branch")?;
    let repository = json!({ "id": body.number("/repository/id") });
    Some(Told::json(&json!({
        "number": number,
        "title": body.text("/issue/title"),
        "user": body.at("/issue/user"),
        "state": body.text("/issue/state").unwrap_or("open"),
        "draft": body.at("/issue/draft"),
        "html_url": body.text("/issue/pull_request/html_url").unwrap_or_default(),
        "head": { "ref": clone.current_branch().unwrap_or_default(), "sha": head, "repo": repository },
        "base": { "ref": target, "sha": clone.branch(target)?, "repo": repository },
    })))
}

fn ends(stage: &Stage, number: &str) -> Option<(String, String)> {
    let told = pull(stage, number.parse().ok()?)?;
    let pull: Value = serde_json::from_slice(&told.body).ok()?;
    let text = |pointer: &str| pull.pointer(pointer).and_then(Value::as_str);
    stage.ends(text("/head/sha")?, text("/base/ref")?)
}

fn head_of(stage: &Stage, branch: &str) -> Option<Told> {
    let found = stage.clone.as_ref().and_then(|clone| clone.branch(branch));
    let commit = found.or_else(|| {
        let body = &stage.payload;
        let base = body
            .text("/pull_request/base/sha")
            .filter(|_| body.text("/pull_request/base/ref") == Some(branch))?;
        stage.assume(format!("`{branch}` is still at {base}, where the payload saw it"));
        Some(base.to_owned())
    })?;
    Some(Told::json(&json!({
        "ref": format!("refs/heads/{branch}"),
        "object": { "sha": commit, "type": "commit" },
    })))
}

fn runs(stage: &Stage, asked: &Asked) -> Option<Told> {
    let body = &stage.payload;
    let run = body.at("/workflow_run")?;
    let ours = asked.wants("head_sha").is_none_or(|head| body.text("/workflow_run/head_sha") == Some(head));
    if !ours {
        return None;
    }
    stage.assume("the head has no other run than the one that the payload tells of");
    Some(Told::json(&json!({ "workflow_runs": [run] })))
}

fn contents(stage: &Stage, asked: &Asked, path: &str) -> Option<Told> {
    let clone = stage.clone.as_ref()?;
    let commit = stage.commit(asked.wants("ref")?)?;
    if let Some(bytes) = clone.file(&commit, path) {
        return Some(Told::bytes(bytes));
    }
    let Some(entries) = clone.folder(&commit, path, false) else { return Some(Told::absent()) };
    let shown = |entry: Entry| json!({ "path": format!("{path}/{}", entry.path), "sha": entry.id });
    let mut told = list(entries.into_iter().map(shown));
    told.headers.push(("content-type".to_owned(), "application/json".to_owned()));
    Some(told)
}

/// Git's own objects.
fn objects(stage: &Stage, asked: &Asked, rest: &[&str]) -> Option<Told> {
    let clone = stage.clone.as_ref()?;
    match rest {
        ["git", "commits", commit] => {
            let commit = stage.commit(commit)?;
            let parents = clone.parents(&commit)?.into_iter().map(|parent| json!({ "sha": parent }));
            Some(Told::json(&json!({ "sha": commit, "parents": parents.collect::<Vec<_>>() })))
        }
        ["git", "trees", tree] => {
            let tree = stage.commit(tree).unwrap_or_else(|| (*tree).to_owned());
            let entries = clone.folder(&tree, "", asked.wants("recursive").is_some())?;
            let tree: Vec<_> = entries.iter().map(entry).collect();
            Some(Told::json(&json!({ "tree": tree, "truncated": false })))
        }
        ["git", "matching-refs", "tags", prefix @ ..] => {
            let tags = clone.tags(&prefix.join("/"));
            Some(list(tags.into_iter().map(|tag| reference(&tag))))
        }
        ["git", "ref", "tags", name @ ..] => {
            let name = name.join("/");
            let found = clone.tags(&name).into_iter().find(|tag| tag.name == name);
            Some(found.map_or_else(Told::absent, |tag| Told::json(&reference(&tag))))
        }
        ["git", "tags", object] => {
            let tag = clone.tags("").into_iter().find(|tag| tag.object == *object)?;
            let target = json!({ "sha": tag.commit, "type": "commit" });
            Some(Told::json(&json!({ "sha": tag.object, "message": tag.message, "object": target })))
        }
        ["compare", range] => compare(stage, clone, range),
        _ => None,
    }
}

fn compare(stage: &Stage, clone: &Clone, range: &str) -> Option<Told> {
    let (from, to) = range.split_once("...")?;
    let (from, to) = (stage.commit(from)?, stage.commit(to)?);
    let base = clone.merge_base(&from, &to)?;
    let files = clone.changed(&base, &to)?.into_iter().map(|path| json!({ "filename": path }));
    Some(Told::json(&json!({
        "merge_base_commit": { "sha": base },
        "files": files.collect::<Vec<_>>(),
        "commits": [],
    })))
}

fn entry(entry: &Entry) -> Value {
    json!({ "path": entry.path, "mode": entry.mode, "type": entry.kind, "sha": entry.id })
}

fn reference(tag: &Tag) -> Value {
    json!({ "ref": format!("refs/tags/{}", tag.name), "object": { "sha": tag.object, "type": tag.kind } })
}

fn list(all: impl IntoIterator<Item = Value>) -> Told {
    Told::json(&Value::Array(all.into_iter().collect()))
}

/// What is taken to be so where nobody knows: lists are empty, and nobody is us.
pub(super) fn assumed(asked: &Asked) -> Option<Told> {
    let parts = asked.parts();
    let nothing = match parts.as_slice() {
        ["user"] => json!({ "id": US, "login": "mergewright", "type": "User" }),
        ["repos", _, _, rest @ ..] => match rest {
            ["actions", "runs"] => json!({ "workflow_runs": [] }),
            ["actions", "runs", _, "jobs"] => json!({ "jobs": [] }),
            ["actions", "runs", _, "artifacts"] => json!({ "artifacts": [] }),
            ["pulls", _, "reviews" | "commits"] | ["issues", _, "comments" | "labels"] => json!([]),
            ["git", "matching-refs", "tags", ..] | ["rules", "branches", ..] => json!([]),
            ["releases", "tags", _] => return Some(Told::absent()),
            _ => return None,
        },
        _ => return None,
    };
    Some(Told::json(&nothing))
}
