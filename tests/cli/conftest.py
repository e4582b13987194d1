"""Commands without training (see tests/study/conftest.py), and what they print in a terminal."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.study.conftest import lab

__all__ = ["lab"]


@pytest.fixture
def wide(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Makes standard output a terminal of so many columns, which knows no colours."""

    def make(columns: int) -> None:
        monkeypatch.setattr("scalesearch.cli.terminal.is_terminal", lambda _stream: True)
        monkeypatch.setenv("COLUMNS", str(columns))
        monkeypatch.setenv("TTY_COMPATIBLE", "0")

    return make
