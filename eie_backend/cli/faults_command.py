"""``eie faults``: flip bits while a compiled model runs, and count what becomes of its answers."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from eie_backend.cli.console import not_finite, progress, saturated, show, table, working
from eie_backend.cli.options import STRICT_INPUTS, choice
from eie_backend.machine.choices import PROTECTION, UNIT

if TYPE_CHECKING:
    from eie_backend.cli.table import Table
    from eie_backend.simulator.runner import Runner
    from eie_backend.soft_errors.campaign import Campaign, FaultRow, ProtectionCost

EXAMPLE = """Example:

    eie faults lenet_300_100 --protection none,secded --picture faults.png
"""

FORMS = (".png", ".svg", ".pdf")


def inject_faults(
    model: Annotated[
        str,
        typer.Argument(
            help="Library written by `eie compile`, or lenet_300_100 or lenet_5, which are shipped."
        ),
    ],
    data: Annotated[
        Path | None,
        typer.Option(
            help=".npy, or .npz with arrays by input name, and `labels` if there are; by default "
            "the shipped digits, for the shipped networks."
        ),
    ] = None,
    rates: Annotated[
        str, typer.Option(help="Probabilities of a bit to flip, separated by commas.")
    ] = "1e-6,1e-5,1e-4,1e-3,1e-2",
    units: Annotated[
        str,
        choice(
            UNIT,
            f"Where bits flip: {', '.join(UNIT.values)}; separated by commas.",
            metavar="UNITS",
        ),
    ] = ",".join(UNIT.values),
    protection: Annotated[
        str,
        choice(
            PROTECTION,
            f"Check bits of every word: {', '.join(PROTECTION.values)}; separated by commas.",
            metavar="NAMES",
        ),
    ] = "none",
    trials: Annotated[int, typer.Option(help="Trials of each rate, with other flips.")] = 20,
    seed: Annotated[int, typer.Option(help="Trial t takes this seed + t.")] = 0,
    samples: Annotated[
        int | None, typer.Option(help="Take the first so many inputs; whole batches.")
    ] = None,
    flips: Annotated[
        Path | None, typer.Option(help="YAML or JSON list of flips, in place of rates and units.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="JSON file to write.")
    ] = None,
    picture: Annotated[
        Path | None, typer.Option(help=f"Picture to write: {', '.join(FORMS)}.")
    ] = None,
    strict_inputs: Annotated[bool, STRICT_INPUTS] = False,
) -> None:
    """Flip bits of memories, queues and activations: accuracy, and answers silently wrong."""
    from eie_backend.cli.files import about, check_place, write_file
    from eie_backend.errors import InputError
    from eie_backend.show.drawing import rendered, require_matplotlib
    from eie_backend.soft_errors.campaign import Campaign, check_campaign
    from eie_backend.soft_errors.flips import read_flips
    from eie_backend.soft_errors.picture import draw_faults

    at_rates = _rates(rates)
    of_units: Any = _names(units)
    protections: Any = _names(protection)
    check_campaign(at_rates, of_units, protections, trials, seed)
    if output is not None:
        check_place(output, ".json")
    if picture is not None:
        _check_picture(picture, [] if flips else at_rates)
        require_matplotlib()
    with working(f"loading {Path(model).name}"):
        runner, arrays, labels = _loaded(model, data, samples, strict_inputs)
        listed = None if flips is None else read_flips(flips, runner.programs)
        with about(data or Path(model), InputError):  # of its labels: inputs have been checked
            campaign = Campaign(runner, arrays, labels, seed)
        costs = campaign.costs(protections)
    with progress() as bar:
        if listed is not None:
            asked = list(bar.track(protections, description="running"))
            rows = [campaign.listed(one, listed) for one in asked]
        else:
            jobs = [(u, p, r) for p in protections for u in of_units for r in at_rates]
            tracked = bar.track(jobs, description="running trials")
            rows = [campaign.at_rate(u, p, r, trials) for u, p, r in tracked]
    found = {
        "accuracy": campaign.accuracy,
        "costs": [asdict(one) for one in costs],
        "inputs": campaign.inputs,
        "model": Path(model).name,
        "not_finite": not_finite,
        "saturated": saturated,
        "rows": [asdict(row) for row in rows],
        "seed": seed,
    }
    written = []
    if output is not None:
        write_file(output, json.dumps(found, indent=2, sort_keys=True, allow_nan=False) + "\n")
        written.append(output)
    if picture is not None:
        shown = [row for row in rows if row.rate]
        form = picture.suffix.removeprefix(".")
        write_file(picture, rendered(lambda: draw_faults(shown, campaign.accuracy), form))
        written.append(picture)
    show(found, *faults_tables(campaign, rows), costs_table(costs), written=written)


inject_faults.__doc__ = f"{inject_faults.__doc__}\n\n{EXAMPLE}"


def faults_tables(campaign: Campaign, rows: Sequence[FaultRow]) -> list[Table]:
    """Return the effects on the answers: a table for each protection, with a row for each rate."""
    protections = dict.fromkeys(row.protection for row in rows)
    return [_faults_table(campaign, [r for r in rows if r.protection == p]) for p in protections]


def _faults_table(campaign: Campaign, rows: Sequence[FaultRow]) -> Table:
    title = f"Protection {rows[0].protection}: {campaign.inputs:,} inputs"
    if rows[0].trials > 1:
        title += f" in {rows[0].trials} trials"
    numbers, protected = ["flips per bit"], rows[0].protection != "none"
    if campaign.accuracy is not None:
        title += f", accuracy without flips {campaign.accuracy:.2%}"
        numbers.append("accuracy")
    numbers += ["silent", "95 % interval"]
    numbers += ["detected", "corrected"] if protected else ["bits differ"]
    made = table(title, "unit", *numbers)
    for row, before in zip(rows, [rows[0], *rows], strict=False):
        if row.unit != before.unit:
            made.add_section()
        low, high = row.silent_interval
        cells = ["listed" if row.rate is None else _rate(row.rate)]
        cells += [f"{row.accuracy:.2%}"] if row.accuracy is not None else []
        cells += [f"{row.silent:.2%}", f"{100 * low:.2f} to {100 * high:.2f}"]
        found = [row.detected, row.corrected] if protected else [row.different]
        made.add_row(row.unit, *cells, *(f"{share:.1%}" for share in found))
    return made


def _rate(rate: float) -> str:
    """Return a probability as text, such as 2.5e-4."""
    return re.sub(r"\.?0*e([+-])0*", r"e\1", f"{rate:.3e}").replace("e+", "") if rate else "0"


def costs_table(costs: Sequence[ProtectionCost]) -> Table:
    """Return the cost of the check bits."""
    made = table("Check bits of all units", "protection", "nJ per input", "mm²")
    for one in costs:
        made.add_row(one.protection, f"{one.nanojoule_per_input:,.1f}", f"{one.area_mm2:.2f}")
    return made


def _names(text: str) -> list[str]:
    return list(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))


def _rates(text: str) -> list[float]:
    from eie_backend.errors import ConfigError

    try:
        return [float(rate) for rate in _names(text)]
    except ValueError as error:
        raise ConfigError(
            f"--rates {text}: not numbers; separate them by commas, for example 1e-4,1e-3"
        ) from error


def _check_picture(picture: Path, rates: Sequence[float]) -> None:
    from eie_backend.cli.files import check_place
    from eie_backend.errors import ModelError

    check_place(picture)
    if picture.suffix not in FORMS:
        raise ModelError(f"{picture}: its name tells the form; end it in {', '.join(FORMS)}")
    if not any(rates):
        raise ModelError(
            f"--picture {picture}: nothing to draw, neither of --flips nor of rate 0; give a rate "
            "above 0"
        )


def _loaded(
    model: str, data: Path | None, samples: int | None, strict: bool
) -> tuple[Runner, Any, Any]:
    """Return the model, its inputs and, if available, their labels."""
    from eie_backend.cli.demo import digits
    from eie_backend.cli.files import read_samples
    from eie_backend.errors import InputError
    from eie_backend.simulator.runner import Runner
    from eie_backend.soft_errors.shipped import BATCH, SHIPPED, shipped_runner

    images, classes = digits()
    if model in SHIPPED and not Path(model).exists():
        runner = shipped_runner(model, images[:BATCH])
    else:
        runner = Runner(Path(model))
        if data is None:
            raise InputError(f"{model}: no inputs; give them with --data FILE")
    arrays, labels = {runner.specs[0].name: images}, classes
    if data is not None:
        arrays, labels = read_samples(data, runner.specs, strict)
    if samples is None:
        return runner, arrays, labels
    there = min((len(array) for array in arrays.values() if array.ndim), default=1)
    if not 1 <= samples <= there or samples % runner.batch:
        raise InputError(
            f"--samples {samples}: the data has {there} and a batch {runner.batch}; give a "
            f"multiple of {runner.batch} in {runner.batch}..{there}"
        )
    first = {name: array[:samples] if array.ndim else array for name, array in arrays.items()}
    return runner, first, None if labels is None else labels[:samples]
