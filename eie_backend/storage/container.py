"""``.eiez`` files: a complete ONNX model with shared weights, compressed without loss.

Files are written atomically, and altered files are rejected; ``docs/eiez.md`` has the format.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from os import PathLike, fspath
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from onnx import ModelProto, helper, numpy_helper

from eie_backend._versions import __version__
from eie_backend.errors import ContainerError, first_line
from eie_backend.files.whole_file import write_fault, write_whole
from eie_backend.names.onnx_graph import text_of
from eie_backend.names.onnx_tensors import named_tensors
from eie_backend.recipe import Recipe
from eie_backend.storage.accounting import LayerStorage, storage_of
from eie_backend.storage.model_sections import TENSOR_KIND, from_sections, to_sections
from eie_backend.storage.sections import HEADER, MAGIC, Section, join, split

T = TypeVar("T")

INFO_KIND = "INFO"


@dataclass(frozen=True)
class Contents:
    """The contents of a container.

    Attributes
    ----------
    model : onnx.ModelProto
        The model.
    producer : str
        The release that wrote the file.
    recipe : mapping or None
        The model's recipe, in the form of `Recipe.to_json`.
    metadata : mapping
        Other data of the writer, for example accuracies.
    layers : mapping of str to LayerStorage
        What each coded initializer takes, by the name of the layer with these weights.
    file_bytes, tensor_bytes : int
        The size of the file, and of the sections of all initializers in it.
    """

    model: ModelProto
    producer: str
    recipe: Mapping[str, Any] | None
    metadata: Mapping[str, Any]
    layers: Mapping[str, LayerStorage]
    file_bytes: int
    tensor_bytes: int


def save_eiez(
    path: str | PathLike[str],
    model: ModelProto | Mapping[str, ArrayLike],
    recipe: Recipe | None = None,
    metadata: Mapping[str, Any] | None = None,
) -> None:
    """Write a model, or plain tensors, to a ``.eiez`` file; an existing one is replaced.

    Parameters
    ----------
    path : path
        The file to write.
    model : onnx.ModelProto or mapping of str to array
        The model, with its weights inside; or tensors by name, such as a PyTorch state_dict.
    recipe : Recipe, optional
        The model's recipe. It is stored, and its `index_bits` are used.
    metadata : mapping, optional
        Other data to store, which JSON can express.

    Raises
    ------
    ContainerError
        If the model cannot be stored or the file cannot be written; then nothing is left behind.
    RecipeError
        If the recipe has a name that several layers have.
    """
    try:
        data = to_eiez(model, recipe, metadata)
    except ContainerError as error:
        raise ContainerError(f"{fspath(path)}: {error}") from error
    try:
        write_whole(Path(path), data)
    except OSError as error:
        raise ContainerError(
            f"{path}: cannot be written: {write_fault(error)}; give a folder that exists, has "
            "room and can be written"
        ) from error


def to_eiez(
    model: ModelProto | Mapping[str, ArrayLike],
    recipe: Recipe | None = None,
    metadata: Mapping[str, Any] | None = None,
) -> bytes:
    """Return the bytes that `save_eiez` writes.

    Raises
    ------
    ContainerError
        If the model cannot be stored.
    RecipeError
        If the recipe has a name that several layers have.
    """
    if not isinstance(model, ModelProto):
        model = _model_of(model)
    recipe = recipe and recipe.for_layers(named_tensors(model.graph).values())
    info = {
        "producer": f"eie-backend {__version__}",
        "recipe": recipe and json.loads(recipe.to_json()),
        "metadata": dict(metadata or {}),
    }
    try:
        text = json.dumps(info, sort_keys=True, separators=(",", ":")).encode()
    except (TypeError, ValueError) as error:
        raise ContainerError(f"metadata: {error}; give what JSON has") from error
    return join([Section(INFO_KIND, text), *to_sections(model, recipe or Recipe())])


def load_eiez(path: str | PathLike[str]) -> ModelProto:
    """Return the model in a ``.eiez`` file, bit for bit as it was saved.

    Raises
    ------
    ContainerError
        If the file cannot be read, is truncated, altered or impossible.
    """
    return read_eiez(path).model


def load_tensors(path: str | PathLike[str]) -> dict[str, NDArray[Any]]:
    """Return the initializers of the model, or the plain tensors, in a ``.eiez`` file by name.

    Raises
    ------
    ContainerError
        If the file cannot be read, is truncated, altered or impossible.
    """
    tensors = {}
    for tensor in load_eiez(path).graph.initializer:
        try:
            tensors[tensor.name] = numpy_helper.to_array(tensor)
        except (KeyError, TypeError, ValueError) as error:
            raise ContainerError(
                f"{fspath(path)}: {tensor.name} is no array of type {tensor.data_type}: "
                f"{first_line(error)}; pack the model again"
            ) from error
    return tensors


def read_eiez(path: str | PathLike[str]) -> Contents:
    """Return the complete contents of a ``.eiez`` file.

    Raises
    ------
    ContainerError
        If the file cannot be read, is truncated, altered or impossible.
    """
    return _of_file(path, _contents)


def _of_file(path: str | PathLike[str], read: Callable[[bytes], T]) -> T:
    try:
        return read(Path(path).read_bytes())
    except FileNotFoundError as error:
        raise ContainerError(f"{path}: no such file; give one that `eie pack` wrote") from error
    except OSError as error:
        raise ContainerError(
            f"{path}: cannot be read: {error.strerror}; give a file that can be read"
        ) from error
    except ContainerError as error:
        raise ContainerError(f"{fspath(path)}: {error}") from error


def recipe_of_eiez(path: str | PathLike[str]) -> Mapping[str, Any] | None:
    """Return the recipe in a ``.eiez`` file, in the form of `Recipe.to_json`, if it has one.

    Raises
    ------
    ContainerError
        As `read_eiez`.
    """
    return _of_file(path, lambda data: _info(split(data))[1])


def is_eiez(path: Path) -> bool:
    """Return whether a file is a container, by its name or its first bytes."""
    if path.suffix == ".eiez":
        return True
    try:
        if not path.is_file():
            return False
        with path.open("rb") as file:
            return file.read(len(MAGIC)) == MAGIC
    except OSError:
        return False  # the reader of the whole file reports the error


def _contents(data: bytes) -> Contents:
    sections = split(data)
    try:
        info = _info(sections)
        model, coded = from_sections(sections[1:])
    except ContainerError as error:
        raise ContainerError(
            f"not written by this package: {error}; pack the model again"
        ) from error
    names = named_tensors(model.graph)
    layers = {names[text_of(name)].name: storage_of(tensor) for name, tensor in coded.items()}
    sizes = [HEADER.size + len(s.payload) for s in sections if s.kind == TENSOR_KIND]
    return Contents(model, *info, layers, len(data), sum(sizes))


def _info(sections: list[Section]) -> tuple[str, Mapping[str, Any] | None, Mapping[str, Any]]:
    if not sections or sections[0].kind != INFO_KIND:
        raise ContainerError(f"the section {INFO_KIND} is missing")
    try:
        info = json.loads(sections[0].payload)
        return info["producer"], info["recipe"], info["metadata"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ContainerError(f"the section {INFO_KIND} is no such JSON: {error!r}") from error


def _model_of(tensors: Mapping[str, ArrayLike]) -> ModelProto:
    """Return a model without nodes whose initializers are plain tensors."""
    arrays = [numpy_helper.from_array(np.asarray(t), name) for name, t in tensors.items()]
    return helper.make_model(helper.make_graph([], "tensors", [], [], arrays))
