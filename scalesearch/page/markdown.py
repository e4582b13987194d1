"""Markdown: tables, paragraphs, bounds on what is listed; everything escaped."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TypeVar

# ----------------------------------------------------------------------------------------------------
# Markdown that stays literal whatever a path, a reason or a setting holds; and readable numbers.


class Markdown(str):
    """Text that is Markdown already, so that a page shows it as it is.

    Whatever is made of it, such as an f-string with it, is a plain text again, which a page escapes.
    """

    __slots__ = ()


BINARY = ((2.0**30, "GiB"), (2.0**20, "MiB"), (2.0**10, "KiB"))
PREFIXES = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))


def one_line(text: str) -> str:
    """``text`` on one line: runs of blanks, line ends and control characters become single spaces."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def escape(text: object) -> Markdown:
    """``text`` as literal Markdown text on one line, safe in a table cell and as HTML."""
    line = one_line(str(text)).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    line = re.sub(r"([\\`*\[\]|~$])", r"\\\1", line)
    # An underscore inside a word is literal anyway, and names stay readable in the source.
    return Markdown(re.sub(r"(?<!\w)_|_(?!\w)", r"\\_", line))


def code(text: object) -> Markdown:
    """``text`` as a code span that may stand in a table cell."""
    line = one_line(str(text)).replace("|", "\\|")
    if not line:
        return Markdown()
    mark = "`" * (_longest_run(line) + 1)
    pad = " " if line.startswith("`") or line.endswith("`") else ""
    return Markdown(f"{mark}{pad}{line}{pad}{mark}")


def fenced(text: str, language: str = "") -> Markdown:
    """``text`` as a code block that nothing in it can close."""
    fence = "`" * max(3, _longest_run(text) + 1)
    return Markdown(f"{fence}{language}\n{text}\n{fence}")


def plain_lines(text: str) -> tuple[str, ...]:
    """Paragraphs and items of a list as lines of a terminal: without emphasis, and nothing escaped."""
    lines = (line.removeprefix("- ") for line in text.split("\n") if line)
    return tuple(html.unescape(re.sub(r"\\(.)|\*+", lambda m: m[1] or "", line)) for line in lines)


def table(header: Sequence[str], rows: Iterable[Sequence[str]], left: int = 1) -> str:
    """A table of cells that are Markdown already; the first ``left`` columns flush left, the others right."""
    rule = [":--" if column < left else "--:" for column in range(len(header))]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (header, rule, *rows))


def percent(fraction: float | None, digits: int = 1) -> str:
    """A fraction as a percentage; blank where unknown."""
    return "" if fraction is None else f"{100 * fraction:z.{digits}f}%"


def signed_percent(fraction: float) -> str:
    """A relative difference: ``+4.6%``."""
    return f"{100 * fraction:+.1f}%"


def si(value: float) -> str:
    """A count in three significant digits with its SI prefix: ``386 M``."""
    for unit, prefix in PREFIXES:
        if abs(value) >= 0.9995 * unit:
            return f"{_three_digits(value / unit)} {prefix}"
    return f"{value:.3g}"


def binary(value: float) -> str:
    """Bytes in three significant digits with their binary prefix: ``3.21 MiB``."""
    for unit, prefix in BINARY:
        if abs(value) >= 0.9995 * unit:
            return f"{_three_digits(value / unit)} {prefix}"
    return f"{value:.0f} bytes"


METHOD = "Method and words: scalesearch's docs/method.md and docs/glossary.md."
"""Where every page sends its reader; :func:`with_links` makes links of it within the repository."""
MANUAL = ("docs/method.md", "docs/glossary.md")


def with_links(text: str, folder: Path) -> str:
    """A page with :data:`METHOD` as relative links, where the folder of the page is in this repository."""
    place = folder.resolve()
    for depth, parent in enumerate((place, *place.parents)):
        if all((parent / page).is_file() for page in (*MANUAL, "scalesearch/__init__.py")):
            up = "../" * depth
            links = [f"[{page}]({up}{page})" for page in MANUAL]
            return text.replace(METHOD, f"Method and words: {links[0]} and {links[1]}.")
    return text


MOST_POINTS = 100.0
"""Of top-1: no two accuracies are further apart, so a bound beyond them bounds nothing."""
NO_BOUND = "not bounded by these runs"


def bounded(*points: float) -> bool:
    """Whether bounds on points of top-1 say anything: none of them is beyond what top-1 can differ by."""
    return all(abs(bound) <= MOST_POINTS for bound in points)


def points_text(
    value: float,
    low: float,
    high: float,
    *,
    digits: int = 1,
    sign: str = "",
    ends: str = "",
    unit: str = "",
) -> str:
    """Points of top-1 with their interval: ``+0.74 (0.28 to 1.19)``, or that the runs don't bound them.

    Args:
        value: the estimate.
        low: the interval's lower end.
        high: its upper end.
        digits: after the point; one more where an end would else read as the 0 that it is not.
        sign: ``+`` writes the estimate's sign, also of one above 0.
        ends: the same for the ends.
        unit: what stands after the estimate, such as ``" points"``.
    """
    if not bounded(low, high):
        return f"{value:{sign}.{digits}f}{unit} ({NO_BOUND})" if bounded(value) else NO_BOUND
    # An interval that misses 0 by a hair is not to look like one that reaches it.
    if any(round(end, digits) == 0 != round(end, digits + 1) for end in (low, high)):
        digits += 1
    return f"{value:{sign}.{digits}f}{unit} ({low:{ends}.{digits}f} to {high:{ends}.{digits}f})"


def duration(seconds: float) -> str:
    """Seconds as a person says them: ``9 min 41 s``."""
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def time_text(seconds: float) -> str:
    """``14.2 ms``, ``1,320 ms``."""
    value = 1e3 * seconds
    return f"{value:,.{_decimals(value)}f} ms"


def p_text(p: float) -> Markdown:
    """A p value as it is said: ``p = 0.012`` or ``p < 0.001``."""
    return Markdown(f"p = {p:.2g}" if p >= 0.001 else "p < 0.001")


def listed(names: Sequence[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    return " and ".join(part for part in (", ".join(names[:-1]), *names[-1:]) if part)


def plural(count: int, noun: str) -> str:
    """``1 network``, ``2 networks``."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _three_digits(value: float) -> str:
    return f"{value:.{_decimals(value)}f}"


def _decimals(value: float) -> int:
    size = abs(value)
    return 2 if size < 9.995 else 1 if size < 99.95 else 0


def _longest_run(text: str) -> int:
    return max((len(run) for run in re.findall("`+", text)), default=0)


# ----------------------------------------------------------------------------------------------------
# What a page has room for, however many networks a run has: the rows of a table, the marks of a figure.
#
# All of them are in the CSV files beside the page.

MOST_ROWS = 60
"""Of a table with a row for each network."""
MOST_MARKS = 100
"""Networks that one panel of a figure draws: more would hide one another."""
MOST_CURVES = 150
"""Learning curves that a figure draws."""

T = TypeVar("T")


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
