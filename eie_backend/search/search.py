"""`search`: find densities and bits that make a network small or fast within an accuracy budget."""

from __future__ import annotations

from os import PathLike

from numpy.typing import ArrayLike
from tvm import IRModule

from eie_backend.compress.findings import Point, SearchResult
from eie_backend.config import HardwareConfig
from eie_backend.errors import ModelError, RecipeError
from eie_backend.machine.choices import OBJECTIVE, Objective
from eie_backend.search.costs import Costs
from eie_backend.search.evaluator import Evaluator, Metric
from eie_backend.search.greedy import Walk
from eie_backend.search.sensitivity import BITS, DENSITIES, Progress, sensitivity, silent
from eie_backend.search.trials import Trials, recipe_of
from eie_backend.tuning.calibration import Data


def search(
    mod: IRModule,
    data: Data,
    labels: ArrayLike,
    max_drop: float,
    objective: Objective = "size",
    config: HardwareConfig | None = None,
    *,
    method: str = "magnitude",
    metric: Metric | None = None,
    cache: str | PathLike[str] | None = None,
    explore: int = 0,
    progress: Progress = silent,
) -> SearchResult:
    """Find densities and bits for every layer of a network.

    The sensitivity table estimates the accuracy lost with a layer's next lower density, or one bit
    less. Each step changes the layer with the largest gain per expected loss, and stays if the
    accuracy with all layers compressed allows it. Then densities between the last good one and the
    first bad one are tried. Finally each layer in turn is made dense again, and the others are
    compressed further before it: they may make better use of the accuracy that this frees.

    Parameters
    ----------
    mod : IRModule
        A Relax module with constant weights.
    data : array or mapping of str to array
        Samples as for `calibrate`.
    labels : array_like, shape (samples,), integers
        The class of each sample.
    max_drop : float
        Accuracy that may be lost, in the metric's unit: 0.001 is 0.1 percentage points.
    objective : {"size", "cycles"}
        The value to minimise: bytes of the weights in a ``.eiez`` file, or the machine's cycles per
        sample.
    config : HardwareConfig, optional
        The machine, whose codebook limits the bits.
    method : str
        Pruning method that chooses layer by layer, as in `Recipe`.
    metric : callable, optional
        As for `Evaluator`.
    cache : path, optional
        Folder for the accuracies; an interrupted search continues from there.
    explore : int
        Number of trials by Optuna's sampler after the greedy search (extra ``explore``).
    progress : callable
        Called for every evaluation.

    Returns
    -------
    SearchResult

    Raises
    ------
    RecipeError
        If no recipe that was tried keeps the accuracy, or an argument is impossible.
    InputError
        If data or labels do not fit the model.
    ModelError
        If the model has no layers, or the objective is cycles and the machine can run no layer.

    Notes
    -----
    **Source**: design choice. Compiling the recipe with ``winograd="never"`` gives the network that
    was tried.
    """
    trials = Trials(Evaluator(mod, data, labels, metric), cache=cache, method=method, config=config)
    return search_trials(trials, max_drop, objective, explore, progress)


def search_trials(
    trials: Trials,
    max_drop: float,
    objective: Objective = "size",
    explore: int = 0,
    progress: Progress = silent,
) -> SearchResult:
    """Like `search`, for a network whose trials are prepared."""
    check_search(objective, max_drop)
    bits = [b for b in BITS if b <= trials.config.codebook_bits]
    table = sensitivity(trials, DENSITIES, bits, progress)
    costs = Costs(trials)
    dense = Point({}, table.accuracy, costs.total({}))
    if objective == "cycles" and not dense.cost.cycles:
        raise ModelError("no layer can run on the machine, so none has cycles: see `explain`")
    walk = Walk(trials, costs, table, objective, table.accuracy - max_drop, bits, progress)
    walk.run()
    if explore:
        from eie_backend.search.explore import explore as with_optuna

        with_optuna(walk.score, walk.best.trial, bits, explore)
    best = walk.best
    if best.accuracy < walk.least:
        raise RecipeError(
            f"no recipe keeps the accuracy: {table.accuracy:.2%} may fall by {100 * max_drop:g} "
            f"points, but with all layers shared at {bits[0]} bits it is at best "
            f"{best.accuracy:.2%}; allow a larger drop, a machine with more codebook_bits, or "
            "retrain (eie_backend.compress.torch)"
        )
    return SearchResult(
        recipe_of(best.trial, trials.method),
        best,
        dense,
        tuple(walk.points),
        table,
        objective,
        walk.least,
    )


def check_search(objective: str, max_drop: float) -> None:
    """Check a search's objective and accuracy budget.

    Raises
    ------
    RecipeError
        If one is impossible; the message lists all faults.
    """
    faults = []
    if objective not in OBJECTIVE.values:
        faults.append(OBJECTIVE.fault(objective))
    if not 0 <= max_drop < float("inf"):
        faults.append(f"max_drop is {max_drop:g}, it must be a number of at least 0")
    if faults:
        raise RecipeError(f"search: {'; '.join(faults)}")
