"""Who hears what goes on while a run works: nobody, a terminal, a notebook."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from scalesearch.commands.measure.run import Stored
    from scalesearch.records import CandidateRecord

Item = TypeVar("Item")


class TrainingListener:
    """Hears how training goes, as :class:`scalesearch.study.driver.Observer` does; this one ignores it.

    Attributes:
        seeds: how many training runs each network has.
    """

    seeds: int = 1

    def headline(self, text: str) -> None:
        """What the following phases are about."""

    def note(self, text: str) -> None:
        """Something that the user should know. May be called from another thread."""

    def phase(self, name: str, total: int, done: int) -> None:
        """A phase begins: ``done`` of its ``total`` tasks are known from before."""

    def started(self, task: str, candidate: CandidateRecord) -> None:
        """A task was handed to a worker."""

    def step(self, task: str, done: int, steps: int) -> None:
        """A task has come this far. Called from another thread."""

    def finished(self, task: str, candidate: CandidateRecord) -> None:
        """A task is done: the record says how, with the run it gave alone."""


class MeasuringListener:
    """Hears how measuring goes, as ``MeasureObserver`` does; this one only counts.

    Attributes:
        total: all of the run's processes.
        done: those that need not run any more.
    """

    total: int = 0
    done: int = 0

    def begin(self, total: int, done: int) -> None:
        """There are ``total`` processes, ``done`` of them from before."""
        self.total, self.done = total, done

    def started(self, label: str) -> None:
        """A process begins."""

    def finished(self, label: str, stored: Stored, skipped: int) -> None:
        """It has ended; ``skipped`` more need not run, as they would fail like it."""
        self.done += 1 + skipped


class Teller:
    """Hears everything that a run has to say beside its result. This one is silent; others override."""

    def say(self, line: str) -> None:
        """A line for who asked for the run. May be called from another thread."""

    def worded(self, error: Exception) -> str:
        """An error within a line: arguments are named as the listener knows them."""
        return str(error)

    def track(self, items: Iterable[Item], total: int, label: str) -> Iterator[Item]:
        """The items, while it is shown how far they are."""
        return iter(items)

    def waiting(self, label: str) -> AbstractContextManager[Callable[[], None]]:
        """Counts what nobody knows the number of beforehand: gives a function to call at each."""
        return nullcontext(lambda: None)

    def training(self) -> AbstractContextManager[TrainingListener]:
        """Who hears of a training."""
        return nullcontext(TrainingListener())

    def measuring(self) -> AbstractContextManager[MeasuringListener]:
        """Who hears of measurements."""
        return nullcontext(MeasuringListener())


_SILENT = Teller()
# In the context, as decimal's precision is: who listens is a matter of who calls, not of what is done.
_listener: ContextVar[Callable[[], Teller]] = ContextVar("listener", default=lambda: _SILENT)


def teller() -> Teller:
    """Who hears what is said here and now."""
    return _listener.get()()


def say(line: str) -> None:
    """Says a line to who listens."""
    teller().say(line)


@contextmanager
def telling(listener: Callable[[], Teller]) -> Iterator[None]:
    """Has ``listener()`` hear all that is said within the block; it is asked for when there is something."""
    token = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(token)
