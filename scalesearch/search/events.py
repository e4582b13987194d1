"""What a training run told while it ran: a file of JSON lines for each, a line for each look.

The first line says what is trained (``"event": "run"``), every other is a look at the held-out images
(``"event": "look"``) with the time when it was told, images and steps so far, losses, top-1, and the seconds
trained until then (null where nobody was there to hear them). Workers report all looks of a run whenever they
take it up and after each look, so that a file has exactly those of its run, whatever was killed or lost in
between.
"""

from __future__ import annotations

import errno
import json
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from scalesearch.files import inside, write_text
from scalesearch.search.ownership import StudyLostError

__all__ = ["EVENTS", "Events", "Listener", "events_folder"]

EVENTS = "events"
# What a look is: with these it is the one that a line tells of.
TOLD = ("images", "train_loss", "loss", "top1")
# What makes another training run of one: the file of such a run has none of its looks.
IDENTITY = ("network", "recipe", "seed", "data")


class Listener(Protocol):
    """Hears of training runs as their files are written; none of it may wait for anything."""

    def look(self, task: str, run: Mapping[str, Any], look: Mapping[str, Any]) -> None:
        """A training run had a look; ``run`` and ``look`` are the lines of its file."""

    def ended(self, task: str, *, whole: bool) -> None:
        """Nothing more comes of it in this session; ``whole``: it was trained as far as was asked."""


def events_folder(run: Path, kind: str, study: str) -> Path:
    """The folder of a run's events; ``kind`` is the run's command, ``study`` the study's name."""
    # The lengths of a fidelity run train the same networks with the same seeds, each in its own study.
    return inside(run, EVENTS, study) if kind == "fidelity" else inside(run, EVENTS)


class Events:
    """The files of a search's training runs, and whoever else is to hear of their looks.

    A file that cannot be written ends no training: that is said once.
    """

    def __init__(
        self,
        folder: Path,
        tell: Callable[[str], None],
        listener: Listener | None = None,
        require_owned: Callable[[], None] = lambda: None,
    ) -> None:
        """``require_owned`` raises :class:`StudyLostError` once the run's folder or study is not its own."""
        self._require_owned = require_owned
        self._folder = folder
        self._tell = tell
        self._listener = listener
        self._lock = threading.Lock()
        self._failed = False

    def heard(
        self, task: str, run: Mapping[str, Any], curve: Sequence[Mapping[str, Any]], seconds: float
    ) -> None:
        """Makes a training run's file hold its looks so far. Called from threads of the executor.

        Args:
            task: the training run's name, and its file's.
            run: what is trained, plain data; of it ``batch_size`` of the recipe counts the steps.
            curve: all looks so far.
            seconds: trained until the last of them.
        """
        first = {"event": "run", **run}
        try:
            self._require_owned()
        except StudyLostError:
            return  # which ends the run, and brings nothing back
        with self._lock:
            fresh: Sequence[Mapping[str, Any]] = [_look(first, point, seconds) for point in curve[-1:]]
            try:
                path = inside(self._folder.parent, self._folder.name, f"{task}.jsonl")
                fresh = _bring_up_to_date(path, first, curve, seconds)
            except OSError as error:
                if not self._failed:
                    self._tell(
                        f"Note: {self._folder} can't be written ({error.strerror or error}); training goes on"
                    )
                self._failed = True
        if self._listener is not None:
            for look in fresh:
                self._listener.look(task, first, look)

    def ended(self, task: str, *, whole: bool) -> None:
        """Nothing more comes of a training run in this session."""
        if self._listener is not None:
            self._listener.ended(task, whole=whole)


def _bring_up_to_date(
    path: Path, first: Mapping[str, Any], curve: Sequence[Mapping[str, Any]], seconds: float
) -> list[dict[str, Any]]:
    """Has a file hold the looks of a curve, each once; returns those that it did not.

    Raises:
        OSError: if it can't be written.
    """
    content = path.read_bytes() if path.exists() else b""
    lines = content.splitlines(keepends=True)
    kept = _kept(lines, first, curve)
    fresh = [
        _look(first, point, seconds if point is curve[-1] else None) for point in curve[max(0, kept - 1) :]
    ]
    if kept and kept == len(lines):
        if fresh:
            _append(path, "".join(map(_line, fresh)).encode())
    else:
        head = b"".join(lines[:kept]).decode() if kept else _line(first)
        write_text(path, head + "".join(map(_line, fresh)))
    return fresh


def _kept(lines: Sequence[bytes], first: Mapping[str, Any], curve: Sequence[Mapping[str, Any]]) -> int:
    """How many of a file's lines, from its first on, tell of this run and this curve."""
    values = [_value(line) for line in lines]
    if not values or any(values[0].get(name) != _plain(first[name]) for name in IDENTITY):
        return 0
    kept = 1
    for value, point in zip(values[1:], curve, strict=False):
        if any(value.get(name) != point[name] for name in TOLD):
            break
        kept += 1
    return kept


def _value(line: bytes) -> dict[str, Any]:
    """What a line says; nothing where it is torn or somebody else's."""
    with suppress(ValueError, RecursionError):
        value = json.loads(line) if line.endswith(b"\n") else None
        if isinstance(value, dict):
            return value
    return {}


def _plain(value: Any) -> Any:
    return json.loads(json.dumps(value))


def _look(first: Mapping[str, Any], point: Mapping[str, Any], seconds: float | None) -> dict[str, Any]:
    return {
        "event": "look",
        "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "images": point["images"],
        "steps": point["images"] // first["recipe"]["batch_size"],
        **{name: point[name] for name in TOLD[1:]},
        "seconds": seconds,
    }


def _line(value: Mapping[str, Any]) -> str:
    return json.dumps(value) + "\n"


def _append(path: Path, data: bytes) -> None:
    """In one write, so that nobody reads half a line, nor do two writers mix theirs."""
    handle = os.open(path, os.O_WRONLY | os.O_APPEND | getattr(os, "O_NOFOLLOW", 0))
    try:
        written = os.write(handle, data)
    finally:
        os.close(handle)
    if written < len(data):  # a disk that is full; what is torn is mended with the next look
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
