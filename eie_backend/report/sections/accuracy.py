"""The section on accuracy: correct samples and the confusion matrix."""

from __future__ import annotations

from math import sqrt

import numpy as np
from numpy.typing import NDArray

from eie_backend.report.content import Choice, Figure, Section
from eie_backend.report.plots import heatmap
from eie_backend.report.run import Run
from eie_backend.report.section import ReportSection

MOST_CLASSES = 40
"""Most classes in the picture; with more, it shows those with the most errors."""

TEXT_CLASSES = 12


def accuracy(run: Run) -> Section | None:
    """Return the confusion matrix; None without labels."""
    if run.labels is None or run.accuracy is None:
        return None
    classes = run.report.outputs[0].shape[-1]
    counts = np.zeros((classes, classes), np.int64)
    np.add.at(counts, (run.labels.astype(np.int64), run.predicted), 1)
    errors = counts - np.diag(np.diag(counts))
    wrong = int(errors.sum())
    low, high = wilson(run.accuracy, run.samples)
    lead = (
        f"{run.samples - wrong:,} of {run.samples:,} samples have their highest score at the "
        f"label: {run.accuracy:.2%}. Of other samples of the same kind, expect {low:.1%} to "
        f"{high:.1%}, at 95% confidence."
    )
    return Section("accuracy", SECTION.title, lead, (figure(counts, errors),))


def figure(counts: NDArray[np.int64], errors: NDArray[np.int64]) -> Figure:
    """Return the confusion matrix: a row per label, a column per answer, errors in colour."""
    busy = np.argsort(-(errors.sum(0) + errors.sum(1)), kind="stable")[:MOST_CLASSES]
    shown = np.sort(busy)
    part, wrong = counts[np.ix_(shown, shown)], errors[np.ix_(shown, shown)]
    names = [str(one) for one in shown]
    readable = len(shown) <= TEXT_CLASSES
    trace = heatmap(
        names,
        names,
        wrong.tolist(),
        zmax=max(int(errors.max()), 1),
        text=[[str(count or "") for count in row] for row in part.tolist()],
        texttemplate="%{text}" if readable else "",
        customdata=part.tolist(),
        showscale=not readable,
        colorbar={"title": {"text": "errors"}, "thickness": 12},
        hovertemplate="label %{y}, answer %{x}: %{customdata} samples<extra></extra>",
    )
    layout = {
        "height": 440,
        "margin": {"t": 12},
        "xaxis": {"title": {"text": "answer"}, "type": "category", "showgrid": False},
        "yaxis": {
            "title": {"text": "label"},
            "type": "category",
            "autorange": "reversed",
            "showgrid": False,
        },
    }
    most = np.unravel_index(int(errors.argmax()), errors.shape)
    caption = "There is no error."
    if errors.max() == 1:
        caption = "No two errors are alike."
    elif errors.any():
        caption = (
            f"The most frequent error takes {most[0]} for {most[1]}: {errors[most]:,} of "
            f"{errors.sum():,} errors. Colours count errors alone."
        )
    if len(shown) < len(counts):
        caption += f" Shown are the {len(shown)} of {len(counts)} classes with the most errors."
    return Figure(
        id="accuracy-figure",
        label="Confusion matrix: samples by label and answer",
        caption=caption,
        choices=[Choice("", [trace], layout, numbers(counts))],
    )


def numbers(counts: NDArray[np.int64]) -> list[list[str]]:
    """Return the confused pairs of classes, most frequent first."""
    rows = [["label", "answer", "samples"]]
    pairs = sorted(
        zip(*map(np.ndarray.tolist, np.nonzero(counts)), strict=True),
        key=lambda at: (at[0] == at[1], -counts[at]),
    )
    return [*rows, *([*map(str, at), f"{counts[at]:,}"] for at in pairs)]


def wilson(share: float, samples: int) -> tuple[float, float]:
    """Return the 95 % confidence interval of an observed fraction.

    Notes
    -----
    **Source**: Wilson, "Probable inference, the law of succession, and statistical inference",
    1927; it also holds near 0 and 1, where the normal approximation does not.

    Examples
    --------
    >>> [round(end, 3) for end in wilson(1.0, 1000)]
    [0.996, 1.0]
    """
    z2 = 1.96**2 / samples
    middle, half = share + z2 / 2, sqrt(z2 * (share * (1 - share) + z2 / 4))
    return (middle - half) / (1 + z2), (middle + half) / (1 + z2)


SECTION = ReportSection(
    place=20,
    title="Accuracy",
    shows="with labels: how often the highest score is at the label, with Wilson's 95 % interval; "
    "what is taken for what",
    source="the first result, (samples, classes)",
    make=accuracy,
)
