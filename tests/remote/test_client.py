"""A model over RPC: the same results and counters as here, and errors that say what to do.

The servers are processes on loopback, which a fixture ends.
"""

import threading
from importlib.resources import files

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper
from servers import SECONDS, free_port, wait_until
from tvm import rpc
from tvm.rpc.tracker import Tracker

import eie_backend as eie
from eie_backend import HardwareConfig
from eie_backend.errors import RemoteError
from eie_backend.remote import client
from eie_backend.remote.client import connect
from eie_backend.remote.server import Server
from eie_backend.simulator.remote_place import There
from eie_backend.simulator.runner import Runner

DATA = files("eie_backend") / "data"


@pytest.fixture(scope="module")
def server():
    with Server(("127.0.0.1", free_port())) as running:
        yield running


@pytest.fixture
def session(server):
    return connect(server.address)


@pytest.fixture(scope="module")
def digits():
    with np.load(DATA / "mnist_test_1000.npz") as data:
        return data["images"][:100, None] / np.float32(255)


@pytest.fixture(scope="module")
def lenet(tmp_path_factory):
    """Return LeNet-300-100, compiled for ten digits a call, as a file."""
    mod = eie.from_onnx(eie.load_eiez(DATA / "lenet_300_100.eiez"), bind={"batch": 10})
    path = tmp_path_factory.mktemp("lenet") / "lenet.so"
    eie.export_library(eie.compile(mod, HardwareConfig(num_pe=16)), path)
    return path


def two_results():
    """Return a model with two inputs and two results."""
    rng = np.random.default_rng(5)
    names, value = "abcd", helper.make_tensor_value_info
    nodes = [
        helper.make_node("MatMul", ["a", "v"], ["c"], "left"),
        helper.make_node("MatMul", ["b", "w"], ["d"], "right"),
    ]
    ends = [value(name, TensorProto.FLOAT, [2, 6]) for name in names]
    weights = [numpy_helper.from_array(rng.normal(size=(6, 6)).astype("f"), n) for n in "vw"]
    graph = helper.make_graph(nodes, "graph", ends[:2], ends[2:], weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def test_results_and_counters_are_those_of_here(lenet, digits, session):
    here, there = eie.profile(lenet, digits), eie.profile(lenet, digits, remote=session)
    np.testing.assert_array_equal(there.outputs[0], here.outputs[0])
    assert there.to_json() == here.to_json()
    assert all(layer.counters["cycles"] > 0 for layer in there.layers)


@pytest.mark.parametrize("engine", ["functional", "clock"])
def test_on_every_engine(engine, lenet, digits, session):
    here = eie.profile(lenet, digits[:10], engine)
    assert eie.profile(lenet, digits[:10], engine, remote=session).to_json() == here.to_json()


def test_several_inputs_and_results_of_a_model_that_has_no_file(session):
    x = np.random.default_rng(6).normal(size=(2, 2, 6)).astype(np.float32)
    executable = eie.compile(eie.from_onnx(two_results()))
    here = eie.run(executable, dict(zip("ab", x, strict=True)))
    there = eie.run(executable, dict(zip("ab", x, strict=True)), remote=session)
    assert len(here) == len(there) == 2
    np.testing.assert_array_equal(here, there)


def test_two_models_in_one_session(lenet, digits, make_mlp, session):
    executable = eie.compile(eie.from_onnx(make_mlp(24, 10)))
    x = np.ones((4, 24), np.float32)
    first, second = Runner(lenet, session), Runner(executable, session)
    for _ in range(2):
        (scores,) = first.call([digits[:10]])
        np.testing.assert_array_equal(scores, eie.run(lenet, digits[:10])[0])
        np.testing.assert_array_equal(second.call([x]), eie.run(executable, x))


def test_users_come_one_after_another(lenet, digits, server):
    expected = eie.run(lenet, digits)[0]
    results = []

    def use():
        results.append(eie.run(lenet, digits, remote=connect(server.address))[0])

    users = [threading.Thread(target=use) for _ in range(3)]
    for user in users:
        user.start()
    for user in users:
        user.join()
    assert len(results) == 3
    assert all(np.array_equal(result, expected) for result in results)


def test_through_a_tracker(lenet, digits):
    port = free_port()
    tracker = Tracker("127.0.0.1", port, port + 1, silent=True)
    address = ("127.0.0.1", port)
    try:
        with (
            Server(("127.0.0.1", free_port()), tracker=address),
            Server(("127.0.0.1", free_port()), tracker=address),
        ):
            found = rpc.connect_tracker(*address)
            wait_until(lambda: found.summary()["queue_info"].get("eie", {}).get("free") == 2)
            sessions = [found.request("eie") for _ in range(2)]  # both at once
            here = eie.profile(lenet, digits).to_json()
            assert [eie.profile(lenet, digits, remote=s).to_json() for s in sessions] == [here] * 2
    finally:
        tracker.terminate()


# Errors


def test_nobody_listens():
    address = ("127.0.0.1", free_port())
    with pytest.raises(RemoteError) as error:
        connect(address)
    assert str(error.value) == (
        f"127.0.0.1:{address[1]}: no session with key eie: Connect to 127.0.0.1:{address[1]} "
        "failed; start a server there: eie serve"
    )


def test_another_key(server):
    with pytest.raises(RemoteError, match=r"no session with key other: .* cannot find server"):
        connect(server.address, "other")


def test_a_function_that_the_server_lacks(lenet, session):
    with pytest.raises(RemoteError) as error:
        There(lenet, session).function("eie.no_such_function")()
    assert str(error.value) == (
        "the server does not do as asked: Module has no function 'eie.no_such_function'; see that "
        "`eie serve` runs there, of the same release as here, and connect again"
    )


def test_a_server_that_answers_is_not_to_be_started(server, monkeypatch):
    monkeypatch.setattr(client, "ANSWER_SECONDS", SECONDS)
    with pytest.raises(RemoteError) as error:
        connect(server.address, "other")
    assert str(error.value).endswith("; see what `eie serve` says there")
