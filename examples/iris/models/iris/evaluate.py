"""Measures the model on the held-out flowers and tests its behaviour; writes metrics.json and junit.xml.

A failing test ends the job with status 1; numbers that are too low do not: the gates judge those.
"""

import argparse
import csv
import json
import math
import os
import sys
import time
import xml.etree.ElementTree as ElementTree

# Flowers that nobody could mistake: the first of each species in Fisher's table.
KNOWN = {
    "setosa": {"sepal_length_cm": 5.1, "sepal_width_cm": 3.5, "petal_length_cm": 1.4, "petal_width_cm": 0.2},
    "virginica": {"sepal_length_cm": 6.3, "sepal_width_cm": 3.3, "petal_length_cm": 6.0, "petal_width_cm": 2.5},
}


def predict(model, flower):
    """The probability of each species."""
    row = [
        (float(flower[name]) - mean) / spread
        for name, mean, spread in zip(model["features"], model["means"], model["spreads"])
    ]
    scores = [sum(w * x for w, x in zip(line, row)) + b for line, b in zip(model["weights"], model["biases"])]
    powers = [math.exp(score - max(scores)) for score in scores]
    return {name: power / sum(powers) for name, power in zip(model["classes"], powers)}


def best(probabilities):
    return max(sorted(probabilities), key=probabilities.get)


def measure(model, flowers, size):
    """Every number that a gate may ask for."""
    guesses = [(flower["species"], predict(model, flower)) for flower in flowers]
    right = sum(best(guess) == truth for truth, guess in guesses)
    recall, f1 = {}, []
    for species in model["classes"]:
        hits = sum(truth == species == best(guess) for truth, guess in guesses)
        asked = sum(truth == species for truth, _ in guesses)
        told = sum(best(guess) == species for _, guess in guesses)
        recall[species] = round(hits / asked, 6)
        f1.append(2 * hits / (asked + told))
    return {
        "accuracy": round(right / len(guesses), 6),
        "log_loss": round(-sum(math.log(max(guess[truth], 1e-15)) for truth, guess in guesses) / len(guesses), 6),
        "macro_f1": round(sum(f1) / len(f1), 6),
        "recall": recall,
        "samples": len(guesses),
        "size_bytes": size,
    }


def has_the_right_shape(model, flowers):
    assert len(model["weights"]) == len(model["biases"]) == len(model["classes"]) == 3
    assert all(len(line) == len(model["features"]) for line in model["weights"])
    assert len(model["means"]) == len(model["spreads"]) == len(model["features"])


def has_finite_weights(model, flowers):
    numbers = [value for line in model["weights"] for value in line] + model["biases"]
    assert all(math.isfinite(value) for value in numbers)


def gives_probabilities_that_sum_to_one(model, flowers):
    for flower in flowers:
        probabilities = predict(model, flower).values()
        assert abs(sum(probabilities) - 1) < 1e-9 and all(0 <= value <= 1 for value in probabilities)


def knows_every_species_of_the_data(model, flowers):
    assert {flower["species"] for flower in flowers} == set(model["classes"])


def names_a_typical_setosa(model, flowers):
    assert best(predict(model, KNOWN["setosa"])) == "setosa"


def names_a_typical_virginica(model, flowers):
    assert best(predict(model, KNOWN["virginica"])) == "virginica"


TESTS = [
    has_the_right_shape,
    has_finite_weights,
    gives_probabilities_that_sum_to_one,
    knows_every_species_of_the_data,
    names_a_typical_setosa,
    names_a_typical_virginica,
]


def run_tests(model, flowers):
    """A JUnit report, and how many tests failed."""
    suite = ElementTree.Element("testsuite", name="iris", tests=str(len(TESTS)))
    failed = 0
    for test in TESTS:
        began = time.perf_counter()
        case = ElementTree.SubElement(suite, "testcase", classname="iris.model", name=test.__name__)
        try:
            test(model, flowers)
        except Exception as error:  # a test that cannot run has failed
            failed += 1
            message = "%s: %s" % (type(error).__name__, str(error) or "the model does not behave so")
            ElementTree.SubElement(case, "failure", message=message).text = message
        case.set("time", "%.6f" % (time.perf_counter() - began))
    suite.set("failures", str(failed))
    return suite, failed


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="model.json")
    parser.add_argument("--data", default="data/holdout.csv")
    parser.add_argument("--metrics", default="metrics.json")
    parser.add_argument("--junit", default="junit.xml")
    arguments = parser.parse_args()

    with open(arguments.model, encoding="utf-8") as file:
        model = json.load(file)
    with open(arguments.data, newline="", encoding="utf-8") as file:
        flowers = list(csv.DictReader(file))
    suite, failed = run_tests(model, flowers)
    ElementTree.ElementTree(suite).write(arguments.junit, encoding="utf-8", xml_declaration=True)
    metrics = measure(model, flowers, os.path.getsize(arguments.model))
    with open(arguments.metrics, "w", encoding="utf-8", newline="\n") as file:
        json.dump(metrics, file, indent=2)
        file.write("\n")
    print("accuracy %(accuracy).4f, log loss %(log_loss).4f on %(samples)d held-out flowers" % metrics)
    print("%d of %d tests passed" % (len(TESTS) - failed, len(TESTS)))
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
