"""Progress with bars and the time left: on a terminal, in a notebook; a line for each network elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from statistics import median
from types import TracebackType
from typing import Self, TypeVar

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.progress import TimeRemainingColumn as TimeLeftColumn
from rich.text import Text

from scalesearch.commands.measure.run import Stored
from scalesearch.page.markdown import time_text
from scalesearch.records import CandidateRecord
from scalesearch.runs.telling import MeasuringListener, Teller, TrainingListener
from scalesearch.text import visible

Item = TypeVar("Item")
PATIENCE_S = 2.0
"""Seconds for which nobody asks what a run does."""


def bars_of(console: Console, kind: type[Progress] = Progress) -> Progress:
    """Bars with time left, which show nothing where the console is neither a terminal nor a notebook."""
    return kind(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left:"),
        TimeLeftColumn(),
        console=console,
        disable=not (console.is_terminal or console.is_jupyter),
        transient=False,
    )


class Bars(Teller):
    """Shows all that a run says on standard error, or in the notebook that it is run from."""

    def bars(self) -> Progress:
        """New bars."""
        return bars_of(Console(stderr=True))

    def say(self, line: str) -> None:
        """See ``Teller``."""
        Console(stderr=True).print(Text(visible(line)), soft_wrap=True)

    def track(self, items: Iterable[Item], total: int, label: str) -> Iterator[Item]:
        """The items, with a bar; where none is shown, a line if they take a while.

        Before that there is nothing to wait for: an error that comes at once is all that there is to read.
        """
        begun = time.monotonic()
        with self.bars() as bars:
            told = not bars.disable
            for item in bars.track(items, total=total, description=escape(label)):
                if not told and time.monotonic() - begun > PATIENCE_S:
                    told = True
                    bars.console.print(f"{label}: {total}")
                yield item

    @contextmanager
    def waiting(self, label: str) -> Iterator[Callable[[], None]]:
        """See ``Teller``."""
        with self.bars() as bars:
            if bars.disable:
                bars.console.print(f"{label} ...")
            task = bars.add_task(escape(label), total=None)
            yield lambda: bars.advance(task)

    def training(self) -> AbstractContextManager[SearchProgress]:
        """See ``Teller``."""
        return SearchProgress(self.bars())

    def measuring(self) -> AbstractContextManager[BenchProgress]:
        """See ``Teller``."""
        return BenchProgress(self.bars())


class _Counted:
    """What is counted with bars: how much there is in all, is done, and was known from before."""

    def __init__(self, bars: Progress) -> None:
        self._bars, self._console = bars, bars.console
        self.total = self.done = self._known = 0
        self._overall: TaskID | None = None
        self._start = time.monotonic()

    def __enter__(self) -> Self:
        self._bars.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.__exit__(kind, error, trace)

    def _count(self, label: str, total: int, done: int) -> str:
        """Counts anew, with a bar; gives what a line says of what is known."""
        self.total, self.done, self._known = total, done, done
        self._start = time.monotonic()
        self._overall = self._bars.add_task(f"[bold]{label}", total=total, completed=done)
        return f", {done} of them known from before" if done else ""

    def _left(self, under_way: float = 0.0) -> str:
        """Time left where no bar shows it; what is under way counts as far as it is."""
        if not self._bars.disable or self.done >= self.total or self.done <= self._known:
            return ""
        done = self.done + under_way
        each = (time.monotonic() - self._start) / (done - self._known)
        return f"; about {duration(each * (self.total - done))} left"


class SearchProgress(_Counted, TrainingListener):
    """A search's observer. Work is counted in training steps, so that the time left moves all the while.

    ``seeds`` is how many training runs each network has; lines name the seed where there are several.
    """

    def __init__(self, bars: Progress, seeds: int = 1) -> None:
        super().__init__(bars)
        self.seeds = seeds
        self._tasks: dict[str, TaskID] = {}
        self._fractions: dict[str, float] = {}

    def headline(self, text: str) -> None:
        """Says what the following phases are about."""
        self._console.print(text, style="bold")

    def note(self, text: str) -> None:
        """Says something that the user should know. May be called from another thread."""
        self._console.print(Text(f"Note: {visible(text)}"), soft_wrap=True)

    def phase(self, name: str, total: int, done: int) -> None:
        """See ``Observer``."""
        if self._overall is not None:
            self._bars.remove_task(self._overall)
        kept = self._count(name, total, done)
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
            self._bars.update(self._overall, completed=self.done + sum(self._fractions.values()))

    def finished(self, task: str, candidate: CandidateRecord) -> None:
        """See ``Observer``."""
        self.done += 1
        self._fractions.pop(task, None)
        bar = self._tasks.pop(task, None)
        if bar is not None:
            self._bars.remove_task(bar)
        if self._overall is not None:
            self._bars.update(self._overall, completed=self.done + sum(self._fractions.values()))
        if candidate.latency is None or self._bars.disable:
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
        left = self._left(sum(self._fractions.values()))
        return f"[{self.done}/{self.total}] {_name(candidate)}{seed}: {outcome}{left}"


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


class BenchProgress(_Counted, MeasuringListener):
    """A run's ``MeasureObserver``; jobs are counted, as each takes the time of a process."""

    def begin(self, total: int, done: int) -> None:
        """See ``MeasureObserver``."""
        kept = self._count("Measuring", total, done)
        self._console.print(f"Measuring: {total} process{'es' * (total != 1)}{kept}")

    def started(self, label: str) -> None:
        """See ``MeasureObserver``."""
        if self._overall is not None:
            self._bars.update(self._overall, description=escape(label.partition(",")[0]))

    def finished(self, label: str, stored: Stored, skipped: int) -> None:
        """See ``MeasureObserver``."""
        self.done += 1 + skipped
        if self._overall is not None:
            self._bars.update(self._overall, completed=self.done)
        if stored.reason or self._bars.disable:
            line = f"[{self.done}/{self.total}] {label}: {_outcome(stored)}{self._left()}"
            self._console.print(line, soft_wrap=True)


def _outcome(stored: Stored) -> str:
    if stored.reason:
        return stored.reason
    if samples := stored.result.get("samples_s"):
        return time_text(median(samples))
    if pairs := stored.result.get("pairs"):
        from scalesearch.statistics.timing import ratio_of_pairs  # loads SciPy

        return f"ratio {ratio_of_pairs([pairs]).ratio:.3f}"
    return f"{stored.result.get('batch_size', 'done')}"
