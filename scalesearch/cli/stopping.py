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
