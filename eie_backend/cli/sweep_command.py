"""``eie sweep``: measure many designs and show the best."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from eie_backend.cli.console import progress, show, table, working
from eie_backend.cli.importing import VERIFY
from eie_backend.cli.options import SCHEDULER, STRICT_INPUTS, WORKERS

if TYPE_CHECKING:
    from eie_backend.cli.table import Table
    from eie_backend.sweep import Bench, Spec, Sweep

EXAMPLE = """Example:

    eie sweep lenet.yaml -o lenet_sweep
"""

STUDY = "study.db"
"""Database file in the output's folder."""

MOST_ROWS, MOST_REASONS = 20, 5
"""Most printed rows of the front, and reasons of impossible designs; the page has all."""


def sweep_designs(
    spec: Annotated[Path, typer.Argument(help="YAML file: models, data, what may vary.")],
    output: Annotated[
        Path, typer.Option("-o", "--output", help="Folder for the results; it is made.")
    ],
    storage: Annotated[
        str | None,
        typer.Option(
            help="Database URL of the study, for several machines: postgresql+psycopg://... By "
            f"default {STUDY} in the output's folder.",
        ),
    ] = None,
    scheduler: Annotated[str, SCHEDULER] = "processes",
    workers: Annotated[int | None, WORKERS] = None,
    strict_inputs: Annotated[bool, STRICT_INPUTS] = False,
    verify: Annotated[bool, VERIFY] = True,
) -> None:
    """Measure machines and recipes on models, and find the best; run again, it goes on."""
    from eie_backend.cli.files import check_place, write_files
    from eie_backend.errors import ModelError
    from eie_backend.report.page import require_viz
    from eie_backend.sweep import Study, read_spec, sqlite_url, sweep
    from eie_backend.sweep.page import page
    from eie_backend.sweep.pictures import picture
    from eie_backend.sweep.shown import answer, reasons, to_dict, to_json

    require_viz()
    wanted = read_spec(spec)
    check_place(output)
    if output.exists() and not output.is_dir():
        raise ModelError(f"{output}: a file; give a folder")
    with working(f"reading {spec.name}"):
        bench = read_bench(wanted, strict_inputs, verify)
    try:
        output.mkdir(exist_ok=True)
    except OSError as error:
        raise ModelError(
            f"{output}: cannot be made: {error.strerror}; give a folder that can be written"
        ) from error
    url, name = storage or sqlite_url(output / STUDY), f"{wanted.name}-{bench.digest()[:16]}"
    alone = alone_in(output) if storage is None else nullcontext()
    with alone:
        with Study(url, name) as study, progress() as bar:
            task = bar.add_task("measuring", total=None)

            def told(done: int, total: int) -> None:
                bar.update(task, completed=done, total=total)

            found = sweep(wanted, bench, study, scheduler, workers, told)
        files: dict[Path, str | bytes] = {
            output / "sweep.html": page(found),
            output / "pareto.svg": picture(found),
            output / "sweep.json": to_json(found),
        }
        write_files(files)
    impossible = [f"{count:,} impossible: {why}" for why, count in reasons(found).items()]
    show(
        to_dict(found), front_table(found), answer(found), *impossible[:MOST_REASONS], written=files
    )


@contextmanager
def alone_in(output: Path) -> Iterator[None]:
    """Let no other sweep work in a folder: two would measure the same designs.

    Raises
    ------
    StudyError
        If one works there, or the folder cannot be opened.
    """
    from eie_backend.errors import StudyError
    from eie_backend.files.folder_lock import only_one_in

    with ExitStack() as stack:
        try:
            stack.enter_context(only_one_in(output))
        except BlockingIOError as error:
            raise StudyError(
                f"{output}: another eie sweep is running there; wait for its end and run this one "
                "again, give another folder, or let both share a database with --storage"
            ) from error
        except OSError as error:
            raise StudyError(
                f"{output}: cannot be opened: {error.strerror}; give a folder that can be read"
            ) from error
        yield


sweep_designs.__doc__ = f"{sweep_designs.__doc__}\n\n{EXAMPLE}"


def read_bench(spec: Spec, strict: bool = False, verify: bool = True) -> Bench:
    """Read the files that a specification names, and check that they fit together.

    With `strict`, inputs that are not finite are refused.

    Raises
    ------
    ModelError, ContainerError
        If a model cannot be read.
    InputError
        If the data cannot be read or does not fit a model.
    """
    from eie_backend.cli.files import read_labelled, read_plain
    from eie_backend.errors import InputError
    from eie_backend.frontend.onnx import read_proto
    from eie_backend.sweep import Bench

    data, labels = read_labelled(spec.data, strict)
    models = {name: read_proto(path).SerializeToString() for name, path in spec.models.items()}
    calibration: Any = data
    if spec.calibration is not None:
        calibration = read_plain(spec.calibration, strict)
    bench = Bench(
        models,
        data,
        labels,
        calibration,
        spec.bind,
        spec.arithmetic,
        spec.balance,
        spec.strict,
        spec.bind_values,
        verify,
    )
    for name in models:
        try:
            bench.network(name).check()
        except InputError as error:
            raise InputError(f"{spec.data}, {name}: {error}") from error
        if spec.calibration is not None:
            try:
                bench.network(name).check_inputs(calibration)
            except InputError as error:
                raise InputError(f"{spec.calibration}, {name}: {error}") from error
    return bench


def front_table(found: Sweep) -> Table:
    """Return the front as a table, the most accurate first."""
    from eie_backend.sweep.shown import axis, in_units, shown
    from eie_backend.sweep.space import label
    from eie_backend.sweep.spec import OBJECTIVES

    first = found.spec.objectives[0]
    rows = sorted(found.front, key=lambda row: in_units(row, first), reverse=first == "accuracy")
    title = "The front"
    if len(rows) > MOST_ROWS:
        title = f"The front, {MOST_ROWS} of {len(rows)} designs"
        rows = [rows[round(n * (len(rows) - 1) / (MOST_ROWS - 1))] for n in range(MOST_ROWS)]
    words = [path for path in found.spec.varied if isinstance(found.rows[0].values[path], str)]
    paths = [*words, *(path for path in found.spec.varied if path not in words)]
    columns = ["design", *map(label, paths), *map(axis, OBJECTIVES)]
    made = table(title, *columns, text=1 + len(words))
    numbers = {id(row): number for number, row in enumerate(found.rows)}
    for row in rows:
        values = [str(row.values[path]) for path in paths]
        made.add_row(str(numbers[id(row)]), *values, *(shown(row, one) for one in OBJECTIVES))
    return made
