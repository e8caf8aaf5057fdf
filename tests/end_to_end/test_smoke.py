"""The whole path in miniature: seconds, for every change."""

import numpy as np
import onnx
import pytest

import eie_backend as eie
from eie_backend.cli import main
from eie_backend.transform.layers import dense_layers

pytestmark = pytest.mark.smoke


@pytest.fixture(scope="module")
def model(make_mlp):
    return make_mlp(24, 16, 10, batch=4)


@pytest.fixture(scope="module")
def x():
    return np.random.default_rng(1).normal(size=(4, 24)).astype(np.float32)


@pytest.fixture(scope="module")
def expected(model, x):
    """Return what NumPy computes from the compressed weights and the biases of the ONNX file."""
    tensors = {t.name: onnx.numpy_helper.to_array(t) for t in model.graph.initializer}
    fc1, fc2 = (layer.weights for layer in dense_layers(eie.compress(eie.from_onnx(model))))
    hidden = np.maximum(x @ fc1.T + tensors["fc1.bias"], 0)
    return hidden @ fc2.T + tensors["fc2.bias"]


@pytest.mark.parametrize(("arithmetic", "tolerance"), [("float32", 1e-4), ("int16", 0.02)])
def test_compiled_model_computes_what_numpy_does(model, x, expected, arithmetic, tolerance):
    mod = eie.from_onnx(model)
    compiled = eie.compile(mod, recipe=eie.Recipe(), calibration=x, arithmetic=arithmetic)
    report = eie.profile(compiled, x)
    np.testing.assert_allclose(report.outputs[0], expected, atol=tolerance, rtol=1e-3)
    assert [layer.name for layer in report.layers] == ["fc1", "fc2"]
    assert all(layer.min_cycles > 0 for layer in report.layers)


def test_one_encoded_matrix_computes_what_numpy_does():
    codes = np.random.default_rng(2).integers(0, 4, (9, 7), np.uint8)
    codebook = np.array([0, 0.5, -1, 2], np.float32)
    config = eie.HardwareConfig(num_pe=4)
    activations = np.arange(7, dtype=np.float32) - 3
    run = eie.simulate(eie.encode(codes, codebook, config), activations, config)
    np.testing.assert_array_equal(run.output, codebook[codes] @ activations)
    assert run.cycles > 0


def test_command_line_compiles_and_runs(model, x, expected, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    onnx.save(model, "mlp.onnx")
    np.save("x.npy", x)
    for command in (
        "compile mlp.onnx -o mlp.so --calibrate x.npy",
        "run mlp.so --input x.npy -o y.npy",
    ):
        monkeypatch.setattr("sys.argv", ["eie", *command.split()])
        with pytest.raises(SystemExit) as leaving:
            main()
        assert leaving.value.code == 0
    np.testing.assert_allclose(np.load("y.npy"), expected, atol=0.02, rtol=1e-3)
