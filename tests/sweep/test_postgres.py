"""A study in a PostgreSQL server, started here where Debian's package `postgresql` is installed."""

import os
import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path
from threading import Thread

import pytest

from eie_backend.sweep import Outcome, sweep
from eie_backend.sweep import run as run_module
from eie_backend.sweep.shown import to_json

pytestmark = pytest.mark.interop
pytest.importorskip("psycopg", reason="needs the extra `interop`")


def program(name):
    """Return one of the server's programs, which Debian keeps off the PATH."""
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    path = shutil.which(name) or (str(found[-1]) if found else None)
    if path is None:
        pytest.skip(f"no {name}: install Debian's package postgresql")
    return path


@pytest.fixture(scope="module")
def server():
    """Start a server in a temporary folder, reached by a socket alone; return its URL."""
    initdb, pg_ctl = program("initdb"), program("pg_ctl")
    user = None
    if os.geteuid() == 0:  # which the server refuses to run as
        try:
            user = pwd.getpwnam("postgres").pw_name
        except KeyError:
            pytest.skip("root cannot start PostgreSQL, and there is no user postgres")
    with tempfile.TemporaryDirectory(prefix="eie_pg_") as name:
        folder = Path(name)
        if user is not None:
            shutil.chown(folder, user)

        def run(*command):
            subprocess.run(
                command, check=True, user=user, cwd=folder, stdout=subprocess.DEVNULL, timeout=120
            )

        data = str(folder / "data")
        run(initdb, "-D", data, "-U", "eie", "-A", "trust", "-N")
        # A socket in the folder, and no port.
        options = f"-c unix_socket_directories={folder} -c listen_addresses=''"
        run(pg_ctl, "-D", data, "-w", "-l", str(folder / "log"), "-o", options, "start")
        try:
            yield f"postgresql+psycopg://eie@/postgres?host={folder}"
        finally:
            run(pg_ctl, "-D", data, "-w", "-m", "immediate", "stop")


def test_two_machines_share_the_study(server, make_bench, open_study, monkeypatch):
    seen = []

    def invent(bench, design):
        seen.append(design.key)
        return Outcome(design.recipe.density, 100.0 / design.hardware.num_pe, 1.0, 2.0)

    monkeypatch.setattr(run_module, "measure", invent)
    spec, bench = make_bench(prune=False)
    open_study("shared", server)  # whoever loses a race for the tables leaves connections open
    found = {}

    def work(name):
        found[name] = sweep(spec, bench, open_study("shared", server), "threads", 1)

    machines = [Thread(target=work, args=(name,)) for name in "ab"]
    for machine in machines:
        machine.start()
    for machine in machines:
        machine.join()
    assert to_json(found["a"]) == to_json(found["b"])
    assert len(open_study("shared", server).outcomes()) == len(set(seen)) == 24
    seen.clear()
    assert to_json(sweep(spec, bench, open_study("shared", server), "threads", 1)) == to_json(
        found["a"]
    )
    assert not seen, "what was finished is measured again"
