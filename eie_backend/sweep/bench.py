"""`Bench`: a sweep's models and data, with which it estimates and measures designs."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from threading import RLock
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray
from tvm import IRModule

from eie_backend._versions import __version__
from eie_backend.compiler import compile
from eie_backend.compiler.compressed import check_bits
from eie_backend.compress import compress
from eie_backend.config import HardwareConfig
from eie_backend.errors import EieError
from eie_backend.machine.energy import area_mm2
from eie_backend.profiler import Report, profile_runner
from eie_backend.recipe import Recipe
from eie_backend.search.evaluator import top1
from eie_backend.simulator.runner import Runner
from eie_backend.simulator.saturation import Saturated, in_layers, too_many
from eie_backend.sweep.network import Network
from eie_backend.sweep.space import Design
from eie_backend.transform.attributes import with_attributes
from eie_backend.tuning.calibration import Data, calibrate


@dataclass(frozen=True)
class Outcome:
    """The result of a design, or the reason in `error` why there is none.

    `accuracy` is a fraction of the samples; `cycles` and `energy` (nanojoule, without DRAM) are per
    sample; `area` is in mm^2. The accuracy of an estimate is NaN. `saturated` are the layers of
    which too many values do not fit their formats.
    """

    accuracy: float = float("nan")
    cycles: float = float("nan")
    energy: float = float("nan")
    area: float = float("nan")
    error: str = ""
    saturated: tuple[Saturated, ...] = ()


@dataclass(frozen=True, eq=False)
class Bench:
    """The models, data and options that all designs of a sweep share; workers receive a copy.

    Attributes
    ----------
    models : mapping of str to bytes
        ONNX models by name.
    data : mapping of str to ndarray, or ndarray
        The models' inputs.
    labels : ndarray, shape (samples,), integers
        The class of each sample.
    calibration : mapping of str to ndarray, or ndarray
        Sample inputs for the number formats.
    bind : mapping of str to int
        Values of dynamic dimensions.
    bind_values : mapping of str to number or list
        Values of inputs that are constants.
    verify : bool
        As for `from_onnx`.
    arithmetic, balance, strict
        As for `compile`.
    """

    models: Mapping[str, bytes]
    data: Data
    labels: NDArray[np.generic]
    calibration: Data
    bind: Mapping[str, int]
    arithmetic: Any = "int16"
    balance: Any = "off"
    strict: bool = True
    bind_values: Mapping[str, Any] = field(default_factory=dict)
    verify: bool = True

    def digest(self) -> str:
        """Return the SHA-256, as hex, of everything beside the design that outcomes depend on."""
        settings = [__version__, dict(self.bind), self.arithmetic, self.balance, self.strict]
        if self.bind_values:
            settings.append(dict(self.bind_values))
        found = hashlib.sha256(json.dumps(settings, sort_keys=True).encode())
        for name, model in sorted(self.models.items()):
            found.update(f"{name} {hashlib.sha256(model).hexdigest()}".encode())
        for arrays in (self.data, self.calibration, self.labels):
            named = arrays if isinstance(arrays, Mapping) else {"": arrays}
            for name, values in sorted(named.items()):
                array = np.ascontiguousarray(values)
                found.update(f"{name} {array.dtype}{array.shape}".encode())
                found.update(array.data)
        return found.hexdigest()

    def network(self, name: str) -> Network:
        """Return a model, imported once in this process."""
        with _lock:
            networks = _networks.setdefault(self, {})
            if name not in networks:
                model, data, labels = self.models[name], self.data, self.labels
                networks[name] = Network(
                    *(model, self.bind, data, labels, name, self.bind_values), verify=self.verify
                )
            return networks[name]

    def estimate(self, design: Design) -> Outcome:
        """Estimate a design by the analytical model, in about a millisecond, without accuracy."""
        try:
            cycles, picojoules = self.network(design.model).estimate(
                design.hardware, design.recipe, self.arithmetic
            )
        except EieError as error:
            return _failed(error)
        area = area_mm2(design.hardware)
        return Outcome(cycles=cycles, energy=picojoules / 1000, area=area)

    def measure(self, design: Design) -> Outcome:
        """Compress, compile and simulate a design over all samples, cycle by cycle."""
        try:
            return self._measured(design.model, design.recipe, design.hardware)
        except EieError as error:
            return _failed(error)

    def _measured(self, model: str, recipe: Recipe, config: HardwareConfig) -> Outcome:
        # A Dask worker may have several threads; only one at a time uses the compiler.
        with _lock:
            executable = compile(
                self._prepared(model, recipe, config),
                config,
                calibration=None if self.balance == "off" else self.calibration,
                arithmetic=self.arithmetic,
                balance=self.balance,
                winograd="never",
                strict=self.strict,
            )
        # Use one thread: the other cores are for other workers. `sweep` tells of saturations.
        report = profile_runner(Runner(executable), self.data, threads=1, told=False)
        return Outcome(
            accuracy=top1(report.outputs[0], self.labels),
            cycles=sum(layer.cycles_per_sample for layer in report.layers),
            energy=sum(layer.nanojoule_per_sample for layer in report.layers),
            area=report.area_mm2,
            saturated=tuple(_saturated(report)),
        )

    def _prepared(self, model: str, recipe: Recipe, config: HardwareConfig) -> IRModule:
        """Return the compressed and calibrated model, cached for the next machine.

        Compressing and calibrating take as long as compiling.
        """
        network = self.network(model)
        check_bits(network.evaluator.layers, recipe, config)
        module = with_attributes(network.module, winograd="never")
        key = Design(model, config, recipe).compressed
        last = _prepared.get(self)
        if last is None or last[0] != key:
            module = compress(module, recipe, config=config)
            last = _prepared[self] = key, calibrate(module, self.calibration)
        return last[1]


def _saturated(report: Report) -> list[Saturated]:
    if report.not_finite:  # who reads the data tells of that
        return []
    return too_many(in_layers((layer.name, layer.counters) for layer in report.layers))


def _failed(error: EieError) -> Outcome:
    return Outcome(error=" ".join(str(error).split()))


_networks: WeakKeyDictionary[Bench, dict[str, Network]] = WeakKeyDictionary()
_prepared: WeakKeyDictionary[Bench, tuple[str, IRModule]] = WeakKeyDictionary()
_lock = RLock()


def measure(bench: Bench, design: Design) -> Outcome:
    """Call `Bench.measure`, from a worker."""
    return bench.measure(design)
