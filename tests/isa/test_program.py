"""What a program says of its layers."""

import json
from dataclasses import replace

import pytest

import eie_backend as eie
from eie_backend.codegen.library import programs
from eie_backend.errors import ImageError
from eie_backend.isa.program import layer_names


@pytest.fixture(scope="module")
def program(make_mlp):
    (found,) = programs(eie.compile(eie.from_onnx(make_mlp(6, 5, 4))))
    return found


def saying(program, entry):
    return replace(program, manifest={**program.manifest, "aliases": entry})


def test_layers_have_the_other_names_that_the_manifest_notes(program):
    assert layer_names([program]) == {"fc1": (), "fc2": ()}
    noted = saying(program, json.dumps({"fc2": ["head", "größe"], "fc9": ["gone"]}))
    assert layer_names([noted]) == {"fc1": (), "fc2": ("head", "größe")}


@pytest.mark.parametrize("entry", ["", "{", "[]", "1", '{"fc1": 1}', 100_000 * "[", "null"])
def test_a_manifest_that_says_nothing_is_refused(program, entry):
    with pytest.raises(ImageError, match=r"the manifest's entry aliases is no JSON of names by"):
        layer_names([saying(program, entry)])
