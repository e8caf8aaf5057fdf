"""The clock engine's registers as a value change dump, for GTKWave and other waveform viewers."""

from __future__ import annotations

from eie_backend._versions import __version__
from eie_backend.errors import ConfigError
from eie_backend.tracing.recording import Recording, Request

FRAME_BYTES = 500
"""Most bytes that `vcd_dump` adds to the runtime's dump."""


def vcd_dump(recording: Recording, request: Request) -> tuple[bytes, int]:
    """Return a complete dump, and the edge after the last one that it shows.

    Raises
    ------
    ConfigError
        If the size does not allow a single edge.
    """
    stop = recording.vcd_stop
    if not recording.vcd:
        raise ConfigError(
            f"max_bytes = {request.max_bytes}: too small for one edge of all registers; allow more"
        )
    is_cut = stop < min(request.stop, recording.cycles + 1)
    header = (
        f"$version eie_backend {__version__} $end\n"
        "$comment\n"
        "  #t is clock edge t, counted through all mvm steps: what the registers latched at it.\n"
        f"  Edges {request.start} to {stop - 1} of {recording.cycles}"
        f"{'; a longer dump would pass the size limit' if is_cut else ''}.\n"
        "$end\n"
    )
    return header.encode() + recording.vcd + f"#{stop}\n".encode(), stop
