"""The closing section of every page: command, settings, machine, versions and time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from scalesearch.report.machine_facts import readable_machine
from scalesearch.report.markdown import bullets, code, escape, fenced, table

__all__ = ["PLAIN_COUNTS", "how_it_was_made", "said"]

PLAIN_COUNTS = (
    "MACs are the multiply-adds of convolutions and linear layers for one image, one multiply-add counted as "
    "1 (what the paper and fvcore call FLOPs), without biases and batch norm."
)


def how_it_was_made(
    *,
    command: str,
    facts: list[str],
    settings: Mapping[str, Any],
    machine: Mapping[str, Any],
    versions: Mapping[str, str],
) -> str:
    """A section with the exact command, short facts, every setting, the machine and the versions."""
    return "\n\n".join(
        (
            "## How this was made",
            fenced(command, "console"),
            bullets(facts),
            "### Settings",
            _mapping("setting", settings),
            "### Machine",
            _mapping("part", readable_machine(machine)),
            "### Versions",
            _mapping("package", versions),
        )
    )


def _mapping(name: str, values: Mapping[str, Any]) -> str:
    rows = [(code(key.removesuffix("_bytes")), escape(said(key, value))) for key, value in _flat(values)]
    return table((name, "value"), rows, left=2) if rows else "Nothing was recorded."


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def said(key: str, value: object) -> str:
    """A recorded value as a reader wants it; ``key`` says whether it is a number of bytes."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int) and key.endswith("_bytes"):
        return f"{value / 2**30:.1f} GiB"
    if isinstance(value, float):
        return f"{value:.12g}"
    if isinstance(value, list | tuple):
        return ", ".join(said(key, item) for item in value)
    return str(value)
