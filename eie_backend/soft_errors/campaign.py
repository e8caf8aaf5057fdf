"""`faults`: run a model many times with random flips, and count what becomes of its answers.

An answer is the place of the largest of a sample's results, or the result if it is one number.
Each input of each trial ends in one of four ways:

detected   a word was found wrong: the machine loads its memories again, or repeats the input, so
           the answer is that without flips
silent     the answer differs from that without flips, and nothing says so
corrected  words were corrected, and the answer is right
masked     the answer is that without flips
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from eie_backend.errors import ConfigError, InputError
from eie_backend.machine.choices import PROTECTION, TRANSIENT_UNITS, Protection, Unit
from eie_backend.machine.energy_table import shipped_table
from eie_backend.profiler import Recorder
from eie_backend.simulator.labels import check_answers, check_count, check_labels
from eie_backend.simulator.not_finite import tell
from eie_backend.simulator.place import Batch
from eie_backend.simulator.runner import Data, Runner
from eie_backend.simulator.saturation import tell_saturated
from eie_backend.simulator.unrecorded import untold
from eie_backend.soft_errors import interval
from eie_backend.soft_errors.flips import BitFlip
from eie_backend.soft_errors.protection import cost
from eie_backend.soft_errors.strike import strike, striking
from eie_backend.soft_errors.units import check_units

LOWEST_RATE = 1e-12
MOST_TRIALS = 1_000_000
OUTCOMES = ("detected", "silent", "corrected", "masked")

Interval = tuple[float, float]


@dataclass(frozen=True)
class FaultRow:
    """Trials of one unit, protection and rate; shares are of all inputs of all trials.

    Attributes
    ----------
    unit : str
        Where bits flipped; "listed" for flips from a list.
    protection : str
    rate : float or None
        Probability of a bit to flip; None for a list.
    trials, inputs : int
        Trials, and inputs of each.
    accuracy : float or None
        With labels: share of right answers; `accuracy_interval` is its 95 % interval for these
        inputs.
    detected, silent, corrected, masked : float
        Shares that are 1 together; `silent_interval` is the 95 % interval of `silent`.
    different : float
        Share of inputs of which some result differs in its bits; not of detected ones.
    words_corrected, words_detected, words_unnoticed : int
        Words with flips, over all trials, by what their code made of them.
    """

    unit: str
    protection: str
    rate: float | None
    trials: int
    inputs: int
    accuracy: float | None
    accuracy_interval: Interval | None
    detected: float
    silent: float
    silent_interval: Interval
    corrected: float
    masked: float
    different: float
    words_corrected: int
    words_detected: int
    words_unnoticed: int


@dataclass(frozen=True)
class ProtectionCost:
    """What an input and the machine take when all units are protected."""

    protection: str
    nanojoule_per_input: float
    area_mm2: float


class _Trial(NamedTuple):
    """Inputs by what became of them, and words by what their code made of their flips."""

    right: int | None
    outcomes: list[int]
    different: int
    words: NDArray[np.int64]


class _Answers:
    """The results of a model for its inputs, and what counts of them."""

    def __init__(self, calls: Sequence[Batch], samples: int) -> None:
        # Results lie input after input: the batch is the first dimension.
        joined = [np.concatenate(parts, axis=None) for parts in zip(*calls, strict=True)]
        if wrong := [part.size for part in joined if part.size % samples]:
            raise InputError(
                f"results of {wrong[0]} values for {samples} inputs: not as many of each; compile "
                "the model with the batch as the first dimension"
            )
        self.results = np.hstack([part.reshape(samples, -1) for part in joined])
        first = joined[0].reshape(samples, -1)
        self.classes = first.shape[1] if first.shape[1] > 1 else None
        self.answers = first[:, 0] if self.classes is None else first.argmax(axis=1)

    def differ(self, other: _Answers) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Return by input whether the answer differs, and whether any result does; NaN is NaN."""
        same = [
            (ours == theirs) | ((ours != ours) & (theirs != theirs))  # noqa: PLR0124
            for ours, theirs in [(self.answers, other.answers), (self.results, other.results)]
        ]
        return ~same[0], ~same[1].all(axis=1)


def check_campaign(
    rates: Sequence[float], units: Sequence[str], protections: Sequence[str], trials: int, seed: int
) -> None:
    """Refuse what no trial can be run with.

    Raises
    ------
    ConfigError
        If a unit or a protection is unknown, or a number is out of its range.
    """
    check_units(units)
    if not protections:
        raise ConfigError(
            f"protections: none is named; choose some of {', '.join(PROTECTION.values)}, "
            "separated by commas"
        )
    for protection in protections:
        PROTECTION.checked(protection, ConfigError)
    wrong = [rate for rate in rates if not (rate == 0 or LOWEST_RATE <= rate <= 1)]
    if wrong or not rates:
        raise ConfigError(
            f"rates: {', '.join(f'{rate:g}' for rate in wrong) or 'none'}; give 0 or probabilities "
            f"in {LOWEST_RATE:g}..1 of a bit to flip"
        )
    if not 1 <= trials <= MOST_TRIALS or not 0 <= seed < 1 << 32:
        raise ConfigError(
            f"trials = {trials}, seed = {seed}; give 1..{MOST_TRIALS} trials and a seed in "
            f"0..{(1 << 32) - 1}"
        )


class Campaign:
    """A loaded model with inputs, ready for trials.

    Parameters
    ----------
    runner : Runner
        The model.
    data : array or mapping of str to array
        Inputs, as for `run`.
    labels : ndarray, shape (inputs,), optional
        The class of each input.
    seed : int
        Trial t takes `seed` + t.

    Raises
    ------
    InputError
        If data or labels do not fit, or results are not those of one input after the other.
    """

    def __init__(
        self, runner: Runner, data: Data, labels: NDArray[Any] | None = None, seed: int = 0
    ) -> None:
        self._calls, self._counts = runner.counted(data)
        tell(self._counts)
        self._runner, self._seed = runner, seed
        self.inputs = runner.batch * len(self._calls)
        if labels is not None:
            check_count(labels, self.inputs)
        self._labels = labels
        self._without = self._answers()
        classes = self._without.classes
        if labels is not None and classes is not None:
            check_labels(labels, self.inputs, (self.inputs, classes))
        elif labels is not None:
            check_answers(labels, self.inputs)

    @property
    def accuracy(self) -> float | None:
        """Share of right answers without flips."""
        if self._labels is None:
            return None
        return float((self._without.answers == self._labels).mean())

    def costs(self, protections: Sequence[Protection]) -> list[ProtectionCost]:
        """Return energy per input and area by protection, measured on the first call's inputs."""
        with Recorder(self._runner) as recorder:
            self._runner.call(self._calls[0])
        tell_saturated(recorder.rows, self._counts)
        report = recorder.report((), shipped_table(), self._runner.batch)
        counters: Counter[str] = Counter()
        for layer in report.layers:
            counters.update(layer.counters)
        arithmetic = self._runner.programs[0].arithmetic
        found = []
        for protection in protections:
            energy, area = cost(counters, report.config, protection, arithmetic)
            found.append(ProtectionCost(protection, energy / self._runner.batch / 1000, area))
        return found

    def at_rate(self, unit: Unit, protection: Protection, rate: float, trials: int) -> FaultRow:
        """Run trials in which every bit of a unit flips with the same probability."""
        rates = {unit: rate}
        seeds = range(self._seed, self._seed + trials)
        done = [self._trial(rates, seed, protection, ()) for seed in seeds]
        return self._row(unit, protection, rate, done)

    def listed(self, protection: Protection, flips: Sequence[BitFlip]) -> FaultRow:
        """Run one trial with the flips of a list."""
        return self._row("listed", protection, None, [self._trial({}, 0, protection, flips)])

    def _trial(
        self,
        rates: Mapping[Unit, float],
        seed: int,
        protection: Protection,
        flips: Sequence[BitFlip],
    ) -> _Trial:
        programs = self._runner.programs
        of_each = [[f for f in flips if f.program == n] for n in range(len(programs))]
        struck = [
            strike(program, rates, seed, protection, some)
            for program, some in zip(programs, of_each, strict=True)
        ]
        damaged = [
            new.program for new, old in zip(struck, programs, strict=True) if new.program is not old
        ]
        transient = any(unit in TRANSIENT_UNITS for unit in (*rates, *(f.unit for f in flips)))
        # Corrected, detected and unnoticed words: of the memories, which all inputs share, ...
        memory = np.array([(s.corrected, s.detected, s.unnoticed) for s in struck]).sum(axis=0)
        words, met = memory.copy(), np.zeros((self.inputs, 3), np.int64)
        answers = self._without
        if transient or (damaged and not memory[1]):
            pairs = [(programs[f.program], f) for f in flips]
            with striking(damaged, rates, seed, protection, pairs) as strikes:
                answers = self._answers()
            # ... and of what each input met: a program runs once or more for each, or for all.
            for of_runs in strikes.words.values():
                words += of_runs.sum(axis=0)
                alone = len(of_runs) % self.inputs == 0
                met += of_runs.reshape(self.inputs if alone else 1, -1, 3).sum(axis=1)
        wrong, different = answers.differ(self._without)
        detected = (met[:, 1] > 0) | bool(memory[1])
        silent = wrong & ~detected
        corrected = ((met[:, 0] > 0) | bool(memory[0])) & ~wrong & ~detected
        right = None
        if self._labels is not None:
            final = np.where(detected, self._without.answers, answers.answers)
            right = int(np.count_nonzero(final == self._labels))
        counts = [detected, silent, corrected, ~(detected | silent | corrected)]
        return _Trial(
            right,
            [int(np.count_nonzero(one)) for one in counts],
            int(np.count_nonzero(different & ~detected)),
            words,
        )

    def _row(
        self, unit: str, protection: Protection, rate: float | None, done: Sequence[_Trial]
    ) -> FaultRow:
        total = len(done) * self.inputs
        alike = unit not in TRANSIENT_UNITS
        right = [trial.right for trial in done if trial.right is not None]
        outcomes = np.array([trial.outcomes for trial in done])
        words = np.sum([trial.words for trial in done], axis=0)
        shares = dict(zip(OUTCOMES, (outcomes.sum(axis=0) / total).tolist(), strict=True))
        return FaultRow(
            unit=unit,
            protection=protection,
            rate=rate,
            trials=len(done),
            inputs=self.inputs,
            accuracy=sum(right) / total if right else None,
            accuracy_interval=interval.of_mean(right, self.inputs) if right else None,
            silent_interval=interval.of_share(outcomes[:, 1].tolist(), self.inputs, alike),
            different=sum(trial.different for trial in done) / total,
            words_corrected=int(words[0]),
            words_detected=int(words[1]),
            words_unnoticed=int(words[2]),
            **shares,
        )

    def _answers(self) -> _Answers:
        with untold():  # of the same inputs, `costs` tells
            return _Answers([self._runner.call(batch) for batch in self._calls], self.inputs)
