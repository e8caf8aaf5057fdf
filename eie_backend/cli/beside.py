"""How commands show the float network's answers beside the machine's."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from eie_backend.cli.console import remark_behind, working

if TYPE_CHECKING:
    from rich.text import Text
    from tvm import IRModule

    from eie_backend.fidelity.reference import Results
    from eie_backend.profiler import Report
    from eie_backend.transform.attributes import ModuleAttributes

WARNING = "yellow"
"""Colour of what differs."""


def float_module(
    runner: Any,
    library: Path,
    model: Path | None,
    wanted: bool,
) -> IRModule | None:
    """Return the float network of a library, or None, with a line behind the result that says why.

    Parameters
    ----------
    runner : Runner
        The loaded library.
    library : Path
        Its file.
    model : Path, optional
        The user's --reference.
    wanted : bool
        The user's --float.

    Raises
    ------
    ModelError
        If the user gives a model, and it is not the library's.
    """
    if not wanted:
        return None
    from eie_backend.errors import ModelError
    from eie_backend.fidelity.reference import reference

    with working("importing the float network"):
        try:
            return reference(runner.programs, model, library)
        except ModelError as error:
            if model is not None:
                raise
            remark_behind(f"eie: not beside the float network: {error}")
            return None


def results_of(mod: IRModule | None) -> Results | None:
    """Return what a float network computes, if there is one."""
    from eie_backend.fidelity.reference import FloatNetwork

    return None if mod is None else FloatNetwork(mod)


def beside(
    report: Report, accuracy: float | None = None, reference_accuracy: float | None = None
) -> list[Text]:
    """Return lines on a report's results and the float network's; none where that did not run."""
    from rich.text import Text

    from eie_backend.fidelity.told import told
    from eie_backend.show.printable import printable

    if report.fidelity is None:
        return []
    found = told(
        report.fidelity,
        report.manifest,
        saturations=sum(report.saturations.values()),
        accuracy=accuracy,
        reference_accuracy=reference_accuracy,
    )
    return [Text(printable(line), WARNING if found.differs else "") for line in found.lines]


def without_data(noted: ModuleAttributes, pruned: bool) -> list[Text]:
    """Return lines on what was decided without sample inputs; `pruned`: weights were left out."""
    from rich.text import Text

    lines = []
    if noted.arithmetic != "float32":
        came = "come from synthetic inputs" if noted.formats else "assume values within +-127"
        if noted.formats != "samples":
            lines.append(
                Text(f"Number formats {came}: give --calibrate samples.npz for those of your data.")
            )
    if pruned:
        blind = (
            "Pruned blind: nothing tells what the network still answers. Give --calibrate "
            "samples.npz, with `labels` for the accuracy, or let `eie compress MODEL --data "
            "LABELLED` choose the densities."
        )
        lines.append(Text(blind, WARNING))
    return lines
