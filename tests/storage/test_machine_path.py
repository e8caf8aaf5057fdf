"""A compressed network goes from its container to the machine as it is, to the last bit."""

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

import eie_backend as eie
from eie_backend import Recipe
from eie_backend.codegen.library import programs
from eie_backend.compress.prune import prune
from eie_backend.compress.share_weights import share
from eie_backend.config import HardwareConfig
from eie_backend.frontend.onnx import load_onnx
from eie_backend.isa.image import encode_image
from eie_backend.storage.container import load_eiez, save_eiez
from eie_backend.transform.attributes import without_attributes
from eie_backend.transform.constraints import fits_codebook
from eie_backend.transform.dense_form import DenseForm
from eie_backend.transform.layers import layers_of

CONFIG = HardwareConfig(num_pe=8)


@pytest.fixture(scope="module")
def files(make_mlp, tmp_path_factory):
    """Return a compressed network as ONNX and in a container."""
    folder = tmp_path_factory.mktemp("files")
    model = make_mlp(80, 48, 10, batch=4)
    for tensor in model.graph.initializer:
        values = numpy_helper.to_array(tensor)
        if values.ndim == 2:
            shared = np.ascontiguousarray(share(prune(values, 0.2), 4))
            tensor.CopyFrom(numpy_helper.from_array(shared, tensor.name))
    onnx.save(model, folder / "model.onnx")
    save_eiez(folder / "model.eiez", model)
    return folder / "model.onnx", folder / "model.eiez"


def images(mod, **options):
    """Return the images of a module, whatever file it is from."""
    compiled = eie.compile(without_attributes(mod, "source"), CONFIG, **options)
    return [encode_image(program) for program in programs(compiled)]


def test_the_same_image(files):
    original, packed = (eie.from_onnx(path) for path in files)
    assert all(fits_codebook(layer.weights, CONFIG) for layer in layers_of(DenseForm()(packed)))
    assert packed.attrs["eie.model_sha256"] == original.attrs["eie.model_sha256"]
    assert images(packed) == images(original)
    assert images(packed, recipe=Recipe()) == images(original, recipe=Recipe())


def test_the_machine_stores_the_weights_of_the_container(files):
    (program,) = programs(eie.compile(eie.from_onnx(files[1]), CONFIG, arithmetic="float32"))
    stored = {t.name: numpy_helper.to_array(t) for t in load_eiez(files[1]).graph.initializer}
    for matrix, name in zip(program.matrices, ("fc1.weight", "fc2.weight"), strict=True):
        np.testing.assert_array_equal(matrix.codebook[matrix.codes()], stored[name])


def test_a_container_of_any_name_is_known_by_its_first_bytes(files, tmp_path):
    other = tmp_path / "model.onnx"
    other.write_bytes(files[1].read_bytes())
    assert images(eie.from_onnx(other)) == images(eie.from_onnx(files[0]))


def test_values_in_other_files_are_inside(files, tmp_path):
    outside = tmp_path / "outside.onnx"
    onnx.save(
        onnx.load(files[0]), outside, save_as_external_data=True, size_threshold=0, location="data"
    )
    save_eiez(tmp_path / "x.eiez", load_onnx(outside))
    assert images(eie.from_onnx(tmp_path / "x.eiez")) == images(eie.from_onnx(files[0]))
    (tmp_path / "data").unlink()
    assert images(eie.from_onnx(tmp_path / "x.eiez")) == images(eie.from_onnx(files[0]))


def test_plain_tensors_are_no_model(tmp_path):
    save_eiez(tmp_path / "x.eiez", {"w": np.ones((2, 2), np.float32)})
    with pytest.raises(eie.EieError, match=r"x\.eiez: not an ONNX model: it has no graph"):
        eie.from_onnx(tmp_path / "x.eiez")
