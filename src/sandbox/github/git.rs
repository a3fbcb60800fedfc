//! Git's own objects: refs, tags, commits, trees, blobs. An annotated tag takes two calls, and is not
//! seen before the second.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::domain::{Sha, Timestamp};
use crate::sandbox::Refusal;
use crate::sandbox::exchange::{Call, Reply};
use crate::sandbox::world::{Hand, Person, Project, Role, State};

use super::code::{tree_of, unsigned};
use super::paging::{encode, page};
use super::{Answer, api_of, missing, required, shape, unknown};

pub(super) fn route(state: &mut State, call: &Call, project: u64, by: u64, rest: &[&str]) -> Answer {
    let place = state.project(project)?;
    match (call.method.as_str(), rest) {
        ("GET", ["ref", name @ ..]) => {
            let full = format!("refs/{}", name.join("/"));
            let mut found = place.git.refs(&full)?.into_iter().filter(|(name, ..)| *name == full);
            Ok(Reply::json(200, &reference(state, place, &found.next().ok_or_else(missing)?)))
        }
        ("GET", ["matching-refs", name @ ..]) => {
            let start = format!("refs/{}", name.join("/"));
            let folder = start.rsplit_once('/').map_or("refs", |(folder, _rest)| folder);
            let all = place.git.refs(folder)?;
            let fits = all.iter().filter(|(name, ..)| name.starts_with(&start));
            Ok(page(state, call, fits.map(|one| reference(state, place, one)).collect()))
        }
        ("POST", ["refs"]) => {
            let (name, sha) = (required(call, "ref")?, required(call, "sha")?);
            create_ref(state, project, by, &name, &sha)
        }
        ("PATCH", ["refs", "heads", name @ ..]) => move_branch(state, call, project, by, &name.join("/")),
        ("DELETE", ["refs", "heads", name @ ..]) => {
            let gone = |refusal| match refusal {
                Refusal::NotFound(_) => Refusal::Unprocessable("Reference does not exist".to_owned()),
                other => other,
            };
            state.delete_branch(project, by, &name.join("/")).map_err(gone)?;
            Ok(Reply::empty(204))
        }
        ("GET", ["tags", sha]) => {
            let (kind, text) = place.git.object(sha).ok_or_else(missing)?;
            if kind != "tag" {
                return Err(missing());
            }
            Ok(Reply::json(200, &tag(state, place, sha, &String::from_utf8_lossy(&text))?))
        }
        ("POST", ["tags"]) => create_tag(state, call, project, by),
        ("GET", ["commits", sha]) => {
            let sha = place.git.resolve(sha).ok_or_else(missing)?;
            Ok(Reply::json(200, &commit(state, place, &sha)?))
        }
        ("POST", ["commits"]) => create_commit(state, call, project, by),
        ("GET", ["trees", name]) => tree(state, call, place, name),
        ("POST", ["trees"]) => {
            state.require(project, by, Role::Developer)?;
            create_tree(state, call, project)
        }
        ("GET", ["blobs", sha]) => {
            let (kind, content) = place.git.object(sha).ok_or_else(missing)?;
            if kind != "blob" {
                return Err(missing());
            }
            let url = format!("{}/git/blobs/{sha}", api_of(state, place));
            let text = STANDARD.encode(&content);
            let told = json!({
                "sha": sha, "node_id": shape::node("B", sha), "size": content.len(), "url": url,
                "content": text, "encoding": "base64",
            });
            Ok(Reply::json(200, &told))
        }
        ("POST", ["blobs"]) => {
            state.require(project, by, Role::Developer)?;
            let content = call.text("content").unwrap_or_default();
            let wrong = |_error| Refusal::Unprocessable("content is not valid Base64.".to_owned());
            let bytes = match call.text("encoding").as_deref() {
                Some("base64") => STANDARD.decode(content).map_err(wrong)?,
                _ => content.into_bytes(),
            };
            let place = state.project(project)?;
            let sha = place.git.blob(&bytes)?;
            let url = format!("{}/git/blobs/{sha}", api_of(state, place));
            Ok(Reply::json(201, &json!({"sha": sha, "url": url})))
        }
        _ => unknown(),
    }
}

/// A ref: its full name, and the kind and name of its object.
fn reference(state: &State, place: &Project, (name, kind, sha): &(String, String, String)) -> Value {
    let api = api_of(state, place);
    json!({
        "ref": name,
        "node_id": shape::node("REF", name),
        "url": format!("{api}/git/{name}"),
        "object": {"type": kind, "sha": sha, "url": format!("{api}/git/{kind}s/{sha}")},
    })
}

fn create_ref(state: &mut State, project: u64, by: u64, name: &str, sha: &str) -> Answer {
    if let Some(tag) = name.strip_prefix("refs/tags/") {
        state.name_tag(project, by, tag, sha)?;
    } else if let Some(branch) = name.strip_prefix("refs/heads/") {
        let git = &state.project(project)?.git;
        if git.branch(branch).is_some() {
            return Err(Refusal::Unprocessable("Reference already exists".to_owned()));
        }
        let unknown = || Refusal::Unprocessable("Object does not exist".to_owned());
        let to = git.resolve(sha).ok_or_else(unknown)?;
        state.point_branch(project, by, branch, &to)?;
    } else {
        let text = "Reference name must start with 'refs/heads/' or 'refs/tags/'".to_owned();
        return Err(Refusal::Unprocessable(text));
    }
    shown_ref(state, project, name, 201)
}

fn shown_ref(state: &State, project: u64, name: &str, status: u16) -> Answer {
    let place = state.project(project)?;
    let mut all = place.git.refs(name)?.into_iter().filter(|(full, ..)| full == name);
    Ok(Reply::json(status, &reference(state, place, &all.next().ok_or_else(missing)?)))
}

fn move_branch(state: &mut State, call: &Call, project: u64, by: u64, branch: &str) -> Answer {
    let git = &state.project(project)?.git;
    let gone = || Refusal::Unprocessable("Reference does not exist".to_owned());
    let from = git.branch(branch).ok_or_else(gone)?;
    let unknown = || Refusal::Unprocessable("Object does not exist".to_owned());
    let to = git.resolve(&required(call, "sha")?).ok_or_else(unknown)?;
    if !call.flag("force") && !git.is_ancestor(&from, &to) {
        return Err(Refusal::Unprocessable("Update is not a fast forward".to_owned()));
    }
    state.point_branch(project, by, branch, &to)?;
    shown_ref(state, project, &format!("refs/heads/{branch}"), 200)
}

fn create_tag(state: &mut State, call: &Call, project: u64, by: u64) -> Answer {
    state.require(project, by, Role::Developer)?;
    let (name, message) = (required(call, "tag")?, required(call, "message")?);
    let (object, kind) = (required(call, "object")?, required(call, "type")?);
    let place = state.project(project)?;
    let known = place.git.object(&object).filter(|(own, _content)| *own == kind);
    known.ok_or_else(|| Refusal::Unprocessable(format!("{kind} {object} does not exist")))?;
    let mut person = state.person(by)?.clone();
    let at = signature(call, "tagger", &mut person).unwrap_or_else(|| state.now());
    let hand = Hand { person: &person, at };
    let sha = place.git.tag_object(hand, &name, (&object, &kind), &message)?;
    let (_kind, text) = place.git.object(&sha).ok_or_else(missing)?;
    Ok(Reply::json(201, &tag(state, place, &sha, &String::from_utf8_lossy(&text))?))
}

/// Takes over the name and address that a call gives for who signs; the time, where it gives one.
fn signature(call: &Call, field: &str, person: &mut Person) -> Option<Timestamp> {
    let given = call.value(field)?;
    let text = |name: &str| given.get(name).and_then(Value::as_str).map(str::to_owned);
    person.name = text("name").unwrap_or_else(|| person.name.clone());
    person.email = text("email").unwrap_or_else(|| person.email.clone());
    Timestamp::parse(&text("date")?)
}

/// A tag object from git's own text of it.
fn tag(state: &State, place: &Project, sha: &str, text: &str) -> Result<Value, Refusal> {
    let (head, message) = text.split_once("\n\n").unwrap_or((text, ""));
    let field = |name: &str| head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    let (object, kind) = (field("object").ok_or_else(missing)?, field("type").ok_or_else(missing)?);
    let tagger = field("tagger").and_then(|line| {
        let (person, time) = line.rsplit_once("> ")?;
        let (name, email) = person.split_once(" <")?;
        let seconds: i64 = time.split(' ').next()?.parse().ok()?;
        let date = shape::time(Timestamp(seconds.saturating_mul(1000)));
        Some(json!({"name": name, "email": email, "date": date}))
    });
    let api = api_of(state, place);
    Ok(json!({
        "node_id": shape::node("TA", sha),
        "tag": field("tag"),
        "sha": sha,
        "url": format!("{api}/git/tags/{sha}"),
        "message": message,
        "tagger": tagger,
        "object": {"type": kind, "sha": object, "url": format!("{api}/git/{kind}s/{object}")},
        "verification": unsigned(),
    }))
}

fn commit(state: &State, place: &Project, sha: &Sha) -> Result<Value, Refusal> {
    let one = place.git.commit_named(sha)?;
    let (api, tree) = (api_of(state, place), tree_of(place, sha));
    let signed = json!({
        "name": one.author_name, "email": one.author_email, "date": shape::time(one.at),
    });
    let parents = one
        .parents
        .iter()
        .map(|parent| json!({"sha": parent, "url": format!("{api}/git/commits/{parent}"), "html_url": ""}));
    Ok(json!({
        "sha": sha,
        "node_id": shape::node("C", sha),
        "url": format!("{api}/git/commits/{sha}"),
        "html_url": format!("{}/commit/{sha}", state.project_url(place)),
        "author": signed,
        "committer": signed,
        "tree": {"sha": tree, "url": format!("{api}/git/trees/{tree}")},
        "message": one.message,
        "parents": parents.collect::<Vec<_>>(),
        "verification": unsigned(),
    }))
}

fn create_commit(state: &mut State, call: &Call, project: u64, by: u64) -> Answer {
    state.require(project, by, Role::Developer)?;
    let (message, tree) = (required(call, "message")?, required(call, "tree")?);
    let place = state.project(project)?;
    let is_tree = place.git.object(&tree).is_some_and(|(kind, _content)| kind == "tree");
    if !is_tree {
        return Err(Refusal::Unprocessable("Tree SHA does not exist".to_owned()));
    }
    let unknown = || Refusal::Unprocessable("Parent SHA does not exist or is not a commit object".to_owned());
    let parents = call.words("parents").unwrap_or_default();
    let parents: Vec<Sha> =
        parents.iter().map(|sha| place.git.resolve(sha).ok_or_else(unknown)).collect::<Result<_, _>>()?;
    let parents: Vec<&Sha> = parents.iter().collect();
    let mut person = state.person(by)?.clone();
    let at = signature(call, "author", &mut person).unwrap_or_else(|| state.now());
    let sha = place.git.commit_tree(Hand { person: &person, at }, &tree, &parents, &message)?;
    Ok(Reply::json(201, &commit(state, place, &sha)?))
}

fn tree(state: &State, call: &Call, place: &Project, name: &str) -> Answer {
    // Git takes a branch, a commit or a tree alike.
    let sha =
        place.git.git(&["rev-parse", "--verify", "--quiet", "--end-of-options", &format!("{name}^{{tree}}")]);
    let sha = sha.map_err(|_error| missing())?;
    // Any value asks for it, even `0`.
    let entries = place.git.tree_at(&sha, call.text("recursive").is_some())?;
    let api = api_of(state, place);
    let shown = entries.iter().map(|one| {
        let mut entry = json!({
            "path": one.path, "mode": one.mode, "type": one.kind, "sha": one.id,
            "url": format!("{api}/git/{}s/{}", one.kind, one.id),
        });
        if let (Value::Object(fields), "blob") = (&mut entry, one.kind.as_str()) {
            fields.insert("size".to_owned(), json!(0));
        }
        entry
    });
    let told = json!({
        "sha": sha, "url": format!("{api}/git/trees/{sha}"), "tree": shown.collect::<Vec<_>>(),
        "truncated": false,
    });
    Ok(Reply::json(200, &told))
}

fn create_tree(state: &State, call: &Call, project: u64) -> Answer {
    let place = state.project(project)?;
    let wrong = |what: &str| Refusal::Unprocessable(format!("tree.{what} wasn't supplied."));
    let items = call.value("tree").unwrap_or_default();
    let mut lines = Vec::new();
    for item in items.as_array().ok_or_else(|| wrong("path"))? {
        let text = |name: &str| item.get(name).and_then(Value::as_str);
        let path = text("path").ok_or_else(|| wrong("path"))?;
        let blob = match (text("sha"), text("content")) {
            (Some(sha), _) => sha.to_owned(),
            (None, Some(content)) => place.git.blob(content.as_bytes())?,
            // A null name takes the file away.
            (None, None) => {
                lines.push(format!("0 {}\t{path}\0", "0".repeat(40)));
                continue;
            }
        };
        let mode = text("mode").ok_or_else(|| wrong("mode"))?;
        lines.push(format!("{mode} {blob}\t{path}\0"));
    }
    let base = call.text("base_tree");
    let failed = |_error| Refusal::Unprocessable("GitRPC::BadObjectState".to_owned());
    let sha = place.git.tree_with(base.as_deref(), &lines).map_err(failed)?;
    let url = format!("{}/git/trees/{}", api_of(state, place), encode(&sha));
    Ok(Reply::json(201, &json!({"sha": sha, "url": url, "tree": [], "truncated": false})))
}
