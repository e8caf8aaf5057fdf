"""The command `eie`: Ctrl-C is taken over before its imports, and ends it at any instant.

So are the standard streams: others' text does not come there.

At the end Python does not wind itself up: that would take a tenth of a second, in which SIGINT
kills without a word.
"""

from __future__ import annotations

import os

from eie_backend.process import foreign, interrupts

COLLECT_AFTER = 50_000
"""New objects between two garbage collections. Most of a command's objects are what it imports, and
stay: to walk them after every 700, as Python does, takes a tenth of a short command's time."""


def main() -> None:
    """Run the command line and end the process."""
    interrupts.install()
    with interrupts.held():
        foreign.keep_out()
    import atexit
    import gc

    gc.set_threshold(COLLECT_AFTER)
    from eie_backend import cli
    from eie_backend.cli.console import err
    from eie_backend.cli.streams import take_streams

    take_streams()
    code = cli.status()
    err.file.flush()
    atexit._run_exitfuncs()
    foreign.end()
    os._exit(code)
