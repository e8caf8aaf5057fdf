"""LSTM, GRU and RNN with drawn attributes and operands: ONNX Runtime is the oracle."""

import numpy as np
import onnxruntime
import pytest
from by_runtime import assert_models_agree, by_runtime, imported
from onnx import helper
from onnx.reference import ReferenceEvaluator
from recurrent_nodes import GATES, recurrent

import eie_backend as eie
from eie_backend.errors import InputError, ModelError

ACTIVATIONS = {
    "Affine": 2,
    "Elu": 1,
    "HardSigmoid": 2,
    "LeakyRelu": 1,
    "Relu": 0,
    "ScaledTanh": 2,
    "Sigmoid": 0,
    "Softplus": 0,
    "Softsign": 0,
    "Tanh": 0,
    "ThresholdedRelu": 1,
}
"""With how many of `alpha` and `beta` they take."""

PER_CELL = {"LSTM": 3, "GRU": 2, "RNN": 1}


def drawn(seed):
    """Return a model and its inputs, of any operator, direction and operands."""
    rng = np.random.default_rng(seed)
    operator = [*GATES][seed % 3]
    directions = int(rng.integers(1, 3))
    found = {"directions": directions, "seed": seed}
    found["steps"], found["batch"] = map(int, rng.integers(1, 7, 2))
    found["given"] = [name for name in ("B",) if rng.integers(4)]
    found["fed"] = [name for name in ("initial_h",) if rng.integers(2)]
    if operator == "LSTM":
        found["fed"] += [name for name in ("initial_c",) if rng.integers(2)]
        found["given"] += [name for name in ("P",) if rng.integers(2)]
        found["input_forget"] = int(rng.integers(4) == 0)
    if operator == "GRU":
        found["linear_before_reset"] = int(rng.integers(2))
    if rng.integers(2):
        found["lengths"] = rng.integers(1, found["steps"] + 1, found["batch"]).tolist()
        found["given" if rng.integers(2) else "fed"].append("sequence_lens")
    if rng.integers(3) == 0:
        found["clip"] = float(rng.uniform(0.1, 1))
    if directions == 1 and rng.integers(2):
        found["direction"] = "reverse"
    if rng.integers(2):
        names = [*ACTIVATIONS]
        picked = [names[n] for n in rng.integers(len(names), size=PER_CELL[operator] * directions)]
        found["activations"] = picked
        takers = {"alpha": 1, "beta": 2}
        for which, least in takers.items():
            count = sum(ACTIVATIONS[name] >= least for name in picked)
            if count:
                found[f"activation_{which}"] = rng.uniform(0.1, 0.9, count).tolist()
    return recurrent(operator, **found)


@pytest.mark.sampled(30)
@pytest.mark.parametrize("seed", range(90))
def test_drawn_nodes(seed):
    assert_models_agree(*drawn(seed))


@pytest.mark.parametrize("operator", GATES)
def test_the_batch_first(operator):
    """ONNX Runtime does not have it: its definition is the oracle."""
    model, feeds = recurrent(operator, directions=2, fed=["initial_h"], layout=1)
    wanted = ReferenceEvaluator(model).run(None, feeds)
    for one, other in zip(imported(model, feeds), wanted, strict=True):
        assert one.shape == other.shape
        np.testing.assert_allclose(one, other, 1e-5, 1e-6)


@pytest.mark.parametrize("name", ["Affine", "ScaledTanh", "ThresholdedRelu"])
def test_activations_whose_defaults_are_uncertain(name):
    model, _ = recurrent("RNN", activations=[name])
    with pytest.raises(ModelError, match=rf"'rec' \(RNN\): activation {name} has no alpha, for"):
        eie.from_onnx(model)


@pytest.mark.parametrize("name", ["Elu", "HardSigmoid", "LeakyRelu"])
def test_activations_with_defaults(name):
    assert_models_agree(*recurrent("RNN", activations=[name]))


def test_an_activation_that_nobody_knows():
    model, _ = recurrent("RNN", activations=["Gelu"])
    with pytest.raises(ModelError, match=r"activation Gelu, it must be one of affine, elu"):
        eie.from_onnx(model)


def test_shapes_that_do_not_agree():
    model, _ = recurrent("LSTM", given=["B", "P"])
    for tensor in model.graph.initializer:
        if tensor.name in ("B", "P"):
            tensor.CopyFrom(helper.make_tensor(tensor.name, 1, [1, 3], [0.0] * 3))
    with pytest.raises(ModelError) as caught:
        eie.from_onnx(model, verify=False)
    assert "B has shape [1, 3], it must be [1, 32]; P has shape [1, 3], it must be [1, 12]" in str(
        caught.value
    )


def test_more_steps_than_a_module_should_have():
    model, _ = recurrent("RNN", steps=4097, batch=1, inputs=1, hidden=1)
    with pytest.raises(ModelError, match=r"its sequence has 4,097 steps, it must have at most"):
        eie.from_onnx(model)


@pytest.mark.sampled(3)
@pytest.mark.parametrize("operator", GATES)
def test_a_sequence_without_any_step(operator):
    """ONNX Runtime gives zeros, not the initial state."""
    states = ["initial_h", "initial_c"] if operator == "LSTM" else ["initial_h"]
    for where in ("given", "fed"):
        options = {where: [*states, "sequence_lens"], "lengths": [0, 3, 5], "directions": 2}
        assert_models_agree(*recurrent(operator, batch=3, **options))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"lengths": [2, 9], "given": ["sequence_lens"]},
            r"sequence_lens has \[9\], each must be in",
        ),
        (
            {"lengths": [-1, 2], "given": ["sequence_lens"]},
            r"sequence_lens has \[-1\], each must be",
        ),
        ({"clip": -1.0}, "clip is -1, it must be greater than 0"),
        ({"clip": 0.0}, "clip is 0, it must be greater than 0"),
        ({"layout": 2}, "layout is 2, it must be one of 0, 1"),
    ],
)
def test_attributes_out_of_range(options, message):
    with pytest.raises(ModelError, match=message):
        eie.from_onnx(recurrent("LSTM", **options)[0], verify=False)


@pytest.mark.parametrize("wrong", [-1, 6])
def test_a_length_of_no_sequence_is_refused(wrong):
    """ONNX Runtime refuses it, too."""
    model, feeds = recurrent("GRU", directions=2, lengths=[2, 5], fed=["sequence_lens"])
    given = {**feeds, "sequence_lens": np.array([2, wrong], np.int32)}
    with pytest.raises(Exception, match=r"sequence_lens\. All values must be >= 0 and <="):
        by_runtime(model, given)
    with pytest.raises(InputError, match=rf"_sequence_lens .*index {wrong} at .1. is outside 0..5"):
        imported(model, given)


def test_states_go_in_and_out():
    """A sequence in two halves, the second with the states of the first, is the sequence."""
    model, feeds = recurrent("LSTM", steps=6, fed=["initial_h", "initial_c"])
    half, _ = recurrent("LSTM", steps=3, fed=["initial_h", "initial_c"])
    whole = by_runtime(model, feeds)
    first = imported(half, {**feeds, "X": feeds["X"][:3]})
    states = {"initial_h": first[1], "initial_c": first[2]}
    second = imported(half, {"X": feeds["X"][3:], **states})
    np.testing.assert_allclose(np.concatenate([first[0], second[0]]), whole[0], 1e-5, 1e-6)
    for one, other in zip(second[1:], whole[1:], strict=True):
        np.testing.assert_allclose(one, other, 1e-5, 1e-6)


def test_layers_are_called_after_the_node():
    def layers(*args, **kwargs):
        placed = eie.explain(eie.from_onnx(recurrent(*args, **kwargs)[0]))
        return list(dict.fromkeys(row.layer for row in placed if row.layer))

    assert layers("LSTM", directions=2) == ["rec", "rec_reverse"]
    assert layers("GRU") == ["rec_gates", "rec_candidate"]
    assert layers("GRU", linear_before_reset=1) == ["rec_ih", "rec_hh"]
    assert layers("RNN", steps=1, fed=["initial_h"]) == ["rec"]


def test_the_session_of_a_model_that_another_exporter_wrote(tmp_path):
    """Names that ONNX allows and identifiers do not: slashes, dots and none at all."""
    model, feeds = recurrent("LSTM", head=3)
    model.graph.node[0].name = "/encoder/rnn.0/LSTM"
    model.graph.node[1].name = ""
    onnxruntime.InferenceSession(model.SerializeToString())
    assert_models_agree(model, feeds)
