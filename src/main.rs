//! The `mergewright` program.

fn main() {}
