"""Progress on standard error: bars with time left on a terminal, a line per network elsewhere."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from statistics import median
from types import TracebackType
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.progress import TimeRemainingColumn as TimeLeftColumn

from scalesearch.records import CandidateRecord

__all__ = ["SearchProgress", "track"]

Item = TypeVar("Item")


def _bars() -> Progress:
    console = Console(stderr=True)
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left:"),
        TimeLeftColumn(),
        console=console,
        disable=not console.is_terminal,
        transient=False,
    )


def track(items: Iterable[Item], total: int, label: str) -> Iterator[Item]:
    """The items, with a bar that shows how far they are."""
    with _bars() as bars:
        if not bars.console.is_terminal:
            bars.console.print(f"{label}: {total}", highlight=False)
        yield from bars.track(items, total=total, description=label)


class SearchProgress:
    """A search's observer. Work is counted in training steps, so that the time left moves all the while."""

    def __init__(self) -> None:
        self._bars = _bars()
        self._console = self._bars.console
        self._phase = ""
        self._total = self._done = self._known = 0
        self._overall: TaskID | None = None
        self._tasks: dict[str, TaskID] = {}
        self._fractions: dict[str, float] = {}
        self._start = time.monotonic()

    def __enter__(self) -> SearchProgress:
        self._bars.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bars.__exit__(kind, error, trace)

    def phase(self, name: str, total: int, done: int) -> None:
        """See ``Observer``."""
        self._phase, self._total, self._done = name, total, done
        self._start = time.monotonic()
        self._known = done
        if self._overall is not None:
            self._bars.remove_task(self._overall)
        self._overall = self._bars.add_task(f"[bold]{name}", total=total, completed=done)
        if not self._console.is_terminal:
            kept = f", {done} of them known from before" if done else ""
            plural = "network" if total == 1 else "networks"
            self._console.print(f"{name}: {total} {plural}{kept}", highlight=False)

    def started(self, candidate: CandidateRecord) -> None:
        """See ``Observer``."""
        self._tasks[candidate.key] = self._bars.add_task(f"  {_name(candidate)}", total=None)
        self._fractions[candidate.key] = 0.0

    def step(self, key: str, done: int, steps: int) -> None:
        """See ``Observer``."""
        task = self._tasks.get(key)
        if task is not None and self._overall is not None:
            self._fractions[key] = done / steps
            self._bars.update(task, total=steps, completed=done)
            self._bars.update(self._overall, completed=self._done + sum(self._fractions.values()))

    def finished(self, candidate: CandidateRecord) -> None:
        """See ``Observer``."""
        self._done += 1
        self._fractions.pop(candidate.key, None)
        task = self._tasks.pop(candidate.key, None)
        if task is not None:
            self._bars.remove_task(task)
        if self._overall is not None:
            self._bars.update(self._overall, completed=self._done + sum(self._fractions.values()))
        if self._phase == "Training" or not self._console.is_terminal:
            self._console.print(self._line(candidate), highlight=False, markup=False, soft_wrap=True)

    def _line(self, candidate: CandidateRecord) -> str:
        if candidate.latency is not None:
            outcome = f"{median(candidate.latency.samples_s) * 1e3:.1f} ms"
        elif candidate.status == "completed" and self._phase == "Training":
            outcome = f"top-1 {candidate.top1:.1%}, trained in {candidate.train_seconds:.0f} s"
        else:
            outcome = f"failed: {candidate.reason}"
        return f"[{self._done}/{self._total}] {_name(candidate)}: {outcome}{self._left()}"

    def _left(self) -> str:
        """Time left where no bar shows it."""
        if self._console.is_terminal or self._done >= self._total or self._done <= self._known:
            return ""
        each = (time.monotonic() - self._start) / (self._done - self._known)
        return f"; about {_duration(each * (self._total - self._done))} left"


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"


def _name(candidate: CandidateRecord) -> str:
    return f"({candidate.alpha:g}, {candidate.beta:g}, {candidate.gamma:g}) x{candidate.macs_ratio:.2f}"
