//! Metrics files as jobs write them, good and hostile.

use proptest::prelude::*;

use super::*;

fn read(text: &str) -> Metrics {
    metrics([("metrics.json", text.as_bytes())])
}

fn number(text: &str) -> Decimal {
    text.parse().unwrap()
}

#[test]
fn nested_keys_are_joined_by_points_in_json_and_yaml_alike() {
    let json = read(r#"{"accuracy": 0.93, "safety": {"violation_rate": 0.001, "n": 12}}"#);
    let yaml = read("accuracy: 0.93\nsafety:\n  violation_rate: 0.001\n  n: 12\n");
    assert_eq!(json, yaml);
    assert_eq!(json.numbers["safety.violation_rate"], number("0.001"));
    assert_eq!(json.numbers["safety.n"], number("12"));
    assert!(json.unusable.is_empty());
}

#[test]
fn a_number_is_what_it_is_printed_as() {
    let found = read(r#"{"a": 0.90, "b": 9e-1, "c": 0.1, "d": 10.2, "e": 9.5, "f": -0.0, "g": 1e-40}"#);
    assert_eq!(found.numbers["a"], number("0.9"));
    assert_eq!(found.numbers["a"], found.numbers["b"]);
    assert_eq!(found.numbers["c"], number("0.1"));
    assert!(found.numbers["e"] < found.numbers["d"], "numbers are not compared as text");
    assert_eq!(found.numbers["f"], Decimal::ZERO);
    assert_eq!(found.numbers["g"], Decimal::ZERO, "too small to be told from zero");
}

#[test]
fn whole_numbers_of_any_length_are_numbers_in_both_forms() {
    for form in ["{\"a\": NUMBER, \"runs\": [NUMBER], \"good\": 1}", "a: NUMBER\nruns: [NUMBER]\ngood: 1\n"] {
        for long in ["18446744073709551616", "-9223372036854775809"] {
            let found = read(&form.replace("NUMBER", long));
            assert!(found.unusable.is_empty(), "{form}: {found:?}");
            assert_eq!(found.numbers["a"], found.numbers["runs"], "{form}");
            assert_eq!(found.numbers["good"], Decimal::ONE, "{form}");
        }
        let found = read(&form.replace("NUMBER", &"9".repeat(38)));
        assert_eq!(found.numbers.keys().collect::<Vec<_>>(), ["good"], "{form}: it spoils nothing else");
        assert!(found.unusable["a"].ends_with("is too large"), "{form}: {found:?}");
    }
}

#[test]
fn what_is_no_number_is_named_with_its_reason() {
    let found = read(
        r#"{"nan": NaN, "text": "0.93", "yes": true, "none": null, "list": [1, "two"], "none of it": [], "deep list": [[1]], "good": 1, "deep": {"huge": 1e300}}"#,
    );
    assert_eq!(found.numbers.keys().collect::<Vec<_>>(), ["good"]);
    assert_eq!(found.unusable["nan"], "it is the text \"NaN\"");
    assert_eq!(found.unusable["text"], "it is the text \"0.93\"");
    assert_eq!(found.unusable["yes"], "it is true");
    assert_eq!(found.unusable["none"], "it is empty");
    assert_eq!(found.unusable["list"], "it is a list, and of one element it is the text \"two\"");
    assert_eq!(found.unusable["none of it"], "it is an empty list");
    assert_eq!(found.unusable["deep list"], "it is a list, and of one element it is a list");
    assert_eq!(found.unusable["deep.huge"], "1e300 is too large");
}

#[test]
fn a_list_is_one_metric_measured_several_times() {
    let json = read(r#"{"a": [0.91, 0.90, 0.89], "b": [1, 2, 2], "one": [0.5]}"#);
    assert_eq!(json, read("a: [0.91, 0.90, 0.89]\nb:\n- 1\n- 2\n- 2\none: [0.5]\n"));
    assert_eq!(json.numbers["a"], number("0.9"));
    assert_eq!(json.numbers["b"], number("1.667"), "a mean without an end is cut where nobody looks");
    assert_eq!(json.repeated["a"], [number("0.91"), number("0.9"), number("0.89")]);
    assert_eq!(json.numbers["one"], number("0.5"));
    assert!(!json.repeated.contains_key("one"));
}

#[test]
fn a_list_that_cannot_be_runs_spoils_nothing_else() {
    let curve = (0..2_000).map(|n| n.to_string()).collect::<Vec<_>>().join(",");
    let found = read(&format!(r#"{{"curve": [{curve}], "nan": [1, NaN], "huge": [7e28, 7e28], "good": 1}}"#));
    assert_eq!(found.numbers.keys().collect::<Vec<_>>(), ["good"]);
    assert_eq!(found.unusable["curve"], "it is a list of more than 1000 numbers");
    assert_eq!(found.unusable["huge"], "its numbers are too large to add");
    assert!(found.repeated.is_empty(), "{found:?}");
}

#[test]
fn yaml_infinities_are_unusable() {
    let found = read("a: .nan\nb: .inf\nc: -.inf\nd: 1e999\n");
    assert!(found.numbers.is_empty(), "{found:?}");
    assert_eq!(found.unusable["a"], "it is not a number (NaN)");
    for name in ["b", "c"] {
        assert_eq!(found.unusable[name], "it is infinite", "{name}");
    }
    assert!(found.unusable.contains_key("d"));
}

#[test]
fn a_name_given_twice_is_unusable_wherever_it_stands() {
    let twice = [
        metrics([("m.json", br#"{"a": 1, "a": 1}"#.as_slice())]),
        metrics([("m.yaml", b"a: 1\na: 2\n".as_slice())]),
        metrics([("m.json", br#"{"a": 1}"#.as_slice()), ("n.json", br#"{"a": 2}"#.as_slice())]),
        metrics([("m.json", br#"{"x": {"a": 1}, "x.a": 2}"#.as_slice())]),
        metrics([("m.json", br#"{"a": 1, "a": 2, "a": 3}"#.as_slice())]),
    ];
    for found in twice {
        assert!(found.numbers.is_empty(), "{found:?}");
        assert_eq!(found.unusable.values().collect::<Vec<_>>(), ["it is given twice"]);
    }
}

#[test]
fn several_files_are_one_report() {
    let files = [("a.json", br#"{"x": 1}"#.as_slice()), ("b.yaml", b"y: 2".as_slice())];
    assert_eq!(metrics(files).numbers.len(), 2);
}

#[test]
fn a_file_that_cannot_be_read_is_named_and_the_others_still_count() {
    let files = [
        ("bad.json", b"{\"x\": ".as_slice()),
        ("list.json", b"[1, 2]".as_slice()),
        ("bytes.json", b"\xff\xfe\x00".as_slice()),
        ("empty.json", b"".as_slice()),
        ("two.yaml", b"a: 1\n---\na: 2\n".as_slice()),
        ("good.json", br#"{"y": 2}"#.as_slice()),
    ];
    let found = metrics(files);
    assert_eq!(found.numbers.keys().collect::<Vec<_>>(), ["y"]);
    for (path, _) in files.iter().take(5) {
        assert!(found.unusable.contains_key(*path), "{path}: {found:?}");
    }
    assert!(found.unusable["empty.json"].ends_with("the file is no map of metrics"), "{found:?}");
}

#[test]
fn hostile_files_are_refused_by_their_limits() {
    let deep = format!("{}1{}", "{\"a\":".repeat(5000), "}".repeat(5000));
    let many = format!("{{{}}}", (0..10_001).map(|n| format!("\"m{n}\":1")).collect::<Vec<_>>().join(","));
    let long = format!("{{\"{}\": 1}}", "x".repeat(257));
    let bomb = format!(
        "a: &a {{x: 1}}\n{}",
        (0..40).map(|n| format!("b{n}: &b{n} [*a,*a,*a,*a,*a,*a,*a,*a]\n")).collect::<String>()
    );
    for text in [&deep, &many, &long, &" ".repeat(LARGEST + 1)] {
        let found = read(text);
        assert!(found.numbers.is_empty());
        assert!(found.unusable.contains_key("metrics.json"));
    }
    assert!(read(&bomb).numbers.len() <= 1);
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _read = metrics([("m", bytes.as_slice())]);
    }

    #[test]
    fn every_usual_number_reads_back_as_printed(value in -1.0e12..1.0e12f64) {
        let text = format!("{value}");
        let found = read(&format!("{{\"m\": {text}}}"));
        prop_assert_eq!(found.numbers["m"], number(&text));
    }
}
