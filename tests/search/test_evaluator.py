"""`Evaluator`: accuracies with other weights equal those of a module built with them."""

import numpy as np
import pytest
import tvm
from tvm import relax

from eie_backend.compress.prune import prune
from eie_backend.errors import InputError, ModelError
from eie_backend.search.evaluator import Evaluator, top1
from eie_backend.transform.layers import map_weights


def test_scores_are_those_of_a_module_with_these_weights(small):
    mod, x, labels = small
    evaluator = Evaluator(mod, x, labels)
    for density in (1.0, 0.3):
        pruned = {layer.name: prune(layer.weights, density) for layer in evaluator.layers}
        built = tvm.compile(map_weights(mod, lambda name, _, p=pruned: p[name]), target="llvm")
        machine = relax.VirtualMachine(built, tvm.cpu())
        batches = x.reshape(-1, 50, 24)
        expected = [machine["main"](tvm.runtime.tensor(batch)).numpy() for batch in batches]
        scores = evaluator.scores(pruned)
        np.testing.assert_allclose(scores, np.concatenate(expected), rtol=1e-4, atol=1e-4)
        assert evaluator.accuracy(pruned) == np.mean(scores.argmax(axis=1) == labels)


def test_weights_that_are_not_given_stay(small):
    assert Evaluator(*small).accuracy({}) == 0.95


def test_a_metric_of_the_users(small):
    mod, x, _ = small
    shapes = []

    def metric(scores, labels):
        shapes.append((scores.shape, labels.shape))
        return 7

    evaluator = Evaluator(mod, x, np.zeros((200, 3)), metric)
    assert evaluator.accuracy({}) == 7.0
    assert shapes == [((200, 10), (200, 3))]


def test_the_digest_depends_on_weights_samples_labels_and_metric(small):
    mod, x, labels = small
    weights = {layer.name: layer.weights for layer in Evaluator(*small).layers}
    pruned = {**weights, "fc1": prune(weights["fc1"], 0.5)}
    digests = [
        Evaluator(mod, x, labels).digest(weights),
        Evaluator(mod, x, labels).digest(pruned),
        Evaluator(mod, x, (labels + 1) % 10).digest(weights),
        Evaluator(mod, x + 1, labels).digest(weights),
        Evaluator(mod, x, labels, lambda *_: 0.0).digest(weights),
    ]
    assert len(set(digests)) == 5
    assert Evaluator(mod, x, labels).digest(weights) == digests[0]


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (
            np.zeros(199, int),
            "labels: shape (199,), expected (200,): one for each sample of the data",
        ),
        (np.int64(3), "labels: shape (), expected (200,): one for each sample of the data"),
        (
            np.zeros(200),
            "labels: float64 of shape (200,), expected integers of shape (200,): the class of each "
            "sample",
        ),
        (
            np.eye(10, dtype=int).repeat(20, axis=0),
            "labels: int64 of shape (200, 10), expected integers of shape (200,): the class of "
            "each sample",
        ),
        (
            np.repeat([3, 10, -1, 9], 50),
            "labels: 100 of 200 are outside 0..9, the model's classes; the first is 10, of sample "
            "50; correct them",
        ),
    ],
)
def test_labels_that_do_not_fit(small, labels, message):
    mod, x, _ = small
    with pytest.raises(InputError) as error:
        Evaluator(mod, x, labels)
    assert str(error.value) == message


def test_labels_at_the_limits(small):
    mod, x, _ = small
    Evaluator(mod, x, np.repeat([0, 9], 100).astype(np.uint8))


def test_a_model_without_layers():
    builder = relax.BlockBuilder()
    x = relax.Var("x", relax.TensorType((2, 3), "float32"))
    with builder.function("main", [x]):
        builder.emit_func_output(builder.emit(relax.op.nn.relu(x)))
    with pytest.raises(ModelError, match="no dense layer or convolution with constant weights"):
        Evaluator(builder.get(), np.zeros((2, 3), np.float32), np.zeros(2, int))


def test_top1():
    assert top1(np.array([[1, 2], [3, 0], [0, 1]]), np.array([1, 1, 1])) == pytest.approx(2 / 3)
