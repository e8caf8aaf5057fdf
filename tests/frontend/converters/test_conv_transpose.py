"""ConvTranspose with drawn attributes: ONNX Runtime is the oracle."""

import numpy as np
import pytest
from by_runtime import assert_models_agree, by_runtime, one_node
from onnxruntime.capi.onnxruntime_pybind11_state import InvalidArgument


@pytest.mark.sampled(5)
@pytest.mark.parametrize("seed", range(20))
def test_drawn(seed):
    rng = np.random.default_rng(seed)
    rank, group = int(rng.integers(1, 4)), int(rng.integers(1, 3))
    kernel, dilations = rng.integers(1, 4, rank).tolist(), rng.integers(1, 3, rank).tolist()
    span = [(size - 1) * apart + 1 for size, apart in zip(kernel, dilations, strict=True)]
    strides = [int(rng.integers(1, size + 1)) for size in span]
    x = rng.normal(size=(2, 4, *rng.integers(3, 6, rank))).astype(np.float32)
    weights = rng.normal(size=(4, 3, *kernel)).astype(np.float32)
    inputs = [x, weights, rng.normal(size=3 * group).astype(np.float32)][: 2 + seed % 2]
    attributes = {"strides": strides, "dilations": dilations, "group": group}
    if seed % 4 == 0:
        attributes["auto_pad"] = ("SAME_UPPER", "SAME_LOWER")[seed // 4 % 2]
    elif seed % 4 == 1:
        natural = [(n - 1) * s + k for n, s, k in zip(x.shape[2:], strides, span, strict=True)]
        attributes["output_shape"] = [size + int(rng.integers(-2, 2)) for size in natural]
    else:
        attributes["pads"] = [int(rng.integers(size)) for size in span * 2]
        if seed % 4 == 2:
            attributes["output_padding"] = [int(rng.integers(step)) for step in strides]
    held = range(1, len(inputs))
    model, feeds = one_node("ConvTranspose", inputs, held, opset=13, **attributes)
    try:
        by_runtime(model, feeds)
    except InvalidArgument:  # some output shapes
        pytest.skip("ONNX Runtime refuses it")
    assert_models_agree(model, feeds)
