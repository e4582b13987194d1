"""Trials in the tables of an Optuna database, read a table at a time and written in one transaction.

Optuna asks the database some seven times for a trial, and once more for every value that is told of one:
with a hundred thousand of them, or a server at the other end of a cable, that takes longer than all else that
a driver does. The tables are Optuna's own, as it made them, with what it would have written.
"""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from itertools import groupby, islice
from typing import Any

import sqlalchemy
from optuna.distributions import BaseDistribution, distribution_to_json, json_to_distribution
from optuna.storages import RDBStorage
from optuna.storages._rdb import models
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy import ColumnElement, Connection, Table, select
from sqlalchemy.dialects import postgresql, sqlite

from scalesearch.errors import StudyError

TRIALS: Table = models.TrialModel.__table__
PARAMS: Table = models.TrialParamModel.__table__
VALUES: Table = models.TrialValueModel.__table__
LOOKS: Table = models.TrialIntermediateValueModel.__table__
USER: Table = models.TrialUserAttributeModel.__table__
SYSTEM: Table = models.TrialSystemAttributeModel.__table__
STUDY: Table = models.StudyUserAttributeModel.__table__
# What each table knows a row of a trial by, and what it holds of it.
COLUMNS = {
    PARAMS: ("param_name", "param_value", "distribution_json"),
    VALUES: ("objective", "value", "value_type"),
    LOOKS: ("step", "intermediate_value", "intermediate_value_type"),
    USER: ("key", "value_json"),
    SYSTEM: ("key", "value_json"),
    STUDY: ("key", "value_json"),
}
ALL = (PARAMS, VALUES, LOOKS, USER, SYSTEM)
# Insertions that overwrite what is there, where the database has such.
UPSERTS = {"postgresql": postgresql.insert, "sqlite": sqlite.insert}
AT_ONCE = 10_000
"""Rows that are fetched at a time."""
NEW_AT_ONCE = 500
"""Trials that are made in one transaction."""
FEW = 500
"""Trials that are asked for by their numbers; of more all are read from the first one on."""
INFINITE = {"INF_POS": math.inf, "INF_NEG": -math.inf, "NAN": math.nan}

_distribution = cache(json_to_distribution)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Told:
    """What is told of a trial, to be written.

    Attributes:
        change: the state that it must be in, the one that it gets, and when; None where it keeps its own.
        rows: of other tables.
    """

    trial_id: int
    change: tuple[TrialState, TrialState, datetime] | None
    rows: tuple[tuple[Table, dict[str, Any]], ...]


class StudyStorage(RDBStorage):
    """Optuna's database of studies; trials are read from it and written to it many rows at a time."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._joined: Connection | None = None
        self._queued: list[_Told] = []

    @contextmanager
    def together(self) -> Iterator[None]:
        """Writes what is told of trials within the block in one transaction, or none of it.

        A disk takes as long for one as for a hundred. Nothing else may be written within.
        """
        before = list(self._queued)
        try:
            with self.engine.begin() as connection:
                self._joined = connection
                yield
                self._flush(connection)
        except BaseException:
            self._queued = before
            raise
        finally:
            self._joined = None

    @property
    def joined(self) -> bool:
        """Whether a block of :meth:`together` is under way."""
        return self._joined is not None

    def forget_queued(self) -> None:
        """Leaves unwritten what is still to be written later."""
        self._queued = []

    def write_queued(self) -> None:
        """Writes what is still to be written; a block of :meth:`together` does so at its end."""
        if self._queued and not self.joined:
            with self.together():
                pass

    @contextmanager
    def _transaction(self) -> Iterator[Connection]:
        if self._joined is not None:
            yield self._joined
            return
        with self.engine.begin() as connection:
            yield connection

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        if self._joined is not None:  # what was written in it is seen there alone
            self._flush(self._joined)
            yield self._joined
            return
        with self.engine.connect() as connection:
            yield connection.execution_options(yield_per=AT_ONCE)

    def _flush(self, connection: Connection) -> None:
        """Writes what is queued, many trials' in a statement.

        Raises:
            StudyError: if a trial isn't in the state that it has to be in.
        """
        queued, self._queued = self._queued, []
        changes = ((told.change[:2], told.trial_id, told.change[2]) for told in queued if told.change)
        # One after another, as a trial may be taken and done in the same transaction.
        for (before, state), of_it in groupby(changes, lambda change: change[0]):
            _change(connection, before, state, {trial_id: time for _, trial_id, time in of_it})
        written: dict[Table, dict[tuple[int, Any], dict[str, Any]]] = {}
        for told in queued:
            for table, row in told.rows:
                written.setdefault(table, {})[told.trial_id, row[COLUMNS[table][0]]] = row
        for table, rows in written.items():
            _write_over(connection, table, list(rows.values()))

    def read_trials(
        self,
        condition: ColumnElement[bool],
        *,
        parts: Collection[Table] = ALL,
        names: Sequence[str] = (),
    ) -> list[FrozenTrial]:
        """The trials that meet a condition, in the order in which they were made.

        Args:
            condition: on columns of :data:`TRIALS`.
            parts: tables to read beside that one; what lies in others is left out of the trials, and when
                they began and ended with it.
            names: user attributes to read; those that end with a slash stand for all that begin so. All if
                empty.
        """
        with self._reading() as connection:
            times: list[ColumnElement[Any]] = [sqlalchemy.null(), sqlalchemy.null()]
            if len(parts) == len(ALL):
                times = [TRIALS.c.datetime_start, TRIALS.c.datetime_complete]
            columns = (TRIALS.c.trial_id, TRIALS.c.number, TRIALS.c.state, *times)
            rows = connection.execute(select(*columns).where(condition).order_by(TRIALS.c.trial_id))
            trials = {
                trial_id: FrozenTrial(
                    number=number,
                    state=state,
                    value=None,
                    datetime_start=_local(start),
                    datetime_complete=_local(complete),
                    params={},
                    distributions={},
                    user_attrs={},
                    system_attrs={},
                    intermediate_values={},
                    trial_id=trial_id,
                )
                for trial_id, number, state, start, complete in rows
            }
            if trials:
                for table in parts:
                    self._read(connection, table, condition, _named(names) if table is USER else None, trials)
        return list(trials.values())

    def _read(
        self,
        connection: Connection,
        table: Table,
        condition: ColumnElement[bool],
        more: ColumnElement[bool] | None,
        trials: Mapping[int, FrozenTrial],
    ) -> None:
        """Adds to the trials what a table holds of them."""
        query = select(table.c.trial_id, *(table.c[name] for name in COLUMNS[table]))
        query = query.join(TRIALS, table.c.trial_id == TRIALS.c.trial_id).where(condition)
        if table is PARAMS:
            query = query.order_by(table.c.param_id)
        for trial_id, name, held, *kind in connection.execute(query if more is None else query.where(more)):
            trial = trials.get(trial_id)  # made since the trials were read
            if trial is None:
                continue
            if table is USER or table is SYSTEM:
                attributes = trial.user_attrs if table is USER else trial.system_attrs
                attributes[name] = json.loads(held)
            elif table is LOOKS:
                trial.intermediate_values[name] = _number(held, kind[0])
            elif table is VALUES:
                values = trial._values = trial._values or []
                values.extend([math.nan] * (name + 1 - len(values)))
                values[name] = _number(held, kind[0])
            else:
                trial.distributions[name] = _distribution(kind[0])
                trial.params[name] = trial.distributions[name].to_external_repr(held)

    def get_trial(self, trial_id: int) -> FrozenTrial:
        """See ``optuna.storages.BaseStorage``."""
        found = self.read_trials(TRIALS.c.trial_id == trial_id)
        if not found:
            raise KeyError(models.NOT_FOUND_MSG)
        return found[0]

    def _get_trials(
        self,
        study_id: int,
        states: Collection[TrialState] | None,  # type: ignore[override]
        included_trial_ids: set[int],
        trial_id_greater_than: int,
    ) -> list[FrozenTrial]:
        """See ``optuna.storages.RDBStorage``: those of these numbers, and all after one."""
        condition = TRIALS.c.study_id == study_id
        if states is not None:
            condition &= TRIALS.c.state.in_(states)
        if trial_id_greater_than < 0:
            return self.read_trials(condition)
        earlier = {trial_id for trial_id in included_trial_ids if trial_id <= trial_id_greater_than}
        if len(earlier) > FEW:
            # Databases take so many numbers in a question and no more.
            read = self.read_trials(condition & (TRIALS.c.trial_id >= min(earlier)))
            return [t for t in read if t._trial_id > trial_id_greater_than or t._trial_id in earlier]
        later = TRIALS.c.trial_id > trial_id_greater_than
        return self.read_trials(condition & (later | TRIALS.c.trial_id.in_(earlier) if earlier else later))

    def create_trials(self, study_id: int, trials: Iterable[FrozenTrial]) -> None:
        """Adds trials to a study; their numbers are the next ones."""
        if self.engine.dialect.name not in UPSERTS:
            for trial in trials:
                self.create_new_trial(study_id, trial)
            return
        following = iter(trials)
        while batch := list(islice(following, NEW_AT_ONCE)):
            with self.engine.begin() as connection:
                # Two that count at the same time would give a number twice.
                studies: Table = models.StudyModel.__table__
                connection.execute(select(studies).where(studies.c.study_id == study_id).with_for_update())
                counted = select(sqlalchemy.func.count()).where(TRIALS.c.study_id == study_id)
                first = connection.execute(counted).scalar_one()
                rows = [
                    {
                        "number": number,
                        "study_id": study_id,
                        "state": trial.state,
                        "datetime_start": _utc(trial.datetime_start),
                        "datetime_complete": _utc(trial.datetime_complete),
                    }
                    for number, trial in enumerate(batch, start=first)
                ]
                connection.execute(TRIALS.insert(), rows)
                ids = connection.scalars(
                    select(TRIALS.c.trial_id)
                    .where(TRIALS.c.study_id == study_id, TRIALS.c.number >= first)
                    .order_by(TRIALS.c.number)
                )
                written: dict[Table, list[dict[str, Any]]] = {}
                for trial_id, trial in zip(ids, batch, strict=True):
                    for table, row in _rows(
                        trial_id,
                        params={name: (trial.params[name], d) for name, d in trial.distributions.items()},
                        values=trial.values,
                        user_attrs=trial.user_attrs,
                        system_attrs=trial.system_attrs,
                        looks=trial.intermediate_values,
                    ):
                        written.setdefault(table, []).append(row)
                for table, of_table in written.items():
                    connection.execute(table.insert(), of_table)

    def write_trial(
        self,
        trial_id: int,
        *,
        before: TrialState = TrialState.RUNNING,
        state: TrialState | None = None,
        later: bool = False,
        **told: Any,
    ) -> None:
        """Writes what is told of a trial in one transaction, over what was told before.

        Args:
            trial_id: the trial's.
            before: the state that it must be in where it gets another.
            state: the one that it gets; it keeps its own if None.
            later: it is written together with what is written next, and lost with a driver that dies before.
            told: as :func:`_rows` takes it.

        Raises:
            StudyError: if it isn't in the state ``before`` when it is written; nothing is then.
        """
        change = None if state is None else (before, state, datetime.now(UTC).replace(tzinfo=None))
        rows = tuple(_rows(trial_id, **told))
        with nullcontext() if later or self.joined else self.together():
            self._queued.append(_Told(trial_id=trial_id, change=change, rows=rows))

    def write_study(self, study_id: int, attributes: Mapping[str, Any]) -> None:
        """Writes attributes of a study, plain JSON data by name, in one transaction."""
        if attributes:
            with self._transaction() as connection:
                rows = [
                    {"study_id": study_id, "key": name, "value_json": json.dumps(value)}
                    for name, value in attributes.items()
                ]
                _write_over(connection, STUDY, rows)

    def remove_from_study(self, study_id: int, names: Collection[str]) -> None:
        """Removes attributes of a study by their names, in one transaction."""
        if names:
            query = STUDY.delete().where(
                STUDY.c.study_id == study_id, STUDY.c.key == sqlalchemy.bindparam("name")
            )
            with self._transaction() as connection:
                connection.execute(query, [{"name": name} for name in names])

    def study_names(self) -> list[str]:
        """The names of all studies, whose attributes Optuna would read with them."""
        studies: Table = models.StudyModel.__table__
        with self._reading() as connection:
            return list(connection.scalars(select(studies.c.study_name).order_by(studies.c.study_id)))

    def read_study(self, study_id: int, condition: ColumnElement[bool]) -> dict[str, Any]:
        """The attributes of a study that meet a condition on columns of :data:`STUDY`."""
        with self._reading() as connection:
            query = select(STUDY.c.key, STUDY.c.value_json).where(STUDY.c.study_id == study_id, condition)
            return {name: json.loads(value) for name, value in connection.execute(query)}


def _change(
    connection: Connection, before: TrialState, state: TrialState, when: Mapping[int, datetime]
) -> None:
    """Gives trials another state, with the times when they got it.

    Raises:
        StudyError: if one of them isn't in the state ``before``.
    """
    name = "datetime_complete" if state.is_finished() else "datetime_start"
    of: ColumnElement[int] = sqlalchemy.bindparam("of")
    at: ColumnElement[datetime] = sqlalchemy.bindparam("at")
    changes = {"state": state} | ({} if state == TrialState.WAITING else {name: at})
    query = TRIALS.update().where(TRIALS.c.trial_id == of, TRIALS.c.state == before).values(changes)
    rows = [{"of": trial_id, "at": time} for trial_id, time in when.items()]
    if connection.dialect.supports_sane_multi_rowcount:
        changed = connection.execute(query, rows).rowcount
    else:
        changed = sum(connection.execute(query, row).rowcount for row in rows)
    if changed != len(rows):
        columns = select(*(TRIALS.c[column] for column in ("trial_id", "number", "state", name)))
        there = connection.execute(columns.where(TRIALS.c.trial_id.in_(when)))
        wrong = ((n, s.name.lower()) for i, n, s, time in there if (s, time) != (state, when[i]))
        number, got = next(wrong, ("?", "none"))
        raise StudyError(f"trial {number} must be {before.name.lower()}, got one that is {got}")


def _named(names: Sequence[str]) -> ColumnElement[bool] | None:
    if not names:
        return None
    whole = [name for name in names if not name.endswith("/")]
    begun = [USER.c.key.startswith(name, autoescape=True) for name in names if name.endswith("/")]
    return sqlalchemy.or_(USER.c.key.in_(whole), *begun)


def _rows(
    trial_id: int,
    *,
    params: Mapping[str, tuple[Any, BaseDistribution]] | None = None,
    values: Sequence[float] | None = None,
    user_attrs: Mapping[str, Any] | None = None,
    system_attrs: Mapping[str, Any] | None = None,
    looks: Mapping[int, float] | None = None,
) -> Iterator[tuple[Table, dict[str, Any]]]:
    """The rows that hold what is told of a trial, each with its table."""
    for name, (value, distribution) in (params or {}).items():
        text = distribution_to_json(distribution)
        row = {"param_name": name, "param_value": distribution.to_internal_repr(value)}
        yield PARAMS, {"trial_id": trial_id, **row, "distribution_json": text}
    for objective, value in enumerate(values or ()):
        number, finite = models.TrialValueModel.value_to_stored_repr(value)
        row = {"objective": objective, "value": number, "value_type": finite}
        yield VALUES, {"trial_id": trial_id, **row}
    for table, attributes in ((USER, user_attrs or {}), (SYSTEM, system_attrs or {})):
        for name, value in attributes.items():
            yield table, {"trial_id": trial_id, "key": name, "value_json": json.dumps(value)}
    for step, value in (looks or {}).items():
        number, kind = models.TrialIntermediateValueModel.intermediate_value_to_stored_repr(value)
        row = {"step": step, "intermediate_value": number, "intermediate_value_type": kind}
        yield LOOKS, {"trial_id": trial_id, **row}


def _write_over(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Inserts rows in place of those of the same trial and key."""
    keys = ("study_id" if table is STUDY else "trial_id", COLUMNS[table][0])
    if connection.dialect.name in UPSERTS:
        connection.execute(_upsert(connection.dialect.name, table, keys), list(rows))
        return
    same = [table.c[name] == sqlalchemy.bindparam(f"old_{name}") for name in keys]
    old = [{f"old_{name}": row[name] for name in keys} for row in rows]
    connection.execute(table.delete().where(*same), old)
    connection.execute(table.insert(), list(rows))


@cache
def _upsert(dialect: str, table: Table, keys: tuple[str, ...]) -> Any:
    insert: Any = UPSERTS[dialect](table)
    changed = {name: insert.excluded[name] for name in COLUMNS[table][1:]}
    return insert.on_conflict_do_update(index_elements=keys, set_=changed)


def _number(stored: float | None, kind: Any) -> float:
    return INFINITE[kind.name] if stored is None else stored


def _local(time: datetime | None) -> datetime | None:
    return None if time is None else time.replace(tzinfo=UTC).astimezone().replace(tzinfo=None)


def _utc(time: datetime | None) -> datetime | None:
    return None if time is None else time.astimezone(UTC).replace(tzinfo=None)
