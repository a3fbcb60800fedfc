"""Trains a softmax regression on the Iris training set: standard library only, the same bytes every time."""

import argparse
import csv
import json
import math


def read(path, features):
    """The chosen measurements and the species of every row."""
    with open(path, newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return [[float(row[name]) for name in features] for row in rows], [row["species"] for row in rows]


def scale(rows):
    """Mean and standard deviation of each column, so that one learning rate suits them all."""
    columns = list(zip(*rows))
    means = [sum(column) / len(column) for column in columns]
    spreads = [
        math.sqrt(sum((value - mean) ** 2 for value in column) / len(column)) or 1.0
        for column, mean in zip(columns, means)
    ]
    return means, spreads


def softmax(scores):
    """Scores as probabilities; the largest is subtracted first so that none overflows."""
    largest = max(scores)
    powers = [math.exp(score - largest) for score in scores]
    return [power / sum(powers) for power in powers]


def fit(inputs, targets, classes, params):
    """Full-batch gradient descent from zero: no randomness anywhere."""
    width = len(inputs[0])
    weights = [[0.0] * width for _ in classes]
    biases = [0.0] * len(classes)
    for _ in range(params["epochs"]):
        steps = [[0.0] * width for _ in classes]
        shifts = [0.0] * len(classes)
        for row, target in zip(inputs, targets):
            scores = [sum(w * x for w, x in zip(line, row)) + b for line, b in zip(weights, biases)]
            for index, probability in enumerate(softmax(scores)):
                error = probability - (classes[index] == target)
                shifts[index] += error
                for column, value in enumerate(row):
                    steps[index][column] += error * value
        rate = params["learning_rate"] / len(inputs)
        for index in range(len(classes)):
            biases[index] -= rate * shifts[index]
            for column in range(width):
                decay = params["l2"] * weights[index][column] * len(inputs)
                weights[index][column] -= rate * (steps[index][column] + decay)
    return weights, biases


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--params", default="params.json")
    parser.add_argument("--data", default="data/train.csv")
    parser.add_argument("--out", default="model.json")
    arguments = parser.parse_args()

    with open(arguments.params, encoding="utf-8") as file:
        params = json.load(file)
    rows, species = read(arguments.data, params["features"])
    means, spreads = scale(rows)
    inputs = [[(value - m) / s for value, m, s in zip(row, means, spreads)] for row in rows]
    classes = sorted(set(species))
    weights, biases = fit(inputs, species, classes, params)
    # Rounded, so that the file is the same on every processor.
    model = {
        "kind": "softmax-regression",
        "features": params["features"],
        "classes": classes,
        "means": [round(value, 6) for value in means],
        "spreads": [round(value, 6) for value in spreads],
        "weights": [[round(value, 6) for value in line] for line in weights],
        "biases": [round(value, 6) for value in biases],
    }
    with open(arguments.out, "w", encoding="utf-8", newline="\n") as file:
        json.dump(model, file, indent=2)
        file.write("\n")
    print("trained on %d flowers, %d features, %d epochs" % (len(rows), len(params["features"]), params["epochs"]))


if __name__ == "__main__":
    main()
