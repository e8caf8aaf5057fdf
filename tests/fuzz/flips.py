"""Lists of bit flips: YAML that `read_flips` reads for a program."""

from __future__ import annotations

from random import Random

from driver import Kind
from edits import edit_file
from files import with_file
from programs import program
from recipes import YAML_WORDS

from eie_backend.soft_errors.flips import read_flips

SEEDS = (
    "- {unit: spmat, matrix: 0, pe: 1, entry: 0, bit: 4}\n",
    "- {unit: ptr, matrix: 0, pe: 0, pointer: 2, bit: 15}\n",
    "- {unit: codebook, matrix: 0, code: 2, bit: 15, program: 0}\n",
    "- {unit: act_queue, step: 2, pe: 1, broadcast: 0, bit: 16}\n",
    "- {unit: act, step: 2, value: 1, bit: 15, input: 7}\n- {unit: act, step: 4, value: 0, bit: 0}",
)
WORDS = (*YAML_WORDS, "spmat", "ptr", "act", "unit", "bit", "pe", "step", "input", "program")
PROGRAMS = [program("int16")]


def edit(random: Random, data: bytes) -> bytes:
    """Edit YAML."""
    return edit_file(random, data, WORDS)


def read(data: bytes) -> None:
    """Read a list."""
    with_file(lambda path: read_flips(path, PROGRAMS), data, "flips.yaml")


KIND = Kind("flips", lambda: [text.encode() for text in SEEDS], edit, read, multiple=1000)
