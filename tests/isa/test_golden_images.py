"""Images run as on the day they were written: results, cycles and counters, bit for bit.

A file ``NAME.json`` has calls of programs and what they returned; the images of these programs are
``NAME.version_N*.eieimg``. What an earlier release wrote is never written again.
"""

import json
from pathlib import Path

import numpy as np
import pytest
import tvm_ffi
from machines import load_image, profile

from eie_backend.isa.image import decode_image, encode_image
from eie_backend.isa.image.sections import VERSION
from eie_backend.isa.source_file import disassemble
from eie_backend.runtime import runtime

FOLDER = Path(__file__).parent / "golden_images"
NAMES = sorted(path.stem for path in FOLDER.glob("*.json"))
VERSIONS = (2, 3)


@pytest.fixture(scope="module", autouse=True)
def loaded():
    runtime()


def images(name, version):
    return [path.read_bytes() for path in sorted(FOLDER.glob(f"{name}.version_{version}*"))]


def calls(name):
    return json.loads((FOLDER / f"{name}.json").read_text("utf-8"))


def f32(values):
    return np.array(values, np.float32)


def test_there_is_an_image_of_every_version():
    assert NAMES == ["layers", "shared", "tiles"]
    assert all(images(name, version) for name in NAMES for version in VERSIONS)


@pytest.mark.parametrize("name", NAMES)
def test_every_version_holds_the_same_programs(name):
    first, *others = (
        {p.symbol: disassemble([p]) for image in images(name, version) for p in decode_image(image)}
        for version in VERSIONS
    )
    assert first.keys() == {run["symbol"] for run in calls(name)}
    assert all(other == first for other in others)


@pytest.mark.parametrize("name", NAMES)
def test_this_release_writes_the_image_of_the_last_version(name, request):
    """``--update-golden`` writes it: before the release of a version, and never after."""
    programs = [p for image in images(name, 2) for p in decode_image(image)]
    path = FOLDER / f"{name}.version_{VERSION}.eieimg"
    if request.config.getoption("--update-golden"):
        path.write_bytes(encode_image(*programs))
    assert path.read_bytes() == encode_image(*programs)


def test_functions_share_the_weights_of_a_layer():
    (image,) = images("shared", 3)
    _, first, again = decode_image(image)
    assert first.matrices[0] is again.matrices[0]
    assert first.biases[0] is again.biases[0]
    assert len(image) < sum(map(len, images("shared", 2)))


@pytest.mark.parametrize("engine", ["event", "clock"])
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", NAMES)
def test_the_machine_runs_them_as_it_did(name, version, engine):
    modules = [load_image(image) for image in images(name, version)]
    for run in calls(name):
        (module,) = (one for one in modules if one.implements_function(run["symbol"]))
        out = np.empty_like(f32(run["outputs"]))
        tensors = map(tvm_ffi.from_dlpack, (f32(run["inputs"]), out))
        rows = profile(lambda f=module[run["symbol"]], t=tensors: f(*t), engine)
        assert out.tobytes() == f32(run["outputs"]).tobytes()
        for row, then in zip(rows, run["rows"], strict=True):
            counters = dict(row["counters"])
            assert {name: counters.pop(name) for name in then["counters"]} == then["counters"]
            assert not any(counters.values()), "an old program counts what came later"
            assert {key: row[key] for key in then.keys() - {"counters"}} == {
                key: value for key, value in then.items() if key != "counters"
            }
