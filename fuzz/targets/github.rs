//! Payloads of GitHub: understood, put aside or refused, always in the same way.
#![no_main]

mod payload;

libfuzzer_sys::fuzz_target!(|input: &[u8]| payload::check(mergewright::domain::ForgeKind::GitHub, input));
