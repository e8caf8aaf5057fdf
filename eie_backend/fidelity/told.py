"""`told`: the machine's answers beside the float network's in a line, and what to do about them."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import NamedTuple

from eie_backend.fidelity.measure import Fidelity

DROP = 0.005
"""Loss of accuracy, as a share of the samples, from which on the machine is said to differ."""

ERROR, AGREEMENT = 0.05, 0.99
"""Without labels: relative error from which on, and agreement below which, it is said to differ."""

SMALLEST_PERCENT = 0.001


class Told(NamedTuple):
    """A sentence on the results, whether they differ noticeably, and if so the next step."""

    sentence: str
    differs: bool
    advice: str

    @property
    def lines(self) -> list[str]:
        """The sentence, and the advice if there is one."""
        return [self.sentence, self.advice] if self.advice else [self.sentence]


def told(
    found: Fidelity,
    manifest: Mapping[str, str],
    *,
    saturations: int = 0,
    accuracy: float | None = None,
    reference_accuracy: float | None = None,
) -> Told:
    """Say how the machine's results compare with the float network's.

    Parameters
    ----------
    found : Fidelity
        The measure of the results.
    manifest : mapping of str to str
        That of the library's first program: how the network was compressed.
    saturations : int
        Values that did not fit their formats in this run.
    accuracy, reference_accuracy : float, optional
        Shares of right answers of the machine and of the float network, where labels are known.
    """
    parts = [f"relative error {share(found.relative_error)}"]
    parts.append("equal" if found.sqnr_db == math.inf else f"SQNR {found.sqnr_db:.1f} dB")
    if found.agreement is not None:
        samples = "1 sample" if found.samples == 1 else f"{found.samples:,} samples"
        parts.append(f"same largest output in {found.agreement:.1%} of {samples}")
    differs = found.relative_error > ERROR or (found.agreement or 1.0) < AGREEMENT
    if accuracy is not None and reference_accuracy is not None:
        parts.insert(0, f"accuracy {accuracy:.2%}, float {reference_accuracy:.2%}")
        differs = reference_accuracy - accuracy > DROP
    sentence = f"Beside the float network: {', '.join(parts)}."
    return Told(sentence, differs, advice(manifest, saturations) if differs else "")


def share(value: float) -> str:
    """Return a relative error as text: in percent, with two digits that count.

    Examples
    --------
    >>> share(0.00042), share(0.034), share(1.5), share(1e-7)
    ('0.042%', '3.4%', '150%', 'below 0.001%')
    """
    percent = 100 * value
    if 0 < percent < SMALLEST_PERCENT:
        return f"below {SMALLEST_PERCENT}%"
    if not math.isfinite(percent):
        return "without bound"
    return f"{percent:,.0f}%" if percent >= 100 else f"{percent:.2g}%"


def advice(manifest: Mapping[str, str], saturations: int) -> str:
    """Return what to do first, by how a network was compressed, about answers that differ."""
    steps = []
    if saturations:
        steps.append("values saturate: compile with sample inputs (--calibrate)")
    elif manifest.get("formats") == "synthetic":
        steps.append("give sample inputs for the number formats (--calibrate)")
    if prunes(manifest.get("recipe", "")):
        steps.append(
            "keep more weights (--density), or let `eie compress MODEL --data LABELLED` choose"
        )
    else:
        steps.append("give the layers more shared values (--codebook-bits, a machine's)")
    steps.append("`eie compare` names the layer that loses most")
    return f"Next: {'; '.join(steps)}."


def prunes(recipe: str) -> bool:
    """Return whether a recipe, as JSON, leaves weights out."""
    try:
        settings = json.loads(recipe or "{}")
    except (RecursionError, ValueError):
        return False
    density = settings.get("density", 1.0)
    each = density.values() if isinstance(density, dict) else [density]
    return bool(settings.get("quality")) or any(one < 1 for one in each)
