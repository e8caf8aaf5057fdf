"""Transposed convolutions become products with spread inputs: TVM's own are the oracle."""

import numpy as np
import onnxruntime
import pytest
import tvm
from on_llvm import on_llvm
from onnx import TensorProto, helper, numpy_helper
from tvm import relax

import eie_backend as eie
from eie_backend.transform.layers import dense_layers
from eie_backend.transform.lower_convolutions import LowerConvolutions
from eie_backend.transform.normalize import Normalize

LAYOUTS = {1: ("NCW", "IOW"), 2: ("NCHW", "IOHW"), 3: ("NCDHW", "IODHW")}


def drawn(seed):
    """Return a module with one transposed convolution of small integers, and its input."""
    rng = np.random.default_rng(seed)
    rank, groups = int(rng.integers(1, 4)), int(rng.integers(1, 3))
    kernel = rng.integers(1, 4, rank)
    strides, dilation = (rng.integers(1, 4, rank) for _ in range(2))
    more = [int(rng.integers(step)) for step in strides]
    reach = (kernel - 1) * dilation
    pads = [int(rng.integers(size + 1)) for size in [*reach, *reach]]
    x = rng.integers(-5, 6, (2, 2 * groups, *rng.integers(3, 6, rank))).astype(np.float32)
    weights = rng.integers(-5, 6, (2 * groups, 3, *kernel)).astype(np.float32)
    data, kernels = LAYOUTS[rank]
    builder = relax.BlockBuilder()
    var = relax.Var("x", relax.TensorType(x.shape, "float32"))
    options = {"groups": groups, "data_layout": data, "kernel_layout": kernels}
    with builder.function("main", [var]):
        with builder.dataflow():
            value = getattr(relax.op.nn, f"conv{rank}d_transpose")(
                var,
                relax.const(weights),
                strides.tolist(),
                pads,
                more,
                dilation.tolist(),
                **options,
            )
            out = builder.emit_output(builder.emit(value, "up"))
        builder.emit_func_output(out)
    return Normalize()(builder.get()), x


@pytest.mark.sampled(4)
@pytest.mark.parametrize("seed", range(24))
def test_drawn(seed):
    mod, x = drawn(seed)
    lowered = LowerConvolutions()(mod)
    (layer,) = dense_layers(lowered)
    assert layer.source in ("up", "gv")
    np.testing.assert_array_equal(on_llvm(lowered, x)[0], on_llvm(mod, x)[0])


def decoder(stride=2, kernel=4):
    rng = np.random.default_rng(0)
    weights = (rng.normal(size=(6, 4, kernel, kernel)) / 8).astype(np.float32)
    values = {"w": weights, "b": np.ones(4, np.float32)}
    nodes = [
        helper.make_node(
            "ConvTranspose", ["x", "w", "b"], ["h"], "up", strides=[stride] * 2, pads=[1] * 4
        ),
        helper.make_node("Relu", ["h"], ["y"], "relu"),
    ]
    graph = helper.make_graph(
        nodes,
        "decoder",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 6, 5, 5])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(value, name) for name, value in values.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def test_a_decoder_runs_on_the_machine():
    model, x = decoder(), np.random.default_rng(1).normal(size=(1, 6, 5, 5)).astype(np.float32)
    mod = eie.from_onnx(model)
    assert {(row.name, row.runs_on, row.layer) for row in eie.explain(mod) if row.is_layer} == {
        ("up", "machine", "up")
    }
    prepared = eie.compress(mod, eie.Recipe())
    library = eie.compile(prepared, arithmetic="float32", strict=True)
    machine = relax.VirtualMachine(library, tvm.cpu())
    found = machine["main"](tvm.runtime.tensor(x)).numpy()
    np.testing.assert_allclose(found, on_llvm(prepared, x)[0], rtol=1e-5, atol=1e-6)
    session = onnxruntime.InferenceSession(model.SerializeToString())
    (wanted,) = session.run(None, {"x": x})
    assert np.abs(found - wanted).max() < 0.2 * np.abs(wanted).max()  # few values


def test_the_zeros_between_cost_no_products():
    """Each input value meets each weight that it would in a matrix for each phase, and no more."""
    x = np.ones((1, 6, 5, 5), np.float32)
    report = eie.profile(eie.compile(eie.from_onnx(decoder()), eie.HardwareConfig(num_pe=1)), x)
    (layer,) = report.layers
    # Of a kernel of 4 and a stride of 2, padded by 1, 18 of 20 taps per axis meet a value.
    assert layer.counters["entries"] == 18 * 18 * 6 * 4
