"""`There`: the server process of an RPC session, to which a model is uploaded."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any
from uuid import uuid4

import tvm
from tvm import relax, rpc
from tvm_ffi.serialization import from_json_graph_str

from eie_backend.codegen.linked import library_bytes
from eie_backend.errors import EieError, RemoteError, last_line
from eie_backend.runtime import Runtime
from eie_backend.simulator.place import Batch, Model


class There:
    """The server process of a session; the model is uploaded to it once."""

    def __init__(self, model: Model, session: rpc.RPCSession) -> None:
        self._find = cache(session.get_function)
        library = _library_bytes(model)
        name = f"{uuid4().hex}.so"  # of its own: a library that is in use must not be overwritten
        with _answering():
            session.upload(library, name)
            self._module = session.load_module(name)
            session.remove(name)
            self._device = session.cpu()

    def machine(self) -> relax.VirtualMachine:
        """Return a new VM."""
        with _answering():
            return relax.VirtualMachine(self._module, self._device)

    def call(self, machine: relax.VirtualMachine, batch: Batch) -> Batch:
        """Send a batch, run it and fetch its results."""
        with _answering():
            result = machine["main"](*(tvm.runtime.tensor(v, self._device) for v in batch))
            if isinstance(result, tvm.runtime.Tensor):
                return [result.numpy()]
            size, item = self._find("ffi.ArraySize"), self._find("ffi.ArrayGetItem")
            return [item(result, number).numpy() for number in range(size(result))]

    @property
    def runtime(self) -> Runtime:
        """The C++ functions of the server."""
        return Runtime(self.function)

    def function(self, name: str) -> Callable[..., Any]:
        """Return a server function whose result, containers of plain data, is fetched."""

        def call(*arguments: Any) -> Any:
            with _answering():
                result = self._find(name)(*arguments)
                # RPC itself transfers only scalars, strings and tensors.
                text = self._find("ffi.ToJSONGraphString")(result, None)
                return from_json_graph_str(text)

        return call


def _library_bytes(model: Model) -> bytearray:
    is_compiled = isinstance(model, relax.VMExecutable)
    return bytearray(library_bytes(model) if is_compiled else Path(model).read_bytes())


@contextmanager
def _answering() -> Iterator[None]:
    """Turn an exception that TVM raises about the server into a `RemoteError`."""
    try:
        yield
    except EieError:
        raise
    except Exception as error:
        raise RemoteError(
            f"the server does not do as asked: {reason(error)}; see that `eie serve` runs there, "
            "of the same release as here, and connect again"
        ) from error


def reason(error: Exception) -> str:
    """Return the last line of an error message, without the C++ condition that TVM prepends."""
    return last_line(error).rpartition(" is false: ")[2]
