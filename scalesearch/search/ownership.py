"""One driver owns a study, wherever it lies: its claim is kept in the study's own database.

A claim is one system attribute of the study, which Optuna's schema has room for, and is changed by
compare-and-set alone. Its owner counts a heartbeat up. Another driver takes a claim over at once where its
owner ended on this machine, and otherwise when it has watched the heartbeat stand still for :data:`LAPSE_S`:
clocks of different machines are never compared.
"""

from __future__ import annotations

import json
import os
import platform
import secrets
import threading
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import sqlalchemy
from sqlalchemy.pool import NullPool

from scalesearch.files import identity
from scalesearch.search.storage import StudyError, clear_errors, database_file, engine_options, masked

__all__ = ["Ownership", "StudyLostError", "is_known_to"]

KEY = "scalesearch:driver"
BEAT_S = 5.0
LAPSE_S = 30.0
"""Seconds that the heartbeat of a driver on another machine must stand still before its claim lapses."""
ATTRIBUTES = sqlalchemy.table(
    "study_system_attributes",
    sqlalchemy.column("study_id", sqlalchemy.Integer),
    sqlalchemy.column("key", sqlalchemy.String),
    sqlalchemy.column("value_json", sqlalchemy.Text),
)
# Claims that this process holds: any other that bears its number is a dead one's.
_HELD: set[str] = set()


class StudyLostError(StudyError):
    """A run under way has to end: its study, or its folder, is not its own any more."""

    exit_code = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class _Claim:
    """Who works on a study, or did last.

    Attributes:
        host: the machine's name, to be read.
        machine: tells this machine, since it was started, from any other: process numbers mean something on
            the same one alone.
        pid: the process.
        started: when the process began, as the system counts; tells it from a later one of the same number.
        folder: of the run.
        since: when it began, by its own clock, to be read.
        token: tells this claim from any other.
        beat: the heartbeat.
        held: whether the driver still works on it.
    """

    host: str
    machine: str
    pid: int
    started: str
    folder: str
    since: str
    token: str
    beat: int = 0
    held: bool = True

    def to_json(self) -> str:
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> _Claim | None:
        """The claim; None where it is none of this version's."""
        try:
            claim = cls(**json.loads(text))
        except (TypeError, ValueError):
            return None
        return claim if isinstance(claim.pid, int) and claim.pid > 0 else None

    def is_over(self) -> bool:
        """Whether it is known that nobody holds it any more."""
        return not self.held or (self.machine == _machine() and not self.is_alive())

    def is_alive(self) -> bool:
        """Whether its process, of this machine, still runs."""
        if self.pid == os.getpid():
            return self.token in _HELD
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        except OSError:  # another user's
            return True
        state, started = _process(self.pid)
        return state not in ("Z", "X") and started == self.started

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}, for the folder {self.folder}, since {self.since}"


@cache
def _machine() -> str:
    parts = [platform.node()]
    with suppress(OSError):
        parts.append(Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip())
        # Containers of one machine may have the same name, and count their processes each for itself.
        parts.append(str(Path("/proc/self/ns/pid").readlink()))
    if len(parts) < 3:
        parts = [platform.node(), f"{uuid.getnode():x}"]
        if os.name == "nt":  # where a process can't be asked for without harm: nobody is on the same machine
            parts.append(secrets.token_hex(8))
    return "/".join(parts)


def _process(pid: int) -> tuple[str, str]:
    """A process's state and when it began, as Linux tells them; empty elsewhere."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text("utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return "", ""
    return fields[0], fields[19]


class Ownership:
    """A driver's claim on a study, kept alive by a thread until it is released."""

    def __init__(self, engine: sqlalchemy.Engine, url: str, study_id: int, folder: Path) -> None:
        self._engine = engine
        self._url = url
        self._study_id = study_id
        self._folder = folder.absolute()
        self._file = database_file(url)
        self._places = {path: identity(path) for path in (self._folder, self._file) if path is not None}
        self._claim = _Claim(
            host=platform.node(),
            machine=_machine(),
            pid=os.getpid(),
            started=_process(os.getpid())[1],
            folder=str(folder.resolve()),
            since=datetime.now(UTC).isoformat(sep=" ", timespec="seconds"),
            token=secrets.token_hex(8),
        )
        self._owner: str | None = None
        self._beaten = 0.0
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._keep_beating, daemon=True)

    def acquire(self, tell: Callable[[str], None]) -> None:
        """Claims the study.

        Args:
            tell: hears how long there is to wait, where it is not known whether the owner still lives.

        Raises:
            StudyError: if another driver works on it.
        """
        # Before it is written: another thread of this process that reads a claim whose token isn't held
        # takes it for a dead process's, and takes it over.
        _HELD.add(self._claim.token)
        try:
            while not self._try(tell):
                pass
        except BaseException:
            _HELD.discard(self._claim.token)
            raise
        self._beaten = time.time()
        self._thread.start()

    def _try(self, tell: Callable[[str], None]) -> bool:
        there = self._read()
        if there is None:
            return self._insert()
        other = _Claim.from_json(there)
        if other is None or not (other.is_over() or other.machine == _machine()):
            who = other or "a driver of another version"
            tell(f"Waiting up to {LAPSE_S:g} s to see whether the study's last driver still runs: {who}")
            if self._changes(there):
                later = _Claim.from_json(self._read() or "")
                if later is not None and not later.held:
                    return False
                raise self._refusal(later or other)
        elif not other.is_over():
            raise self._refusal(other)
        return self._swap(there, self._claim.to_json())

    def _refusal(self, other: _Claim | None) -> StudyError:
        return StudyError(
            f"the study in {masked(self._url)} must be one that no other driver works on, got one of "
            f"{other or 'another version'}; wait for its end, or name another study"
        )

    def _changes(self, there: str) -> bool:
        """Whether a claim changes while it is watched."""
        end = time.monotonic() + LAPSE_S
        while time.monotonic() < end:
            time.sleep(min(1.0, LAPSE_S / 10))
            if self._read() != there:
                return True
        return False

    def require(self) -> None:
        """Makes sure that the study is still this driver's, its database and folder the same ones.

        Raises:
            StudyLostError: if not.
        """
        for path, before in self._places.items():
            if identity(path) != before:
                what = "the run's folder" if path == self._folder else "the study's database"
                raise StudyLostError(
                    f"{what} {path} was removed or replaced while the run went on: it ends here, and makes "
                    "nothing anew; what it had stored is where that was moved to, if anywhere"
                )
        # A machine that slept has missed its beats: who may have come in its place?
        if abs(time.time() - self._beaten) > 2 * BEAT_S:
            self._beat()
        if self._owner is not None:
            raise StudyLostError(
                f"the study in {masked(self._url)} was taken over by another driver while this one was away, "
                f"{self._owner}: this one ends and has written nothing since"
            )

    def release(self) -> None:
        """Gives the study back; it keeps who worked on it last."""
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join()
        _HELD.discard(self._claim.token)
        with suppress(sqlalchemy.exc.SQLAlchemyError):
            self._swap(self._claim.to_json(), replace(self._claim, held=False).to_json())

    def _keep_beating(self) -> None:
        while not self._ended.wait(BEAT_S):
            # A server may be away for a while, and a disk full.
            with suppress(sqlalchemy.exc.SQLAlchemyError):
                self._beat()

    def _beat(self) -> None:
        with self._lock:
            following = replace(self._claim, beat=self._claim.beat + 1)
            if not self._swap(self._claim.to_json(), following.to_json()):
                there = _Claim.from_json(self._read() or "")
                if there is None or there.token != self._claim.token:
                    self._owner = str(there or "which has gone")
                    return
                following = there  # written, though its server did not come to saying so
            self._claim, self._beaten = following, time.time()

    def _where(self) -> Any:
        return (ATTRIBUTES.c.study_id == self._study_id) & (ATTRIBUTES.c.key == KEY)

    def _read(self) -> str | None:
        with self._engine.begin() as connection:
            value: str | None = connection.execute(
                sqlalchemy.select(ATTRIBUTES.c.value_json).where(self._where())
            ).scalar()
            return value

    def _insert(self) -> bool:
        row = {"study_id": self._study_id, "key": KEY, "value_json": self._claim.to_json()}
        try:
            with self._engine.begin() as connection:
                connection.execute(ATTRIBUTES.insert().values(**row))
        except sqlalchemy.exc.IntegrityError:  # another driver was faster
            return False
        return True

    def _swap(self, before: str, after: str) -> bool:
        """Changes the claim if it is still ``before``, and says whether it was."""
        change = ATTRIBUTES.update().where(self._where() & (ATTRIBUTES.c.value_json == before))
        with self._engine.begin() as connection:
            return bool(connection.execute(change.values(value_json=after)).rowcount == 1)


def is_known_to(url: str, folder: Path) -> bool:
    """Whether a study in the database was last worked on for this folder, or one within it.

    Raises:
        StudyError: if the database cannot be read.
    """
    with clear_errors(url):
        engine = sqlalchemy.create_engine(url, **{**engine_options(url), "poolclass": NullPool})
        if not sqlalchemy.inspect(engine).has_table(ATTRIBUTES.name):
            return False
        with engine.begin() as connection:
            rows = connection.execute(
                sqlalchemy.select(ATTRIBUTES.c.value_json).where(ATTRIBUTES.c.key == KEY)
            ).scalars()
            claims = [claim for text in rows if (claim := _Claim.from_json(text)) is not None]
    return any(Path(claim.folder).is_relative_to(folder.resolve()) for claim in claims)
