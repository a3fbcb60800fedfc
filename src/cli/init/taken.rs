//! How the lines of CI files that are there become those of the model's jobs.

use serde::Serialize;

use super::existing::Existing;
use super::jobs::Jobs;
use super::plan::name;
use crate::config::valid::ToolchainKind;

/// What is taken over besides the lines of build and test.
#[derive(Debug, Default)]
pub(super) struct Taken {
    pub(super) secrets: Vec<String>,
    pub(super) publish: Vec<String>,
    pub(super) schedules: Vec<Timed>,
}

/// Work at a fixed time.
#[derive(Debug, Serialize)]
pub(super) struct Timed {
    name: String,
    cron: String,
    /// Its lines, as YAML.
    run: Vec<String>,
}

impl Taken {
    /// Puts what the CI files run into `jobs`, and says so. Their lines start at the repository's root, so
    /// that a model somewhere below gets none of them.
    pub(super) fn of(
        existing: &Existing,
        kind: ToolchainKind,
        root: &str,
        jobs: &mut Jobs,
        reasons: &mut Vec<String>,
    ) -> Self {
        let files = existing.files.join(", ");
        if files.is_empty() || root != "." {
            return Self::default();
        }
        reasons.push(format!("{files} is there: its lines were taken over, the file is left as it is"));
        let own =
            |lines: &[String]| lines.iter().filter_map(|line| own_words(line, kind)).collect::<Vec<_>>();
        let (build, test) = (own(&existing.build), own(&existing.test));
        if !build.is_empty() {
            if build.iter().any(|line| line.contains("appassembler:")) {
                jobs.artifacts.push("target/appassembler/**".to_owned());
            }
            (jobs.build, jobs.build_unknown, jobs.packed) = (build, false, false);
        }
        let runs_tests =
            |line: &String| line.split(' ').any(|word| matches!(word, "test" | "verify" | "install"));
        if kind == ToolchainKind::Maven && !test.iter().any(runs_tests) {
            if let Some(line) = test.first() {
                let instead = jobs.test.join("; ");
                reasons.push(format!(
                    "`{line}` runs no test, so that there is nothing to report on: `{instead}` does; bind JaCoCo to `verify` in pom.xml"
                ));
            }
        } else if !test.is_empty() {
            (jobs.test, jobs.test_unknown, jobs.junit) = (test, false, None);
        }
        let publish = own(&existing.publish);
        let timed = |(stem, (cron, lines)): (&String, &(String, Vec<String>))| {
            let run: Vec<String> = own(lines).iter().map(|text| line(text)).collect();
            (!run.is_empty()).then(|| Timed { name: name(stem).0, cron: cron.clone(), run })
        };
        let schedules: Vec<Timed> = existing.schedules.iter().filter_map(timed).collect();
        if !schedules.is_empty() {
            reasons.push(
                "its fixed times are UTC, as the forge meant them: write the zone that is meant".to_owned(),
            );
        }
        Self { secrets: existing.secrets.iter().cloned().collect(), publish, schedules }
    }
}

/// A line as it works outside of the file that it came from; none where it only makes sense there.
fn own_words(line: &str, kind: ToolchainKind) -> Option<String> {
    let mut text = line.to_owned();
    // A secret is a variable of the job that lists it.
    while let Some((before, rest)) = text.split_once("${{ secrets.") {
        let (name, after) = rest.split_once(" }}")?;
        text = format!("{before}${name}{after}");
    }
    if text.contains("${{") {
        return None;
    }
    let words: Vec<&str> = text.split_whitespace().collect();
    match words.split_first() {
        Some((maven, goals)) if kind == ToolchainKind::Maven && matches!(*maven, "mvn" | "./mvnw") => {
            let quiet = ["-B", "--batch-mode", "-ntp", "--no-transfer-progress"];
            let goals: Vec<&str> = goals.iter().copied().filter(|word| !quiet.contains(word)).collect();
            Some(format!("{maven} -B -ntp {}", goals.join(" ")))
        }
        _ => Some(text),
    }
}

/// A version of a toolchain; Java's 1.8 is 8.
pub(super) fn version(asked: &str) -> Option<String> {
    let text = asked.strip_prefix("1.").unwrap_or(asked).trim_end_matches(".x");
    (text.starts_with(|c: char| c.is_ascii_digit()) && text.chars().all(|c| c.is_ascii_digit() || c == '.'))
        .then(|| text.to_owned())
}

/// A shell line as YAML: as it is where it means itself, else in quotes.
pub(super) fn line(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, ' ' | '_' | '-' | '.' | '/' | '=');
    let shaped = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '.')
        && text.contains(' ')
        && text.chars().all(plain);
    if shaped { text.to_owned() } else { serde_json::Value::from(text).to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_mean_outside_what_they_meant_inside() {
        let own = |line: &str| own_words(line, ToolchainKind::Maven);
        assert_eq!(
            own("mvn package appassembler:assemble -B").unwrap(),
            "mvn -B -ntp package appassembler:assemble"
        );
        assert_eq!(own("curl -u ${{ secrets.USER_NAME }}:x").unwrap(), "curl -u $USER_NAME:x");
        assert_eq!(own("echo ${{ github.sha }}"), None);
    }

    #[test]
    fn versions_are_numbers() {
        assert_eq!(version("1.8").as_deref(), Some("8"));
        assert_eq!(version("20.x").as_deref(), Some("20"));
        assert_eq!(version("${{ matrix.java }}"), None);
    }

    #[test]
    fn a_line_is_one_text_of_yaml() {
        assert_eq!(line("mvn -B -ntp verify"), "mvn -B -ntp verify");
        assert_eq!(line("echo \"a: b\" # c"), r##""echo \"a: b\" # c""##);
        assert_eq!(line("make"), "\"make\"");
    }
}
