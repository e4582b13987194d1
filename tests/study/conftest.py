"""Searches without training: an executor whose results follow from the job alone, and programs around it."""

from __future__ import annotations

import hashlib
import json
import math
import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from scalesearch.study.rows import StudyStorage
from scalesearch.training.recipe import ProxyRecipe
from scalesearch.workers.executor import TrialFailedError

Job = Mapping[str, Any]
OnLook = Callable[[Sequence[Job], float], None]


def share(*parts: object) -> float:
    """A number in [0, 1) that follows from ``parts`` alone."""
    return int(hashlib.sha256(repr(parts).encode()).hexdigest()[:12], 16) / 16**12


def top1_of(key: str, seed: int, images: int) -> float:
    """The made-up accuracy of a network after so many images; curves of networks may cross."""
    quality, patience = 0.3 + 0.6 * share(key), 10 + 40 * share(key, "patience")
    return quality * (1 - math.exp(-images / patience)) + 0.02 * (share(key, seed, images) - 0.5)


def assert_events_are_the_curves(folder: Path) -> None:
    """Each training run of a folder has a file of events with each of its looks once, in their order."""
    from scalesearch.runs.kept import kept_run

    for candidate in kept_run(folder).record.candidates:
        for trained in candidate.runs:
            path = folder / "events" / f"{candidate.key}-seed{trained.seed}.jsonl"
            first, *looks = map(json.loads, path.read_text().splitlines())
            assert (first["network"], first["seed"]) == (candidate.key, trained.seed)
            told = [(look["images"], look["train_loss"], look["loss"], look["top1"]) for look in looks]
            assert told == [(p.images, p.train_loss, p.loss, p.top1) for p in trained.curve]


@dataclass(frozen=True, slots=True)
class Trained:
    """One stretch of training: images ``start`` to ``stop`` of a network's run with a seed."""

    key: str
    seed: int
    start: int
    stop: int


@dataclass
class Lab:
    """What fake workers share: a ledger of all that was trained or measured, and which jobs fail.

    Attributes:
        ledger: every stretch of training, in order.
        measured: keys of the networks whose latency was measured.
        fails: says why a job fails; None lets it run.
        on_result: called with the job once it is done, before its result is told.
        reverse: results come in the reverse order of submission, as far as a full executor lets them.
    """

    ledger: list[Trained] = field(default_factory=list)
    measured: list[str] = field(default_factory=list)
    fails: Callable[[Job], str | None] = lambda _job: None
    on_result: Callable[[Job], None] = lambda _job: None
    reverse: bool = False

    def executor(self, jobs: int = 1, **_ignored: Any) -> FakeExecutor:
        """In place of ``ProcessExecutor``."""
        return FakeExecutor(self, jobs)

    def run(self, job: Job) -> dict[str, Any]:
        """What a worker would do."""
        reason = self.fails(job)
        if reason is not None:
            raise TrialFailedError(reason)
        if job["kind"] == "count":
            result: dict[str, Any] = {"total": 54321, "uncounted": {}}
        else:
            result = self._measure(job) if job["kind"] == "latency" else self._train(job)
        self.on_result(job)
        return result

    def _measure(self, job: Job) -> dict[str, Any]:
        self.measured.append(job["key"])
        samples = [0.001 + 0.01 * share(job["key"], "latency")] * 5
        return {"samples_s": samples, "batch_size": 1, "threads": 1, "dtype": "float32", "device": "cpu"}

    def _train(self, job: Job) -> dict[str, Any]:
        key, seed = job["key"].rpartition("-seed")[0] or job["key"], job["recipe"]["seed"]
        recipe = ProxyRecipe(**job["recipe"])
        steps = recipe.steps(1000)
        stop = (
            steps if job["until"] is None else min(steps, recipe.steps_to(job["until"]))
        ) * recipe.batch_size
        checkpoint = Path(job["checkpoint"]) if job["checkpoint"] else None
        seen, paused = 0, []
        if checkpoint is not None and checkpoint.exists():
            try:
                before = json.loads(checkpoint.read_text())
                seen, paused = before["images"], before["paused"]
            except ValueError:
                pass  # torn: a real worker starts anew as well
        if seen < stop:
            self.ledger.append(Trained(key, seed, seen, stop))
        looks = {
            math.ceil(steps * look / recipe.looks) * recipe.batch_size for look in range(1, recipe.looks + 1)
        }
        points = sorted(
            {images for images in looks if images <= max(seen, stop)} | {*paused, max(seen, stop)}
        )
        if checkpoint is not None:
            checkpoint.parent.mkdir(parents=True, exist_ok=True)
            checkpoint.write_text(json.dumps({"images": max(seen, stop), "paused": points}))
        curve = [
            {"images": i, "train_loss": 2.0, "loss": 3 - top1_of(key, seed, i), "top1": top1_of(key, seed, i)}
            for i in points
        ]
        return {
            "top1": curve[-1]["top1"],
            "loss": curve[-1]["loss"],
            "held_out_images": 900,
            "train_seconds": points[-1] / 100,
            "images_seen": points[-1],
            "complete": points[-1] == steps * recipe.batch_size,
            "curve": curve,
            "fvcore_total": 12345 if job["count"] else None,
            "uncounted": {"aten::silu": 3} if job["count"] else {},
        }


class FakeExecutor:
    """Runs jobs in this process as they are submitted."""

    def __init__(self, lab: Lab, jobs: int) -> None:
        self._lab = lab
        self._jobs = jobs
        self._held: list[tuple[Future[dict[str, Any]], Job, OnLook]] = []

    def submit(
        self,
        job: Job,
        on_step: Callable[[int, int], None],
        on_look: OnLook = lambda _curve, _seconds: None,
    ) -> Future[dict[str, Any]]:
        """The result is there at once, or, in reverse, when the executor is full."""
        future: Future[dict[str, Any]] = Future()
        job = json.loads(json.dumps(dict(job)))  # plain data, as for a real worker
        on_step(1, 1)
        self._held.append((future, job, on_look))
        if not self._lab.reverse or len(self._held) == self._jobs:
            self._finish()
        else:  # perhaps nothing more comes
            threading.Timer(0.02, self._finish).start()
        return future

    def _finish(self) -> None:
        held, self._held = self._held, []
        for future, job, on_look in reversed(held):
            try:
                result = self._lab.run(job)
                if job["kind"] == "train":
                    on_look(result["curve"], result["train_seconds"])
                future.set_result(result)
            except TrialFailedError as failure:
                future.set_exception(failure)

    def shutdown(self, *, kill: bool = False) -> None:
        """Nothing runs."""


@pytest.fixture
def lab(monkeypatch: pytest.MonkeyPatch) -> Lab:
    """Fake workers in place of real ones, for whole commands too."""
    made = Lab()
    # This one first: a module that is loaded while the other is replaced would keep the replacement.
    monkeypatch.setattr("scalesearch.runs.planning.ProcessExecutor", made.executor)
    monkeypatch.setattr("scalesearch.workers.executor.ProcessExecutor", made.executor)
    return made


@pytest.fixture(autouse=True)
def _interruptible() -> Iterator[None]:
    """Ctrl-C reaches tests and what they start, though a suite run in the background began without it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


PASSWORD = "hush-hush 7@/é"


class Server:
    """A PostgreSQL server of the tests' own, on loopback; its user ``me`` has to give a password.

    Attributes:
        port: where it listens.
        folder: of its data.
    """

    def __init__(self, folder: Path, programs: Path) -> None:
        self.folder = folder
        self._programs = programs
        # It refuses to be the system's administrator.
        self._user = "postgres" if os.geteuid() == 0 else None
        if self._user is not None:
            shutil.chown(folder, self._user)
        password = folder / "password"
        password.write_text(PASSWORD + "\n", "utf-8")
        password.chmod(0o644)
        self._call("initdb", "-D", "data", "-U", "me", "-A", "scram-sha-256", "-E", "UTF8", "--no-sync")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = int(free.getsockname()[1])
        self.start()

    def start(self) -> None:
        """Starts it; returns once it answers."""
        options = f"-p {self.port} -k {self.folder} -c listen_addresses=127.0.0.1 -c fsync=off"
        self._call("pg_ctl", "-D", "data", "-l", "log", "-w", "-o", options, "start")

    def stop(self) -> None:
        """Stops it as a crash would."""
        self._call("pg_ctl", "-D", "data", "-m", "immediate", "-w", "stop")

    def url(self, database: str = "postgres", password: str | None = PASSWORD) -> str:
        """The URL of a database in it."""
        secret = "" if password is None else f":{quote(password, safe='')}"
        return f"postgresql://me{secret}@127.0.0.1:{self.port}/{database}"

    def execute(self, statement: str) -> None:
        """Runs a statement, outside of any transaction."""
        import psycopg

        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(statement)

    def _call(self, program: str, *arguments: str) -> None:
        more = ["--pwfile", "password"] if program == "initdb" else []
        subprocess.run(
            [self._programs / program, *arguments, *more],
            check=True,
            user=self._user,
            cwd=self.folder,
            env={"PATH": os.environ["PATH"], "LC_ALL": "C"},
            stdout=subprocess.DEVNULL,
        )


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """A PostgreSQL server, stopped at the end of the session."""
    pytest.importorskip("psycopg", reason="needs psycopg: pip install 'scalesearch[postgresql]'")
    places = [*Path("/usr/lib/postgresql").glob("*/bin"), *map(Path, os.environ["PATH"].split(os.pathsep))]
    programs = next((place for place in places if (place / "initdb").exists()), None)
    if programs is None:
        pytest.skip("needs PostgreSQL (apt-get install postgresql), which is not installed")
    # Not in the tests' own folder, which other users can't enter; and a socket's path has to be short.
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        made = Server(Path(folder), programs)
        try:
            yield made
        finally:
            made.stop()


@pytest.fixture
def postgresql(server: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The URL of an empty database; what is connected to it is closed afterwards."""
    name = f"study{secrets.token_hex(4)}"
    server.execute(f"CREATE DATABASE {name}")
    opened: list[StudyStorage] = []

    class Remembered(StudyStorage):
        def __init__(self, *arguments: Any, **options: Any) -> None:
            opened.append(self)
            super().__init__(*arguments, **options)

    monkeypatch.setattr("scalesearch.study.storage.StudyStorage", Remembered)
    yield server.url(name)
    for each in opened:
        each.remove_session()
        each.engine.dispose()
