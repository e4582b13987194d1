"""Ctrl-C and SIGTERM: one line that says what is kept and how to go on."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import click

from scalesearch.cli.main import EXIT_INTERRUPTED
from scalesearch.cli.terminal import echo
from scalesearch.text import quoted

__all__ = ["stopping"]


@contextmanager
def stopping(folder: Path, kept: Callable[[], str] = lambda: "what was trained is kept") -> Iterator[None]:
    """Ends a run that is stopped with exit code 130.

    Args:
        folder: of the run.
        kept: says what of it is done.
    """
    try:
        with _terminate_as_interrupt():
            yield
    except KeyboardInterrupt:
        echo(f"Stopped: {kept()}. Go on with: scalesearch resume {quoted(folder)}", err=True)
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
