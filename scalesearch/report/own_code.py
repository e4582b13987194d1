"""What a page says otherwise of a network that a user's own code builds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from scalesearch.report.markdown import code

__all__ = ["counted_parts", "is_own_code", "kept_facts"]


def is_own_code(settings: Mapping[str, Any]) -> bool:
    """Whether a run's baseline is a function of the user's code."""
    return "target" in (settings.get("baseline_arch") or {})


def counted_parts(settings: Mapping[str, Any]) -> str:
    """What the column ``blocks`` counts: layers, where nobody but the code knows its blocks."""
    return "layers" if is_own_code(settings) else "blocks"


def kept_facts(settings: Mapping[str, Any]) -> list[str]:
    """What a training run leaves to the user's code, one sentence each."""
    if not is_own_code(settings):
        return []
    target = code(settings["baseline_arch"]["target"])
    return [
        f"The networks are what {target} builds. Its own dropout and start are kept, whatever the recipe "
        "says; how it rounds depth and width is its own too.",
    ]
