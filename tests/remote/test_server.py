"""A server among clients that are silent, malformed, greedy or killed: it serves the next one.

No limit ends a client before what a test waits for: limits are an hour, or as short as can be.
"""

import socket
import struct
import threading
from contextlib import ExitStack

import numpy as np
import psutil
import pytest
from servers import SECONDS, free_port, wait_until
from tvm import rpc
from tvm.rpc.base import RPC_CODE_MISMATCH, RPC_MAGIC

import eie_backend as eie
from eie_backend.errors import RemoteError
from eie_backend.remote import client
from eie_backend.remote.client import connect, how_busy
from eie_backend.remote.client_limits import Limits
from eie_backend.remote.server import Server

HOUR, AT_ONCE = 3600.0, 0.01


def hello(key=b"client:eie", length=None):
    """Return a greeting."""
    return struct.pack("<2i", RPC_MAGIC, len(key) if length is None else length) + key


def message(body, length=None):
    return struct.pack("<Q", len(body) if length is None else length) + body


FIRST = message(struct.pack("<iQ5s", 2, 5, b"0.8.0") + struct.pack("<i", 0))

SILENT = {
    "nothing": b"",
    "half a number": hello()[:2],
    "no key": hello(length=10)[:8],
    "half a key": hello()[:-3],
    "no message": hello(),
    "half a length": hello() + FIRST[:4],
    "half a message": hello() + FIRST[:-3],
}

MALFORMED = {
    "http": b"GET / HTTP/1.1\r\nHost: here\r\n\r\n",
    "zeros": bytes(64),
    "a key of 2 GB": hello(length=(1 << 31) - 1),
    "a key of less than nothing": hello(length=-1),
    "no key": hello(b""),
    "a key without a word": hello(b"    "),
    "a key that is no text": hello(b"client:\xff\xfe"),
    "another key": hello(b"client:other"),
    "a server's key": hello(b"server:eie"),
    "a timeout that is no number": hello(b"client:eie -timeout=never"),
    "a timeout of nan": hello(b"client:eie -timeout=nan"),
    "a timeout beyond all years": hello(b"client:eie -timeout=1e300"),
    "a first message of 2^34 bytes": hello() + message(b"", 1 << 34),
    "a first message of 2^64 - 1 bytes": hello() + message(b"", (1 << 64) - 1),
    "a first message without a code": hello() + message(b""),
    "a first message that begins nothing": hello() + message(struct.pack("<i", 3)),
}


@pytest.fixture(autouse=True)
def slow_machine(monkeypatch):
    """Let clients wait for answers as long as a slow machine needs."""
    monkeypatch.setattr(client, "ANSWER_SECONDS", SECONDS)


@pytest.fixture
def connected():
    """Return a connection of a client that says some bytes."""
    with ExitStack() as stack:

        def say(server, data):
            sock = stack.enter_context(socket.create_connection(server.address, timeout=SECONDS))
            sock.sendall(data)
            return sock

        yield say


def serving(**limits):
    return Server(("127.0.0.1", free_port()), limits=Limits(**limits))


@pytest.fixture(scope="module")
def patient():
    """Return a server that waits for an hour."""
    with serving(timeout_seconds=HOUR) as server:
        yield server


@pytest.fixture(scope="module")
def impatient():
    with serving(timeout_seconds=AT_ONCE) as server:
        yield server


def rest(sock):
    """Return what a server says until it closes the connection."""
    try:
        return b"".join(iter(lambda: sock.recv(1 << 16), b""))
    except ConnectionResetError:  # it did not read all that was sent
        return b""


def rest_after(sock):
    """Return what a server says to a client that sends no more."""
    sock.shutdown(socket.SHUT_WR)
    return rest(sock)


def said(server, text):
    """Wait until a server says a sentence with some text: of who waits a moment, it tells, too."""
    while text not in (line := server.wait()):
        pass
    return line


def use(session):
    """Let the server do something."""
    session.upload(bytearray(b"abc"), "file")
    assert session.download("file") == b"abc"


# Beside a good client


def test_a_good_client_beside_20_silent_and_20_malformed_ones(make_mlp, connected):
    x = np.random.default_rng(7).normal(size=(4, 24)).astype(np.float32)
    executable = eie.compile(eie.from_onnx(make_mlp(24, 10)))
    with serving(timeout_seconds=HOUR) as server:
        silent = [connected(server, [*SILENT.values()][n % len(SILENT)]) for n in range(20)]
        malformed = [
            connected(server, [*MALFORMED.values()][n % len(MALFORMED)]) for n in range(20)
        ]
        # The server may give up the session after this time; the silent ones have an hour.
        session = rpc.connect(*server.address, "eie", session_timeout=SECONDS)
        np.testing.assert_array_equal(
            eie.run(executable, x, remote=session), eie.run(executable, x)
        )
        for sock in malformed:
            rest(sock)
        for sock in silent:  # they are still there
            sock.setblocking(False)
            with pytest.raises(BlockingIOError):
                while sock.recv(1 << 10):
                    pass


@pytest.mark.parametrize("data", SILENT.values(), ids=SILENT)
def test_who_is_silent_is_told_good_bye(data, connected, impatient):
    rest(connected(impatient, data))
    said(impatient, "refused: no whole greeting within 0.01 s")


@pytest.mark.parametrize("data", MALFORMED.values(), ids=MALFORMED)
def test_who_is_malformed_is_told_good_bye(data, connected, patient):
    answer = rest(connected(patient, data))
    said(patient, " refused: ")
    if b":other" in data:
        assert answer == struct.pack("<i", RPC_CODE_MISMATCH)
    use(connect(patient.address))


def test_who_leaves_early_takes_no_turn(connected, patient):
    for data in SILENT.values():
        connected(patient, data).close()
    for _ in SILENT:
        said(patient, " refused: ")
    use(connect(patient.address))


@pytest.mark.nightly
def test_more_silent_clients_than_can_greet_at_the_same_time(connected):
    with serving(timeout_seconds=1.0) as server:
        for _ in range(300):
            connected(server, b"")

        def served():
            try:
                use(connect(server.address))
            except Exception:  # on a slow machine, the limit ends good clients, too
                return False
            return True

        wait_until(served)


# Several good clients


def test_who_waits_is_told_and_gets_a_turn():
    with serving() as server:
        assert how_busy(server.address) == (0, 0)
        first = connect(server.address)
        use(first)
        told, done = [], []

        def wait():
            session = connect(server.address, told=told.append)
            use(session)
            done.append(True)

        waits = threading.Thread(target=wait)
        waits.start()
        said(server, " waits; 1 before it")
        address = f"127.0.0.1:{server.address[1]}"
        assert told == [f"{address} serves another client, and 0 wait for it; waiting"]
        assert how_busy(server.address) == (1, 1)
        use(first)
        assert not done
        del first
        waits.join()
        assert done


def test_where_too_many_wait():
    with serving(waiting=0) as server:
        first = connect(server.address)
        with pytest.raises(RemoteError) as error:
            connect(server.address)
        assert str(error.value) == (
            f"127.0.0.1:{server.address[1]}: no session with key eie: the server is busy: 0 "
            "clients wait already; try again later, or start another server; see what `eie serve` "
            "says there"
        )
        use(first)


def test_who_is_told_can_decide_not_to_wait():
    def decline(line):
        raise InterruptedError(line)

    with serving() as server:
        first = connect(server.address)
        with pytest.raises(InterruptedError, match="serves another client"):
            connect(server.address, told=decline)
        assert how_busy(server.address) == (1, 0)
        use(first)


def test_who_left_does_not_wait(connected):
    with serving() as server:
        first = connect(server.address)
        other = connected(server, hello() + FIRST)
        said(server, " waits; 1 before it")
        other.close()
        wait_until(lambda: how_busy(server.address) == (1, 0))
        use(first)
        del first
        use(connect(server.address))


# Limits of a session


def test_a_message_of_2_to_34_bytes_gets_no_room(connected):
    with serving() as server:
        sock = connected(server, hello() + FIRST + message(b"abc", 1 << 34))
        answer = rest_after(sock)
        assert b"a message has 17,179,869,184 bytes, the server takes 1,073,741,824" in answer
        said(server, "a message has 17,179,869,184 bytes")
        use(connect(server.address))


def test_an_upload_beyond_the_limit_says_so():
    with serving(message_bytes=1 << 16, timeout_seconds=HOUR) as server:
        session = connect(server.address)
        session.upload(bytearray(1 << 15), "file")
        with pytest.raises(Exception, match=r"a message has .* bytes, the server takes 65,536:"):
            session.upload(bytearray(1 << 24), "file")


def test_a_session_that_is_idle_says_so_when_it_goes_on():
    with serving(idle_seconds=AT_ONCE) as server:
        session = connect(server.address)
        said(server, "the client sent nothing for 0.01 s")
        with pytest.raises(Exception, match=r"the client sent nothing for 0\.01 s: connect again"):
            use(session)


def test_a_client_that_stops_amid_a_message_is_given_up(connected):
    with serving(timeout_seconds=1.0) as server:
        sock = connected(server, hello() + FIRST + message(bytes(10), 1 << 20))
        said(server, "the client sent nothing for 1 s")
        assert b"sent nothing for 1 s" in rest(sock)


def test_a_session_ends_when_the_client_wanted(connected):
    with serving() as server:
        sock = connected(server, hello(b"client:eie -timeout=0.01") + FIRST)
        said(server, " ended: its 0.01 s are over")
        assert rest(sock).endswith(b"the session's 0.01 s are over")
        use(connect(server.address))


@pytest.mark.parametrize("name", ["timeout_seconds", "idle_seconds", "message_bytes", "waiting"])
@pytest.mark.parametrize("value", [-1, float("nan"), float("inf")])
def test_limits_that_are_none(name, value):
    with pytest.raises(RemoteError, match=f"limit {name}: {value}; give a number from "):
        Limits(**{name: value})


# Crashes


def listening_process(server):
    """Return the process that accepts."""
    (found,) = (
        child
        for child in psutil.Process().children()
        if any(one.laddr == server.address for one in child.net_connections())
    )
    return found


def test_a_session_or_a_server_that_is_killed_is_followed_by_the_next():
    with serving() as server:
        session = connect(server.address)
        use(session)
        (process,) = listening_process(server).children()
        process.kill()
        with pytest.raises(Exception, match=r"kShutdown|Connection|Broken"):
            use(session)
        said(server, " ended: its process was killed by signal 9")
        session = connect(server.address)
        use(session)
        listening = listening_process(server)
        (process,) = listening.children()
        listening.kill()
        said(server, "the server's process was killed; it listens again")
        wait_until(lambda: not process.is_running())
        use(connect(server.address))


def test_nothing_is_left_of_a_server(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with serving() as server:
        session = connect(server.address)
        use(session)
        assert list(tmp_path.iterdir())
        processes = [listening_process(server), *listening_process(server).children()]
    assert not list(tmp_path.iterdir())
    wait_until(lambda: not any(process.is_running() for process in processes))
