"""Progress bars with time left, and how a run is stopped."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from types import FrameType, TracebackType
from typing import TextIO, TypeVar, cast

import click
from rich.file_proxy import FileProxy
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.progress import TimeRemainingColumn as TimeLeftColumn
from rich.text import Text

from scalesearch.cli.main import EXIT_INTERRUPTED
from scalesearch.cli.terminal import Guarded, echo, terminal
from scalesearch.commands.measure.run import Stored
from scalesearch.page.markdown import time_text
from scalesearch.records import CandidateRecord
from scalesearch.text import quoted, visible

# ----------------------------------------------------------------------------------------------------
# Progress on standard error: bars with time left on a terminal, a line per network elsewhere.

Item = TypeVar("Item")
PATIENCE_S = 2.0
"""Seconds for which nobody asks what a command does."""


class _Bars(Progress):
    """Bars that lines of others are written above, without what a terminal obeys in them."""

    def start(self) -> None:
        super().start()
        for name in ("stdout", "stderr"):
            # rich takes the colours and links of such lines for its own.
            if isinstance(stream := getattr(sys, name), FileProxy):
                setattr(sys, name, Guarded(cast(TextIO, stream)))


def progress_bars() -> Progress:
    """Bars with time left on standard error, which show nothing where that is no terminal."""
    console = terminal(err=True)
    return _Bars(
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
    """The items, with a bar that shows how far they are; where none is shown, a line if that takes a while.

    Before that there is nothing to wait for: an error that comes at once is all that there is to read.
    """
    begun = time.monotonic()
    with progress_bars() as bars:
        told = bars.console.is_terminal
        for item in bars.track(items, total=total, description=escape(label)):
            if not told and time.monotonic() - begun > PATIENCE_S:
                told = True
                bars.console.print(f"{label}: {total}")
            yield item


@contextmanager
def spinner(label: str) -> Iterator[Callable[[], None]]:
    """Counts what nobody knows the number of beforehand: gives a function to call at each."""
    with progress_bars() as bars:
        if not bars.console.is_terminal:
            bars.console.print(f"{label} ...")
        task = bars.add_task(escape(label), total=None)
        yield lambda: bars.advance(task)


class SearchProgress:
    """A search's observer. Work is counted in training steps, so that the time left moves all the while.

    ``seeds`` is how many training runs each network has; lines name the seed where there are several.
    """

    def __init__(self, seeds: int = 1) -> None:
        self.seeds = seeds
        self._bars = progress_bars()
        self._console = self._bars.console
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

    def headline(self, text: str) -> None:
        """Says what the following phases are about."""
        self._console.print(text, style="bold")

    def note(self, text: str) -> None:
        """Says something that the user should know. May be called from another thread."""
        self._console.print(Text(f"Note: {visible(text)}"), soft_wrap=True)

    def phase(self, name: str, total: int, done: int) -> None:
        """See ``Observer``."""
        self._total, self._done = total, done
        self._start = time.monotonic()
        self._known = done
        if self._overall is not None:
            self._bars.remove_task(self._overall)
        self._overall = self._bars.add_task(f"[bold]{name}", total=total, completed=done)
        kept = f", {done} of them known from before" if done else ""
        what = "network" if self.seeds == 1 or name != "Training" else "training run"
        self._console.print(f"{name}: {total} {what}{'s' * (total != 1)}{kept}")

    def started(self, task: str, candidate: CandidateRecord) -> None:
        """See ``Observer``."""
        self._tasks[task] = self._bars.add_task(f"  {escape(_name(candidate))}", total=None)
        self._fractions[task] = 0.0

    def step(self, task: str, done: int, steps: int) -> None:
        """See ``Observer``."""
        bar = self._tasks.get(task)
        if bar is not None and self._overall is not None:
            self._fractions[task] = done / steps
            self._bars.update(bar, total=steps, completed=done)
            self._bars.update(self._overall, completed=self._done + sum(self._fractions.values()))

    def finished(self, task: str, candidate: CandidateRecord) -> None:
        """See ``Observer``."""
        self._done += 1
        self._fractions.pop(task, None)
        bar = self._tasks.pop(task, None)
        if bar is not None:
            self._bars.remove_task(bar)
        if self._overall is not None:
            self._bars.update(self._overall, completed=self._done + sum(self._fractions.values()))
        if candidate.latency is None or not self._console.is_terminal:
            self._console.print(self._line(candidate), soft_wrap=True)

    def _line(self, candidate: CandidateRecord) -> str:
        seed = ""
        if candidate.latency is not None:
            outcome = f"{median(candidate.latency.samples_s) * 1e3:.1f} ms"
        elif candidate.runs:
            outcome = f"top-1 {candidate.top1:.1%}, trained in {candidate.train_seconds:.0f} s"
            seed = f" seed {candidate.runs[0].seed}" if self.seeds > 1 else ""
        else:
            outcome = f"failed: {candidate.reason}"
        return f"[{self._done}/{self._total}] {_name(candidate)}{seed}: {outcome}{self._left()}"

    def _left(self) -> str:
        """Time left where no bar shows it."""
        if self._console.is_terminal or self._done >= self._total or self._done <= self._known:
            return ""
        # Those under way count as far as they are.
        done = self._done + sum(self._fractions.values())
        each = (time.monotonic() - self._start) / (done - self._known)
        return f"; about {duration(each * (self._total - done))} left"


def duration(seconds: float) -> str:
    """``45 s``, ``7 min`` or ``3.5 h``."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _name(candidate: CandidateRecord) -> str:
    role = f"{candidate.role} " if candidate.role else ""
    triple = f"({candidate.alpha:.4g}, {candidate.beta:.4g}, {candidate.gamma:.4g})"
    return f"{role}{triple} x{candidate.macs_ratio:.2f}"


# ----------------------------------------------------------------------------------------------------
# Progress of measurements on standard error: a bar with time left, or a line for each elsewhere.


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
        from scalesearch.statistics.timing import ratio_of_pairs  # loads SciPy

        return f"ratio {ratio_of_pairs([pairs]).ratio:.3f}"
    return f"{stored.result.get('batch_size', 'done')}"


# ----------------------------------------------------------------------------------------------------
# Ctrl-C and SIGTERM: one line that says what is kept and how to go on.


@contextmanager
def stopping(
    folder: Path, kept: Callable[[], str] = lambda: "what was trained is kept", storage: str = ""
) -> Iterator[None]:
    """Ends a run that is stopped with exit code 130.

    Args:
        folder: of the run.
        kept: says what of it is done.
        storage: what the folder keeps of the URL of its study, where that has to be given again.
    """
    try:
        with _terminate_as_interrupt():
            yield
    except KeyboardInterrupt:
        asked = f" --storage URL, that of {storage}" if storage else ""
        echo(f"Stopped: {kept()}. Go on with: scalesearch resume {quoted(folder)}{asked}", err=True)
        raise click.exceptions.Exit(EXIT_INTERRUPTED) from None


@contextmanager
def _terminate_as_interrupt() -> Iterator[None]:
    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
