"""How many hours a delivery takes, from its distance and weight."""

# Fitted to last year's deliveries: hours at rest, per kilometre, per kilogram.
WEIGHTS = (1.5, 0.02, 0.05)


def hours(kilometres, kilograms):
    """The hours of one delivery, never less than none."""
    rest, distance, weight = WEIGHTS
    return max(0.0, rest + distance * kilometres + weight * kilograms)
