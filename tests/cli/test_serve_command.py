"""``eie serve``: what it says, whom it lets in, how it ends; `--remote` of other commands."""

import json
import os
import signal
import socket
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import psutil
import pytest
from servers import SECONDS, free_port, wait_until

import eie_backend as eie
from eie_backend import cli
from eie_backend.remote.client import how_busy

EIE = Path(sys.executable).with_name("eie")
EVERYWHERE = "0.0.0.0"  # noqa: S104 - it is what the warning is about


@contextmanager
def serving(*options):
    """Run ``eie serve`` until it listens; yield the process, its port and its first line."""
    port = free_port()
    process = subprocess.Popen(
        [EIE, "serve", "--port", str(port), *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            yield process, port, process.stdout.readline()
        finally:
            process.kill()


@pytest.fixture
def folder(make_mlp, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    eie.export_library(eie.compile(eie.from_onnx(make_mlp(24, 10))), "mlp.so")
    np.save("x.npy", np.random.default_rng(1).normal(size=(8, 24)).astype(np.float32))


@pytest.fixture
def in_process(monkeypatch, capsys):
    """Run a command in this process, which is faster; return exit code, stdout and stderr."""

    def run(*command):
        monkeypatch.setattr("sys.argv", ["eie", *command])
        with pytest.raises(SystemExit) as leaving:
            cli.main()
        return leaving.value.code or 0, *capsys.readouterr()

    return run


def descendants(process):
    return psutil.Process(process.pid).children(recursive=True)


def addresses(process):
    """Return the addresses at which a process and its children listen."""
    found = [one for child in descendants(process) for one in child.net_connections()]
    return {one.laddr for one in found if one.status == psutil.CONN_LISTEN}


@pytest.mark.usefixtures("folder")
def test_other_commands_run_there_and_ctrl_c_ends_it(in_process):
    with serving() as (process, port, line):
        assert line == f"listening at 127.0.0.1:{port}, key eie; Ctrl-C ends it\n"
        assert addresses(process) == {("127.0.0.1", port)}
        for command in ("run", "profile"):
            here = [command, "mlp.so", "--input", "x.npy", "--json"]
            wait_until(
                lambda: how_busy(("127.0.0.1", port)) == (0, 0)
            )  # else it says that it waits
            assert in_process(*here, "--remote", f"127.0.0.1:{port}") == in_process(*here)
        code, _, error = in_process("serve", "--port", str(port))
        assert code == 2
        assert error == (
            f"eie: error: 127.0.0.1:{port}: cannot listen: Address already in use; choose another "
            "port, or an address of this machine\n"
        )
        others = descendants(process)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=SECONDS)
        assert process.returncode == 0
    assert errors.splitlines() == [
        "Whoever can connect can run any code as you: TVM RPC executes what it is sent. To this "
        "address, only users of this machine can.",
        "ended",
    ]
    wait_until(lambda: not any(other.is_running() for other in others))


def test_json_and_the_warning_of_an_address_that_others_reach():
    with serving("--host", EVERYWHERE, "--key", "mine", "--json") as (process, port, line):
        text = line
        while (line := process.stdout.readline()) not in ("}\n", ""):
            text += line
        assert json.loads(text + line) == {
            "host": EVERYWHERE,
            "port": port,
            "key": "mine",
            "not_finite": [],
            "saturated": [],
            "tracker": None,
            "written": [],
        }
        process.terminate()
        _, errors = process.communicate(timeout=SECONDS)
        assert process.returncode == 0
    (warning,) = (line for line in errors.splitlines() if line.startswith("WARNING: "))
    assert "any code as you" in warning


def test_the_server_goes_with_a_command_that_is_killed():
    with serving("--quiet") as (process, port, _):
        # The other one keeps what others print: tests/cli/test_foreign_output.py
        (listening,) = [one for one in descendants(process) if "--port" not in one.cmdline()]
        socket.create_connection(("127.0.0.1", port)).close()
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        wait_until(lambda: not listening.is_running())
