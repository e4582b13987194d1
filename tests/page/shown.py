"""What a page shows, as the values that its template is filled in from: sentences are compared by tests/golden."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import pytest


def shown(write: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
    """The frozen value of the page that ``write`` makes of ``arguments``."""
    values: list[Any] = []

    def keep(_template: str, value: Any) -> str:
        values.append(value)
        return ""

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys.modules[write.__module__], "page", keep)
        write(*arguments, **options)
    (value,) = values
    return value
