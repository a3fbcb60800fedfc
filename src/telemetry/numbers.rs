//! Metrics in Prometheus' form.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use metrics_exporter_prometheus::{
    BuildError, Matcher, PrometheusBuilder, PrometheusHandle, PrometheusRecorder,
};

/// How often what was measured is folded into its buckets, so that memory does not grow when nobody
/// fetches the numbers.
const UPKEEP: Duration = Duration::from_secs(5);

/// Acknowledgements take about a millisecond and must never take ten seconds.
const ACK_BUCKETS: [f64; 12] = [0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 2.5, 10.0];

/// A recorder with our buckets that is not installed.
///
/// # Errors
/// When the buckets are refused.
pub fn recorder() -> Result<PrometheusRecorder, BuildError> {
    let acks = Matcher::Full(crate::inbox::ACK_SECONDS.to_owned());
    Ok(PrometheusBuilder::new().set_buckets_for_metric(acks, &ACK_BUCKETS)?.build_recorder())
}

/// Measures from now on; every call gives the same handle, which `/metrics` is answered with.
///
/// # Errors
/// When another recorder was installed before, or the upkeep cannot start.
pub fn install() -> Result<PrometheusHandle, BuildError> {
    static INSTALLED: Mutex<Option<PrometheusHandle>> = Mutex::new(None);
    let mut installed = INSTALLED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(handle) = installed.as_ref() {
        return Ok(handle.clone());
    }
    let recorder = recorder()?;
    let handle = recorder.handle();
    metrics::set_global_recorder(recorder)?;
    crate::inbox::describe();
    let upkeep = handle.clone();
    std::thread::Builder::new()
        .name("metrics-upkeep".to_owned())
        .spawn(move || {
            loop {
                std::thread::sleep(UPKEEP);
                upkeep.run_upkeep();
            }
        })
        .map_err(|error| BuildError::FailedToCreateRuntime(error.to_string()))?;
    *installed = Some(handle.clone());
    Ok(handle)
}
