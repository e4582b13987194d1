"""Pages as Jinja2 templates: sentences are in the templates, what they say of a run is computed in Python.

A page is ``commands/NAME/page.md.j2``, filled in from the frozen value that ``commands/NAME/view.py``
computes; parts that several pages share are macros in ``page/*.md.j2``. Nothing has to be escaped by hand:
whatever a template writes is escaped, unless it is :class:`~scalesearch.page.markdown.Markdown` or comes from
a macro. Templates choose and repeat; joining texts in them would get round that, and is refused.

How a template is laid out:

- A line that is indented goes on with the line before it, so a paragraph can be of several lines.
- A line that is a single tag (``{% if ... %}``) and begins at the margin leaves no line behind.
- Of blank lines in a row one is left, of spaces in a row one, and none at a line's ends, but for tables and
  blocks of code: there are no lists in lists.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import fields
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jinja2
from jinja2.compiler import CodeGenerator, Frame
from jinja2.ext import Extension
from jinja2.nodes import EvalContext, Node
from markupsafe import Markup

from scalesearch.page import markdown
from scalesearch.page.markdown import Markdown
from scalesearch.statistics.timing import UNSTABLE

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    from scalesearch.page.parts import PageTable

PACKAGE = Path(__file__).parents[1]
KEPT = ("first", "last", "length", "list", "map", "select", "selectattr", "rejectattr", "trim")
"""Jinja's own filters that templates may use: none of them joins texts."""
TAG_ALONE = re.compile(r"^(\{%(?:(?!%\}).)*%\}|\{#(?:(?!#\}).)*#\})\n", re.MULTILINE | re.DOTALL)
GOES_ON = re.compile(r"[ \t]*\n[ \t]+(?=\S)")
FENCE = re.compile(r"(`{3,})[^`]*$")


def page(name: str, value: DataclassInstance) -> str:
    """The page of a command as Markdown.

    Args:
        name: of the template, such as ``commands/grid/page.md.j2``.
        value: what the page shows; its fields are the names that the template knows.

    Raises:
        jinja2.UndefinedError: if the template names what ``value`` lacks.
        TypeError: if it writes anything but texts and whole numbers; other numbers go through a filter, which
            says how many digits.
    """
    values = {field.name: getattr(value, field.name) for field in fields(value)}
    return tidy(_environment().get_template(name).render(values)) + "\n"


def part(template: str, macro: str, *values: object) -> Markdown:
    """What the ``macro`` of a ``template`` writes of ``values``; errors as :func:`page`."""
    return Markdown(tidy(getattr(_environment().get_template(template).module, macro)(*values)))


def tidy(text: str) -> str:
    """Markdown whose blank lines and spaces are as the head of this module says."""
    lines, fence = [""], ""
    for line in text.split("\n"):
        kept = line
        if fence:
            fence = "" if line == fence else fence
        elif begins := FENCE.match(line):
            fence = begins[1]
        elif not line.startswith("|"):
            kept = re.sub(" {2,}", " ", line).strip()
            if not kept and not lines[-1]:
                continue
        lines.append(kept)
    return "\n".join(lines).strip("\n")


def safe(value: object) -> Markdown:
    """What a page shows of a value: Markdown as it is, texts escaped, whole numbers.

    Raises:
        TypeError: for anything else, which has no one way to be written.
    """
    if isinstance(value, Markdown | Markup):
        return Markdown(value)
    if isinstance(value, jinja2.Undefined):
        return Markdown(str(value))  # which says what is missing
    if isinstance(value, str) or (isinstance(value, int) and not isinstance(value, bool)):
        return markdown.escape(value)
    raise TypeError(f"a page shows texts and whole numbers, got {value!r}: a filter says how it is written")


# ----------------------------------------------------------------------------------------------------
# What templates may write with.


def table(rows: Iterable[Sequence[object]], *header: object, left: int = 1) -> Markdown:
    """A table under ``header``, its first ``left`` columns flush left."""
    cells = [[safe(cell) for cell in row] for row in rows]
    return Markdown(markdown.table([safe(name) for name in header], cells, left=left))


def shown(values: PageTable, file: str = "", noun: str = "row") -> Markdown:
    """A table with its own header, and how many rows are left out of it; ``file`` has them."""
    text = table(values.rows, *values.header, left=values.left)
    if not values.more:
        return text
    where = f"in `{file}`" if file else "left out here"
    return Markdown(f"{text}\n\nAnd {values.more:,} more {noun}{'s' * (values.more > 1)} {where}.")


def listed(names: Iterable[object]) -> Markdown:
    """``a, b and c``."""
    return Markdown(markdown.listed([safe(name) for name in names]))


def several(names: Iterable[object], separator: str = ", ", most: int = 60) -> Markdown:
    """The first names, and how many more there are."""
    return Markdown(markdown.and_more([safe(name) for name in names], most, separator))


FILTERS: dict[str, Any] = {
    "binary": markdown.binary,
    "code": markdown.code,
    "count": "{:,}".format,
    "duration": markdown.duration,
    "fenced": markdown.fenced,
    "fixed": lambda value, digits=1: f"{value:.{digits}f}",
    "listed": listed,
    "p": markdown.p_text,
    "percent": markdown.percent,
    "plural": markdown.plural,
    "points": lambda fraction: f"{100 * fraction:.1f} points",
    "rounded": lambda value, digits=4: f"{value:.{digits}g}",
    "several": several,
    "shown": shown,
    "si": markdown.si,
    "signed": lambda value, digits=1: f"{value:+.{digits}f}",
    "signed_percent": markdown.signed_percent,
    "table": table,
    "time": markdown.time_text,
}
"""How a template writes values: by what they are called there."""


# ----------------------------------------------------------------------------------------------------
# The one environment of all pages.


class _Layout(Extension):
    """The lines of a template as the head of this module says."""

    def preprocess(self, source: str, name: str | None, filename: str | None = None) -> str:
        return TAG_ALONE.sub(r"\1", GOES_ON.sub(" ", source))


class _Generator(CodeGenerator):
    """Refuses what joins texts: of a safe and an unsafe one the result would pass for safe."""

    def _refused(self, node: Node, frame: Frame) -> None:
        self.fail("a template joins no texts and reckons nothing: Python does that", node.lineno)

    visit_Concat = visit_Add = visit_Mod = visit_Mul = visit_ScopedEvalContextModifier = _refused


@jinja2.pass_eval_context
def _written(_: EvalContext, value: object) -> Markup:
    # With the context, so that texts which stand in the template are escaped like any other.
    return Markup(safe(value))


class _Environment(jinja2.Environment):
    code_generator_class = _Generator


@cache
def _environment() -> jinja2.Environment:
    environment = _Environment(
        autoescape=True,  # what a macro writes is then marked as safe
        extensions=[_Layout],
        finalize=_written,
        loader=jinja2.FileSystemLoader(PACKAGE),
        undefined=jinja2.StrictUndefined,
    )
    environment.filters = {name: environment.filters[name] for name in KEPT} | FILTERS
    environment.globals = {"METHOD": markdown.METHOD, "UNSTABLE": UNSTABLE}
    return environment
