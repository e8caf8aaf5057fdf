"""Generated files are what the definitions say, byte for byte."""

import os
import shlex
import subprocess
import sys
from dataclasses import dataclass, fields
from itertools import chain
from pathlib import Path

import pytest

from eie_backend import HardwareConfig
from eie_backend.config import size
from eie_backend.epilogues import EPILOGUES
from eie_backend.generate import headers
from eie_backend.generate.__main__ import COMMAND, GENERATED, main
from eie_backend.isa.counters import COUNTERS
from eie_backend.isa.cycle_categories import CYCLE_CATEGORIES
from eie_backend.isa.instructions import INSTRUCTIONS
from eie_backend.machine.choices import ARITHMETIC, ENGINE, PROTECTION, TRANSIENT_UNITS, UNIT
from eie_backend.machine.timing import PIPELINE_EDGES
from eie_backend.transform.constraints import CONSTRAINTS
from eie_backend.transform.operators import HOST, LAYERS, PARTS

CHECKOUT = Path(__file__).parents[2]


@pytest.mark.parametrize("path", GENERATED)
def test_the_checkout_is_up_to_date(path):
    assert (CHECKOUT / path).read_bytes() == GENERATED[path]().encode(), f"run `{COMMAND}`"


@pytest.mark.parametrize("path", GENERATED)
def test_a_file_says_how_it_is_made(path):
    assert f"`{COMMAND}`" in GENERATED[path]()


@dataclass(frozen=True)
class NewerConfig(HardwareConfig):
    """A machine with two fields that images of today lack."""

    weight_buffers: int = size(1, "buffers", 1, 2, "buffers of weights", appended=True)
    dram_kind: int = size(3, "", 0, 5, "row of the energy table", appended=True)


READ = """#include <iostream>
#include "config.h"

int main() {
  const uint32_t words[] = {64, 8, 64, 64, 4, 16, 2, 1, 4, 32, 1, 1, 2, 5, 0};
  for (size_t count = 11; count <= 15; ++count) {
    try {
      const eie::HardwareConfig config = eie::ReadHardwareConfig(words, count);
      std::cout << config.weight_buffers << " " << config.dram_kind << "\\n";
    } catch (const std::invalid_argument& error) {
      std::cout << error.what() << "\\n";
    }
  }
}
"""


def test_an_appended_field_that_an_image_lacks_is_its_default(tmp_path):
    (tmp_path / "config.h").write_text(headers.config_header(NewerConfig))
    (tmp_path / "read.cc").write_text(READ)
    compiler = shlex.split(os.environ.get("CXX", "c++"))
    command = [*compiler, "-std=c++17", "-Wall", "-Wextra", "-Werror", "read.cc", "-o", "read"]
    subprocess.run(command, cwd=tmp_path, check=True)
    done = subprocess.run([tmp_path / "read"], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [
        "HardwareConfig: 11 fields, at least 12 are needed",
        "1 3",
        "2 3",
        "2 5",
        "HardwareConfig: 15 fields, this release knows 14; use the release that wrote them, or a "
        "newer one",
    ]


def test_nothing_is_left_out():
    isa, config, counters, cycles, choices, timing, epilogues, visit, *pages = (
        make() for make in GENERATED.values()
    )
    isa_page, counters_page, cycles_page, ops_page = pages
    for instruction in INSTRUCTIONS:
        assert f"kOpcode = {instruction.opcode};" in isa
        assert f"\n## {instruction.name}\n" in isa_page
        for spec in instruction.fields:
            assert f"int64_t {spec.name};" in isa
            assert f"| {spec.name} |" in isa_page
    for epilogue in EPILOGUES:
        assert f'{{"{epilogue.name}", ' in epilogues
        assert f'#include "values/epilogues/{epilogue.name}.h"' in visit
        assert f"| {epilogue.number} | `{epilogue.name}` | {epilogue.formula} |" in isa_page
    for choice in (ARITHMETIC, ENGINE, PROTECTION):
        for number, (value, meaning) in enumerate(choice.meanings.items()):
            assert f"  k{value.capitalize()} = {number},  ///< {meaning}\n" in choices
    assert f"kPipelineEdges = {PIPELINE_EDGES};" in timing
    for number, unit in enumerate(TRANSIENT_UNITS):
        name = "".join(map(str.capitalize, unit.split("_")))
        assert f"  k{name} = {number},  ///< {UNIT.meanings[unit]}\n" in choices
    for spec in fields(HardwareConfig):
        assert f'InRange("{spec.name}", ' in config
    for counter in COUNTERS:
        assert f"int64_t {counter.name} = 0;" in counters
        assert f"| `{counter.name}` | {counter.unit} |" in counters_page
    for category in CYCLE_CATEGORIES:
        assert f"  k{''.join(map(str.capitalize, category.name.split('_')))}," in cycles
        assert f"| `{category.name}` | {category.unit} |" in cycles_page
    for constraint in CONSTRAINTS:
        assert f"| `{constraint.__name__}` | " in ops_page
    for operator in (*LAYERS, *PARTS, *chain(*HOST.values())):
        assert f"`{operator}`" in ops_page
    assert "{" not in ops_page


def test_numbers_stay():
    """Images hold the arithmetic's; which bits a seed strikes follows from the units'."""
    assert ARITHMETIC.values == ("float32", "int16", "int8", "int32")
    assert UNIT.values == ("spmat", "ptr", "codebook", "act_queue", "act")
    assert TRANSIENT_UNITS == ("act_queue", "act")


def run(monkeypatch, folder, *arguments):
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "argv", ["generate", *arguments])
    return main()


def test_check_names_stale_files_and_writes_nothing(monkeypatch, tmp_path, capsys):
    assert run(monkeypatch, tmp_path, "--check") == 1
    assert capsys.readouterr().err == (
        f"out of date: {', '.join(GENERATED)}; run `python -m eie_backend.generate`\n"
    )
    assert not list(tmp_path.iterdir())


def test_what_is_written_is_up_to_date(monkeypatch, tmp_path, capsys):
    assert run(monkeypatch, tmp_path) == 0
    assert run(monkeypatch, tmp_path, "--check") == 0
    (tmp_path / "docs/isa.md").write_text("edited", "utf-8")
    assert run(monkeypatch, tmp_path, "--check") == 1
    assert "out of date: docs/isa.md;" in capsys.readouterr().err
    assert run(monkeypatch, tmp_path) == 0
    for path, make in GENERATED.items():
        assert (tmp_path / path).read_text("utf-8") == make()


def test_the_command_checks_the_checkout():
    # A checkout that is not installed has no runtime, of which TVM warns.
    command = [sys.executable, "-W", "ignore", *COMMAND.split()[1:], "--check"]
    result = subprocess.run(command, cwd=CHECKOUT, check=False, capture_output=True, text=True)
    assert (result.returncode, result.stderr) == (0, "")
