"""TVM warns about no block that an importer left open, whatever was wrong with the model."""

import gc

import pytest
from onnx import TensorProto, helper
from tvm import relax

import eie_backend as eie
from eie_backend.errors import ModelError
from eie_backend.frontend.open_blocks import ending_blocks


class Importer:
    """An importer that fails in the middle of a block, as TVM's do."""

    def __init__(self, held):
        self.held = held

    def run(self):
        self._fail(*([relax.BlockBuilder()] if self.held is None else []))

    def _fail(self, *local):
        builder = self.held or local[0]
        x = relax.Var("x", relax.TensorType([4], "float32"))
        with builder.function("main", [x]), builder.dataflow():
            raise LookupError("no such operator")


@pytest.mark.parametrize("make", [relax.BlockBuilder, lambda: None], ids=["attribute", "local"])
def test_the_blocks_of_a_builder_are_ended(make, capfd):
    with pytest.raises(LookupError) as error, ending_blocks():
        Importer(make()).run()
    del error
    gc.collect()
    assert capfd.readouterr() == ("", "")


def test_no_warning_follows_the_error_of_a_model(capfd):
    node = helper.make_node("Concat", ["x", "x"], ["y"], "joined", axis=5)
    x, y = (helper.make_tensor_value_info(n, TensorProto.FLOAT, [2, 4]) for n in "xy")
    graph = helper.make_graph([node], "graph", [x], [y])
    with pytest.raises(ModelError) as error:
        eie.from_onnx(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]))
    del error
    gc.collect()
    assert capfd.readouterr() == ("", "")
