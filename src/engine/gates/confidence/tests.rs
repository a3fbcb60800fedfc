//! Bounds against published tables.

use super::*;

fn number(text: &str) -> Decimal {
    text.parse().unwrap()
}

#[test]
fn quantiles_are_those_of_the_printed_tables() {
    // Student's t, one-sided, as in the NIST/SEMATECH e-Handbook, table 1.3.6.7.2.
    for (degrees, sure, expected) in [
        (1.0, 0.95, 6.314),
        (2.0, 0.95, 2.920),
        (4.0, 0.90, 1.533),
        (4.0, 0.95, 2.132),
        (4.0, 0.99, 3.747),
        (9.0, 0.975, 2.262),
        (30.0, 0.95, 1.697),
        (100.0, 0.999, 3.174),
    ] {
        let found = StudentsT::new(0.0, 1.0, degrees).unwrap().inverse_cdf(sure);
        assert!((found - expected).abs() < 6e-4, "t({degrees}, {sure}) = {found}, not {expected}");
    }
    let found = Normal::new(0.0, 1.0).unwrap().inverse_cdf(0.95);
    assert!((found - 1.644_854).abs() < 1e-6, "{found}");
}

#[test]
fn runs_are_bounded_by_students_t() {
    let runs = ["0.90", "0.91", "0.92", "0.93", "0.94"].map(number);
    let measured = Measured { value: number("0.92"), runs: &runs, samples: None };
    // s = 0.015811, s/sqrt(5) = 0.0070711, times 2.1318.
    assert_eq!(interval(&measured, number("95")), Ok((number("0.90492"), number("0.93508"))));
    let equal = [number("0.3"); 3];
    let measured = Measured { value: number("0.3"), runs: &equal, samples: None };
    assert_eq!(interval(&measured, number("95")), Ok((number("0.3"), number("0.3"))));
}

#[test]
fn a_share_of_samples_is_bounded_by_wilsons_score() {
    let measured = Measured { value: number("0.9"), runs: &[], samples: Some(100) };
    let (low, high) = interval(&measured, number("95")).unwrap();
    // By hand: centre 0.9135277, margin 0.0511666, over 1.0270554.
    assert_eq!((low.round_dp(4), high.round_dp(4)), (number("0.8396"), number("0.9393")));
    for edge in ["0", "1"] {
        let measured = Measured { value: number(edge), runs: &[], samples: Some(50) };
        let (low, high) = interval(&measured, number("99")).unwrap();
        assert!(low >= Decimal::ZERO && high <= Decimal::ONE && low < high, "{low} {high}");
    }
}

#[test]
fn what_cannot_be_known_is_said_with_what_helps() {
    for (value, samples) in [("0.9", None), ("0.9", Some(0)), ("12", Some(100))] {
        let measured = Measured { value: number(value), runs: &[], samples };
        let why = interval(&measured, number("95")).unwrap_err();
        assert!(why.contains("repeated measurements"), "{why}");
    }
}
