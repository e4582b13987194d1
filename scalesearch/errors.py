"""What can go wrong: errors in one line, each with its exit code and the argument that it is about."""

from __future__ import annotations

import re


class ScalesearchError(ValueError):
    """What was asked for can't be done.

    The message is one line that names the argument in back-quotes, its value and what would do; the command
    line shows the argument as its option.

    Attributes:
        exit_code: of the command: 2 for wrong input, 1 where something that was under way had to end, 3
            where nothing meets the constraint or the budget.
    """

    exit_code = 2

    @property
    def field(self) -> str:
        """The argument that the error is about; empty where it is about none."""
        named = re.match(r"`([a-z][a-z0-9_]*)`", str(self))
        return named[1] if named else ""


class FolderError(ScalesearchError):
    """A run's folder that can't be used for what was asked, or what it keeps."""


class RunFailedError(ScalesearchError):
    """A run that was under way, and had to end without its result; what was done before is kept."""

    exit_code = 1


class StudyError(ScalesearchError):
    """The study can't be used; the message says what would do."""


class NoStudyError(StudyError):
    """The database is not there, or has no tables of Optuna."""


class StudyLostError(StudyError):
    """A run under way has to end: its study, or its folder, is not its own any more."""

    exit_code = 1


class EmptyGridError(ScalesearchError):
    """Nothing meets the constraint or the budget; the message says what comes closest."""

    exit_code = 3


class StoppedError(KeyboardInterrupt):
    """Work that was stopped from outside, by Ctrl-C or SIGTERM; the message says what of it is kept.

    Like its parent no ``Exception``: who catches errors doesn't catch the wish to stop.
    """

    exit_code = 130
