use proptest::prelude::*;

use super::*;

fn decimal(text: &str) -> Decimal {
    text.parse().unwrap()
}

fn chart(metric: &str, points: &[(&str, &str)], bounds: &[&str]) -> Chart {
    Chart {
        metric: metric.to_owned(),
        points: points.iter().map(|(label, value)| ((*label).to_owned(), decimal(value))).collect(),
        bounds: bounds.iter().map(|bound| decimal(bound)).collect(),
        on_other_data: 0,
    }
}

/// The drawing without its fence.
fn drawn(chart: &Chart) -> String {
    let mermaid = Drawing::new(chart, 600).unwrap().mermaid;
    mermaid.strip_prefix("```mermaid\n").unwrap().strip_suffix("```").unwrap().to_owned()
}

/// Title, labels, ends of the axis, lines.
type Read = (String, Vec<String>, [Decimal; 2], Vec<Vec<Decimal>>);

/// Reads a drawing by the grammar of `xychart-beta`, as far as we write it: title, labels, numbers of the axis,
/// lines of numbers.
fn read(mermaid: &str) -> Option<Read> {
    let text = |quoted: &str| {
        let inside = quoted.strip_prefix('"')?.strip_suffix('"')?;
        let harmless =
            !inside.is_empty() && !inside.contains(['"', '`', '%', '{', '}', '#', ';', '<', '>', '\n', '\\']);
        harmless.then(|| inside.to_owned())
    };
    let number = |text: &str| {
        let digits = text.strip_prefix('-').unwrap_or(text);
        let (whole, part) = digits.split_once('.').unwrap_or((digits, "0"));
        let plain = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        (plain(whole) && plain(part)).then(|| text.parse().ok())?
    };
    let list = |text: &str| {
        Some(text.strip_prefix('[')?.strip_suffix(']')?.split(", ").map(str::to_owned).collect::<Vec<_>>())
    };
    let mut lines = mermaid.lines();
    (lines.next()? == "xychart-beta").then_some(())?;
    let title = text(lines.next()?.strip_prefix("    title ")?)?;
    let labels = list(lines.next()?.strip_prefix("    x-axis ")?)?;
    let labels = labels.iter().map(|label| text(label)).collect::<Option<Vec<_>>>()?;
    let (from, to) = lines.next()?.strip_prefix("    y-axis ")?.split_once(" --> ")?;
    let series =
        lines.map(|line| list(line.strip_prefix("    line ")?)?.iter().map(|one| number(one)).collect());
    Some((title, labels, [number(from)?, number(to)?], series.collect::<Option<Vec<_>>>()?))
}

#[test]
fn a_metric_over_its_versions() {
    let mut accuracy =
        chart("accuracy", &[("v1", "0.94"), ("v2", "0.950"), ("candidate", "0.93")], &["0.90"]);
    accuracy.on_other_data = 2;
    let drawing = Drawing::new(&accuracy, 600).unwrap();
    insta::assert_snapshot!(drawing.mermaid, @r#"
    ```mermaid
    xychart-beta
        title "accuracy"
        x-axis ["v1", "v2", "candidate"]
        y-axis 0.898 --> 0.952
        line [0.94, 0.95, 0.93]
        line [0.9, 0.9, 0.9]
    ```
    "#);
    assert_eq!(
        drawing.remarks,
        ["The level line is the bound 0.90.", "2 versions are left out: they were measured on other data."]
    );
}

#[test]
fn a_bound_far_away_does_not_press_the_line_flat() {
    let latency = chart("latency_ms", &[("v1", "12"), ("candidate", "13")], &["500"]);
    let (_, _, range, series) = read(&drawn(&latency)).unwrap();
    assert_eq!((range, series.len()), ([decimal("11.9"), decimal("13.1")], 1));
    assert_eq!(Drawing::new(&latency, 600).unwrap().remarks, Vec::<String>::new());
}

#[test]
fn equal_huge_and_negative_numbers_have_a_range_to_stand_in() {
    for (values, expected) in [
        (["0", "0"], Some(["-1", "1"])),
        (["5", "5"], Some(["4.5", "5.5"])),
        (["-3", "-1"], Some(["-3.2", "-0.8"])),
        (["0.0000001", "0.0000003"], Some(["0.00000008", "0.00000032"])),
        (["79228162514264337593543950335", "-79228162514264337593543950335"], None),
        (["79228162514264337593543950335", "1"], None),
    ] {
        let chart = chart("m", &[("v1", values[0]), ("candidate", values[1])], &[]);
        let range = Drawing::new(&chart, 600).map(|_| read(&drawn(&chart)).unwrap().2);
        assert_eq!(range, expected.map(|ends| ends.map(decimal)), "{values:?}");
    }
}

/// What hostile people call a metric.
const HOSTILE: &str = "a\"b`c%%{init: {}}%% #quot; ```\n</details> <script> @everyone /merge; [x] 日本 é";

/// `.ci/charts` asks Mermaid itself about these, in the versions that the forges draw with.
#[test]
fn drawings_are_those_that_mermaid_was_asked_about() {
    let versions: Vec<_> = (1..=20).map(|n| (format!("v{n}"), format!("0.{}", 9_000 + n))).collect();
    let mut many: Vec<_> = versions.iter().map(|(label, value)| (label.as_str(), value.as_str())).collect();
    many.push(("candidate", "0.91"));
    let cases = [
        ("usual", chart("accuracy", &[("v1", "0.94"), ("candidate", "0.93")], &["0.90"])),
        ("many", chart("slice.region.eu", &many, &["0.5", "0.95"])),
        ("hostile", chart(HOSTILE, &[("v0.0.0-20261123133009-1a2b3c4d5e6f", "-1.5"), (HOSTILE, "2")], &[])),
        ("digits", chart("m", &[("v1", "1234567890123456.789"), ("candidate", "0.000000000001")], &[])),
    ];
    for (name, chart) in cases {
        let golden = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
            .join(format!("tests/data/golden/charts/{name}.mmd"));
        let drawn = drawn(&chart);
        if std::env::var_os("MERGEWRIGHT_WRITE_GOLDENS").is_some() {
            std::fs::write(&golden, &drawn).unwrap();
        }
        assert_eq!(std::fs::read_to_string(&golden).unwrap(), drawn, "{name}");
        assert!(drawn.len() < 1_500, "GitLab draws 2,000 characters of Mermaid on a page unasked");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_drawing_keeps_to_the_grammar(
        metric in "(.|\"|`|%%|\\{|\n|日){0,80}",
        points in proptest::collection::vec((".{0,30}", -1.0e6..1.0e6f64), 2..22),
        bounds in proptest::collection::vec(-1.0e6..1.0e6f64, 0..3),
    ) {
        let number = |value: f64| Decimal::from_f64_retain(value).unwrap_or_default().round_dp(6);
        let chart = Chart {
            metric,
            points: points.iter().map(|(label, value)| (label.clone(), number(*value))).collect(),
            bounds: bounds.into_iter().map(number).collect(),
            on_other_data: 0,
        };
        let drawn = drawn(&chart);
        let (_, labels, [from, to], series) = read(&drawn).ok_or_else(|| TestCaseError::fail(drawn.clone()))?;
        prop_assert_eq!(labels.len(), points.len());
        prop_assert!(series.iter().all(|line| line.len() == points.len()), "{}", drawn);
        prop_assert!(series.iter().flatten().all(|value| from < *value && *value < to), "{}", drawn);
        prop_assert_eq!(&series[0], &chart.points.iter().map(|(_, value)| *value).collect::<Vec<_>>());
    }
}
