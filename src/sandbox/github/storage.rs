//! The other origin: logs and archives behind addresses that are good for a minute. It refuses whoever
//! brings a credential, so that one which leaks over the redirect is noticed.

use crate::domain::{Digest, Timestamp};
use crate::sandbox::exchange::{Call, Reply};
use crate::sandbox::world::State;

/// An address is good for so many milliseconds.
const GOOD_FOR: i64 = 60_000;

/// Sends a caller to a file of the other origin.
pub(super) fn redirect(state: &State, path: &str) -> Reply {
    let until = state.now().0.saturating_add(GOOD_FOR);
    let place = format!("{}/{path}?until={until}&signature={}", state.storage_url, sign(path, until));
    Reply::empty(302).with("location", place)
}

/// The signature of an address. It only has to tell apart what this sandbox made and what not.
fn sign(path: &str, until: i64) -> String {
    Digest::of(format!("sandbox storage {path} {until}")).hex()
}

/// Answers a call at the other origin.
pub(crate) fn answer(state: &State, call: &Call) -> Reply {
    let refused = |why: &str| Reply::of(403, "text/plain", why.to_owned());
    if call.header("authorization").is_some() || call.header("private-token").is_some() {
        return refused("only the address itself may carry a permission");
    }
    let path = call.segments.join("/");
    let until = call.text("until").and_then(|text| text.parse().ok()).unwrap_or(0);
    if call.text("signature") != Some(sign(&path, until)) {
        return refused("the signature is not of this address");
    }
    if state.now() > Timestamp(until) {
        return refused("the address is no longer good");
    }
    file(state, call).unwrap_or_else(|| Reply::of(404, "text/plain", "no such file"))
}

fn file(state: &State, call: &Call) -> Option<Reply> {
    let [kind, project, id] = call.segments.as_slice() else { return None };
    let (project, id): (u64, u64) = (project.parse().ok()?, id.parse().ok()?);
    let place = state.projects.get(&project)?;
    match kind.as_str() {
        "logs" => Some(Reply::of(200, "text/plain; charset=utf-8", place.jobs.get(&id)?.log.clone())),
        "artifacts" => {
            let mut runs = place.pipelines.values();
            let zip = runs.find_map(|run| {
                let (name, _id) = run.upload_ids.iter().find(|(_name, known)| **known == id)?;
                run.uploads.get(name)
            })?;
            Some(Reply::of(200, "application/zip", zip.clone()))
        }
        "assets" => {
            let mut assets = place.releases.values().flat_map(|release| &release.assets);
            let asset = assets.find(|asset| asset.id == id)?;
            Some(Reply::of(200, &asset.kind, asset.content.clone()))
        }
        _ => None,
    }
}
