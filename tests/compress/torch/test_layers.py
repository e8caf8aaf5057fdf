"""Which modules are layers, what a recipe may call them, and what cannot be one."""

import pytest

pytestmark = pytest.mark.torch
torch = pytest.importorskip("torch", reason="needs the extra `torch`")

from torch.nn.utils import prune  # noqa: E402

from eie_backend.compress.torch.layers import find_layers  # noqa: E402
from eie_backend.errors import ModelError  # noqa: E402

nn = torch.nn


def test_linear_layers_and_convolutions_of_any_rank():
    model = nn.Sequential(
        nn.Conv1d(2, 3, 3),
        nn.ModuleDict({"body": nn.Sequential(nn.Conv2d(4, 6, 3, groups=2), nn.BatchNorm2d(6))}),
        nn.Conv3d(1, 2, 2),
        nn.Linear(5, 4),
        nn.Embedding(3, 3),
    )
    found = [(one.name, *one.aliases, one.kind, one.matrix.shape) for one in find_layers(model)]
    assert found == [
        ("layer_0", "0", "@conv", (3, 6)),
        ("layer_1_body_0", "1.body.0", "@conv", (6, 18)),
        ("layer_2", "2", "@conv", (2, 8)),
        ("layer_3", "3", "@dense", (4, 5)),
    ]


def test_the_names_are_those_of_from_pytorch():
    import eie_backend as eie
    from eie_backend.transform.dense_form import DenseForm
    from eie_backend.transform.layers import dense_layers

    model = nn.Sequential(nn.Linear(4, 4))
    model.encoder = nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2))
    model.encoder_0 = nn.Linear(2, 2)
    imported = DenseForm()(eie.from_pytorch(model, torch.zeros(1, 4)))
    names = [layer.names for layer in find_layers(model)]
    assert [layer.names for layer in dense_layers(imported)] == names
    assert [name for name, *_ in names] == ["layer_0", "encoder_0", "encoder_2", "encoder_0_1"]
    found = [layer.aliases for layer in dense_layers(imported)]
    assert found == [("0",), ("encoder.0",), ("encoder.2",), ("encoder_0.weight",)]


def test_a_model_may_be_a_layer():
    (layer,) = find_layers(nn.Linear(2, 2))
    assert (layer.names, layer.aliases) == (("linear", "linear", "@dense"), ())


def test_a_module_used_twice_is_one_layer():
    module = nn.Linear(2, 2)
    assert [layer.name for layer in find_layers(nn.Sequential(module, module))] == ["layer_0"]


def test_everything_that_is_wrong_is_said_at_once():
    model = nn.ModuleDict({name: nn.Linear(3, 3) for name in ("tied", "tie", "norm", "old", "nan")})
    model["tie"].weight = model["tied"].weight
    nn.utils.parametrizations.weight_norm(model["norm"])
    prune.l1_unstructured(model["old"], "weight", 3)
    model["nan"].weight.data[0, 0] = float("nan")
    model["lazy"] = nn.LazyLinear(3)
    with pytest.raises(ModelError) as caught:
        find_layers(model)
    assert str(caught.value).split("; ") == [
        "tied: its weight is tied (tied.weight = tie.weight): pruning one would change the other",
        "give it a copy: nn.Parameter(weight.detach().clone())",
        "tie: its weight is tied (tied.weight = tie.weight): pruning one would change the other",
        "give it a copy: nn.Parameter(weight.detach().clone())",
        "norm: its weight is parametrized already",
        "make it plain first: torch.nn.utils.parametrize.remove_parametrizations(module, 'weight')",
        "old: its weight is computed by a hook, such as those of torch.nn.utils.prune",
        "make it a plain parameter first: prune.remove(module, 'weight')",
        "nan: 1 of 9 weights are NaN or infinite",
        "repair them",
        "lazy: its weight is not initialised",
        "call the model once first",
    ]


def test_a_weight_tied_to_an_embedding():
    model = nn.ModuleDict({"embedding": nn.Embedding(5, 3), "decoder": nn.Linear(3, 5)})
    model["decoder"].weight = model["embedding"].weight
    with pytest.raises(ModelError, match=r"tied \(embedding.weight = decoder.weight\)"):
        find_layers(model)


def test_no_layers():
    with pytest.raises(ModelError, match=r"^model: no layer to compress; it needs one of nn.Lin"):
        find_layers(nn.ReLU())
