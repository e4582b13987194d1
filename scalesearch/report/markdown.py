"""Markdown that stays literal whatever a path, a reason or a setting holds; and readable numbers."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

__all__ = [
    "binary",
    "bullets",
    "code",
    "duration",
    "escape",
    "fenced",
    "one_line",
    "percent",
    "plural",
    "si",
    "signed_percent",
    "table",
    "time_text",
]

BINARY = ((2.0**30, "GiB"), (2.0**20, "MiB"), (2.0**10, "KiB"))
PREFIXES = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))


def one_line(text: str) -> str:
    """``text`` on one line: runs of blanks, line ends and control characters become single spaces."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def escape(text: object) -> str:
    """``text`` as literal Markdown text on one line, safe in a table cell and as HTML."""
    line = one_line(str(text)).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    line = re.sub(r"([\\`*\[\]|~$])", r"\\\1", line)
    # An underscore inside a word is literal anyway, and names stay readable in the source.
    return re.sub(r"(?<!\w)_|_(?!\w)", r"\\_", line)


def code(text: object) -> str:
    """``text`` as a code span that may stand in a table cell."""
    line = one_line(str(text)).replace("|", "\\|")
    if not line:
        return ""
    mark = "`" * (_longest_run(line) + 1)
    pad = " " if line.startswith("`") or line.endswith("`") else ""
    return f"{mark}{pad}{line}{pad}{mark}"


def fenced(text: str, language: str = "") -> str:
    """``text`` as a code block that nothing in it can close."""
    fence = "`" * max(3, _longest_run(text) + 1)
    return f"{fence}{language}\n{text}\n{fence}"


def table(header: Sequence[str], rows: Iterable[Sequence[str]], left: int = 1) -> str:
    """A table of cells that are Markdown already; the first ``left`` columns flush left, the others right."""
    rule = [":--" if column < left else "--:" for column in range(len(header))]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (header, rule, *rows))


def bullets(items: Iterable[str]) -> str:
    """A list, one item a line."""
    return "\n".join(f"- {item}" for item in items)


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
