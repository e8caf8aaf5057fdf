"""One axis of Resize: which places of the input each place of the result is made of."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


class Rule(NamedTuple):
    """The attributes of Resize that hold for all axes."""

    mode: str
    coordinates: str
    nearest: str
    antialias: bool = False
    cubic: float = -0.75
    exclude_outside: bool = False
    extrapolation: float = 0.0

    @property
    def extrapolates(self) -> bool:
        """Whether places outside of the input get a value of their own."""
        return self.coordinates == "tf_crop_and_resize"


class Axis(NamedTuple):
    """An axis of `length` that gets `size`; from `start` to `end` of it is taken, as parts of 1.

    `scale` is also there in double precision, `exact`.
    """

    length: int
    size: int
    scale: np.float32
    exact: float = 1.0
    start: np.float32 = np.float32(0)
    end: np.float32 = np.float32(1)

    def is_identity(self, rule: Rule) -> bool:
        """Return whether the axis stays as it is."""
        same = self.length == self.size and self.scale == 1
        return bool(same and (not rule.extrapolates or (self.start == 0 and self.end == 1)))

    def coordinates(self, rule: Rule) -> Floats:
        """Return where each place of the result is in the input."""
        x = np.arange(self.size, dtype=np.float32)
        half, last, length = np.float32(0.5), np.float32(self.length - 1), np.float32(self.length)
        found: Floats
        match rule.coordinates:
            case "asymmetric":
                found = (x.astype(np.float64) / self.exact).astype(np.float32)
            case "align_corners":
                found = x * last / np.float32(self.size - 1) if self.size > 1 else x * 0
            case "pytorch_half_pixel":
                found = (x + half) / self.scale - half if self.size > 1 else x * 0
            case "tf_half_pixel_for_nn":
                found = (x + half) / self.scale
            case "half_pixel_symmetric":
                adjustment = np.float32(self.size) / (self.scale * length)
                center = length / np.float32(2)
                found = center * (1 - adjustment) + (x + half) / self.scale - half
            case "tf_crop_and_resize":
                span = self.end - self.start
                found = (
                    self.start * last + x * span * last / np.float32(self.size - 1)
                    if self.size > 1
                    else x * 0 + half * (self.start + self.end) * last
                )
            case _:
                found = (x + half) / self.scale - half
        # Regions come from the model's file and may be anything.
        bound = np.float32(1 << 30)
        return np.clip(np.nan_to_num(found), -bound, bound).astype(np.float32)

    @property
    def outside(self) -> NDArray[np.bool_]:
        """Where the result lies outside of the input, if a region is cropped."""
        at = self.coordinates(Rule("", "tf_crop_and_resize", ""))
        return (at < 0) | (at > self.length - 1)

    def taps(self, rule: Rule) -> tuple[NDArray[np.int64], Floats | None]:
        """Return places in the input, and their weights: a row per place of the result.

        Without weights, there is one place each.
        """
        at = self.coordinates(rule)
        if rule.mode == "nearest":
            return np.clip(self._nearest(at, rule.nearest), 0, self.length - 1), None
        if rule.mode == "linear" and not rule.antialias:
            at = np.clip(at, 0, np.float32(self.length - 1))
        places, weights = self._weighted(at, rule)
        if rule.exclude_outside:
            weights = np.where((places >= 0) & (places < self.length), weights, 0)
            total = np.where(weights.sum(0) == 0, 1, weights.sum(0))
            weights = (weights / total).astype(np.float32)
        used = np.asarray(weights.any(axis=1))
        used[0] |= not used.any()
        places, weights = places[used], weights[used]
        return np.clip(places, 0, self.length - 1).T.copy(), weights.T.astype(np.float32)

    def _nearest(self, at: Floats, how: str) -> NDArray[np.int64]:
        low = np.floor(at)
        found = {
            "floor": low,
            "ceil": np.ceil(at),
            "round_prefer_floor": np.ceil(at - np.float32(0.5)),
            "round_prefer_ceil": np.floor(at + np.float32(0.5)),
            # Before opset 11: up is cut off, down is rounded up.
            "simple": np.ceil(at) if self.scale < 1 else np.trunc(at),
        }[how]
        places: NDArray[np.int64] = found.astype(np.int64)
        return places

    def _weighted(self, at: Floats, rule: Rule) -> tuple[NDArray[np.int64], Floats]:
        """Return the places around each coordinate, a row per tap, and their weights."""
        squeeze = min(float(self.scale), 1.0) if rule.antialias else 1.0
        reach = 1 if rule.mode == "linear" else 2
        low = np.floor(at).astype(np.int64)
        first = int(np.floor(-reach / squeeze)) + 1
        steps = np.arange(first, 2 - first if rule.antialias else reach + 1)[:, None]
        distance = np.abs(steps - (at.astype(np.float64) - low)) * squeeze
        if rule.mode == "linear":
            weights = np.clip(1 - distance, 0, 1)
        else:
            a = rule.cubic
            near = ((a + 2) * distance - (a + 3)) * distance**2 + 1
            far = ((a * distance - 5 * a) * distance + 8 * a) * distance - 4 * a
            weights = np.where(distance <= 1, near, np.where(distance < 2, far, 0))
        if rule.antialias:
            weights = weights / weights.sum(0)
        return low + steps, weights.astype(np.float32)
