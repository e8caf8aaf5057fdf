"""PyTorch models arrive with their values, their modules' names, and one-line errors."""

import sys
from collections import OrderedDict

import numpy as np
import pytest
from on_llvm import on_llvm

import eie_backend as eie
from eie_backend.codegen.library import programs
from eie_backend.errors import InputError, ModelError
from eie_backend.transform.attributes import with_attributes
from eie_backend.transform.dense_form import DenseForm
from eie_backend.transform.layers import dense_layers

WORD = 2.0**-15
"""Relative step of a 16-bit value whose range was measured."""


def test_pytorch_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.setitem(sys.modules, "torch.export", None)
    message = (
        r"^from_pytorch needs PyTorch; install it: pip install '\.\[torch\]' in eie's checkout$"
    )
    with pytest.raises(ModelError, match=message):
        eie.from_pytorch(None)


pytestmark = pytest.mark.torch
torch = pytest.importorskip("torch", reason="needs the extra `torch`")
nn = torch.nn


class LSTMCells(nn.Module):
    """A cell written out over its time steps, and a layer after the last."""

    def __init__(self):
        super().__init__()
        self.cell, self.head = nn.LSTMCell(6, 4), nn.Linear(4, 3)

    def forward(self, x):
        h = c = torch.zeros(x.shape[0], 4)
        for step in range(x.shape[1]):
            h, c = self.cell(x[:, step], (h, c))
        return self.head(h)


class GRUCells(nn.Module):
    def __init__(self):
        super().__init__()
        self.cell = nn.GRUCell(6, 4)

    def forward(self, x):
        h = torch.zeros(x.shape[0], 4)
        for step in range(x.shape[1]):
            h = self.cell(x[:, step], h)
        return h


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.q, self.k, self.v = (nn.Linear(8, 8, bias=False) for _ in range(3))

    def forward(self, x):
        return nn.functional.scaled_dot_product_attention(self.q(x), self.k(x), self.v(x))


class WeightsOnTheLeft(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(3, 6))

    def forward(self, x):
        return torch.relu(self.weight @ x)


def mlp():
    return nn.Sequential(nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 3, bias=False))


def flat(values):
    if isinstance(values, torch.Tensor):
        return [values.detach().numpy()]
    return [array for value in values for array in flat(value)]


def reference(model, x):
    with torch.no_grad():
        return flat(model.eval()(x))


def close(found, expected, tolerance=1e-5):
    assert len(found) == len(expected)
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=tolerance, atol=tolerance)


MODELS = {
    "mlp": (mlp, (2, 6), {"layer_0": (5, 6, 1), "layer_2": (3, 5, 1)}),
    "batched": (mlp, (2, 3, 6), {"layer_0": (5, 6, 1), "layer_2": (3, 5, 1)}),
    "vector": (mlp, (6,), {"layer_0": (5, 6, 1), "layer_2": (3, 5, 1)}),
    "left": (WeightsOnTheLeft, (6, 2), {"weightsontheleft": (3, 6, 1)}),
    "lstm": (
        lambda: nn.LSTM(6, 4, num_layers=2, batch_first=True),
        (2, 5, 6),
        {"lstm_l0": (16, 10, 1), "lstm_l1": (16, 8, 1)},
    ),
    "bidirectional": (
        lambda: nn.LSTM(6, 4, bidirectional=True),
        (3, 2, 6),
        {"lstm_l0": (16, 10, 1), "lstm_l0_reverse": (16, 10, 1)},
    ),
    "gru": (lambda: nn.GRU(6, 4), (3, 2, 6), {"gru_ih_l0": (12, 6, 1), "gru_hh_l0": (12, 4, 1)}),
    "rnn": (lambda: nn.RNN(6, 4), (3, 2, 6), {"rnn_l0": (4, 10, 1)}),
    "lstm cells": (LSTMCells, (2, 3, 6), {"cell": (16, 10, 3), "head": (3, 4, 1)}),
    "gru cells": (GRUCells, (2, 3, 6), {"cell_ih": (12, 6, 3), "cell_hh": (12, 4, 2)}),
    "attention": (Attention, (2, 3, 8), {"q": (8, 8, 1), "k": (8, 8, 1), "v": (8, 8, 1)}),
    "transformer": (
        lambda: nn.TransformerEncoderLayer(16, 4, 32, batch_first=True),
        (2, 3, 16),
        {
            "self_attn_in_proj": (48, 16, 1),
            "self_attn_out_proj": (16, 16, 1),
            "linear1": (32, 16, 1),
            "linear2": (16, 32, 1),
        },
    ),
}


@pytest.mark.parametrize("name", MODELS)
def test_values_and_names(name, capfd):
    make, shape, layers = MODELS[name]
    torch.manual_seed(0)
    model, x = make(), torch.randn(shape)
    mod = eie.from_pytorch(model, x)
    assert {one.name: (*one.weights.shape, len(one.uses)) for one in dense_layers(mod)} == layers
    assert model.training
    close(on_llvm(mod, x), reference(model, x))
    assert capfd.readouterr().err == ""


# On the machine


def small_codebook(model):
    """Give every matrix of a model at most 15 values, so that only formats round."""
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim == 2:
                parameter.copy_(torch.round(parameter * 7 / parameter.abs().max()) / 16)
    return model


def on_machine(model, x, arithmetic):
    mod = eie.from_pytorch(model, x)
    library = eie.compile(mod, calibration=x.numpy(), arithmetic=arithmetic)
    return mod, library, eie.profile(library, x.numpy())


RECURRENT_AND_TRANSFORMER = {
    "lstm": (lambda: nn.LSTM(24, 16, num_layers=2, batch_first=True), (2, 5, 24), 2, 10),
    "transformer": (
        lambda: nn.TransformerEncoderLayer(64, 4, 128, batch_first=True),
        (1, 6, 64),
        4,
        6,
    ),
}


@pytest.mark.parametrize("arithmetic", ["float32", "int16"])
@pytest.mark.parametrize("name", RECURRENT_AND_TRANSFORMER)
def test_an_lstm_and_a_transformer_block_run_on_the_machine(name, arithmetic):
    make, shape, layers, vectors = RECURRENT_AND_TRANSFORMER[name]
    torch.manual_seed(0)
    model, x = small_codebook(make()), torch.randn(shape)
    mod, library, report = on_machine(model, x, arithmetic)
    found, expected = report.outputs, reference(model, x)
    if arithmetic == "float32":
        close(found, expected, 2e-5)
    else:
        # A layer rounds input, weights and output to half a step each, relative to the largest:
        # with s its largest sum of |w x| (the calibrated partial sum), at most 3/2 steps of s.
        # Layers one after another add their errors up; sigmoid, tanh and softmax shrink them, and
        # factor 2 is allowed for what normalisation stretches, to first order.
        table = mod_ranges(mod, x)
        depth = layers * (shape[1] if name == "lstm" else 1)
        bound = depth * 1.5 * WORD * 2 * max(table.values())
        for ours, theirs in zip(found, expected, strict=True):
            assert np.abs(ours - theirs).max() <= bound
        assert bound < 0.05
        assert set(report.saturations.values()) == {0}
    assert len(report.layers) == layers
    assert all(layer.cycles_per_sample > 0 for layer in report.layers)
    assert {layer.samples * layer.vectors for layer in report.layers} == {vectors}
    assert len(programs(library)) == layers


def mod_ranges(mod, x):
    """Return the largest partial sum of each layer."""
    found = eie.calibrate(mod, x.numpy()).attrs["eie.calibration"]
    return {str(name): float(ranges["partial_sum"]) for name, ranges in found.items()}


def test_a_recipe_names_merged_layers():
    mod = eie.from_pytorch(nn.LSTM(6, 4), torch.randn(3, 2, 6))
    compressed = eie.compress(mod, eie.Recipe(density={"lstm_*": 0.25}))
    (layer,) = dense_layers(compressed)
    assert (layer.name, len(layer.uses)) == ("lstm_l0", 1)
    assert np.count_nonzero(layer.weights) == layer.weights.size // 4


@pytest.mark.parametrize(
    "called", ["lstm_ih_l0", "lstm_hh_l0", "weight_ih_l0", "weight_hh_l0", "weight_?h_l0"]
)
def test_a_recipe_may_name_the_parts_of_merged_layers(called):
    mod = eie.from_pytorch(nn.LSTM(6, 4, num_layers=2), torch.randn(3, 2, 6))
    first, second = dense_layers(eie.compress(mod, eie.Recipe(density={called: 0.25})))
    assert np.count_nonzero(first.weights) == first.weights.size // 4
    assert np.count_nonzero(second.weights) > 0.9 * second.weights.size
    assert first.aliases == ("lstm_ih_l0", "weight_ih_l0", "lstm_hh_l0", "weight_hh_l0")


def test_a_recipe_may_name_modules_and_parameters():
    model = nn.Sequential(OrderedDict(encoder=nn.Sequential(nn.Linear(6, 5), nn.Linear(5, 4))))
    mod = eie.from_pytorch(model, torch.randn(2, 6))
    for called in ("encoder_1", "encoder.1", "encoder.1.weight", "encoder.[1-9]"):
        first, second = dense_layers(eie.compress(mod, eie.Recipe(density={called: 0.25})))
        assert np.count_nonzero(first.weights) == first.weights.size
        assert np.count_nonzero(second.weights) == second.weights.size // 4


# Exported programs and dynamic dimensions


def exported(model, x, **options):
    return torch.export.export(model, (x,), **options)


def test_an_exported_program_equals_its_module():
    model, x = mlp(), torch.randn(2, 6)
    program = exported(model.eval(), x)
    assert [one.name for one in dense_layers(eie.from_pytorch(program))] == ["layer_0", "layer_2"]
    close(on_llvm(eie.from_pytorch(program), x), reference(model, x))


def test_a_dynamic_batch_is_bound():
    model = mlp()
    dims = ({0: torch.export.Dim("batch")},)
    program = exported(model.eval(), torch.randn(2, 6), dynamic_shapes=dims)
    x = torch.randn(7, 6)
    mod = eie.from_pytorch(program, bind={"input.0": 7})
    close(on_llvm(mod, x), reference(model, x))
    with pytest.raises(ModelError, match=r"^model: the machine needs static shapes, .*'input.0'"):
        eie.from_pytorch(program)


def test_the_hash_tells_weights_apart():
    x = torch.randn(2, 6)
    first, second = mlp(), mlp()
    hashes = [
        str(eie.from_pytorch(model, x).attrs["eie.model_sha256"])
        for model in (first, first, second)
    ]
    assert hashes[0] == hashes[1] != hashes[2]


# Faults


class Unknown(nn.Module):
    def forward(self, x):
        return torch.linalg.svd(x)[0]


def test_an_operator_that_the_importer_does_not_know(capfd):
    message = (
        r"^model: node '\w*svd' \(\w*linalg_svd\.default\): TVM's PyTorch importer does not have "
    )
    with pytest.raises(ModelError, match=message) as caught:
        eie.from_pytorch(Unknown(), torch.randn(2, 5))
    assert "\n" not in str(caught.value)
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("kind", ["half", "bfloat16", "double"])
def test_a_module_of_another_precision(kind):
    layer, x = nn.Linear(5, 3), torch.randn(2, 5)
    with pytest.raises(ModelError, match=r"; call model\.float\(\), and give inputs in float32$"):
        eie.from_pytorch(getattr(layer, kind)(), getattr(x, kind)())
    eie.from_pytorch(layer.float(), x.float())


class Scaled(nn.Module):
    def forward(self, x, scale=None):
        return x if scale is None else x * scale


@pytest.mark.parametrize("scale", [None, 3, 2.5])
def test_an_example_that_is_no_tensor(scale):
    with pytest.raises(ModelError) as error:
        eie.from_pytorch(Scaled(), (torch.randn(2, 5), scale))
    assert str(error.value) == (
        f"model: input 'scale' is {scale}, examples are tensors; make what else forward() takes a "
        "constant of the module"
    )


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (
            lambda x: torch.cond(x.sum() > 0, torch.neg, torch.abs, (x,)),
            "node 'cond' (cond): branches and loops that data decide do not run; choose before the "
            "export",
        ),
        (
            lambda x: torch.neg(x[x > 0]),
            "node 'index' (index.Tensor): the shape of its result depends on data; compute it "
            "before the model, or after it",
        ),
        (
            lambda x: x.to(torch.complex64).abs(),
            "node '_to_copy' (_to_copy.default) of float32 (2, 5): TVM's converter of it fails "
            "(input_type torch.complex64 is not handled yet); use other operators",
        ),
        (
            lambda x: torch.special.i0(x) + torch.erfinv(x),
            "node 'i0' (i0.default), node 'erfinv' (erfinv.default): TVM's PyTorch importer does "
            "not have it; use other operators",
        ),
    ],
)
def test_what_is_refused_names_its_nodes(function, message):
    class Of(nn.Module):
        def forward(self, x):
            return function(x)

    with pytest.raises(ModelError) as caught:
        eie.from_pytorch(Of(), torch.randn(2, 5))
    assert str(caught.value) == f"model: {message}"


def test_an_example_that_does_not_fit(capfd):
    with pytest.raises(ModelError, match=r"^model: torch.export fails: .*\[2, 5\]") as caught:
        eie.from_pytorch(mlp(), torch.randn(2, 5))
    assert "\n" not in str(caught.value)
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(
    ("model", "example", "got"),
    [(mlp(), None, "Sequential without an example"), ("model.pt", torch.zeros(1), "str")],
)
def test_other_arguments(model, example, got):
    with pytest.raises(ModelError) as caught:
        eie.from_pytorch(model, example)
    assert str(caught.value) == (
        f"from_pytorch: got {got}; give a module with an example input, or an exported program"
    )


@pytest.mark.parametrize("example", [3, "x", [1.0, 2.0], ()])
def test_an_example_without_tensors(example):
    with pytest.raises(ModelError, match=r"example \(\w+\) holds no tensor; give the module's"):
        eie.from_pytorch(mlp(), example)


@pytest.mark.parametrize(("winograd", "layers"), [("never", 1), ("always", 16)])
def test_how_convolutions_are_lowered_is_chosen_after_the_import(winograd, layers):
    model = nn.Sequential(OrderedDict(conv=nn.Conv2d(2, 4, 3, padding=1), relu=nn.ReLU()))
    x = torch.rand(1, 2, 8, 8)
    mod = eie.from_pytorch(model, x)
    names = [
        layer.name for layer in dense_layers(DenseForm()(with_attributes(mod, winograd=winograd)))
    ]
    assert len(names) == layers
    assert all(name.startswith("conv") for name in names)


FROM_THE_END = {
    "select": lambda x: x[:, -1],
    "range": lambda x: x[:, -3:-1],
    "first axis": lambda x: x[-1],
    "indices": lambda x: x[:, torch.tensor([-1, 0])],
    "indices of two axes": lambda x: x[torch.tensor([-1, 0]), torch.tensor([2, -2])],
    "list": lambda x: x[..., [-1, -2, -3, -4]],
    "narrow": lambda x: x.narrow(1, -2, 1),
    "unbind": lambda x: x.unbind(1)[-1],
    "gather": lambda x: torch.gather(x, 1, torch.full((2, 1, 4), 4)),
}


@pytest.mark.parametrize("how", FROM_THE_END)
def test_indices_may_count_from_the_end(how):
    class Indexed(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = torch.nn.Linear(4, 3, bias=False)
            with torch.no_grad():
                self.layer.weight.copy_(torch.tensor(np.eye(3, 4, dtype=np.float32)))

        def forward(self, x):
            return self.layer(FROM_THE_END[how](x))

    x = torch.arange(40.0).reshape(2, 5, 4) / 10
    model = Indexed().eval()
    mod = eie.from_pytorch(model, (x,))
    found = eie.run(eie.compile(mod, arithmetic="float32"), x.numpy())[0]
    np.testing.assert_array_equal(found, model(x).detach().numpy())


def test_an_index_that_is_an_input_is_checked():
    class Embedded(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.table, self.layer = torch.nn.Embedding(10, 4), torch.nn.Linear(4, 3)

        def forward(self, ids):
            return self.layer(self.table(ids))

    mod = eie.from_pytorch(Embedded().eval(), (torch.tensor([[1, 2, 9]]),))
    library = eie.compile(mod, arithmetic="float32")
    eie.run(library, np.array([[0, 9, 1]]))
    for bad in (10, -11, 10**9):
        with pytest.raises(InputError, match=r"\(take\): index .* is outside -10\.\.9"):
            eie.run(library, np.array([[0, bad, 1]]))
