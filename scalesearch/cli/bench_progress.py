"""Progress of measurements on standard error: a bar with time left, or a line for each elsewhere."""

from __future__ import annotations

import time
from statistics import median
from types import TracebackType

from rich.markup import escape
from rich.progress import TaskID

from scalesearch.bench.samples import Stored
from scalesearch.cli.progress import duration, progress_bars
from scalesearch.report.markdown import time_text

__all__ = ["BenchProgress"]


class BenchProgress:
    """A run's ``MeasureObserver``; jobs are counted, as each takes the time of a process."""

    def __init__(self) -> None:
        self._bars = progress_bars()
        self._console = self._bars.console
        self._total = self._done = self._known = 0
        self._task: TaskID | None = None
        self._start = time.monotonic()

    def __enter__(self) -> BenchProgress:
        self._bars.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.__exit__(kind, error, trace)

    @property
    def done(self) -> int:
        """Jobs that need not run any more."""
        return self._done

    @property
    def total(self) -> int:
        """All of the run's jobs."""
        return self._total

    def begin(self, total: int, done: int) -> None:
        """See ``MeasureObserver``."""
        self._total, self._done, self._known = total, done, done
        self._start = time.monotonic()
        self._task = self._bars.add_task("[bold]Measuring", total=total, completed=done)
        kept = f", {done} of them known from before" if done else ""
        self._console.print(f"Measuring: {total} process{'es' * (total != 1)}{kept}")

    def started(self, label: str) -> None:
        """See ``MeasureObserver``."""
        if self._task is not None:
            self._bars.update(self._task, description=escape(label.partition(",")[0]))

    def finished(self, label: str, stored: Stored, skipped: int) -> None:
        """See ``MeasureObserver``."""
        self._done += 1 + skipped
        if self._task is not None:
            self._bars.update(self._task, completed=self._done)
        if stored.reason or not self._console.is_terminal:
            line = f"[{self._done}/{self._total}] {label}: {_outcome(stored)}{self._left()}"
            self._console.print(line, soft_wrap=True)

    def _left(self) -> str:
        """Time left where no bar shows it."""
        if self._console.is_terminal or self._done >= self._total or self._done <= self._known:
            return ""
        each = (time.monotonic() - self._start) / (self._done - self._known)
        return f"; about {duration(each * (self._total - self._done))} left"


def _outcome(stored: Stored) -> str:
    if stored.reason:
        return stored.reason
    if samples := stored.result.get("samples_s"):
        return time_text(median(samples))
    if pairs := stored.result.get("pairs"):
        from scalesearch.belief.ratio import ratio_of_pairs  # loads SciPy

        return f"ratio {ratio_of_pairs([pairs]).ratio:.3f}"
    return f"{stored.result.get('batch_size', 'done')}"
