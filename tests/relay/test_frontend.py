"""``relay.frontend.from_onnx``: Relay's signature, this package's importer."""

import numpy as np
import pytest
import tvm

import eie_backend as eie
from eie_backend import relay
from eie_backend.errors import InputError


def test_the_module_is_the_importers_own_and_params_are_empty(make_mlp):
    model = make_mlp(24, 16, 10, batch=4)
    mod, params = relay.frontend.from_onnx(model)
    assert params == {}
    tvm.ir.assert_structural_equal(mod, eie.from_onnx(model))


def test_a_shape_takes_the_place_of_the_models(make_mlp):
    model = make_mlp(24, 16, 10, batch=4)
    untouched = model.SerializeToString()
    mod, _ = relay.frontend.from_onnx(model, {"x": (2, 24)})
    module = relay.GraphModule(relay.build(mod)["default"](tvm.cpu()))
    module.run(x=np.ones((2, 24), np.float32))
    assert tuple(module.get_output(0).shape) == (2, 10)
    assert model.SerializeToString() == untouched


def test_a_shape_of_no_input_is_refused(make_mlp):
    with pytest.raises(InputError) as error:
        relay.frontend.from_onnx(make_mlp(24, 10), {"image": (1, 24), "data": (1, 24)})
    assert str(error.value) == "shape of data, image: the model has no such input; it has x"
