"""The page of images names the sections and fields that the code has."""

import re
from dataclasses import fields
from pathlib import Path

from eie_backend import HardwareConfig
from eie_backend.isa.image import COMMON, PROGRAM, records
from eie_backend.isa.image.programs import PROGRAM_FIELDS
from eie_backend.isa.image.sections import HEADER_BYTES, MAGIC, SECTION, VERSION

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "image.md").read_text("utf-8")


def fields_of(name):
    (cell,) = re.findall(rf"^\| {name} \| ([^|]*) \|", PAGE, re.MULTILINE)
    return tuple(cell.split(", "))


def test_the_header_and_the_sections():
    assert f"| 8 | `{MAGIC.decode()}` |\n| 4 | version, {VERSION} |" in PAGE
    assert (HEADER_BYTES, SECTION.size) == (8 + 4 + 4, 4 + 8 + 4)
    assert tuple(re.findall(r"^\| `(\w{4})` \|", PAGE, re.MULTILINE)) == (*COMMON, PROGRAM)
    tags = (ROOT / "runtime" / "image" / "sections.h").read_text("utf-8")
    assert tuple(re.findall(r'Tag = "(\w+)";', tags)) == (*COMMON, PROGRAM)


def test_the_fields_of_records():
    assert fields_of("table set") == fields_of("bias") == records.VALUES_FIELDS
    assert fields_of("matrix") == records.MATRIX_FIELDS
    assert fields_of("program") == PROGRAM_FIELDS


def test_fields_of_the_machine_are_appended_only():
    """Images number them by their place: the first twelve were those of version 2."""
    assert [spec.name for spec in fields(HardwareConfig) if not spec.metadata["appended"]] == [
        *("num_pe", "fifo_depth", "spmat_width_bits", "spmat_sram_bytes", "ptr_sram_bytes"),
        *("ptr_bits", "act_sram_bytes", "act_registers", "codebook_bits", "accumulator_bits"),
        *("clock_mhz", "dram_bytes_per_cycle"),
    ]
    appended = [spec.metadata["appended"] for spec in fields(HardwareConfig)]
    assert appended == sorted(appended)
