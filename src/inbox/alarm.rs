//! What a person should look at: a line at level error with `alarm.kind`, and a counter.

use crate::domain::ForgeKind;

/// The counter of alarms.
pub(super) const ALARMS: &str = "mergewright_alarms_total";

/// The same delivery id came with another body: a forge does not do that, an attacker might.
pub(super) fn other_body(forge: ForgeKind, id: &str) {
    let kind = "delivery-body-differs";
    tracing::error!(
        alarm.kind = kind,
        %forge,
        delivery.id = id,
        "a delivery id came again with another body: the first one is kept; find out who knows the webhook secret"
    );
    count(kind);
}

/// Nothing that claims to come from the forge can be proved.
pub(super) fn secret_differs(forge: ForgeKind, refusals: u32) {
    let kind = "webhook-secret-differs";
    tracing::error!(
        alarm.kind = kind,
        %forge,
        refusals,
        "deliveries are refused one after another: does the secret in the forge's webhook differ from ours?"
    );
    count(kind);
}

/// The forge's proof holds and its bodies are no JSON.
pub(super) fn invalid_json(forge: ForgeKind, deliveries: u32) {
    let kind = "webhook-body-invalid";
    tracing::error!(
        alarm.kind = kind,
        %forge,
        deliveries,
        "bodies of proved deliveries are no JSON objects one after another: has the webhook a custom template?"
    );
    count(kind);
}

fn count(kind: &'static str) {
    metrics::counter!(ALARMS, "kind" => kind).increment(1);
}
