"""What a run says, on the terminal of a command: its lines and its bars, on standard error."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TextIO, cast

from rich.file_proxy import FileProxy
from rich.progress import Progress

from scalesearch.cli.terminal import Guarded, echo, terminal
from scalesearch.runs.progress import Bars, bars_of


class _GuardedBars(Progress):
    """Bars that lines of others are written above, without what a terminal obeys in them."""

    def start(self) -> None:
        super().start()
        for name in ("stdout", "stderr"):
            # rich takes the colours and links of such lines for its own.
            if isinstance(stream := getattr(sys, name), FileProxy):
                setattr(sys, name, Guarded(cast(TextIO, stream)))


class CommandTeller(Bars):
    """Shows all that a command's run says on standard error; ``options`` words arguments as options."""

    def __init__(self, options: Callable[[str], str]) -> None:
        self._options = options

    def bars(self) -> Progress:
        """New bars."""
        return bars_of(terminal(err=True), _GuardedBars)

    def say(self, line: str) -> None:
        """See ``Teller``."""
        echo(line, err=True)

    def worded(self, error: Exception) -> str:
        """An error with its arguments as options."""
        return self._options(str(error))
