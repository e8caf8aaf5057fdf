"""Table III: the nine generated layers."""

from __future__ import annotations

from eie_backend.reproduce.published import published
from eie_backend.reproduce.result import Result, Value
from eie_backend.reproduce.runs import Runs

KEY = "table_3"
WHOLE = "a number of non-zeros is whole"
ROUNDED = "the paper prints whole percents"
REAL = "the published layer and its one input have densities of their own"
CONTRADICTS = "the paper's product of its own densities rounds to another percent"


def reproduce(runs: Runs) -> Result:
    """Return sizes, densities, and the fraction of operations that remains with both densities."""
    values = []
    for name, (inputs, outputs, weights, acts, operations) in published()[KEY].items():
        shape = runs.layers[name].shape
        densities = 100 * shape.weight_density, 100 * shape.act_density
        product = densities[0] * densities[1] / 100
        values += [
            Value(name, "inputs", "", shape.inputs, inputs, 0.0, "the same layer"),
            Value(name, "outputs", "", shape.outputs, outputs, 0.0, "the same layer"),
        ]
        own = name == "Alex-8" and runs.has_real_alex8
        for quantity, ours, paper in zip(
            ("weights", "activations"), densities, (weights, acts), strict=True
        ):
            tolerance, reason = (None, REAL) if own else (0.001, WHOLE)
            values.append(Value(name, quantity, "%", ours, paper, tolerance, reason))
        tolerance, reason = 0.5 / operations, ROUNDED
        if own:
            tolerance, reason = None, REAL
        elif abs(weights * acts / 100 - operations) > 0.5:
            tolerance, reason = None, CONTRADICTS
        values.append(Value(name, "operations", "%", product, operations, tolerance, reason))
    notes = (
        runs.note(),
        "Operations: weights x activations. The paper rounds them to whole percents; for Alex-8 "
        "(25 % x 37.5 % = 9.4 %, printed 10) and NT-LSTM (10 % x 100 % = 10 %, printed 11) its "
        "densities give another number. Its text once calls NT-We 11 % dense.",
    )
    return Result(KEY, "Table III: the nine layers", tuple(values), notes)
