"""A user's arrays against the inputs of a module."""

import numpy as np
import pytest

from eie_backend import from_onnx
from eie_backend.errors import InputError
from eie_backend.transform.inputs import InputSpec, batches, check_inputs, input_specs

X = InputSpec("x", (2, 3), "float32")
H = InputSpec("h", (2,), "int64")
SCALE = InputSpec("scale", (), "float32")


def zeros(*shape, dtype="float32"):
    return np.zeros(shape, dtype)


def refused(specs, data):
    with pytest.raises(InputError) as error:
        check_inputs(specs, data)
    return str(error.value)


def test_the_inputs_of_a_model(make_mlp):
    assert input_specs(from_onnx(make_mlp(3, 5, batch=4))) == [InputSpec("x", (4, 3), "float32")]


def test_arrays_come_in_the_order_of_the_inputs():
    data = {"scale": np.float32(7), "h": [1, 2], "x": zeros(2, 3)}
    x, h, scale = check_inputs([X, H, SCALE], data)
    assert (x.shape, h.tolist(), scale.item()) == ((2, 3), [1, 2], 7)


def test_one_array_is_the_only_input():
    assert check_inputs([X], zeros(4, 3))[0].shape == (4, 3)
    assert refused([X, H], zeros(2, 3)) == "one array for 2 inputs; give them by name: x, h"


def test_batches_are_cut_along_the_first_axis():
    x, h = np.arange(12, dtype=np.float32).reshape(4, 3), np.arange(4)
    scale = np.array(5, np.float32)
    first, second = batches([x, h, scale], [X, H, SCALE])
    assert [a.tolist() for a in first] == [x[:2].tolist(), [0, 1], 5]
    assert [a.tolist() for a in second] == [x[2:].tolist(), [2, 3], 5]


def test_batches_of_a_strided_array_are_contiguous():
    for batch in batches([zeros(3, 4).T], [X]):
        assert batch[0].flags.c_contiguous


def test_only_scalars_are_one_batch():
    assert len(list(batches([np.array(1.0)], [SCALE]))) == 1


@pytest.mark.parametrize(
    ("specs", "data", "message"),
    [
        ([X], {}, "input x: missing, give it"),
        ([X], {"x": zeros(2, 3), "y": 0}, "input y: no such input, leave it out"),
        ([H], {"h": zeros(2) + 0.5}, "input h: dtype float32 from 0.5 to 0.5, it must be int64"),
        (
            [X],
            zeros(3, 3),
            "input x: shape (3, 3), expected (2, 3) or several of them along the first axis",
        ),
        (
            [X],
            zeros(0, 3),
            "input x: shape (0, 3), expected (2, 3) or several of them along the first axis",
        ),
        (
            [X],
            zeros(2, 4),
            "input x: shape (2, 4), expected (2, 3) or several of them along the first axis",
        ),
        (
            [X],
            zeros(2),
            "input x: shape (2,), expected (2, 3) or several of them along the first axis",
        ),
        (
            [SCALE],
            zeros(3),
            "input scale: shape (3,), expected () or several of them along the first axis",
        ),
        (
            [X, H],
            {"x": zeros(4, 3), "h": zeros(2, dtype="int64")},
            "inputs hold different numbers of batches: [1, 2]; give as many of each",
        ),
        (
            [SCALE, X, H],
            {"z": 0, "x": zeros(2, 4), "h": zeros(2)},
            "input z: no such input, leave it out; input scale: missing, give it; input x: "
            "shape (2, 4), expected (2, 3) "
            "or several of them along the first axis; input h: dtype float32 from 0 to 0, it must "
            "be int64",
        ),
    ],
)
def test_what_does_not_fit_is_named(specs, data, message):
    assert refused(specs, data) == message
