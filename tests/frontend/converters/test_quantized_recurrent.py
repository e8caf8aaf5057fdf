"""DynamicQuantizeLSTM as ONNX Runtime's quantizer writes it: ONNX Runtime is the oracle."""

import logging

import numpy as np
import onnx
import pytest
from by_runtime import assert_models_agree, by_runtime
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import QuantType, quantize_dynamic
from recurrent_nodes import recurrent

import eie_backend as eie
from eie_backend.errors import ModelError


@pytest.fixture
def quantized(tmp_path):
    """Quantize a model."""

    def made(model, kind=QuantType.QInt8, per_channel=False):
        before, after = tmp_path / "before.onnx", tmp_path / "after.onnx"
        onnx.save(model, before)
        logging.disable(logging.WARNING)  # it asks for its own preprocessing
        try:
            quantize_dynamic(
                before, after, ["LSTM", "MatMul"], weight_type=kind, per_channel=per_channel
            )
        finally:
            logging.disable(logging.NOTSET)
        found = onnx.load(after)
        assert any(node.op_type == "DynamicQuantizeLSTM" for node in found.graph.node)
        return found

    return made


@pytest.mark.parametrize(
    ("kind", "per_channel", "options"),
    [
        (QuantType.QInt8, False, {"lengths": [5, 2, 3], "given": ["B", "sequence_lens"]}),
        (QuantType.QInt8, False, {"lengths": [2, 3, 1], "directions": 2, "fed": ["sequence_lens"]}),
        (QuantType.QInt8, True, {"directions": 2, "fed": ["initial_h", "initial_c"]}),
        (QuantType.QUInt8, False, {"direction": "reverse", "given": ["B", "P"]}),
        (QuantType.QUInt8, True, {"given": [], "clip": 0.5}),
    ],
)
def test_what_the_quantizer_writes(kind, per_channel, options, quantized):
    model, feeds = recurrent("LSTM", batch=3, inputs=6, hidden=8, **options)
    assert_models_agree(quantized(model, kind, per_channel), feeds)


def test_its_weights_and_those_behind_it_are_layers(quantized):
    model, feeds = recurrent("LSTM", steps=4, batch=2, inputs=6, hidden=8, head=3)
    proto = quantized(model)
    mod = eie.from_onnx(proto)
    layers = {row.layer for row in eie.explain(mod) if row.is_layer}
    assert layers == {"rec_quant", "fc_MatMul_quant"}
    machine, recipe = eie.HardwareConfig(codebook_bits=7), eie.Recipe(bits=7)
    compiled = eie.compile(mod, machine, recipe=recipe, arithmetic="float32", strict=True)
    (found,), (wanted,) = eie.run(compiled, feeds["X"]), by_runtime(proto, feeds)
    np.testing.assert_allclose(found, wanted, atol=0.01)


def test_a_shape_behind_it_is_known(quantized):
    """Its axes are counted from a shape that the model asks for."""
    model, feeds = recurrent("LSTM", steps=4, batch=2, inputs=6, hidden=8)
    proto = quantized(model)
    nodes = [
        helper.make_node("Shape", ["Y"], ["shape"], "shape", start=0, end=2),
        helper.make_node("Concat", ["shape", "rest"], ["wanted"], "wanted", axis=0),
        helper.make_node("Reshape", ["Y", "wanted"], ["flat"], "flat"),
    ]
    proto.graph.node.extend(nodes)
    proto.graph.initializer.append(numpy_helper.from_array(np.array([-1]), "rest"))
    del proto.graph.output[:]
    proto.graph.output.append(helper.make_tensor_value_info("flat", TensorProto.FLOAT, None))
    assert_models_agree(proto, feeds)


def test_weights_that_are_inputs(quantized):
    proto = quantized(recurrent("LSTM", batch=3, inputs=6, hidden=8)[0])
    (weights,) = (one for one in proto.graph.initializer if one.name == "W_quantized")
    proto.graph.initializer.remove(weights)
    proto.graph.input.append(
        helper.make_tensor_value_info("W_quantized", weights.data_type, [*weights.dims])
    )
    with pytest.raises(ModelError, match=r"'rec_quant'.*its weights W depend on data; make them"):
        eie.from_onnx(proto)


def test_scales_of_another_shape(quantized):
    proto = quantized(recurrent("LSTM", batch=3, inputs=6, hidden=8)[0])
    (scale,) = (one for one in proto.graph.initializer if one.name == "R_scale")
    scale.CopyFrom(numpy_helper.from_array(np.ones(3, np.float32), "R_scale"))
    message = r"R has shape \(1, 8, 32\), its scale \(3,\), its zero point \(1,\); R must be of"
    with pytest.raises(ModelError, match=message):
        eie.from_onnx(proto, verify=False)
