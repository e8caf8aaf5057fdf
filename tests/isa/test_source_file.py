"""Several programs as one text: it is not much longer than what the programs have."""

from dataclasses import replace

import numpy as np
import pytest

from eie_backend import HardwareConfig, encode
from eie_backend.errors import ImageError
from eie_backend.isa import source_file
from eie_backend.isa.image import decode_image, encode_image
from eie_backend.isa.program import Program
from eie_backend.isa.source_file import MOST_REPEATS, assemble, disassemble

CONFIG = HardwareConfig(num_pe=1)
MATRIX = encode(np.ones((2, 5), np.uint8), [0, 1], CONFIG)
PROGRAM = Program(
    "f", CONFIG, "float32", 5, 2, ("fc1",), (MATRIX,), (np.ones(6, np.float32),), (), ()
)


def shared(count):
    """Return programs of which all have the same matrix and bias."""
    return [replace(PROGRAM, symbol=f"f{number}") for number in range(count)]


def test_text_of_programs_gives_their_image_again():
    image = encode_image(*shared(3))
    text = disassemble(decode_image(image))
    assert text.count("// -----") == 2
    assert encode_image(*assemble(text)) == image


def test_what_programs_share_is_printed_for_each_up_to_a_limit(monkeypatch):
    assert len(disassemble(shared(MOST_REPEATS + 1))) > 0  # few values
    monkeypatch.setattr(source_file, "FEW_VALUES", 0)
    assert disassemble(shared(MOST_REPEATS)).count("eie.matrix") == MOST_REPEATS
    with pytest.raises(ImageError, match=r"^65 programs name 1040 values, of which there are 16:"):
        disassemble(shared(MOST_REPEATS + 1))
    several = replace(PROGRAM, matrices=(MATRIX,) * 200)
    with pytest.raises(ImageError, match=r"^1 programs name 2006 values, of which there are 16:"):
        disassemble([several])


def test_the_limit_of_few_values_is_one_beyond_it(monkeypatch):
    monkeypatch.setattr(source_file, "FEW_VALUES", 1040)
    assert disassemble(shared(65))
    monkeypatch.setattr(source_file, "FEW_VALUES", 1039)
    with pytest.raises(ImageError):
        disassemble(shared(65))
