"""`eie reproduce`: what it prints at 80 columns, the files it writes, and how it fails."""

import csv
import json
import os
import sys

import pytest

from eie_backend import cli
from eie_backend.reproduce import runs
from eie_backend.workloads import TABLE_III, LayerShape

FAULTS = {
    "reproduce_nothing_chosen": "reproduce",
    "reproduce_unknown": "reproduce --table 4 --table 9 --figure 3 --other speed",
    "reproduce_structure": "reproduce --table 1 --structure odd",
    "reproduce_alex8_missing": "reproduce --table 4 --alex8 missing.npz -o new",
    "reproduce_alex8_text": "reproduce --table 4 --alex8 text.npz -o new",
    "reproduce_output_is_a_file": "reproduce --table 1 -o text.npz",
    "reproduce_output_below_a_file": "reproduce --table 1 -o text.npz/new",
}


@pytest.fixture
def small_layers(monkeypatch):
    """Make the layers of Table III an eighth as long and wide: fast, and far from the paper."""
    shapes = {
        name: LayerShape(name, s.inputs // 8, s.outputs // 8, s.weight_density, s.act_density)
        for name, s in TABLE_III.items()
    }
    monkeypatch.setattr(runs, "TABLE_III", shapes)


@pytest.fixture
def eie_in(tmp_path, monkeypatch, capsys):
    """Run a command in a folder with a text file; return exit code, stdout and stderr."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    (tmp_path / "text.npz").write_text("not arrays")

    def run(command):
        monkeypatch.setattr("sys.argv", ["eie", *command.split()])
        with pytest.raises(SystemExit) as leaving:
            cli.main()
        return leaving.value.code or 0, *capsys.readouterr()

    return run


@pytest.mark.parametrize("name", FAULTS)
def test_fault(name, eie_in, golden, tmp_path):
    code, stdout, stderr = eie_in(FAULTS[name])
    assert (code, stdout, stderr.count("\n")) == (2, "", 1)
    assert [path.name for path in tmp_path.iterdir()] == ["text.npz"]
    golden(f"{name}.txt", f"$ eie {FAULTS[name]}\nexit code {code}\n{stderr}")


def test_pictures_need_matplotlib_and_nothing_else_does(
    eie_in, golden, monkeypatch, small_layers, tmp_path
):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    command = "reproduce --figure 6 -o new"
    code, _, stderr = eie_in(command)
    golden("reproduce_no_matplotlib.txt", f"$ eie {command}\nexit code {code}\n{stderr}")
    assert code == 2
    assert not (tmp_path / "new").exists()
    assert eie_in("reproduce --table 1 -o new")[0] == 0
    assert "Figure 6: speedup" in eie_in("reproduce --figure 6")[1]


@pytest.mark.parametrize("option", ["--seed -1", "--seed one", "--table IV"])
def test_usage(option, eie_in):
    code, _, stderr = eie_in(f"reproduce {option}")
    assert code == 2
    assert "eie: error: " in stderr


def test_help_has_an_example(eie_in):
    code, stdout, _ = eie_in("reproduce --help")
    assert code == 0
    assert "eie reproduce --table 4 --figure 6 -o reproduced" in stdout


@pytest.mark.parametrize("table", [1, 2])
def test_a_table_on_screen(table, eie_in, golden):
    code, stdout, _ = eie_in(f"reproduce --table {table}")
    golden(f"reproduce_table_{table}.txt", stdout)
    assert code == 0
    assert max(map(len, stdout.splitlines())) <= 80


@pytest.mark.parametrize("choice", ["--table 4", "--table 5", "--figure 6", "--figure 7"])
def test_no_line_is_cut_or_longer_than_80_columns(choice, eie_in, small_layers):
    _, stdout, _ = eie_in(f"reproduce {choice}")
    assert max(map(len, stdout.splitlines())) <= 80
    assert "…" not in stdout


def test_what_is_out_of_tolerance_is_marked_and_listed(eie_in, golden, small_layers):
    code, stdout, _ = eie_in("reproduce --table 5 --table 1 --table 5 --seed 3")
    golden("reproduce_out_of_tolerance.txt", stdout)
    assert code == 1
    assert stdout.index("Table I:") < stdout.index("Table V:")
    assert stdout.count("Table V:") == 1


def test_a_folder_has_every_result_as_csv_and_json_and_a_summary(eie_in, tmp_path, small_layers):
    code, _, stderr = eie_in("reproduce --table 1 --table 4 -o deep/new")
    folder = tmp_path / "deep" / "new"
    assert code == 1
    assert stderr == "wrote deep/new\n"
    assert sorted(path.name for path in folder.iterdir()) == [
        "summary.json",
        "table_1.csv",
        "table_1.json",
        "table_4.csv",
        "table_4.json",
    ]
    summary = json.loads((folder / "summary.json").read_text("utf-8"))
    assert summary["layers"].startswith("Layers: generated, seed 0")
    assert list(summary["results"]) == ["table_1", "table_4"]
    assert summary["results"]["table_1"]["out_of_tolerance"] == 0
    assert summary["results"]["table_4"]["out_of_tolerance"] > 0
    table = json.loads((folder / "table_4.json").read_text("utf-8"))
    baselines = [one for one in table["published"] if one["item"] == "Alex-6"]
    assert {"item": "Alex-6", "quantity": "CPU dense, batch 64", "unit": "us", "paper": 318.4} in (
        baselines
    )
    assert len(baselines) == 12
    with (folder / "table_4.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(table["values"]) + len(table["published"])


def test_a_figure_is_drawn_as_svg_and_png(eie_in, tmp_path, small_layers):
    pytest.importorskip("matplotlib", reason="needs the extra `viz`")
    eie_in("reproduce --figure 7 -o new")
    assert (tmp_path / "new/figure_7.svg").read_bytes().startswith(b"<?xml")
    assert (tmp_path / "new/figure_7.png").read_bytes().startswith(b"\x89PNG")


def test_a_full_disk_leaves_whole_results_alone(eie_in, golden, monkeypatch, tmp_path):
    """The second table's JSON cannot be written: its CSV is not, either; the first stays."""
    fsync, calls = os.fsync, []

    def full(descriptor):
        calls.append(descriptor)
        if len(calls) == 4:
            raise OSError(28, "No space left on device")
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", full)
    command = "reproduce --table 1 --table 2 -o new"
    code, _, stderr = eie_in(command)
    golden("reproduce_full_disk.txt", f"$ eie {command}\nexit code {code}\n{stderr}")
    assert code == 2
    assert {path.name for path in (tmp_path / "new").iterdir()} == {"table_1.csv", "table_1.json"}


def test_the_same_seed_gives_the_same_files(eie_in, tmp_path, small_layers):
    for folder in ("one", "two"):
        eie_in(f"reproduce --table 4 --table 5 --seed 5 -o {folder}")
    names = sorted(path.name for path in (tmp_path / "one").iterdir())
    for name in names:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
