"""What a page has room for, however many networks a run has: the rows of a table, the marks of a figure.

All of them are in the CSV files beside the page.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from scalesearch.report.markdown import plural

__all__ = [
    "MOST_CURVES",
    "MOST_MARKS",
    "MOST_ROWS",
    "and_more",
    "cut",
    "drawn_part",
    "evenly",
    "part_note",
]

MOST_ROWS = 60
"""Of a table with a row for each network."""
MOST_MARKS = 100
"""Networks that one panel of a figure draws: more would hide one another."""
MOST_CURVES = 150
"""Learning curves that a figure draws."""

T = TypeVar("T")


def cut(items: Sequence[object], file: str, noun: str = "network", most: int = MOST_ROWS) -> str:
    """The sentence under a table that shows the first ``most`` of the items; empty where it shows all."""
    more = len(items) - most
    return f"\n\nAnd {more:,} more {plural(more, noun).split(' ', 1)[1]} in `{file}`." if more > 0 else ""


def and_more(texts: Sequence[str], most: int = 5, separator: str = "; ") -> str:
    """The first texts of an enumeration, and how many more there are."""
    more = len(texts) - most
    return separator.join(texts[:most]) + (f"{separator}and {more:,} more" if more > 0 else "")


def evenly(items: Sequence[T], most: int) -> list[T]:
    """At most so many of the items, evenly spread over their order, both ends among them."""
    if len(items) <= most:
        return list(items)
    if most < 2:
        return list(items[:most])
    return [items[round(index * (len(items) - 1) / (most - 1))] for index in range(most)]


def drawn_part(items: Sequence[T], kept: Callable[[T], bool], most: int = MOST_MARKS) -> list[T]:
    """What a figure draws of the items, in their order: all that are ``kept``, of the others an even spread.

    Where even those kept are more than ``most``, a spread of them is drawn alone.
    """
    if len(items) <= most:
        return list(items)
    first = [index for index, item in enumerate(items) if kept(item)]
    among = set(first)
    others = [index for index in range(len(items)) if index not in among]
    chosen = sorted([*evenly(first, most), *evenly(others, max(0, most - len(first)))])
    return [items[index] for index in chosen]


def part_note(drawn: int, of: int, nouns: str = "networks", *, alike: bool = False) -> str:
    """The line over a figure that says that not everything is drawn; empty where all is.

    ``alike``: none of them stands out, so that an even spread of all is drawn.
    """
    if drawn >= of:
        return ""
    which = "an even spread" if alike else "those that stand out and an even spread of the others"
    return f"drawn: {drawn:,} of {of:,} {nouns}, {which}"
