//! The one table of what comes from elsewhere: actions at one commit, images of the toolchains.

use serde::Serialize;

/// An action of GitHub at one commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Action {
    /// Repository, and folder in it.
    pub name: &'static str,
    /// The commit that is used: a tag could be moved, a commit cannot.
    pub commit: &'static str,
    /// The version that the commit was tagged as.
    pub version: &'static str,
    /// What generated files use it for.
    pub purpose: &'static str,
}

impl Action {
    /// The text of `uses`.
    pub(super) fn pin(&self) -> String {
        format!("{}@{}", self.name, self.commit)
    }
}

/// An image that GitLab's jobs run in where the configuration names no other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Image {
    /// Its name with `{version}` where the toolchain's version goes.
    pub name: &'static str,
    /// The version that is taken where the configuration names none.
    pub version: &'static str,
    /// What it is for.
    pub purpose: &'static str,
}

impl Image {
    /// The image with this version of the toolchain.
    #[must_use]
    pub fn with(&self, version: &str) -> String {
        self.name.replace("{version}", version)
    }
}

/// A package of Python's index that a generated line installs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Package {
    /// Its name.
    pub name: &'static str,
    /// The version that is installed.
    pub version: &'static str,
    /// What it is for.
    pub purpose: &'static str,
}

impl Package {
    /// What pip is told.
    #[must_use]
    pub fn pin(&self) -> String {
        format!("{}=={}", self.name, self.version)
    }
}

const fn action(
    name: &'static str,
    version: &'static str,
    commit: &'static str,
    purpose: &'static str,
) -> Action {
    Action { name, commit, version, purpose }
}

/// Checks out the code.
pub const CHECKOUT: Action = action(
    "actions/checkout",
    "v7.0.1",
    "3d3c42e5aac5ba805825da76410c181273ba90b1",
    "checks out the commit that is asked for",
);
/// Keeps files of a job.
pub const UPLOAD: Action = action(
    "actions/upload-artifact",
    "v7.0.0",
    "bbbca2ddaa5d8feaa63e36b76fdaad77386f024f",
    "keeps models and reports",
);
/// Fetches files of another job.
pub const DOWNLOAD: Action = action(
    "actions/download-artifact",
    "v8.0.1",
    "3e5f45b2cfb9172054b4087a40e8e0b5a5461e7c",
    "fetches the model, and the judged files",
);
/// Keeps downloads of package managers.
pub const CACHE: Action = action(
    "actions/cache",
    "v5.0.5",
    "27d5ce7f107fe9357f9df03efb73ab90386fccae",
    "keeps downloads between the runs of one pull request",
);
/// Brings Python.
pub const SETUP_PYTHON: Action = action(
    "actions/setup-python",
    "v7.0.0",
    "5fda3b95a4ea91299a34e894583c3862153e4b97",
    "brings the toolchain `python`",
);
/// Brings uv.
pub const SETUP_UV: Action = action(
    "astral-sh/setup-uv",
    "v10.0.1",
    "20cfd1bf945f4377ade1205e4dbc17946fc9a30d",
    "brings uv, where lines of the jobs use it",
);
/// Brings a JDK.
pub const SETUP_JAVA: Action = action(
    "actions/setup-java",
    "v5.7.0",
    "b6effb05e454b25005698d916606bdc6ffcbf961",
    "brings the JDK of `maven` and `gradle`",
);
/// Brings Gradle and judges wrappers.
pub const SETUP_GRADLE: Action = action(
    "gradle/actions/setup-gradle",
    "v6.3.0",
    "9c971963bec38e04b3d30dcc455b5382be2fdbfb",
    "brings the toolchain `gradle`, and refuses wrappers that are not Gradle's",
);
/// Brings Node.js.
pub const SETUP_NODE: Action = action(
    "actions/setup-node",
    "v7.0.0",
    "820762786026740c76f36085b0efc47a31fe5020",
    "brings the toolchain `node`",
);

/// Python with pip.
pub const PYTHON: Image =
    Image { name: "python:{version}", version: "3.12", purpose: "the toolchain `python`" };
/// Python with uv.
pub const PYTHON_UV: Image = Image {
    name: "ghcr.io/astral-sh/uv:python{version}-bookworm",
    version: "3.12",
    purpose: "the toolchain `python`, where lines of the jobs use uv",
};
/// A JDK with Maven.
pub const MAVEN: Image =
    Image { name: "maven:3-eclipse-temurin-{version}", version: "21", purpose: "the toolchain `maven`" };
/// A JDK with Gradle.
pub const GRADLE: Image =
    Image { name: "gradle:9-jdk{version}", version: "21", purpose: "the toolchain `gradle`" };
/// Node.js with npm.
pub const NODE: Image = Image { name: "node:{version}", version: "22", purpose: "the toolchain `node`" };

/// Semgrep, which reads Python, Java, Kotlin and JavaScript alike.
pub const SEMGREP: Package = Package {
    name: "semgrep",
    version: "1.185.0",
    purpose: "the scan of the code, where the configuration asks for one and names no tool",
};

/// Every action that a generated file may use.
pub const ACTIONS: &[Action] =
    &[CHECKOUT, UPLOAD, DOWNLOAD, CACHE, SETUP_PYTHON, SETUP_UV, SETUP_JAVA, SETUP_GRADLE, SETUP_NODE];
/// Every image that a generated file names by itself.
pub const IMAGES: &[Image] = &[PYTHON, PYTHON_UV, MAVEN, GRADLE, NODE];
/// Every package that a generated line installs by itself.
pub const PACKAGES: &[Package] = &[SEMGREP];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn actions_are_pinned_to_a_commit_of_a_whole_version() {
        for action in ACTIONS {
            assert!(
                action.commit.len() == 40 && action.commit.bytes().all(|b| b.is_ascii_hexdigit()),
                "{}",
                action.name
            );
            assert_eq!(action.version.split('.').count(), 3, "{}", action.name);
        }
    }

    #[test]
    fn an_image_takes_the_version_of_the_toolchain() {
        assert_eq!(MAVEN.with("17"), "maven:3-eclipse-temurin-17");
        assert!(IMAGES.iter().all(|image| image.name.contains("{version}")));
    }
}
