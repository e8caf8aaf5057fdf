"""What scikit-learn exports to ONNX classifies like scikit-learn; ONNX Runtime sees each import."""

import warnings

import numpy as np
import pytest
from by_runtime import assert_models_agree, by_runtime
from on_llvm import on_llvm
from onnx import TensorProto, helper, numpy_helper

import eie_backend as eie
from eie_backend.errors import ModelError

pytest.importorskip("skl2onnx", reason="needs the extra `interop`")

from skl2onnx import to_onnx
from sklearn.datasets import load_digits
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge, RidgeClassifier
from sklearn.multiclass import OneVsRestClassifier
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, Normalizer, StandardScaler
from sklearn.svm import LinearSVC

pytestmark = pytest.mark.interop

X, DIGITS = load_digits(return_X_y=True)
X = X.astype(np.float32)
TRAINED, BATCH = 1200, 100
SEEN = X[TRAINED : TRAINED + BATCH]
ML = "ai.onnx.ml"

MAPS = (
    "model: output 'output_probability' is maps from classes to numbers: it becomes the tensor of "
    "the numbers, a column for each class"
)
TEXT = "model: output 'output_label' is text: it is left out; the largest number says the class"


def mlp(kind=MLPClassifier):
    return kind(hidden_layer_sizes=(24,), max_iter=40, random_state=0)


def exported(model, targets=DIGITS):
    """Return a trained model and its ONNX model, as scikit-learn's converter makes it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it could learn longer
        model.fit(X[:TRAINED], targets[:TRAINED])
        return model, to_onnx(model, X[:1])


def with_notes(proto):
    """Return the imported module, verified beside ONNX Runtime, and what was told."""
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        mod = eie.from_onnx(proto, {"X.0": BATCH})
    return mod, [str(one.message) for one in told if one.category is eie.ModelWarning]


def layers(mod):
    return {row.name: row.runs_on for row in eie.explain(mod) if row.is_layer}


CLASSIFIERS = {
    "mlp": (mlp, ["MatMul", "MatMul1"]),
    "logistic": (lambda: LogisticRegression(max_iter=60), ["LinearClassifier"]),
    "scaled": (
        lambda: make_pipeline(StandardScaler(), LogisticRegression(max_iter=60)),
        ["LinearClassifier"],
    ),
    "scaled_mlp": (lambda: make_pipeline(MinMaxScaler(), mlp()), ["MatMul", "MatMul1"]),
    "one_against_the_rest": (
        lambda: OneVsRestClassifier(LogisticRegression(max_iter=60)),
        [f"LinearClassifier{n or ''}" for n in range(10)],
    ),
}


@pytest.mark.sampled(3)
@pytest.mark.parametrize("name", CLASSIFIERS)
def test_classes_and_their_probabilities(name):
    make, names = CLASSIFIERS[name]
    model, proto = exported(make())
    mod, told = with_notes(proto)
    assert told == [MAPS]
    assert layers(mod) == dict.fromkeys(names, "machine")
    label, probabilities = on_llvm(mod, SEEN)
    np.testing.assert_array_equal(label, model.predict(SEEN))
    np.testing.assert_allclose(probabilities, model.predict_proba(SEEN), 1e-3, 1e-4)


@pytest.mark.parametrize("name", ["mlp", "logistic", "scaled"])
def test_on_the_machine(name):
    model, proto = exported(CLASSIFIERS[name][0]())
    mod, _ = with_notes(proto)
    machine, recipe = eie.HardwareConfig(codebook_bits=7), eie.Recipe(bits=7)
    compiled = eie.compile(mod, machine, recipe=recipe, arithmetic="float32", strict=True)
    label, probabilities = eie.run(compiled, SEEN)
    assert np.mean(label == model.predict(SEEN)) >= 0.99
    np.testing.assert_array_equal(probabilities.argmax(1), label)


@pytest.mark.parametrize("make", [mlp, CLASSIFIERS["scaled"][0]])
def test_classes_that_are_texts(make):
    model, proto = exported(make(), np.array([f"digit {one}" for one in DIGITS]))
    mod, told = with_notes(proto)
    assert told == [MAPS, TEXT]
    (probabilities,) = on_llvm(mod, SEEN)
    found = model.classes_[probabilities.argmax(1)]
    np.testing.assert_array_equal(found, model.predict(SEEN))


@pytest.mark.parametrize("make", [mlp, CLASSIFIERS["logistic"][0], LinearSVC])
def test_two_classes(make):
    model, proto = exported(make(), (DIGITS > 4).astype(np.int64) * 3 - 7)
    label, *_ = on_llvm(with_notes(proto)[0], SEEN)
    np.testing.assert_array_equal(label, model.predict(SEEN))


def test_networks_in_float64_stay_on_the_host():
    model = mlp()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        proto = to_onnx(model.fit(X[:TRAINED], DIGITS[:TRAINED]), X[:1].astype(np.float64))
    mod, _ = with_notes(proto)
    assert layers(mod) == {"MatMul": "host", "MatMul1": "host"}
    label, _ = on_llvm(mod, SEEN.astype(np.float64))
    np.testing.assert_array_equal(label, model.predict(SEEN))


@pytest.mark.parametrize("make", [LinearSVC, RidgeClassifier])
def test_classifiers_without_probabilities(make):
    model, proto = exported(make())
    mod, told = with_notes(proto)
    assert told == [] and layers(mod) == {"LinearClassifier": "machine"}
    label, scores = on_llvm(mod, SEEN)
    np.testing.assert_array_equal(label, model.predict(SEEN))
    np.testing.assert_allclose(scores, model.decision_function(SEEN), 1e-3, 1e-3)


@pytest.mark.parametrize(
    ("make", "names"),
    [
        (Ridge, ["LinearRegressor"]),
        (LinearRegression, ["LinearRegressor"]),
        (lambda: mlp(MLPRegressor), ["MatMul", "MatMul1"]),
        *(
            (lambda norm=norm: make_pipeline(Normalizer(norm), Ridge()), ["LinearRegressor"])
            for norm in ("l1", "l2", "max")
        ),
    ],
)
@pytest.mark.parametrize("targets", [DIGITS.astype(np.float32), np.eye(10)[DIGITS]])
def test_regressions(make, names, targets):
    model, proto = exported(make(), targets)
    mod, told = with_notes(proto)
    assert told == [] and layers(mod) == dict.fromkeys(names, "machine")
    (found,) = on_llvm(mod, SEEN)
    wanted = model.predict(SEEN).reshape(found.shape)
    np.testing.assert_allclose(found, wanted, 1e-3, 1e-3)


# Single operators


def one_node(
    operator, x, kind=TensorProto.FLOAT, results=("y",), opset=17, others=(), **attributes
):
    names = ["x", *(f"c{at}" for at in range(len(others)))]
    graph = helper.make_graph(
        [helper.make_node(operator, names, results, "it", domain=ML, **attributes)],
        "test",
        [helper.make_tensor_value_info("x", helper.np_dtype_to_tensor_dtype(x.dtype), x.shape)],
        [helper.make_tensor_value_info(results[-1], TensorProto.FLOAT, None)],
        [numpy_helper.from_array(one, name) for one, name in zip(others, names[1:], strict=True)],
    )
    opsets = [helper.make_opsetid("", opset), helper.make_opsetid(ML, 1)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8), {"x": x}


SMALL = np.array([[1.5, -2, 0], [0, 0, 0], [3, 4, 12], [-1, -2, -3]], np.float32)
COEFFICIENTS = np.random.default_rng(0).normal(size=6).astype(np.float32).tolist()


@pytest.mark.sampled(4)
@pytest.mark.parametrize("opset", [9, 17, 20])
@pytest.mark.parametrize("norm", ["L1", "L2", "MAX"])
@pytest.mark.parametrize("kind", [np.float32, np.int64, np.float64])
def test_normalizer(norm, opset, kind):
    assert_models_agree(*one_node("Normalizer", SMALL.astype(kind), opset=opset, norm=norm))


@pytest.mark.parametrize("kind", [np.float32, np.int64, np.float64])
def test_scaler(kind):
    for given in ([0.5, 1, -2], [0.25]):
        proto, feeds = one_node("Scaler", SMALL.astype(kind), offset=given, scale=given)
        assert_models_agree(proto, feeds)


def test_array_feature_extractor():
    at = np.array([[2, 0]], np.int64)
    assert_models_agree(*one_node("ArrayFeatureExtractor", SMALL, others=[at]))
    assert_models_agree(*one_node("ArrayFeatureExtractor", SMALL[0], others=[at]))


def test_binarizer():
    assert_models_agree(*one_node("Binarizer", SMALL, threshold=1.5))


@pytest.mark.parametrize("post_transform", ["NONE", "SOFTMAX", "LOGISTIC"])
def test_linear_classifier(post_transform):
    given = {"coefficients": COEFFICIENTS, "post_transform": post_transform}
    proto, feeds = one_node(
        "LinearClassifier", SMALL, results=["label", "y"], classlabels_ints=[3, 5],
        intercepts=[0.5, -0.5], **given,
    )  # fmt: skip
    assert_models_agree(proto, feeds)
    proto.graph.output.add(name="label").type.tensor_type.elem_type = TensorProto.INT64
    assert_models_agree(proto, feeds)


def test_linear_regressor():
    given = {"coefficients": COEFFICIENTS, "targets": 2}
    assert_models_agree(*one_node("LinearRegressor", SMALL, **given))
    assert_models_agree(*one_node("LinearRegressor", SMALL, intercepts=[1.0, 2.0], **given))


# Left alone, and so refused


@pytest.mark.parametrize(
    ("operator", "results", "attributes"),
    [
        ("LinearClassifier", ["l", "y"], {"post_transform": "PROBIT", "classlabels_ints": [0, 1]}),
        ("LinearClassifier", ["l", "y"], {"coefficients": [1.0] * 7, "classlabels_ints": [0, 1]}),
        ("LinearClassifier", ["l", "y"], {"intercepts": [1.0], "classlabels_ints": [0, 1]}),
        ("LinearRegressor", ["y"], {"post_transform": "SOFTMAX", "targets": 2}),
        ("TreeEnsembleRegressor", ["y"], {}),
    ],
)
def test_what_is_not_spelled_out(operator, results, attributes):
    attributes = {"coefficients": COEFFICIENTS, **attributes}
    if operator.startswith("Tree"):
        attributes = {}
    proto, _ = one_node(operator, SMALL, results=results, **attributes)
    said = rf"does not have ai\.onnx\.ml::{operator} \(node 'it'\)"
    with pytest.raises(ModelError, match=said):
        eie.from_onnx(proto, verify=False)


def test_a_text_that_is_the_only_result():
    proto, _ = one_node(
        "LinearClassifier", SMALL, results=["label", "y"], coefficients=COEFFICIENTS,
        intercepts=[0.0, 0.0], classlabels_strings=["a", "b"],
    )  # fmt: skip
    proto.graph.output[0].name = "label"
    proto.graph.output[0].type.tensor_type.elem_type = TensorProto.STRING
    with pytest.raises(ModelError, match="output 'label' is text; this machine"):
        eie.from_onnx(proto)


def test_a_list_of_maps_from_nowhere():
    proto, _ = one_node("Scaler", SMALL, offset=[0.0], scale=[1.0])
    proto.graph.node.append(helper.make_node("ZipMap", ["y"], [], domain=ML))
    with pytest.raises(ModelError):
        eie.from_onnx(proto)


def test_the_model_is_not_changed():
    _, proto = exported(CLASSIFIERS["logistic"][0]())
    before = proto.SerializeToString()
    with_notes(proto)
    assert proto.SerializeToString() == before
    assert len(by_runtime(proto, {"X": SEEN})) == 2
