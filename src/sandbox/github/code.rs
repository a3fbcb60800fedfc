//! Commits, comparisons, branches and tags as the API's own objects.

use serde_json::{Value, json};

use crate::domain::Sha;
use crate::sandbox::Refusal;
use crate::sandbox::exchange::{Call, Reply};
use crate::sandbox::world::{ChangedFile, Commit, Project, State};

use super::paging::{cut, encode, page};
use super::{Answer, api_of, missing, shape, unknown};

/// A comparison lists at most so many files, and has no pages of them.
const FILES: usize = 300;

pub(super) fn route(state: &State, call: &Call, project: u64, rest: &[&str]) -> Answer {
    let place = state.project(project)?;
    if call.method != "GET" {
        return unknown();
    }
    match rest {
        ["commits"] => {
            let name = call.text("sha").unwrap_or_else(|| place.default_branch.clone());
            let end = place.git.resolve(&name).ok_or_else(missing)?;
            let commits = place.git.history(&end)?;
            Ok(page(state, call, commits.iter().map(|one| commit(state, place, one)).collect()))
        }
        ["commits", name, "pulls"] => {
            let sha = place.git.resolve(name).ok_or_else(missing)?;
            let has = |one: &&crate::sandbox::world::MergeRequest| {
                one.merge_commit() == Some(&sha) || one.versions.iter().any(|version| version.head == sha)
            };
            let found = place.merge_requests.values().filter(has);
            Ok(page(state, call, found.map(|one| shape::pull(state, place, one)).collect()))
        }
        ["commits", name] => {
            let unknown = || Refusal::Unprocessable(format!("No commit found for SHA: {name}"));
            let sha = place.git.resolve(name).ok_or_else(unknown)?;
            let one = place.git.commit_named(&sha)?;
            let mut shown = commit(state, place, &one);
            if let (Value::Object(fields), Some(parent)) = (&mut shown, one.parents.first()) {
                let files = place.git.changed(parent.as_str(), sha.as_str())?;
                let files = files.iter().map(|file| difference(state, place, &sha, file));
                fields.insert("files".to_owned(), files.collect());
                fields.insert("stats".to_owned(), json!({"additions": 0, "deletions": 0, "total": 0}));
            }
            Ok(Reply::json(200, &shown))
        }
        ["compare", ends @ ..] => compare(state, call, place, &ends.join("/")),
        ["branches"] => {
            let all = place.git.branches()?;
            let shown = all.iter().map(|(name, sha)| branch(state, place, name, sha));
            Ok(page(state, call, shown.collect::<Result<_, _>>()?))
        }
        ["branches", name @ ..] => {
            let name = name.join("/");
            let sha = place.git.branch(&name).ok_or_else(missing)?;
            Ok(Reply::json(200, &branch(state, place, &name, &sha)?))
        }
        ["tags"] => {
            let api = api_of(state, place);
            let shown = state.tags(project, None)?.into_iter().rev().map(|tag| {
                json!({
                    "name": tag.name,
                    "node_id": shape::node("REF", &tag.name),
                    "commit": {"sha": tag.commit, "url": format!("{api}/commits/{}", tag.commit)},
                    "zipball_url": format!("{api}/zipball/refs/tags/{}", encode(&tag.name)),
                    "tarball_url": format!("{api}/tarball/refs/tags/{}", encode(&tag.name)),
                })
            });
            Ok(page(state, call, shown.collect()))
        }
        _ => unknown(),
    }
}

fn branch(state: &State, place: &Project, name: &str, sha: &Sha) -> Result<Value, Refusal> {
    Ok(json!({
        "name": name,
        "commit": commit(state, place, &place.git.commit_named(sha)?),
        "protected": place.protected.contains(name),
        "protection_url": format!("{}/branches/{}/protection", api_of(state, place), encode(name)),
    }))
}

/// What `base...head` is; the files are those that differ from where both part.
fn compare(state: &State, call: &Call, place: &Project, spelled: &str) -> Answer {
    let (base, head) = spelled.split_once("...").ok_or_else(missing)?;
    let end = |name: &str| place.git.resolve(name).ok_or_else(missing);
    let (from, to) = (end(base)?, end(head)?);
    let common = place.git.merge_base(&from, &to).ok_or_else(missing)?;
    let ahead = place.git.commits(Some(&from), &to)?;
    let behind = place.git.commits(Some(&to), &from)?;
    let word = match (ahead.is_empty(), behind.is_empty()) {
        (true, true) => "identical",
        (false, true) => "ahead",
        (true, false) => "behind",
        (false, false) => "diverged",
    };
    let all: Vec<Value> = ahead.iter().rev().map(|one| commit(state, place, one)).collect();
    let (shown, links, _total) = cut(state, call, all);
    let page = format!("{}/compare/{}", state.project_url(place), encode(spelled));
    let mut told = json!({
        "url": format!("{}/compare/{}", api_of(state, place), encode(spelled)),
        "html_url": page,
        "permalink_url": page,
        "diff_url": format!("{page}.diff"),
        "patch_url": format!("{page}.patch"),
        "base_commit": commit(state, place, &place.git.commit_named(&from)?),
        "merge_base_commit": commit(state, place, &place.git.commit_named(&common)?),
        "status": word,
        "ahead_by": ahead.len(),
        "behind_by": behind.len(),
        "total_commits": ahead.len(),
        "commits": shown,
    });
    // Files stand on the first page only.
    if let (Value::Object(fields), None | Some(1)) = (&mut told, call.number("page")) {
        let files = place.git.changed(common.as_str(), to.as_str())?;
        let files = files.iter().take(FILES).map(|file| difference(state, place, &to, file));
        fields.insert("files".to_owned(), files.collect());
    }
    let reply = Reply::json(200, &told);
    Ok(if links.is_empty() { reply } else { reply.with("link", links) })
}

pub(super) fn commit(state: &State, place: &Project, one: &Commit) -> Value {
    let (api, page) = (api_of(state, place), state.project_url(place));
    let url = format!("{api}/commits/{}", one.sha);
    let signed = json!({
        "name": one.author_name, "email": one.author_email, "date": shape::time(one.at),
    });
    let tree = tree_of(place, &one.sha);
    let parents = one.parents.iter().map(|sha| {
        json!({"sha": sha, "url": format!("{api}/commits/{sha}"), "html_url": format!("{page}/commit/{sha}")})
    });
    let person = shape::user_by_email(state, &one.author_email);
    json!({
        "sha": one.sha,
        "node_id": shape::node("C", &one.sha),
        "commit": {
            "author": signed,
            "committer": signed,
            "message": one.message,
            "tree": {"sha": tree, "url": format!("{api}/git/trees/{tree}")},
            "url": format!("{api}/git/commits/{}", one.sha),
            "comment_count": 0,
            "verification": unsigned(),
        },
        "url": url,
        "html_url": format!("{page}/commit/{}", one.sha),
        "comments_url": format!("{url}/comments"),
        "author": person,
        "committer": person,
        "parents": parents.collect::<Vec<_>>(),
    })
}

/// The tree of a commit.
pub(super) fn tree_of(place: &Project, sha: &Sha) -> String {
    place.git.git(&["rev-parse", &format!("{sha}^{{tree}}")]).unwrap_or_default()
}

/// What is said of objects without a signature.
pub(super) fn unsigned() -> Value {
    json!({"verified": false, "reason": "unsigned", "signature": null, "payload": null, "verified_at": null})
}

/// A changed file, its text left out as with large ones.
pub(super) fn difference(state: &State, place: &Project, at: &Sha, file: &ChangedFile) -> Value {
    let word = match file.kind {
        'A' => "added",
        'D' => "removed",
        'R' => "renamed",
        _ => "modified",
    };
    let (api, page) = (api_of(state, place), state.project_url(place));
    let path = encode(&file.new_path);
    let mut shown = json!({
        "sha": place.git.git(&["rev-parse", &format!("{at}:{}", file.new_path)]).ok(),
        "filename": file.new_path,
        "status": word,
        "additions": 0,
        "deletions": 0,
        "changes": 0,
        "blob_url": format!("{page}/blob/{at}/{path}"),
        "raw_url": format!("{page}/raw/{at}/{path}"),
        "contents_url": format!("{api}/contents/{path}?ref={at}"),
    });
    if let Value::Object(fields) = &mut shown
        && file.kind == 'R'
    {
        fields.insert("previous_filename".to_owned(), json!(file.old_path));
    }
    shown
}
