"""``.eiez`` containers: sections whose checksums fit, with anything in them."""

from __future__ import annotations

import json
import zlib
from random import Random

import numpy as np
from driver import Kind
from edits import edit_bytes, edit_text, hard_number
from files import folder, with_file
from onnx import ModelProto, helper, numpy_helper

from eie_backend.recipe import Recipe
from eie_backend.storage.container import load_tensors, read_eiez, save_eiez
from eie_backend.storage.model_sections import SIZE
from eie_backend.storage.sections import HEADER, START, Section, join

ZLIB = b"\1"


def seeds() -> list[bytes]:
    """Return containers with every encoding of a tensor."""
    random = np.random.default_rng(0)
    shared = random.choice(np.array([0, 0, 0, 0, 1, -0.5, 0.25], np.float32), (12, 20))
    signed = np.where(shared == 0, np.float32(-0.0), shared)
    tensors = {
        "coded": shared,
        "signed": signed,
        "raw": random.normal(size=7).astype(np.float32),
        "deflated": np.zeros(60, np.int64),
    }
    initializers = [numpy_helper.from_array(array, name) for name, array in tensors.items()]
    nodes = [helper.make_node("MatMul", ["x", "coded"], ["y"], "fc")]
    model = helper.make_model(helper.make_graph(nodes, "g", [], [], initializers))
    found = []
    for how in (None, Recipe(index_bits=4), Recipe(index_bits=12)):
        path = folder() / "seed.eiez"
        save_eiez(path, model, how, {"accuracy": 0.9})
        found.append(path.read_bytes())
    return found


def sections_of(data: bytes) -> list[Section]:
    """Return the sections of a file as far as their lengths go."""
    found, at = [], START.size
    while at + HEADER.size <= len(data) - 32:
        kind, length, _ = HEADER.unpack_from(data, at)
        at += HEADER.size
        found.append(Section(kind.decode("latin-1"), data[at : at + length]))
        at += length
    return found


def edit_graph(random: Random, payload: bytes) -> bytes:
    """Edit the graph, inside zlib where it is."""
    if payload[:1] != ZLIB or random.random() < 0.2:
        return edit_bytes(random, payload)
    try:
        plain = zlib.decompressobj().decompress(payload[1 + SIZE.size :], 1 << 20)
        model = ModelProto.FromString(plain)
        if random.random() < 0.5:
            tensor = random.choice(model.graph.initializer)
            tensor.dims[random.randrange(len(tensor.dims))] = hard_number(random)
            plain = model.SerializeToString()
        else:
            plain = edit_bytes(random, plain)
    except Exception:
        return edit_bytes(random, payload)
    return ZLIB + SIZE.pack(len(plain)) + zlib.compress(plain)


def edit(random: Random, data: bytes) -> bytes:
    """Edit the payload of a section, or drop, repeat or exchange sections."""
    if random.random() < 0.05:
        return edit_bytes(random, data)
    sections = sections_of(data)
    for _ in range(random.choice((1, 1, 2))):
        if not sections:
            break
        at = random.randrange(len(sections))
        kind, payload = sections[at].kind, sections[at].payload
        if random.random() < 0.1:
            other = random.randrange(len(sections))
            sections = random.choice(
                (
                    sections[:at] + sections[at + 1 :],
                    [*sections, sections[at]],
                    [*sections[:at], sections[other], *sections[at + 1 :]],
                )
            )
        elif kind == "INFO":
            text = edit_text(random, payload.decode("utf-8", "replace"))
            sections[at] = Section(kind, text.encode("utf-8", "replace"))
        elif kind == "GRPH":
            sections[at] = Section(kind, edit_graph(random, payload))
        else:
            sections[at] = Section(kind, edit_bytes(random, payload))
    return join(sections)


def read(data: bytes) -> None:
    """Read all of a container, with its notes as JSON and its tensors as arrays."""
    found = with_file(read_eiez, data, "model.eiez")
    json.dumps([found.recipe, found.metadata])
    with_file(load_tensors, data, "model.eiez")


KIND = Kind("containers", seeds, edit, read, multiple=8000)
