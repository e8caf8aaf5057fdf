"""Machines by name and by file, in every command that takes one."""

import json
from dataclasses import replace

import numpy as np
import onnx
import pytest
from typer.testing import CliRunner

import eie_backend as eie
from eie_backend import cli
from eie_backend.codegen.library import load, programs
from eie_backend.errors import ConfigError
from eie_backend.isa.image import decode_image, encode_image
from eie_backend.machine.described import PRESETS, read_machine
from eie_backend.machine.target import config_text

FIELDS = {
    "num_pe": 8,
    "fifo_depth": 4,
    "spmat_width_bits": 32,
    "spmat_sram_bytes": 65536,
    "ptr_sram_bytes": 16384,
    "ptr_bits": 15,
    "act_sram_bytes": 4096,
    "act_registers": 32,
    "codebook_bits": 5,
    "accumulator_bits": 32,
    "clock_mhz": 500,
    "dram_bytes_per_cycle": 16,
}
"""Every field, away from its default."""

MACHINE = eie.HardwareConfig(**FIELDS)


@pytest.fixture
def folder(make_mlp, tmp_path, monkeypatch):
    """Return a folder with a model, a machine and data."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    onnx.save(make_mlp(24, 16, 10), "mlp.onnx")
    (tmp_path / "machine.yaml").write_text("".join(f"{k}: {v}\n" for k, v in FIELDS.items()))
    x = rng.normal(size=(8, 24)).astype(np.float32)
    np.savez("data.npz", x=x, labels=rng.integers(0, 10, 8))
    np.save("x.npy", x)
    return tmp_path


def run(command):
    """Run a command; return its JSON."""
    done = CliRunner().invoke(cli.app, [*command.split(), "--json"], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def test_every_field_is_away_from_its_default():
    usual = eie.HardwareConfig().to_dict()
    assert usual.keys() == FIELDS.keys()
    assert all(usual[name] != value for name, value in FIELDS.items())


def test_a_file_reaches_the_image_and_the_profile(folder):
    run("compile mlp.onnx --machine machine.yaml -o mlp.so")
    assert [program.config for program in programs(load("mlp.so"))] == [MACHINE]
    assert run("profile mlp.so --input x.npy")["config"] == FIELDS
    run("compile mlp.onnx --machine machine.yaml --emit image -o mlp.eieimg")
    (program,) = decode_image((folder / "mlp.eieimg").read_bytes())
    assert program.config == MACHINE


@pytest.mark.parametrize("form", ["compressed", "partitioned", "tir", "eie"])
def test_a_file_reaches_each_form(form, folder):
    parts = run(f"compile mlp.onnx --machine machine.yaml --emit {form}")["parts"]
    said = parts[0]
    if form == "eie":
        assert all(f"{name} = {value}" in said for name, value in FIELDS.items())
    elif form == "compressed":
        assert config_text(MACHINE) in said
    assert parts


def test_a_sweep_varies_a_machine(folder):
    sweep = {"models": "mlp.onnx", "data": "data.npz", "machine": "machine.yaml"}
    (folder / "sweep.yaml").write_text(json.dumps({**sweep, "hardware": {"num_pe": [2, 4]}}))
    designs = run("sweep sweep.yaml -o swept --scheduler threads --workers 1")["designs"]
    for design, num_pe in zip(designs, (2, 4), strict=True):
        sizes = {
            name.removeprefix("hardware."): value
            for name, value in design["parameters"].items()
            if name.startswith("hardware.")
        }
        assert sizes == {**FIELDS, "num_pe": num_pe}
        assert design["cycles"] > 0


def test_options_count_more(folder):
    run("compile mlp.onnx --machine machine.yaml --num-pe 2 --codebook-bits 7 -o mlp.so")
    (program,) = programs(load("mlp.so"))
    assert program.config == replace(MACHINE, num_pe=2, codebook_bits=7)
    assert encode_image(program)


def test_seven_bits_are_shared_with_seven_bits(folder):
    rows = run("compile mlp.onnx --codebook-bits 7 --density 0.9 -o mlp.so")["layers"]
    assert max(row["values"] for row in rows) > 15


def test_presets():
    assert read_machine("eie-64") == eie.HardwareConfig()
    assert read_machine("eie-256") == eie.HardwareConfig(num_pe=256, clock_mhz=1200)
    assert run("machines")["machines"]["eie-256"] == {
        "about": PRESETS["eie-256"].about,
        **PRESETS["eie-256"].config.to_dict(),
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("pes: 4\nnum_pe: 0\n", "'pes' is no field of a machine, take one of num_pe"),
        ("- 4\n", "a list; it must be a mapping, for example num_pe: 16"),
        ("num_pe: four\n", "num_pe = 'four' is not an integer"),
        ("{", "not YAML"),
        ("", "empty; give some fields of a HardwareConfig"),
    ],
)
def test_faults_of_a_file(text, message, tmp_path):
    path = tmp_path / "machine.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        read_machine(str(path))
    assert str(caught.value).startswith(f"{path}: ")
    assert message in str(caught.value)


def test_no_machine():
    with pytest.raises(ConfigError, match=r"^eie-65: no machine: No such file.*; give eie-64, eie"):
        read_machine("eie-65")
