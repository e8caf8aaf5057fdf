"""The errors that users of the package can meet: all derive from `EieError`; and its warnings.

A message says what is wrong, where, what was given, what is allowed and what to do next.
The command line prints it on one line and exits with code 2.
"""

import errno
from collections.abc import Iterator, Mapping, Sequence
from typing import Any


class EieError(Exception):
    """Base of every error that the package raises for its users."""


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether an error, of Python, NumPy or TVM's C++ code, says that memory ran out."""
    # TVM turns errors that it does not know, NumPy's among them, into others with the same text.
    signs = ("bad_alloc", "Unable to allocate", "annot allocate memory", "failed to map segment")
    no_mapping = isinstance(error, OSError) and error.errno == errno.ENOMEM
    return isinstance(error, MemoryError) or no_mapping or any(sign in str(error) for sign in signs)


def first_line(error: BaseException) -> str:
    """Return the first line of another library's message that says something."""
    return next(_lines(error), repr(error))


def last_line(error: BaseException) -> str:
    """Return the last one: TVM puts its C++ stack before what it has to say."""
    return [repr(error), *_lines(error)][-1]


def _lines(error: BaseException) -> Iterator[str]:
    # Of a KeyError, the message is only the key.
    text = f"{error} is missing" if isinstance(error, KeyError) else str(error)
    return filter(None, map(str.strip, text.splitlines()))


class ConfigError(EieError):
    """An impossible `HardwareConfig`; the message lists every fault."""


class RecipeError(EieError):
    """An impossible compression recipe; the message lists every fault."""


class GuardError(EieError):
    """A step of compression broke what it must keep; the message names the step and every layer."""


class EnergyError(EieError):
    """An energy table that cannot be read or misses rows; the message lists every fault."""


class ModelError(EieError):
    """A model that cannot be read, or that the machine cannot run."""


class InputError(EieError):
    """Input data of the wrong kind, shape or dtype."""


class EncodingError(EieError):
    """Weights or operands that do not fit the machine's formats."""


class ImageError(EieError):
    """An image or a compiled library that is truncated, altered or from another version.

    Remedy: copy the file again, or compile the model again with this release.
    """


class ContainerError(EieError):
    """A ``.eiez`` file that is truncated, altered, impossible or from another version.

    Remedy: copy the file again, or pack the model again with this release.
    """


class SimulatorError(EieError):
    """Another simulator, set beside this one, that cannot be built or run or prints no result.

    Remedy: run its Makefile and its program by hand, and read what they print.
    """


class RemoteError(EieError):
    """A server that cannot be started or reached, or that does not do as asked."""


class VersionError(EieError, ImportError):
    """A pair of TVM packages that is known not to work."""


class TrainingError(EieError):
    """Retraining that cannot go on, such as a loss that is not a number."""


class CheckpointError(EieError):
    """A checkpoint that cannot be written or read, or that belongs to another run."""


class ExtraError(EieError, ImportError):
    """A part of the package whose optional dependency is not installed."""


class WorkerError(EieError):
    """Workers, of this machine or of a cluster, that cannot be reached or that ended."""


class StudyError(EieError):
    """A database of a sweep's results that cannot be opened, read or written."""


class SweepError(EieError):
    """An impossible specification of a sweep; the message lists every fault."""


class NotFiniteWarning(UserWarning):
    """Inputs with NaN or infinity, which run as they are.

    ``warnings.simplefilter("error", NotFiniteWarning)`` refuses them on every path.

    Attributes
    ----------
    counts : sequence of mapping
        A row by input: input, nan, infinite, values.
    """

    def __init__(self, message: str, counts: Sequence[Mapping[str, Any]] = ()) -> None:
        super().__init__(message)
        self.counts = counts


class SaturationWarning(UserWarning):
    """Values of a run that did not fit their number formats, so that results may be wrong.

    ``warnings.simplefilter("error", SaturationWarning)`` turns them into errors.

    Attributes
    ----------
    counts : sequence of mapping
        A row by layer: layer, input, accumulator, output (saturations by kind), values; of a sweep
        also the design's number.
    """

    def __init__(self, message: str, counts: Sequence[Mapping[str, Any]] = ()) -> None:
        super().__init__(message)
        self.counts = counts


class ModelWarning(UserWarning):
    """What importing a model changed in it, such as its precision: the message says what to mind.

    ``warnings.simplefilter("error", ModelWarning)`` refuses such models.
    """


TOLD = (ModelWarning, NotFiniteWarning, SaturationWarning)
"""Warnings that commands print, and that workers hand on."""
