"""`trace` and `trace_layer`: what every unit did at every edge, as a file for a viewer."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from eie_backend.config import HardwareConfig
from eie_backend.errors import ConfigError, InputError
from eie_backend.isa.program import Program, Step, layer_names
from eie_backend.machine.choices import TRACE_FORM, Arithmetic, Engine, TraceForm
from eie_backend.machine.encoding import EncodedMatrix
from eie_backend.machine.formats import LayerFormat
from eie_backend.names.find import the_layer
from eie_backend.simulator.layer_run import find_account
from eie_backend.simulator.place import Model
from eie_backend.simulator.runner import Data, Runner
from eie_backend.simulator.simulation import simulate
from eie_backend.tracing.perfetto import perfetto_trace
from eie_backend.tracing.recording import LAST_EDGE, Recording, Request, TraceRecorder
from eie_backend.tracing.timeline import timeline_picture
from eie_backend.tracing.vcd import FRAME_BYTES, vcd_dump

FORMS: dict[TraceForm, Engine] = {
    "perfetto": "event",
    "vcd": "clock",
    "svg": "event",
    "png": "event",
    "pdf": "event",
}
"""Forms of a trace and the engine that each is recorded from."""
MAX_BYTES = 64_000_000
MEDIA = {"svg": "image/svg+xml", "png": "image/png"}
"""What a notebook shows."""


@dataclass(frozen=True)
class Trace:
    """A trace of one sample.

    Attributes
    ----------
    data : bytes
        The file: Perfetto's protobuf, a value change dump, or a picture.
    start, stop : int
        First clock edge that it shows, and one past the last.
    cycles : int
        Clock edges that there were, with and without the trace.
    limited : bool
        Whether it ends at `stop` because a larger one would pass `max_bytes`.
    form : {"perfetto", "vcd", "svg", "png", "pdf"}
        What `data` is; notebooks show "svg" and "png".
    """

    data: bytes = field(repr=False)
    start: int
    stop: int
    cycles: int
    limited: bool
    form: TraceForm

    def _repr_html_(self) -> str | None:
        if self.form not in MEDIA:
            return None
        source = f"data:{MEDIA[self.form]};base64,{b64encode(self.data).decode()}"
        about = f"What every PE does at clock edges {self.start} to {self.stop - 1}"
        return f'<img alt="{about}" src="{source}" style="max-width: 100%">'


def trace(
    model: Model | Runner,
    data: Data,
    form: TraceForm = "perfetto",
    *,
    sample: int = 0,
    layer: str | None = None,
    window: tuple[int, int | None] = (1, None),
    max_bytes: int = MAX_BYTES,
    strict_inputs: bool = False,
) -> Trace:
    """Trace one sample of a compiled model; results and counters stay what they are.

    Parameters
    ----------
    model : path, VMExecutable or Runner
        What `compile` returned or `export_library` wrote, or that loaded.
    data : array or mapping of str to array
        Inputs with the compiled shape, or several of them along the first axis.
    form : {"perfetto", "vcd", "svg", "png", "pdf"}
        Tracks for ui.perfetto.dev, from the engine "event"; waveforms for GTKWave, from the
        engine "clock"; or a picture of what the PEs do, from "event". ``docs/traces.md`` explains
        all.
    sample : int
        Number of the sample.
    layer : str, optional
        Trace this layer alone, and count clock edges from its first; by default all layers. Other
        names of it will do that the library knows (``docs/names.md``).
    window : pair of int
        First clock edge, from 1, and one past the last; None: to the end.
    max_bytes : int
        Size of the file. A trace that would be larger ends early, at a whole edge. Pictures have
        their own limit, 2,000 edges.
    strict_inputs : bool
        Refuse NaN and infinity in `data`, which otherwise are told by a `NotFiniteWarning`.

    Returns
    -------
    Trace

    Raises
    ------
    ConfigError
        If an option is impossible, or a package is missing.
    InputError, ImageError
        If the data or the library is not usable.

    Notes
    -----
    **Source**: design choice; the edges are those of ``docs/cycles.md``.
    """
    request = _request(form, sample, "", window, max_bytes)
    runner = model if isinstance(model, Runner) else Runner(model)
    if layer is not None:
        request = request._replace(layer=the_layer(layer, layer_names(runner.programs)))
    calls = runner.calls(data, strict_inputs=strict_inputs)
    recording, number = _record(runner, calls[0], request, form), 0
    per_call = recording.samples
    if sample >= per_call * len(calls):
        raise InputError(
            f"sample {sample}: the inputs hold {per_call * len(calls)}, counted from 0"
        )
    if sample >= per_call:
        number, own = divmod(sample, per_call)
        recording = _record(runner, calls[number], request._replace(sample=own), form)
    return _write(recording, request, form)


def trace_layer(
    encoded: EncodedMatrix,
    activations: ArrayLike,
    config: HardwareConfig,
    arithmetic: Arithmetic = "int16",
    format: LayerFormat | None = None,
    form: TraceForm = "perfetto",
    *,
    window: tuple[int, int | None] = (1, None),
    max_bytes: int = MAX_BYTES,
) -> Trace:
    """Trace one sparse matrix-vector product.

    Parameters
    ----------
    encoded, activations, config, arithmetic, format
        As for `simulate`.
    form, window, max_bytes
        As for `trace`.

    Returns
    -------
    Trace

    Raises
    ------
    InputError, ConfigError
        As for `simulate` and `trace`.

    Examples
    --------
    >>> from eie_backend import HardwareConfig, encode
    >>> config = HardwareConfig(num_pe=2)
    >>> encoded = encode([[1, 0], [0, 2]], [0.0, 0.5, -1.0], config)
    >>> made = trace_layer(encoded, [4.0, 0.0], config, "float32", form="vcd")
    >>> made.cycles, made.start, made.stop, made.data[:22]
    (9, 1, 10, b'$version eie_backend 0')
    """
    request = _request(form, 0, "", window, max_bytes)
    run = simulate(encoded, activations, config, arithmetic, format, FORMS[form])
    step = Step("mvm", {"matrix": 0}, 0)
    program = Program(
        "", config, arithmetic, encoded.cols, encoded.rows, ("layer",), (encoded,), (), (), (step,)
    )
    assert run.scan is not None
    with _recorder(request, form) as recorder:
        find_account(run.scan)
    return _write(recorder.read([program]), request, form)


def _request(
    form: str, sample: int, layer: str, window: tuple[int, int | None], max_bytes: int
) -> Request:
    start, stop = window
    TRACE_FORM.checked(form, ConfigError)
    if start < 1 or (stop is not None and stop <= start):
        raise ConfigError(
            f"window = {start}:{'' if stop is None else stop}: edges count from 1, and the second "
            "is past the first; give for example 1:1000"
        )
    if sample < 0:
        raise ConfigError(f"sample = {sample}: samples count from 0")
    if max_bytes < 1:
        raise ConfigError(f"max_bytes = {max_bytes}: allow at least some kilobytes")
    return Request(sample, layer, start, LAST_EDGE if stop is None else stop, max_bytes)


def _recorder(request: Request, form: TraceForm) -> TraceRecorder:
    if form == "perfetto":
        # An interval takes fewer bytes than the packets made from it.
        return TraceRecorder(request, FORMS[form], interval_bytes=request.max_bytes)
    if form == "vcd":
        vcd_bytes = max(request.max_bytes - FRAME_BYTES, 0)
        return TraceRecorder(request, FORMS[form], vcd_bytes=vcd_bytes)
    # More than all edges that a picture shows.
    return TraceRecorder(request, FORMS[form], interval_bytes=MAX_BYTES)


def _record(
    runner: Runner, call: list[NDArray[np.generic]], request: Request, form: TraceForm
) -> Recording:
    with _recorder(request, form) as recorder:
        runner.call(call)
    return recorder.read(runner.programs)


def _write(recording: Recording, request: Request, form: TraceForm) -> Trace:
    wanted = min(request.stop, recording.cycles + 1)
    if request.start > recording.cycles:
        asked = f"{request.start}:{'' if request.stop == LAST_EDGE else request.stop}"
        raise ConfigError(
            f"window = {asked} begins past the last edge, {recording.cycles}; begin earlier"
        )
    if form == "perfetto":
        data, stop = perfetto_trace(recording, request)
    elif form == "vcd":
        data, stop = vcd_dump(recording, request)
    else:
        data, stop = timeline_picture(recording, request, form)
    return Trace(data, request.start, stop, recording.cycles, stop < wanted, form)
