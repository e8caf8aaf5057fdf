"""`end_open_blocks`: leave TVM's block builders in order after an error.

A builder that is dropped with blocks that have not ended makes TVM's C++ code warn on stderr:
"BlockBuilder destroyed with remaining blocks!". An error keeps the builder until it is dropped
itself, after it was told, and TVM's importers do not end their blocks when they fail.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from traceback import walk_tb

from tvm.relax import BlockBuilder


@contextmanager
def ending_blocks() -> Iterator[None]:
    """Do `end_open_blocks` for any error inside."""
    try:
        yield
    except BaseException as error:
        end_open_blocks(error)
        raise


def end_open_blocks(error: BaseException) -> None:
    """End all blocks of the builders in the frames that an error, and its causes, went through."""
    told: BaseException | None = error
    while told is not None:
        for frame, _ in walk_tb(told.__traceback__):
            for value in frame.f_locals.values():
                for held in (value, *getattr(value, "__dict__", {}).values()):
                    if isinstance(held, BlockBuilder):
                        _end(held)
        told = told.__cause__ or told.__context__


def _end(builder: BlockBuilder) -> None:
    with suppress(Exception):  # it has no more
        while True:
            builder._end_block()
