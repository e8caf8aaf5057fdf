"""The command ``eie``, from its first moment to its last, and ``python -m eie_backend``.

Nothing is imported before Ctrl-C is taken over, and Python does not wind itself up at the end: it
would take a tenth of a second in which Ctrl-C kills without a word.
"""

from __future__ import annotations

import os

from eie_backend import interrupts


def main() -> None:
    """Run the command line and end the process."""
    interrupts.install()
    import atexit

    from eie_backend import cli
    from eie_backend.cli.streams import take_streams

    take_streams()
    code = cli.status()
    atexit._run_exitfuncs()
    os._exit(code)


if __name__ == "__main__":
    main()
