"""Programs as text of the ``eie`` dialect, which `eie asm` reads."""

from __future__ import annotations

from random import Random

import numpy as np
from driver import Kind
from edits import edit_file

from eie_backend.config import HardwareConfig
from eie_backend.isa.image import encode_image
from eie_backend.isa.program import Program, Step
from eie_backend.isa.source_file import assemble, disassemble
from eie_backend.machine.encoding import encode

RELU = {"epilogue": 1, "parameter": 0}

WORDS = (
    *("dense<0>", 'dense<"0x00">', "tensor<1099511627776x1xi8>", "tensor<65536x65536xi8>", "f32"),
    *("tensor<?xi8>", "tensor<-1x1xi8>", "tensor<1x1xi1000000>", "array<i64>", "vector<4xi8>"),
    *(
        "eie.mvm",
        "eie.matrix",
        "eie.setup",
        "eie.run",
        "builtin.module",
        '"a.b"() : () -> ()',
        "^bb0:",
    ),
    *("%0 = ", "@name", "#map", "!eie.x", "affine_map<(d0) -> (d0)>", "loc(unknown)", "// -----\n"),
    *("{-# dialect_resources: {} #-}", 'opaque<"x">', '"\\u"', "dense_resource<x>", "i64", "unit"),
)


def program(arithmetic: str) -> Program:
    """Return a program with a matrix, a bias and most instructions."""
    config = HardwareConfig(num_pe=2, codebook_bits=2)
    matrix = encode(np.array([[1, 0, 2], [0, 3, 0]], np.uint8), [0, 1, 2, -1], config)
    kind = np.float32 if arithmetic == "float32" else np.int32
    object.__setattr__(matrix, "codebook", matrix.codebook.astype(kind))
    mvm = {"matrix": 0, "src_row": 0, "shift": 0, "frac_bits": 0}
    steps = (
        Step("load_act", {"dst_row": 0, "src": 0, "count": 3, "frac_bits": 0}, 0),
        Step("load_bias", {"bias": 0}, 0),
        Step("mvm", mvm, 0),
        Step("write_back", {"dst_row": 2, "count": 2, **RELU, "shift": 0}, 0),
        Step("store_act", {"src_row": 2, "dst": 0, "count": 2, "frac_bits": 0}, 0),
    )
    setup = (Step("load_matrix", {"matrix": 0}, 0),)
    bias = np.array([1, 2], kind)
    manifest = {"eie": "0", "weights": "{}"}
    return Program(
        "f",
        config,
        arithmetic,
        3,
        2,
        ("fc1",),
        (matrix,),
        (bias,),
        setup,
        steps,
        manifest,  # type: ignore[arg-type]
    )


def seeds() -> list[bytes]:
    """Return programs of two arithmetics, and a file of two programs."""
    found = [program("float32"), program("int16")]
    return [disassemble(part).encode() for part in (found[:1], found[1:], found)]


def edit(random: Random, data: bytes) -> bytes:
    """Edit MLIR."""
    return edit_file(random, data, WORDS)


def read(data: bytes) -> None:
    """Assemble, as `eie asm` does with text that is UTF-8."""
    for found in assemble(data.decode("utf-8", "replace")):
        encode_image(found)


KIND = Kind("programs", seeds, edit, read, multiple=2000)
