//! The models: defaults merged in, names and references judged, digests taken.

use std::collections::{BTreeMap, BTreeSet};

use super::jobs;
use super::policy;
use super::raw::MOST_NODES;
use super::reader::{Entry, Field, Section, cut};
use crate::config::valid::{Model, RepositoryConfig};
use crate::domain::{Digest, ModelName};

/// The most values of `defaults`, counted once for each model that they are merged into.
const MOST_MERGED: usize = 10 * MOST_NODES;
/// The most steps along dependencies that are taken in search of circles.
const MOST_STEPS: usize = 10 * MOST_NODES;

pub(super) fn models(file: &Section<'_>, secrets: &[String]) -> Option<BTreeMap<ModelName, Model>> {
    let defaults = file.field("defaults");
    if let Some(field) = &defaults {
        file.sink.share(field.node.place);
    }
    // What is wrong in the defaults is an error even where every model writes the key itself.
    let has_defaults = defaults.as_ref().is_some_and(|field| field.section().is_some());
    if let Some(field) = defaults.as_ref().filter(|_| has_defaults) {
        field.judge_form(secrets);
    }
    let models_field = file.required("models")?;
    let entries = models_field.named();
    let names: Vec<&str> = entries.iter().map(|entry| entry.name).collect();
    if names.is_empty() {
        models_field.refuse("names no model", "write one section per model");
    }
    if let Some(field) = defaults.as_ref().filter(|_| has_defaults)
        && field.node.extent().0.saturating_mul(names.len()) > MOST_MERGED
    {
        let what = format!(
            "is too much for {} models: together they hold more than {MOST_MERGED} values",
            names.len()
        );
        field.refuse(&what, "move what only some models need into those models");
        return None;
    }
    let mut models = BTreeMap::new();
    let mut wanted = Vec::new();
    for entry in &entries {
        let (name, own) = (entry.name, &entry.field);
        let named = models_field.sound_name(entry);
        let merged = match &defaults {
            Some(defaults) if has_defaults && !own.node.is_nothing() => defaults.node.overlaid(own.node),
            Some(defaults) if has_defaults => defaults.node.clone(),
            _ => own.node.clone(),
        };
        let field = Field { node: &merged, ..own.clone() };
        let Some(section) = field.section() else { continue };
        refuse_clashes(&section, &entries);
        for item in section.field("depends_on").map(|field| field.items()).unwrap_or_default() {
            if let Some(other) = item.text() {
                wanted.push((name.to_owned(), other.to_owned(), item.node.place));
            }
        }
        if let (Some(model), true) = (model(name, &section, secrets), named) {
            models.insert(model.name.clone(), model);
        }
    }
    let known: BTreeSet<&str> = names.iter().copied().collect();
    let mut edges: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (name, other, _) in &wanted {
        edges.entry(name).or_default().insert(other);
    }
    let mut steps = MOST_STEPS;
    for (name, other, place) in &wanted {
        if !known.contains(other.as_str()) {
            let remedy = match file.sink.nearest(other, &names) {
                Some(word) => format!("did you mean `{word}`?"),
                None => format!("models here: {}", cut(&names.join(", "))),
            };
            let message =
                format!("`models.{name}.depends_on` names the model `{}`, which does not exist", cut(other));
            file.sink.report(*place, message, remedy);
            continue;
        }
        match reaches(other, name, &edges, &mut steps) {
            Some(true) => {
                let message = format!("`{name}` depends on `{other}`, which depends on `{name}` again");
                file.sink.report(*place, message, "break the circle");
            }
            Some(false) => {}
            None => {
                let message = "the models depend on each other in more ways than can be followed".to_owned();
                file.sink.report(*place, message, "name only what a model really needs");
                break;
            }
        }
    }
    Some(models)
}

/// Commands tell models from environments by their names alone: `/model blame production`.
fn refuse_clashes(model: &Section<'_>, models: &[Entry<'_>]) {
    for environment in model.field("environments").map(|field| field.named()).unwrap_or_default() {
        if let Some(other) = models.iter().find(|model| model.name == environment.name) {
            let message = format!(
                "the environment `{}` is called like the model on line {}",
                cut(environment.name),
                other.place.line
            );
            model.sink.report(environment.place, message, "give one of them another name");
        }
    }
}

/// Whether following dependencies from `from` arrives at `to`; none when all `steps` are used up.
fn reaches(from: &str, to: &str, edges: &BTreeMap<&str, BTreeSet<&str>>, steps: &mut usize) -> Option<bool> {
    let (mut seen, mut open) = (BTreeSet::new(), vec![from]);
    while let Some(at) = open.pop() {
        *steps = steps.checked_sub(1)?;
        if at == to {
            return Some(true);
        }
        if seen.insert(at) {
            open.extend(edges.get(at).into_iter().flatten());
        }
    }
    Some(false)
}

fn model(name: &str, section: &Section<'_>, secrets: &[String]) -> Option<Model> {
    let paths = section.field("paths").map(|field| {
        let paths: Vec<String> = field.items().iter().filter_map(Field::glob).collect();
        if field.items().is_empty() {
            field.refuse("lists nothing", "write the folders of the model, such as `models/iris/**`");
        }
        paths
    });
    let root = section.field("root").and_then(|field| field.relative_path());
    let runners = section.field("runners").and_then(|field| field.section());
    let tags = |forge: &str| {
        let field = runners.as_ref().and_then(|section| section.field(forge));
        field.map(|field| field.lines()).unwrap_or_default()
    };
    let test = jobs::test(section, secrets);
    let version = policy::version(section);
    // Everything is read before anything required ends the reading, so that every problem is found.
    let mut depends_on: Vec<ModelName> = Vec::new();
    for item in section.field("depends_on").map(|field| field.items()).unwrap_or_default() {
        if let Some(other) =
            item.text().and_then(|name| name.parse().ok()).filter(|other| !depends_on.contains(other))
        {
            depends_on.push(other);
        }
    }
    let partial = Partial {
        toolchain: jobs::toolchain(section.field("toolchain")),
        build: jobs::build(section.field("build"), secrets),
        gates: policy::gates(section.field("gates")),
        review: policy::review(section.field("review")),
        publish: jobs::publish(section.field("publish"), secrets),
        scan: section.field("scan").map(|field| jobs::scan(&field)),
        environments: policy::environments(section.field("environments")),
        deploy: jobs::deploy(section.field("deploy"), secrets),
        schedules: jobs::schedules(section.field("schedules")),
        retention: policy::retention(section.field("retention")),
    };
    if let (Some(field), true) = (section.field("scan"), partial.schedules.contains_key("scan")) {
        field.refuse("has a job of the name of the schedule `scan`", "give the schedule another name");
    }
    let mut model = Model {
        name: name.parse().ok()?,
        digest: Digest::of(""),
        paths: paths.unwrap_or_else(|| vec!["**".to_owned()]),
        root: root.unwrap_or_else(|| ".".to_owned()),
        toolchain: partial.toolchain,
        gitlab_runners: tags("gitlab"),
        github_runners: tags("github"),
        build: partial.build,
        test: test?,
        scan: partial.scan,
        gates: partial.gates,
        review: partial.review,
        version: version?,
        publish: partial.publish,
        environments: partial.environments,
        deploy: partial.deploy,
        schedules: partial.schedules,
        depends_on,
        retention: partial.retention,
    };
    model.digest = Digest::of_json(&placeless(&model)).ok()?;
    Some(model)
}

/// What is read of a model whether or not the required keys are there.
struct Partial {
    toolchain: crate::config::valid::Toolchain,
    build: crate::config::valid::Build,
    gates: crate::config::valid::Gates,
    review: crate::config::valid::Review,
    publish: crate::config::valid::Publish,
    scan: Option<crate::config::valid::Scan>,
    environments: Vec<crate::config::valid::Environment>,
    deploy: Option<crate::config::valid::Deploy>,
    schedules: BTreeMap<String, crate::config::valid::Schedule>,
    retention: crate::config::valid::Retention,
}

/// The model without what depends on how the file is laid out.
fn placeless(model: &Model) -> Model {
    let mut model = model.clone();
    model.digest = Digest::of("");
    (model.review.line, model.publish.line) = (None, None);
    for rule in &mut model.gates.rules {
        rule.line = None;
    }
    model.environments.sort_by(|a, b| a.name.cmp(&b.name));
    model
}

/// The digest of everything that the file says; layout, comments and the order of keys do not count.
pub(super) fn digest_of_all(config: &RepositoryConfig) -> Option<Digest> {
    let digests: BTreeMap<&ModelName, Digest> =
        config.models.iter().map(|(name, model)| (name, model.digest)).collect();
    Digest::of_json(&(&config.secrets, digests, &config.registry_key)).ok()
}
