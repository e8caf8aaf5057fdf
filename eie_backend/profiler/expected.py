"""`Expected`: what the float network answers, kept until its library can be asked the same."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from tvm import IRModule

from eie_backend.fidelity.reference import FloatNetwork
from eie_backend.profiler.execution import profile_runner
from eie_backend.profiler.report import Report
from eie_backend.simulator.labels import check_labels
from eie_backend.simulator.place import Model
from eie_backend.simulator.runner import Runner
from eie_backend.transform.inputs import batches, check_inputs, input_specs

MOST_SAMPLES = 256
"""Samples that are compared: of more, the first ones; they tell a loss of a percent."""


class Compared(NamedTuple):
    """A library's run on the samples, and the shares of right answers, None without labels."""

    report: Report
    accuracy: float | None
    reference_accuracy: float | None

    def to_dict(self) -> dict[str, Any]:
        """Return the accuracies, and how far the results are from the float network's."""
        return {
            "accuracy": self.accuracy,
            "fidelity": self.report.to_dict()["fidelity"],
            "reference_accuracy": self.reference_accuracy,
        }


class Expected:
    """The float network's results for samples, so that its weights need not be kept.

    Parameters
    ----------
    mod : IRModule
        The network as imported.
    data : array or mapping of str to array
        Samples as for `calibrate`; at most `MOST_SAMPLES` of them are taken.
    labels : ndarray, shape (samples,), integers, optional
        The class of each sample.

    Raises
    ------
    InputError
        If data or labels do not fit.
    """

    def __init__(
        self,
        mod: IRModule,
        data: ArrayLike | Mapping[str, ArrayLike],
        labels: NDArray[Any] | None = None,
    ) -> None:
        specs = input_specs(mod)
        arrays = check_inputs(specs, data)
        network = FloatNetwork(mod)
        leading = max((spec.shape[0] for spec in specs if spec.shape), default=1)
        all_calls = list(batches(arrays, specs))
        calls = all_calls[: max(MOST_SAMPLES // leading, 1)]
        self._results = [network(call) for call in calls]
        self._labels = None
        if labels is not None:
            scores = self._results[0][0].shape
            answers = scores[0] if scores else 1
            shape = (len(all_calls) * answers, *scores[1:])
            check_labels(labels, len(all_calls) * answers, shape)
            self._labels = labels[: len(calls) * answers]
        self._data = {
            spec.name: array[: len(calls) * spec.shape[0]] if spec.shape else array
            for spec, array in zip(specs, arrays, strict=True)
        }

    def compared(self, library: Model) -> Compared:
        """Run a library of the network on the same samples, without counting cycles."""
        results = iter(self._results)
        report = profile_runner(
            Runner(library),
            self._data,
            engine="functional",
            reference=lambda _: next(results),
        )
        shares = [self._right(values) for values in (report.outputs, report.reference)]
        return Compared(report, *shares)

    def _right(self, results: tuple[NDArray[Any], ...]) -> float | None:
        if self._labels is None:
            return None
        return float(np.mean(results[0].argmax(-1) == self._labels))
