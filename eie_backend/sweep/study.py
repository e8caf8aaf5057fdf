"""`Study`: the outcomes of designs in a database, through Optuna: SQLite, PostgreSQL and others.

A trial is added in one transaction when its design is done, and never changed. Therefore a killed
process leaves no partial trial, and any number of computers may add to a study concurrently.
"""

from __future__ import annotations

import json
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import Any

from eie_backend.config import HardwareConfig
from eie_backend.errors import EieError, ExtraError, StudyError
from eie_backend.recipe import MAX_BITS, MIN_BITS
from eie_backend.sweep.bench import Outcome
from eie_backend.sweep.sealed import DIRECTIONS, SEALED, sealed, unsealed, values
from eie_backend.sweep.space import Design, ParameterPath

MOST_TRIES, RETRY_SECONDS = 4, 0.2

_FAULTS = (ArithmeticError, AssertionError, AttributeError, LookupError, TypeError, ValueError)
"""What Optuna and SQLAlchemy raise at text and numbers that they did not write."""


class Study:
    """The outcomes of one bench; ``with`` closes the database.

    Parameters
    ----------
    url : str
        A database URL of SQLAlchemy, such as ``sqlite:///folder/study.db`` or
        ``postgresql+psycopg://user@host/base``.
    name : str
        The study's name in the database.

    Raises
    ------
    StudyError
        If the database cannot be opened, or holds a study of that name from another program.
    ExtraError
        If Optuna, or the database's driver, is not installed.
    """

    def __init__(self, url: str, name: str) -> None:
        optuna = require_optuna()
        optuna.logging.set_verbosity(optuna.logging.ERROR)  # of what fails, we say one line
        self._optuna, self._url = optuna, url
        with self._reporting("opened"):
            self._study = self._opened(name)
        try:
            with self._reporting("read"), self._undamaged():
                found = [direction.name.lower() for direction in self._study.directions]
                if found != list(DIRECTIONS.values()):
                    raise StudyError(
                        f"{self.place}: its study {name} was not made by eie; name another database"
                    )
                self._is_sealed = self._sealed()
        except StudyError:
            self.close()
            raise

    def __enter__(self) -> Study:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the database."""
        self._storage.remove_session()
        self._storage.engine.dispose()

    def _opened(self, name: str) -> Any:
        """Open the study, or create it."""
        from sqlalchemy.exc import DBAPIError

        for tried in range(1, MOST_TRIES + 1):
            try:
                self._storage = self._optuna.storages.RDBStorage(
                    self._url, engine_kwargs={"pool_pre_ping": True}
                )
                with self._undamaged():
                    return self._of_storage(name)
            except ImportError as error:
                missing = getattr(error.__cause__, "name", None) or error.name
                raise ExtraError(
                    f"{self.place}: its driver {missing} is not installed; pip install it"
                ) from error
            except DBAPIError:
                # Two processes that create the tables of a new database at the same time conflict.
                if tried == MOST_TRIES:
                    raise
                time.sleep(tried * RETRY_SECONDS)

    def _of_storage(self, name: str) -> Any:
        try:
            return self._optuna.create_study(
                study_name=name,
                storage=self._storage,
                directions=list(DIRECTIONS.values()),
                load_if_exists=True,
            )
        except BaseException:
            self.close()
            raise

    def _sealed(self) -> bool:
        """Return whether all trials have checksums: of a new study, from now on."""
        if SEALED not in self._study.user_attrs and not self._study.get_trials(deepcopy=False):
            self._study.set_user_attr(SEALED, True)
        return SEALED in self._study.user_attrs

    @property
    def place(self) -> str:
        """The database's URL, without the password."""
        from sqlalchemy.engine import make_url
        from sqlalchemy.exc import ArgumentError

        try:
            url = make_url(self._url)
        except (ArgumentError, ValueError):  # such as a port that is no number
            return "the database's URL"
        is_file = url.get_backend_name() == "sqlite" and url.database
        return str(url.database) if is_file else url.render_as_string(hide_password=True)

    def outcomes(self) -> dict[str, Outcome]:
        """Return the known outcomes by design key; of equal designs, the first outcome.

        Trials of a study that is older than checksums are taken as they are.

        Raises
        ------
        StudyError
            If the database cannot be read, or a trial is not as it was stored; the message names
            it.
        """
        with self._reporting("read"), self._undamaged():
            trials = self._study.get_trials(deepcopy=False)
        found: dict[str, Outcome] = {}
        for trial in trials:
            if not trial.state.is_finished():
                continue
            try:
                stored = unsealed(trial.user_attrs, trial.values, self._is_sealed)
            except ValueError as error:
                raise StudyError(
                    f"{self.place}: trial {trial.number} is damaged: {error}; take a copy of the "
                    "database from before, or have that trial measured again (docs/sweep.md)"
                ) from error
            if stored is not None:
                found.setdefault(*stored)
        return found

    def add(self, design: Design, outcome: Outcome, varied: Collection[ParameterPath]) -> None:
        """Add what a design gave, for good.

        `varied` are the parameters to show in Optuna's dashboards. Each takes three SQL statements,
        so parameters that are the same in all designs are left out; the design itself is stored
        completely.

        Raises
        ------
        StudyError
            If the database cannot be written.
        """
        states = self._optuna.trial.TrialState
        params, distributions = self._parameters(design, varied)
        trial = self._optuna.trial.create_trial(
            state=states.FAIL if outcome.error else states.COMPLETE,
            values=values(outcome),
            params=params,
            distributions=distributions,
            user_attrs=sealed(design.key, outcome),
        )
        with self._reporting("written"):
            self._study.add_trial(trial)

    def _parameters(
        self, design: Design, varied: Collection[ParameterPath]
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return a design in the form of Optuna's dashboards; a parameter's limits never change."""
        of = self._optuna.distributions
        whole: dict[str, Any] = dict(design.hardware.to_dict())
        distributions: dict[str, Any] = {
            size.name: of.IntDistribution(size.metadata["low"], size.metadata["high"])
            for size in fields(HardwareConfig)
        }
        for path, value in _flat((), json.loads(design.recipe.to_json())):
            name = ".".join(path)
            if path[0] in ("density", "quality"):
                distributions[name] = of.FloatDistribution(0.0, 1e9)
            elif path[0] == "bits":
                distributions[name] = of.IntDistribution(MIN_BITS, MAX_BITS)
            whole[name] = value
        names = {".".join(path[1:]) for path in varied} & distributions.keys()
        params = {name: whole[name] for name in names}
        return params, {name: distributions[name] for name in names}

    @contextmanager
    def _reporting(self, what: str) -> Iterator[None]:
        from sqlalchemy.exc import ArgumentError, SQLAlchemyError

        try:
            yield
        except (EieError, MemoryError):
            raise
        # Drivers raise what they like at options of a URL that they do not take.
        except Exception as error:
            # RuntimeError: tables of another release of Optuna's.
            told = (OSError, RuntimeError, UnicodeDecodeError)
            known = (SQLAlchemyError, self._optuna.exceptions.OptunaError, *told)
            # Do not show the error itself: it may quote a password.
            cause = getattr(error, "orig", None) or (error.__cause__ or error)
            cause = getattr(cause, "orig", None) or cause
            if isinstance(error, ArgumentError):
                reason = "not a database URL"
            else:
                reason = str(cause) if isinstance(error, known) else "its options make no sense"
            raise StudyError(
                f"{self.place}: cannot be {what}: {' '.join(reason.split())}; see that it "
                "exists, has room and lets you in, and run again: what was found is kept"
            ) from error

    @contextmanager
    def _undamaged(self) -> Iterator[None]:
        """Report `_FAULTS` as those of the database."""
        try:
            yield
        except _FAULTS as error:
            raise StudyError(
                f"{self.place}: cannot be read: {self._unreadable()} is damaged "
                f"({type(error).__name__}); take a copy of the database from before, or name "
                "another"
            ) from error

    def _unreadable(self) -> str:
        """Return the first trial that cannot be read, in words."""
        storage, number = self._storage, 0
        while True:
            try:
                own = storage.get_trial_id_from_study_id_trial_number(self._study._study_id, number)
            except Exception:  # also past the last one
                return "a table"
            try:
                storage.get_trial(own)
            except Exception:
                return f"trial {number}"
            number += 1


def require_optuna() -> Any:
    """Import and return Optuna.

    Raises
    ------
    ExtraError
        If it is not installed.
    """
    try:
        import optuna
    except ImportError as error:
        raise ExtraError(
            "sweeps need Optuna: pip install '.[explore]' in eie's checkout"
        ) from error
    return optuna


def sqlite_url(path: Path) -> str:
    """Return the URL of a database in a file."""
    return f"sqlite:///{path.absolute()}"


def _flat(path: tuple[str, ...], value: Any) -> Iterator[tuple[tuple[str, ...], Any]]:
    if isinstance(value, dict):
        for name, below in value.items():
            yield from _flat((*path, name), below)
    else:
        yield path, value
