"""Files that list flips: what they name, and all faults at once."""

import json
from dataclasses import replace

import numpy as np
import pytest
import yaml
from test_malformed import small_program

from eie_backend.errors import InputError
from eie_backend.soft_errors import BitFlip, read_flips, strike

GOOD = [
    {"unit": "spmat", "matrix": 0, "pe": 1, "entry": 2, "bit": 7},
    {"unit": "ptr", "matrix": 0, "pe": 1, "pointer": 4, "bit": 15},
    {"unit": "codebook", "matrix": 0, "code": 15, "bit": 15, "program": 0},
    {"unit": "act_queue", "step": 2, "pe": 1, "broadcast": 3, "bit": 16},
    {"unit": "act", "step": 4, "value": 3, "bit": 15, "input": 7},
]
PROGRAMS = [small_program()]
ENTRIES = int(PROGRAMS[0].matrices[0].entries_per_pe[1])


@pytest.fixture
def read(tmp_path):
    def read(content):
        path = tmp_path / "flips.yaml"
        text = content if isinstance(content, str) else yaml.safe_dump(content)
        path.write_text(text, "utf-8")
        return read_flips(path, PROGRAMS)

    return read


@pytest.mark.parametrize("write", [json.dumps, yaml.safe_dump])
def test_yaml_and_json_name_the_same_flips(write, read):
    assert read(write(GOOD)) == [
        BitFlip("spmat", (0, 1, 2), 7),
        BitFlip("ptr", (0, 1, 4), 15),
        BitFlip("codebook", (0, 15), 15),
        BitFlip("act_queue", (2, 1, 3), 16),
        BitFlip("act", (4, 3), 15, input=7),
    ]


def test_every_listed_memory_flip_is_one_bit_of_what_it_names():
    program = PROGRAMS[0]
    matrix = program.matrices[0]
    pointer = BitFlip("ptr", (0, 1, 4), 1)
    struck = strike(program, {}, flips=[pointer])
    assert (struck.flips, struck.unnoticed) == (1, 1)
    lengths = np.diff(struck.program.matrices[0].pointers.astype(int))
    expected = np.diff(matrix.pointers.astype(int))
    last = int(matrix.pointers[1, 4])
    expected[1, 3] = (last ^ 2) - int(matrix.pointers[1, 3])
    assert np.array_equal(lengths, np.maximum(expected, 0))


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"unit": "weights"}, "has no unit of spmat, ptr, codebook, act_queue, act"),
        ({"unit": ["spmat"]}, "has no unit of"),
        ({"bit": 8}, "bit = 8, allowed is 0..7"),
        ({"bit": -1}, "bit = -1 is no integer from 0"),
        ({"bit": True}, "bit = True is no integer from 0"),
        ({"pe": 1.0}, "pe = 1.0 is no integer from 0"),
        ({"matrix": 1}, "matrix = 1, allowed is 0..0"),
        ({"pe": 2}, "pe = 2, allowed is 0..1"),
        ({"entry": 5}, f"entry = 5, allowed is 0..{ENTRIES - 1}"),
        ({"program": 1}, "program = 1, the library has 1"),
        ({"input": 1}, "input is unknown"),
        ({1: 2}, "1 is unknown"),
    ],
)
def test_faults_of_an_entry(change, fault, read):
    with pytest.raises(InputError) as caught:
        read([{**GOOD[0], **change}])
    assert f"flip 1: {fault}" in str(caught.value)
    assert str(caught.value).endswith("; correct these flips")


@pytest.mark.parametrize(
    ("number", "change", "fault"),
    [
        (1, {"pointer": 5}, "pointer = 5, allowed is 0..4"),
        (1, {"bit": 16}, "bit = 16, allowed is 0..15"),
        (2, {"code": 0}, "code 0 is the pruned weight, which is not stored"),
        (2, {"code": 16}, "code = 16, allowed is 0..15"),
        (3, {"step": 5}, "step = 5, allowed is 0..4"),
        (3, {"step": 4}, "step 4 is store_act, which uses no act_queue"),
        (3, {"pe": 2}, "pe = 2, allowed is 0..1"),
        (3, {"broadcast": 4}, "broadcast = 4, allowed is 0..3"),
        (3, {"bit": 24}, "bit = 24, allowed is 0..23"),
        (4, {"step": 0}, "step 0 is load_act, which uses no act"),
        (4, {"input": 2**31}, "input = 2147483648, allowed is 0..2147483647"),
        (4, {"value": 4}, "value = 4, allowed is 0..3"),
    ],
)
def test_faults_of_other_units(number, change, fault, read):
    with pytest.raises(InputError) as caught:
        read([{**GOOD[number], **change}])
    assert f"flip 1: {fault}" in str(caught.value)


def test_all_faults_come_at_once(read):
    without_bit = {name: value for name, value in GOOD[1].items() if name != "bit"}
    with pytest.raises(InputError) as caught:
        read([GOOD[0], {**GOOD[0], "bit": 9, "pe": 9}, without_bit, 7])
    message = str(caught.value)
    assert "flip 1" not in message
    assert all(f"flip {n}: " in message for n in (2, 3, 4))
    assert "flip 3: bit is missing" in message


@pytest.mark.parametrize("text", ["", "[]", "unit: spmat", "3"])
def test_something_else_is_no_list(text, read):
    with pytest.raises(InputError, match="is no list of flips; begin each with"):
        read(text)


def test_what_is_not_yaml_is_refused_with_its_line(read):
    with pytest.raises(InputError, match="not YAML at line 2; write a list of flips"):
        read("- {unit: spmat}\n- {unit: [}")


def test_python_objects_are_not_made(read, tmp_path):
    with pytest.raises(InputError, match="not YAML"):
        read(f"- !!python/object/apply:os.mkdir ['{tmp_path}/made']")
    assert not (tmp_path / "made").exists()


def test_files_that_cannot_be_read(tmp_path):
    with pytest.raises(InputError, match="No such file or directory; give a YAML file of flips"):
        read_flips(tmp_path / "missing.yaml", PROGRAMS)
    (tmp_path / "bytes").write_bytes(b"\xff\xfe\xff")
    with pytest.raises(InputError, match="not UTF-8 text"):
        read_flips(tmp_path / "bytes", PROGRAMS)


def test_a_pe_without_entries_has_none_to_flip(tmp_path):
    program = small_program()
    matrix = program.matrices[0]
    empty = replace(matrix, entries=matrix.entries[:0], pointers=matrix.pointers * np.uint32(0))
    (tmp_path / "one.json").write_text(json.dumps(GOOD[:1]), "utf-8")
    with pytest.raises(InputError, match="flip 1: PE 1 has no entries"):
        read_flips(tmp_path / "one.json", [replace(program, matrices=(empty,))])
