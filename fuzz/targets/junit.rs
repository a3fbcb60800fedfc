//! Test results: the same each time, and no more failed or skipped than there are.
#![no_main]

use mergewright::engine::measure::junit;

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let read = junit(input);
    assert_eq!(read.is_ok(), junit(input).is_ok());
    if let Ok(summary) = read {
        let failed = u32::try_from(summary.failed.len()).unwrap();
        assert!(failed.saturating_add(summary.skipped) <= summary.total, "{summary:?}");
        assert_eq!(summary, junit(input).expect("read before"));
    }
});
