"""Layers that are exported for the authors' simulator, run by a stand-in and compared."""

import contextlib
import io
import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import scipy.sparse
from hypothesis import given
from hypothesis import strategies as st

from eie_backend import HardwareConfig, cli, simulate
from eie_backend.errors import EieError
from eie_backend.reproduce import authors
from eie_backend.workloads import UNEVEN, LayerShape, generate, read_alex8
from eie_backend.workloads.authors_format import write_authors_files

STANDIN = Path(__file__).with_name("standin_simulator.py").read_text("utf-8")
SMALL = generate(LayerShape("small", 200, 130, 0.1, 0.5))
OF_MAKE = re.compile(r" \| make: [^;]*")
SHARES = st.floats(0, 1)


def folder_of(path, script=STANDIN, make="cp src/run.py simulation; chmod +x simulation"):
    """Return a folder that looks like the authors' simulator and runs a Python script."""
    if shutil.which("make") is None:
        pytest.skip("make is not installed")
    (path / "src").mkdir(parents=True)
    (path / "src" / "run.py").write_text(f"#!{sys.executable}\n{script}", "utf-8")
    (path / "Makefile").write_text(f"all:\n\t@{make}\n", "utf-8")
    return path


def standin(folder):
    """Run the stand-in's text on a folder, faster than as a process; return cycles and sums."""
    here, printed = Path.cwd(), io.StringIO()
    os.chdir(folder)
    try:
        with contextlib.redirect_stdout(printed):
            exec(compile(STANDIN, "standin_simulator.py", "exec"), {})  # noqa: S102 - our stand-in
    finally:
        os.chdir(here)
    sums = np.fromfile(folder / "data" / "output.dat", np.float32)
    return int(printed.getvalue().rpartition(":")[2]), sums


def runs_of(*layers):
    return SimpleNamespace(layers={layer.name: layer for layer in layers}, note=lambda: "some")


@given(
    st.integers(1, 60),
    st.integers(1, 40),
    SHARES,
    SHARES,
    st.integers(1, 9),
    st.integers(2, 9),
    st.sampled_from([32, 64, 128]),
    st.booleans(),
)
def test_what_was_written_is_the_layer(
    tmp_path_factory, inputs, outputs, weights, acts, num_pe, fifo_depth, width, bias
):
    layer = generate(LayerShape("any", inputs, outputs, weights, acts), 0, UNEVEN)
    if bias:
        codes = np.random.default_rng(0).integers(0, 16, outputs, np.uint8)
        layer = replace(layer, bias_codes=codes)
    config = HardwareConfig(num_pe=num_pe, fifo_depth=fifo_depth, spmat_width_bits=width)
    folder = tmp_path_factory.mktemp("authors")
    encoded = write_authors_files(layer, config, folder)
    cycles, sums = standin(folder)
    run = simulate(encoded, layer.activations, config, "float32")
    if run.counters["entries"]:  # without any, the description gives no end
        assert run.cycles == cycles
    sums = sums[:outputs]
    np.testing.assert_array_equal(sums, run.output)
    matrix = scipy.sparse.csr_array(layer.weights().astype(np.float64))
    expected = matrix @ layer.activations
    if bias:
        expected = expected + layer.codebook[layer.bias_codes]
    # Sums of at most 61 float32 products, each below 6.
    np.testing.assert_allclose(sums, expected, rtol=0, atol=1e-4)


def test_the_real_layer_takes_the_authors_cycles(alex8, tmp_path):
    np.savez(tmp_path / "alex8.npz", **alex8)
    layer = read_alex8(tmp_path / "alex8.npz")
    encoded = write_authors_files(layer, HardwareConfig(), tmp_path)
    cycles, sums = standin(tmp_path)
    np.testing.assert_array_equal(sums[:1000], alex8["output_float32"])
    run = simulate(encoded, layer.activations, HardwareConfig(), values=False)
    # What the authors' own simulator takes for it.
    assert cycles == run.cycles == 7926


def test_cycles_are_compared_and_times_reported(tmp_path):
    copy = folder_of(tmp_path / "simulator")
    before = sorted(copy.rglob("*"))
    result = authors.reproduce(runs_of(SMALL), copy)
    (cycles,) = result.of("cycles").values()
    assert cycles.ours == cycles.paper and not result.failures
    assert result.of("times as fast")["small"].ours > 0
    assert sorted(copy.rglob("*")) == before


def test_other_cycles_are_out_of_tolerance(tmp_path):
    copy = folder_of(tmp_path, STANDIN.replace("last.max() + 6", "last.max() + 7"))
    (failure,) = authors.reproduce(runs_of(SMALL), copy).failures
    assert failure.paper == failure.ours + 1


def test_errors_say_what_to_do(tmp_path, golden, monkeypatch):
    negative = generate(LayerShape("signed", 4, 4, 0.5, 1.0))
    negative.activations[:2] *= -1
    run = subprocess.run

    def patient(command, timeout, **options):
        """Give a build the time that it needs: only the program is stuck."""
        return run(command, timeout=None if command[0] == "make" else timeout, **options)

    monkeypatch.setattr(subprocess, "run", patient)
    cases = {
        "no folder": (tmp_path / "absent", SMALL),
        "no sources": (tmp_path, SMALL),
        "negative inputs": (folder_of(tmp_path / "a"), negative),
        "make fails": (folder_of(tmp_path / "b", make="echo no compiler; exit 3"), SMALL),
        "no program": (folder_of(tmp_path / "c", make="true"), SMALL),
        "program fails": (folder_of(tmp_path / "d", "raise SystemExit('no memory')"), SMALL),
        "program stuck": (folder_of(tmp_path / "e", "import signal\nsignal.pause()"), SMALL),
        "no cycles": (folder_of(tmp_path / "f", "print('hello')"), SMALL),
        "silent": (folder_of(tmp_path / "g", ""), SMALL),
    }
    lines = []
    for name, (copy, layer) in cases.items():
        timeout_s = 0.1 if name == "program stuck" else 600
        with pytest.raises(EieError) as caught:
            authors.reproduce(runs_of(layer), copy, timeout_s)
        text = str(caught.value).replace(str(tmp_path), "FOLDER")
        # What make itself adds differs between its versions.
        lines.append(f"{name}: {OF_MAKE.sub('', text)}")
    golden("authors_errors.txt", "\n".join(lines) + "\n")


def test_without_make_the_error_says_so(tmp_path, monkeypatch):
    copy = folder_of(tmp_path)
    monkeypatch.setenv("PATH", "")
    with pytest.raises(EieError, match="needs make and g"):
        authors.reproduce(runs_of(SMALL), copy)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--structure", "odd"], "structure 'odd' is unknown; choose one of even, uneven"),
        (["--authors-simulator", "absent"], "absent: has no Makefile and no src; give the folder"),
    ],
)
def test_the_command_refuses_in_one_line(arguments, message, capsys, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["eie", "reproduce", *arguments])
    with pytest.raises(SystemExit) as caught:
        cli.main()
    assert caught.value.code == 2
    assert message in capsys.readouterr().err


def test_another_codebook_is_refused(tmp_path):
    with pytest.raises(EieError, match="codebook_bits = 5"):
        write_authors_files(SMALL, HardwareConfig(codebook_bits=5), tmp_path)
    assert not list(tmp_path.iterdir())
