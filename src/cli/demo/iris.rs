//! The demo's repository: the example in `examples/iris`, carried inside the program.

use anyhow::Context as _;

use crate::config::repository;
use crate::generator::{self, Dialect, Existing};
use crate::sandbox::File;

/// Path in the repository and content.
const FILES: &[(&str, &str)] = &[
    (".mergewright.yml", include_str!("../../../examples/iris/.mergewright.yml")),
    ("README.md", include_str!("../../../examples/iris/README.md")),
    ("models/iris/train.py", include_str!("../../../examples/iris/models/iris/train.py")),
    ("models/iris/evaluate.py", include_str!("../../../examples/iris/models/iris/evaluate.py")),
    ("models/iris/deploy.sh", include_str!("../../../examples/iris/models/iris/deploy.sh")),
    ("models/iris/serving.sh", include_str!("../../../examples/iris/models/iris/serving.sh")),
    ("models/iris/smoke.sh", include_str!("../../../examples/iris/models/iris/smoke.sh")),
    ("models/iris/params.json", include_str!("../../../examples/iris/models/iris/params.json")),
    ("models/iris/data/train.csv", include_str!("../../../examples/iris/models/iris/data/train.csv")),
    ("models/iris/data/holdout.csv", include_str!("../../../examples/iris/models/iris/data/holdout.csv")),
    ("models/iris/data/SOURCE.md", include_str!("../../../examples/iris/models/iris/data/SOURCE.md")),
];

/// Where the parameters lie that merge requests change.
pub(super) const PARAMS: &str = "models/iris/params.json";

/// Everything that the first commit holds, the generated pipeline included.
pub(super) fn repository_files(dialect: Dialect) -> anyhow::Result<Vec<File>> {
    let mut files: Vec<File> = FILES.iter().map(|(path, content)| File::write(path, *content)).collect();
    let (_, text) = FILES.first().context("the example has no files")?;
    let config = repository::parse(text).map_err(|problems| anyhow::anyhow!("{problems}"))?;
    for file in generator::generate(&config, dialect, &Existing::new())? {
        files.push(File::write(&file.path, file.content));
    }
    Ok(files)
}

/// Parameters as `train.py` reads them.
pub(super) fn params(epochs: u32, learning_rate: &str, features: &[&str]) -> String {
    let features = features.iter().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(", ");
    format!(
        "{{\n  \"features\": [{features}],\n  \"epochs\": {epochs},\n  \"learning_rate\": {learning_rate},\n  \
         \"l2\": 0.0001\n}}\n"
    )
}

/// All four measurements of a flower.
pub(super) const ALL_FEATURES: &[&str] =
    &["sepal_length_cm", "sepal_width_cm", "petal_length_cm", "petal_width_cm"];
