"""Every closed choice, once: its values by number, what each means, and the check of a value.

The command line, the checks in Python and, by ``make generate``, C++'s enumerations come from here.
Choices that a new file adds to stand with their files: `eie_backend.pruning.methods`,
`eie_backend.sharing.methods`.
Nothing heavy is imported: the command line's help reads this file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

Value = TypeVar("Value", bound=str)


@dataclass(frozen=True)
class Choice(Generic[Value]):
    """Values that users may choose from.

    Attributes
    ----------
    name : str
        What is chosen, as users say it.
    meanings : mapping of str to str
        What each value means. A value's place is its number, in images and in C++: a new one goes
        to the end.
    default : str
        The value that applies if the user chooses none; None if that is none of `meanings`.
    """

    name: str
    meanings: Mapping[Value, str]
    default: Value | None = None

    @property
    def values(self) -> tuple[Value, ...]:
        """All values by number."""
        return tuple(self.meanings)

    @property
    def default_first(self) -> tuple[Value, ...]:
        """All values as help lists them."""
        return tuple(sorted(self.values, key=lambda value: value != self.default))

    def number(self, value: Value) -> int:
        """Return a value's number."""
        return self.values.index(value)

    def fault(self, value: str) -> str:
        """Return why a value is none of these; empty if it is one."""
        if value in self.values:
            return ""
        return f"{self.name} {value!r} is unknown; choose one of {', '.join(self.values)}"

    def checked(self, value: str, error: type[Exception]) -> Value:
        """Return a value that is one of these.

        Raises
        ------
        error
            If it is none.

        Examples
        --------
        >>> BALANCE.checked("auto", ValueError)
        'auto'
        """
        for known in self.values:
            if value == known:
                return known
        raise error(self.fault(value))


Arithmetic = Literal["float32", "int16", "int8", "int32"]
ARITHMETIC: Choice[Arithmetic] = Choice(
    "arithmetic",
    {
        "float32": "floating point, rounded after every operation",
        "int16": "16-bit fixed point, the machine's own",
        "int8": "8-bit fixed point",
        "int32": "32-bit fixed point",
    },
    "int16",
)
"""Any goes with accumulators of 16 and of 32 bits; float32 sums in float32 whatever they are."""

Engine = Literal["functional", "event", "clock"]
ENGINE: Choice[Engine] = Choice(
    "engine",
    {
        "functional": "values only: cycles, scan counters and the cycle account stay 0",
        "event": "values, and time from a recurrence over (broadcast column, PE)",
        "clock": "every unit stepped edge by edge",
    },
    "event",
)

BiasMode = Literal["register", "column"]
BIAS: Choice[BiasMode] = Choice(
    "bias",
    {
        "register": "loaded into the destination registers at full precision",
        "column": "the paper's extra column of shared weights",
    },
    "register",
)

BalanceMode = Literal["off", "on", "auto"]
BALANCE: Choice[BalanceMode] = Choice(
    "balance",
    {
        "off": "a layer's outputs keep their order",
        "on": "the best other order",
        "auto": "another order where it takes fewer cycles",
    },
    "off",
)

WinogradMode = Literal["auto", "always", "never"]
WINOGRAD: Choice[WinogradMode] = Choice(
    "winograd",
    {
        "auto": "where it takes fewer multiplications",
        "always": "every 3x3 convolution that can be",
        "never": "no convolution",
    },
    "auto",
)

Protection = Literal["none", "parity", "secded"]
PROTECTION: Choice[Protection] = Choice(
    "protection",
    {
        "none": "no check bits",
        "parity": "an odd number of flips in a word is found",
        "secded": "one flip in a word is corrected, two are found",
    },
    "none",
)

Unit = Literal["spmat", "ptr", "codebook", "act_queue", "act"]
UNIT: Choice[Unit] = Choice(
    "unit",
    {
        "spmat": "entries in the weight SRAM",
        "ptr": "column pointers",
        "codebook": "expanded weights",
        "act_queue": "slots of the activation queues",
        "act": "activation SRAM",
    },
)
"""Where bits flip."""

MEMORY_UNITS: tuple[Unit, ...] = ("spmat", "ptr", "codebook")
"""Units whose flips last: they change what a program stores."""

TRANSIENT_UNITS: tuple[Unit, ...] = ("act_queue", "act")
"""Units whose flips belong to one input; C++ knows these, by their places here."""

Objective = Literal["size", "cycles"]
OBJECTIVE: Choice[Objective] = Choice(
    "objective",
    {"size": "bytes of the weights in a .eiez file", "cycles": "the machine's cycles per sample"},
    "size",
)

Sampler = Literal["greedy", "optuna"]
SAMPLER: Choice[Sampler] = Choice(
    "search",
    {
        "greedy": "layer by layer, the largest gain per expected loss first",
        "optuna": "Optuna's sampler beyond what the greedy search found",
    },
    "greedy",
)

Stage = Literal["relax", "compressed", "partitioned", "tir", "eie", "image"]
STAGE: Choice[Stage] = Choice(
    "stage",
    {
        "relax": "the model as it was imported",
        "compressed": "plain Relax with few weights and values",
        "partitioned": "the machine's layers in functions of their own",
        "tir": "scheduled kernels with the machine's intrinsics",
        "eie": "programs of the machine's instructions",
        "image": "programs as the machine loads them",
    },
)
"""The six forms of a network, by level."""

StructureName = Literal["even", "uneven"]
STRUCTURE: Choice[StructureName] = Choice(
    "structure",
    {
        "even": "non-zeros lie anywhere alike",
        "uneven": "rows and columns vary as the real Alex-8's do",
    },
    "even",
)
"""Where the non-zeros of generated layers lie."""

TraceForm = Literal["perfetto", "vcd", "svg", "png", "pdf"]
TRACE_FORM: Choice[TraceForm] = Choice(
    "form",
    {
        "perfetto": "every unit's work for the Perfetto viewer",
        "vcd": "a value change dump of the clock engine",
        "svg": "a picture",
        "png": "a picture",
        "pdf": "a picture",
    },
    "perfetto",
)

RunsOn = Literal["machine", "host"]
RUNS_ON: Choice[RunsOn] = Choice(
    "runs_on",
    {
        "machine": "by the machine, if it can",
        "host": "on the host, in float32, with the weights as they are",
    },
    "machine",
)

LocalScheduler = Literal["processes", "threads"]
LOCAL_SCHEDULER: Choice[LocalScheduler] = Choice(
    "scheduler",
    {"processes": "processes of this machine", "threads": "threads of this process"},
    "processes",
)
