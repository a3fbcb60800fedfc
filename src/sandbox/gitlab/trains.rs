//! Merge trains.

use serde_json::{Value, json};

use crate::sandbox::Refusal;
use crate::sandbox::exchange::{Call, Reply};
use crate::sandbox::world::{Project, Queued, State};

use super::{Answer, missing, number, shape, unknown};

pub(super) fn route(state: &mut State, call: &Call, project: u64, by: u64, rest: &[&str]) -> Answer {
    let ["merge_trains", "merge_requests", iid] = rest else { return unknown() };
    let iid = number(iid)?;
    if state.project(project)?.queue.is_none() {
        return Err(Refusal::Forbidden("403 Forbidden".to_owned()));
    }
    match call.method.as_str() {
        "GET" => {
            let place = state.project(project)?;
            let car = place.queued_as(iid).ok_or_else(|| missing("Merge Train Merge Request"))?;
            Ok(Reply::json(200, &shown(state, place, car)))
        }
        "POST" => {
            state.enqueue(project, by, iid, call.text("sha").as_deref()).map_err(
                |refusal| match refusal {
                    Refusal::Unprocessable(text) => Refusal::Invalid(text),
                    other => other,
                },
            )?;
            let place = state.project(project)?;
            let cars = place.queue.iter().flat_map(|queue| &queue.entries);
            Ok(Reply::json(201, &cars.map(|car| shown(state, place, car)).collect::<Value>()))
        }
        _ => unknown(),
    }
}

fn shown(state: &State, place: &Project, car: &Queued) -> Value {
    let one = place.merge_requests.get(&car.number);
    let run = car.trial.as_ref().and_then(|trial| trial.pipeline).and_then(|id| place.pipelines.get(&id));
    json!({
        "id": car.number,
        "merge_request": {"id": one.map(|one| one.id), "iid": car.number, "project_id": place.id},
        "user": shape::user_of(state, car.by),
        "pipeline": run.map(|run| shape::pipeline(state, place, run)),
        "target_branch": one.map(|one| one.target_branch.as_str()),
        "status": if run.is_some() { "fresh" } else { "idle" },
        "merged_at": null,
    })
}
