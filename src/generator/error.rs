//! Why no CI file could be written.

/// Why no CI file could be written; the text says what to do.
#[derive(Debug, thiserror::Error)]
pub enum GenerateError {
    /// A way to deploy that has no job yet.
    #[error(
        "deploying the model `{model}` with `kind: {kind}` is not generated yet; scripts are: write `deploy: {{run: [\"sh deploy.sh\"]}}`"
    )]
    Deploy {
        /// The model.
        model: String,
        /// The kind of deployment.
        kind: &'static str,
    },
    /// Marks for people's own lines that are not in pairs.
    #[error(
        "line {line} of the existing file: {what}; every `# mergewright:keep NAME` needs its `# mergewright:end NAME`"
    )]
    Marks {
        /// The line, from 1.
        line: usize,
        /// What is wrong there.
        what: String,
    },
    /// A template that is no template, or asks for what is not there.
    #[error("the template {name} cannot be rendered: {why}")]
    Template {
        /// Its name.
        name: String,
        /// The template engine's words.
        why: String,
    },
    /// A template name that nothing reads.
    #[error("there is no template `{name}` to replace; {remedy}")]
    UnknownTemplate {
        /// The name.
        name: String,
        /// Which was probably meant, or those that exist.
        remedy: String,
    },
    /// Something about one of the files.
    #[error("{path}: {why}")]
    InFile {
        /// Its path in the repository.
        path: String,
        /// What it is.
        why: Box<GenerateError>,
    },
    /// The text does not say what was meant.
    #[error(
        "the generated file would not mean what {} says: {}; look at the lines between the keep marks and at templates of your own",
        ".mergewright.yml",
        .0.join("; ")
    )]
    Meaning(Vec<String>),
}

impl GenerateError {
    /// The same, with the name of the file that it is about.
    pub(super) fn of_file(self, path: &str) -> Self {
        Self::InFile { path: path.to_owned(), why: Box::new(self) }
    }
}
