//! Metrics files: the same numbers each time, and none that is told twice counts.
#![no_main]

use mergewright::engine::measure::metrics;

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let read = metrics([("metrics.json", input)]);
    assert_eq!(read, metrics([("metrics.json", input)]));
    let twice = metrics([("a/metrics.json", input), ("b/metrics.json", input)]);
    assert!(twice.numbers.is_empty(), "{:?} are told twice and count", twice.numbers);
    for name in read.numbers.keys() {
        assert!(twice.unusable.contains_key(name), "{name} is told twice and nobody says so");
    }
});
