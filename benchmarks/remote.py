"""The cost of TVM RPC on loopback, which is that of the protocol alone.

``python benchmarks/remote.py`` writes ``benchmarks/results/remote.json`` (one minute). It times, in
turns, calls of the shipped LeNet-300-100 in this process and on a server on this computer, with 1
and with 100 digits per call. It also times an empty round trip, and the steps before the first
call: connecting, sending the library and loading it; and all of that beside `CLIENTS` silent and as
many malformed clients of ``tests/remote/test_server.py``. A network would add its own time.
"""

from __future__ import annotations

import socket
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from itertools import cycle, islice
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "remote"))
from concurrency import digits, export_lenet
from measure import Timing, timings
from record import record
from test_server import MALFORMED, SILENT
from tvm.rpc import RPCSession

from eie_backend.profiler import profile_runner
from eie_backend.remote.address import Address
from eie_backend.remote.client import connect
from eie_backend.remote.server import Server
from eie_backend.simulator.runner import Runner

BATCHES = (1, 100)
REPETITIONS = 201
CLIENTS = 20


def calls(libraries: dict[int, Path], session: RPCSession) -> tuple[dict[str, object], bool]:
    """Time calls here and on the server; return also whether results and counters are equal."""
    found: dict[str, object] = {}
    same = True
    for batch, library in libraries.items():
        here, there = Runner(library), Runner(library, session)
        inputs = [digits()[:batch]]
        times = timings(
            {"here": partial(here.call, inputs), "there": partial(there.call, inputs)}, REPETITIONS
        )
        found[str(batch)] = {
            "milliseconds": times,
            "added_milliseconds": round(times["there"].median - times["here"].median, 3),
            "input_bytes": inputs[0].nbytes,
        }
        reports = [profile_runner(runner, inputs[0]) for runner in (here, there)]
        same &= len({(r.to_json(), r.outputs[0].tobytes()) for r in reports}) == 1
    return found, same


def round_trip(session: RPCSession) -> Timing:
    """Time an empty call."""
    nothing = session.get_function("runtime.RuntimeEnabled")
    return timings({"nothing": partial(nothing, "cpu")}, REPETITIONS)["nothing"]


def start(library: Path, address: Address) -> dict[str, object]:
    """Time the steps before the first call."""
    sessions: list[RPCSession] = [connect(address)]

    def reconnect() -> None:
        sessions.clear()
        sessions.append(connect(address))

    times = timings({"connect": reconnect}, 21)
    times |= timings({"send and load": lambda: Runner(library, sessions[0])}, 21)
    times |= timings({"load here": lambda: Runner(library)}, 21)
    return {"milliseconds": times, "library_bytes": library.stat().st_size}


@contextmanager
def crowd(address: Address) -> Iterator[None]:
    """Connect silent and malformed clients, which stay as long as the server lets them."""
    with ExitStack() as stack:
        for kind in (SILENT, MALFORMED):
            for data in islice(cycle(kind.values()), CLIENTS):
                client = stack.enter_context(socket.create_connection(address))
                client.sendall(data)
        yield


def beside_others(library: Path, address: Address) -> dict[str, Timing]:
    """Time a client from its connection to its answer, alone and in a crowd."""

    def served() -> None:
        Runner(library, connect(address)).call([digits()[:1]])

    def in_a_crowd() -> None:
        with crowd(address):
            served()

    def crowd_alone() -> None:
        with crowd(address):
            pass

    return timings({"alone": served, "in a crowd": in_a_crowd, "crowd": crowd_alone}, 21)


def free_port() -> int:
    """Return a free port."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


def main() -> None:
    """Measure, print and write the result."""
    address = ("127.0.0.1", free_port())
    with tempfile.TemporaryDirectory() as folder, Server(address):
        libraries = {batch: export_lenet(batch, Path(folder)) for batch in BATCHES}
        session = connect(address)
        found, same = calls(libraries, session)
        measured = {"calls": found, "round_trip_milliseconds": round_trip(session)}
        del session  # the server accepts the next session when this one has ended
        measured["start"] = start(libraries[1], address)
        measured["beside_others_milliseconds"] = beside_others(libraries[1], address)
    record("remote", {"same_results_and_counters": same}, measured)
    if not same:
        sys.exit("results or counters differ")


if __name__ == "__main__":
    main()
