"""`HardwareConfig`: every size of the machine, in one place.

The compiler, the image header and the simulator read this one description; the C++ struct of
the same name is generated from it (``python -m eie_backend.generate``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from numbers import Integral
from typing import Any, TypeVar

from eie_backend.errors import ConfigError

ENTRY_BITS = 8
"""Bits of one stored entry: codebook index and zero run together."""
SPARE_SLOTS = 1
"""Ring slots of an act_queue that stay empty: it is full at so many entries less."""


Config = TypeVar("Config", bound="HardwareConfig")


def size(default: int, unit: str, low: int, high: int, doc: str, *, appended: bool = False) -> Any:
    """Return a field of `HardwareConfig`; a new one is the last, and `appended`.

    Images and text from before an appended field lack it: its default is what their machine was.
    """
    metadata = {"unit": unit, "low": low, "high": high, "doc": doc, "appended": appended}
    return field(default=default, metadata=metadata)


def _plain(value: Any) -> Any:
    """Return NumPy's integers as Python's."""
    return int(value) if isinstance(value, Integral) and not isinstance(value, bool) else value


@dataclass(frozen=True)
class HardwareConfig:
    """Sizes of the EIE-like machine; the defaults are the paper's 64-PE design.

    Raises
    ------
    ConfigError
        If a size is impossible; the message lists all faults at once.

    Notes
    -----
    **Source**: EIE paper (ISCA 2016), section 5 and Table II; `dram_bytes_per_cycle` is a design
    choice (6.4 GB/s at 800 MHz), `accumulator_bits` is measured by
    ``benchmarks/accumulator_bits.py``.

    Examples
    --------
    >>> HardwareConfig(num_pe=16).entries_per_word
    8
    """

    num_pe: int = size(64, "PEs", 1, 1024, "processing elements (P)")
    fifo_depth: int = size(
        8, "slots", 2, 65536, "ring slots of each act_queue; it is full at one entry less"
    )
    spmat_width_bits: int = size(64, "bits", 8, 512, "width of one weight SRAM read")
    spmat_sram_bytes: int = size(131072, "bytes", 64, 1 << 30, "weight SRAM of one PE")
    ptr_sram_bytes: int = size(32768, "bytes", 4, 1 << 30, "pointer SRAM of one PE, both banks")
    ptr_bits: int = size(16, "bits", 4, 32, "width of one column pointer")
    act_sram_bytes: int = size(2048, "bytes", 2, 1 << 17, "activation SRAM of one PE")
    act_registers: int = size(
        64, "registers", 1, 4096, "source and also destination registers of one PE"
    )
    codebook_bits: int = size(4, "bits", 2, 7, "codebook index of an entry")
    accumulator_bits: int = size(16, "bits", 16, 32, "width of a destination register: 16 or 32")
    clock_mhz: int = size(800, "MHz", 1, 100000, "clock frequency")
    dram_bytes_per_cycle: int = size(8, "bytes", 1, 65536, "DRAM bandwidth in I/O mode")

    def __post_init__(self) -> None:
        faults = [fault for spec in fields(self) if (fault := self._fault(spec))]
        if faults:
            raise ConfigError(
                "impossible HardwareConfig: " + "; ".join(faults) + "; correct these fields"
            )

    def _fault(self, spec: Any) -> str | None:
        value, low, high = getattr(self, spec.name), spec.metadata["low"], spec.metadata["high"]
        if isinstance(value, bool) or not isinstance(value, int):
            return f"{spec.name} = {value!r} is not an integer"
        if not low <= value <= high:
            return f"{spec.name} = {value} is outside {low}..{high} {spec.metadata['unit']}"
        if spec.name == "spmat_width_bits" and value % ENTRY_BITS:
            return f"{spec.name} = {value} is not a multiple of {ENTRY_BITS}"
        if spec.name == "accumulator_bits" and value not in (16, 32):
            return f"{spec.name} = {value} is neither 16 nor 32"
        return None

    @property
    def queue_columns(self) -> int:
        """Most columns that an act_queue holds."""
        return self.fifo_depth - SPARE_SLOTS

    @property
    def index_bits(self) -> int:
        """Bits of an entry's zero run."""
        return ENTRY_BITS - self.codebook_bits

    @property
    def codebook_entries(self) -> int:
        """Codebook entries, the reserved 0.0 at index 0 included."""
        return 1 << self.codebook_bits

    @property
    def max_run(self) -> int:
        """Longest zero run of one entry; a padding entry advances ``max_run + 1`` rows."""
        return (1 << self.index_bits) - 1

    @property
    def entries_per_word(self) -> int:
        """Entries in one weight SRAM word."""
        return self.spmat_width_bits // ENTRY_BITS

    @property
    def block_values(self) -> int:
        """Activations that the source (or destination) registers of all PEs hold."""
        return self.act_registers * self.num_pe

    @property
    def act_rows(self) -> int:
        """Rows of `num_pe` 16-bit activations in the activation SRAM."""
        return self.act_sram_bytes // 2

    @property
    def matrix_entries(self) -> int:
        """Most entries per PE in one matrix: what the weight SRAM holds and a pointer reaches."""
        return min(self.spmat_sram_bytes, (1 << self.ptr_bits) - 1)

    @property
    def matrix_columns(self) -> int:
        """Most columns of one matrix: its pointers, and one past the end, fit the pointer SRAM."""
        return self.ptr_sram_bytes * 8 // self.ptr_bits - 1

    def _repr_html_(self) -> str:
        """Show every size of the machine with its unit and meaning."""
        from eie_backend.show.html import table  # `import tvm` loads this file

        rows = [
            (spec.name, getattr(self, spec.name), spec.metadata["unit"], spec.metadata["doc"])
            for spec in fields(self)
        ]
        return table("HardwareConfig", ["field", "value", "unit", "meaning"], rows)

    def to_dict(self) -> dict[str, int]:
        """Return the fields by name, in declaration order."""
        return asdict(self)

    @classmethod
    def of(cls: type[Config], sizes: Mapping[str, Any]) -> Config:
        """Return the machine with some fields, by name; the others are the paper's.

        Raises
        ------
        ConfigError
            With all unknown fields and impossible sizes.

        Examples
        --------
        >>> HardwareConfig.of({"num_pe": 16}).num_pe
        16
        """
        known = [spec.name for spec in fields(cls)]
        faults = [
            f"{name!r} is no field of a machine, take one of {', '.join(known)}"
            for name in sizes
            if name not in known
        ]
        try:
            found = cls(**{name: _plain(sizes[name]) for name in sizes if name in known})
        except ConfigError as error:
            faults.append(str(error))
        if faults:
            raise ConfigError("; ".join(faults))
        return found

    @classmethod
    def from_sizes(cls: type[Config], sizes: Mapping[str, int]) -> Config:
        """Return the machine of an image or a program's text: appended fields may be absent.

        Raises
        ------
        ConfigError
            If another field is missing, one is unknown, or a size is impossible.
        """
        required = {spec.name for spec in fields(cls) if not spec.metadata["appended"]}
        known = {spec.name for spec in fields(cls)}
        if wrong := sorted((required - sizes.keys()) | (sizes.keys() - known)):
            raise ConfigError(f"config fields {wrong} are missing or unknown; correct these fields")
        return cls(**sizes)

    @classmethod
    def from_words(cls: type[Config], words: Sequence[int]) -> Config:
        """Return the machine of an image: its fields in declaration order.

        Raises
        ------
        ConfigError
            If there are more than are known, too few, or a size is impossible.
        """
        names = [spec.name for spec in fields(cls)]
        if len(words) > len(names):
            raise ConfigError(
                f"{len(words)} config fields, this release knows {len(names)}; use the release "
                "that wrote them, or a newer one"
            )
        return cls.from_sizes(dict(zip(names, words, strict=False)))
