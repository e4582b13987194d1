"""What a page shows, as the values that its template is filled in from: sentences are compared by tests/golden."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import pytest


def shown(write: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
    """The frozen value of the page, or the section of one, that ``write`` makes of ``arguments``."""
    values: list[Any] = []

    def keep(*template_and_value: Any) -> str:
        values.append(template_and_value[-1])
        return ""

    with pytest.MonkeyPatch.context() as patch:
        module = sys.modules[write.__module__]
        patch.setattr(module, "page" if hasattr(module, "page") else "part", keep)
        write(*arguments, **options)
    (value,) = values
    return value
