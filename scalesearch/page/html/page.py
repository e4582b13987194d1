"""A page of Markdown as ``report.html``: one file that needs no other, made of the same text and figures."""

from __future__ import annotations

import base64
import hashlib
import math
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jinja2
from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup, escape
from PIL import Image

from scalesearch.files import inside, write_page, write_text
from scalesearch.page.markdown import with_links
from scalesearch.text import visible

if TYPE_CHECKING:
    import pandas as pd

PAGE = "report.html"
"""The name of the file, for every kind of run."""
LARGEST = 500_000
"""Bytes that a page may have."""
LARGEST_DRAWING = 40_000
"""Bytes of a drawing (SVG) that is inlined; of a larger one its picture (PNG) is."""
COLOURS = (64, 32, 16)
"""Colours of an inlined picture: as many of these as the page has room for."""
SOURCES = "How this was made"
"""The section that a page ends with."""
FIGURE = re.compile(r"figures/([^/]+)\.png")
NUMBER = re.compile(
    r"^[+-]?(?P<digits>\d[\d,]*(?:\.\d+)?|\.\d+)(?:e(?P<power>[+-]?\d{1,3}))?"
    r"(?![\w.]\w)(?: ?(?P<unit>[kMGT]|[KMG]iB|us|ms|s|min|h)\b)?(?!\w)"
)
REST = re.compile(r" (\d+) (min|s)\b")
"""What follows the hours or the minutes of a time."""
COUNTS = {"k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "KiB": 2.0**10, "MiB": 2.0**20, "GiB": 2.0**30}
TIMES = {"us": 1e-3, "ms": 1.0, "s": 1e3, "min": 6e4, "h": 3.6e6}
NUMERIC = 0.6
"""The share of a column's cells that must begin with a number for it to be sorted as numbers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Interactive:
    """The parts of a page that a reader can point at, and the data that they show.

    Attributes:
        data: plain data for the page's script, by the name of the part.
        places: the names of the parts that stand in a figure's place, by the figure's name. The figure itself
            is shown where no script runs.
        beside: the names of the figures that are shown besides.
    """

    data: Mapping[str, Any] = field(default_factory=dict)
    places: Mapping[str, Sequence[str]] = field(default_factory=dict)
    beside: Collection[str] = ()


NOTHING = Interactive()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Report:
    """What was written of a record, beside the tables in its folder, and what a caller prints.

    Attributes:
        page: in Markdown.
        table: of its networks, lengths, rounds, pairs or setups.
        figures: those that could be drawn, SVG and PNG.
        answer: the page's first lines as text; empty where they are the record's alone.
        more: further tables, by their titles.
    """

    page: Path
    table: pd.DataFrame
    figures: tuple[Path, ...]
    answer: tuple[str, ...] = ()
    more: Mapping[str, pd.DataFrame] = field(default_factory=dict)


def write_pages(path: Path, text: str, interactive: Interactive = NOTHING) -> Path:
    """Write a page as Markdown to ``path`` and as :data:`PAGE` beside it.

    Args:
        path: of the Markdown. Figures are read from the folder ``figures`` beside it.
        text: the Markdown.
        interactive: what a reader can point at.

    Returns:
        The path of the Markdown.

    Raises:
        OSError: if either cannot be written.
    """
    text = with_links(text, path.parent)
    write_page(path, text)
    write_text(path.with_name(PAGE), html_page(text, path.parent, interactive))
    return path


def html_page(text: str, folder: Path, interactive: Interactive = NOTHING) -> str:
    """A page of Markdown as one HTML file, under :data:`LARGEST` bytes where its text allows.

    Args:
        text: the Markdown. HTML in it is shown as text.
        folder: whose ``figures`` the page shows; one that isn't there is left out.
        interactive: what a reader can point at.
    """
    sections = _sections(_parser().parse(visible(text)))
    page = ""
    for colours in COLOURS:
        page = _rendered(sections, _Figures(folder, colours), interactive)
        if len(page.encode()) <= LARGEST:
            break
    return page


def _rendered(sections: Sequence[_Section], figures: _Figures, interactive: Interactive) -> str:
    title, head, *rest = sections[0].title, sections[0], *sections[1:]
    split = next((i for i in range(len(head.tokens)) if _closes_answer(head.tokens[i : i + 2])), None)
    split = len(head.tokens) if split is None else split
    write = _Writer(figures, interactive)
    files = _files()
    template = _environment().get_template("page.html.j2")
    last = [s for s in rest if s.title == SOURCES]
    return template.render(
        title=title,
        answer=write.html(head.tokens[:split]),
        opening=write.html(head.tokens[split:]),
        sections=[
            {"title": s.title, "id": s.name, "html": write.html(s.tokens), "sources": s in last}
            for s in [*(s for s in rest if s not in last), *last]
        ],
        data=interactive.data,
        css=Markup(files["page.css"]),
        script=Markup(files["page.js"]),
        css_hash=_hash(files["page.css"]),
        script_hash=_hash(files["page.js"]),
    )


@dataclass(frozen=True, slots=True)
class _Section:
    """What stands under a heading of the first or second level; ``name`` is its address on the page."""

    title: str
    name: str
    tokens: list[Token]


def _sections(tokens: Sequence[Token]) -> list[_Section]:
    sections = [_Section("", "", [])]
    names: set[str] = set()
    heading = False
    for index, token in enumerate(tokens):
        if token.level == 0 and token.type == "heading_open" and token.tag in ("h1", "h2"):
            title = _plain(tokens[index + 1])
            name = slug = re.sub(r"\W+", "-", title.lower()).strip("-") or "section"
            number = 2
            while name in names:
                name, number = f"{slug}-{number}", number + 1
            names.add(name)
            if token.tag == "h1" and not sections[-1].tokens and len(sections) == 1:
                sections[0] = _Section(title, name, [])
            else:
                sections.append(_Section(title, name, []))
            heading = True
        elif heading:
            heading = token.type != "heading_close"
        else:
            sections[-1].tokens.append(token)
    return sections


def _plain(token: Token) -> str:
    """The text of an inline token without its marks."""
    return "".join(
        child.content if child.type in ("text", "code_inline") else " "
        for child in token.children or ()
        if child.type in ("text", "code_inline", "softbreak", "text_special")
    )


def _closes_answer(tokens: Sequence[Token]) -> bool:
    """Whether the answer at the head of a page ends before these: at its first figure, table or heading."""
    if tokens[0].type in ("table_open", "heading_open"):
        return True
    return tokens[0].type == "paragraph_open" and _only_image(tokens[1]) is not None


class _Writer:
    """Tokens of Markdown as HTML, in which tables can be sorted, commands copied and figures are inlined."""

    def __init__(self, figures: _Figures, interactive: Interactive) -> None:
        self.figures, self.interactive, self.tables = figures, interactive, 0
        self.macros: Any = _environment().get_template("parts.html.j2").module

    def html(self, tokens: Sequence[Token]) -> Markup:
        """The HTML of whole blocks."""
        parts, index = [], 0
        while index < len(tokens):
            token = tokens[index]
            if token.type == "table_open":
                end = next(i for i in range(index, len(tokens)) if tokens[i].type == "table_close")
                parts.append(self._table(tokens[index : end + 1]))
                index = end + 1
            elif token.type == "fence":
                parts.append(self.macros.fence(text=token.content.rstrip("\n"), shell=token.info != "text"))
                index += 1
            elif token.type == "paragraph_open" and (image := _only_image(tokens[index + 1])) is not None:
                figure, used = self._figure(image, tokens[index + 3 :])
                parts.append(figure)
                index += 3 + used
            else:
                parts.append(self._inline(token))
                index += 1
        return Markup("").join(parts)

    def _inline(self, token: Token) -> Markup:
        """A token by itself as HTML, which the parser has escaped."""
        return Markup(_parser().renderer.render([token], _parser().options, {}))

    def _table(self, tokens: Sequence[Token]) -> Markup:
        cells = [
            (opening, inline)
            for opening, inline in pairwise(tokens)
            if opening.type in ("th_open", "td_open")
        ]
        head = [pair for pair in cells if pair[0].type == "th_open"]
        body = [pair for pair in cells if pair[0].type == "td_open"]
        width = len(head)
        rows = [body[start : start + width] for start in range(0, len(body), width)]
        columns = []
        for column, (opening, inline) in enumerate(head):
            values = [sort_value(_plain(row[column][1])) for row in rows]
            texts = [_plain(row[column][1]).strip() for row in rows]
            told = sum(bool(text) for text in texts)
            numeric = told > 0 and sum(value is not None for value in values) >= NUMERIC * told
            columns.append(
                {
                    "title": self._inline(inline),
                    "name": _plain(inline).strip() or "name",
                    "right": "right" in str(opening.attrGet("style") or ""),
                    "values": values if numeric else None,
                }
            )
        self.tables += 1
        return Markup(
            self.macros.table(
                number=self.tables,
                columns=columns,
                rows=[[self._inline(inline) for _, inline in row] for row in rows],
            )
        )

    def _figure(self, image: Token, after: Sequence[Token]) -> tuple[Markup, int]:
        """A figure with the paragraph on how to read it, and how many of the tokens after it that took."""
        reading, used = Markup(""), 0
        if len(after) > 2 and after[0].type == "paragraph_open" and _plain(after[1]).startswith("How to"):
            reading, used = self._inline(after[1]), 3
        match = FIGURE.fullmatch(str(image.attrGet("src") or ""))
        name = match[1] if match else ""
        return Markup(
            self.macros.figure(
                name=name,
                alt=image.content,
                source=self.figures.source(name) if name else None,
                reading=reading,
                parts=self.interactive.places.get(name, ()),
                beside=name in self.interactive.beside,
            )
        ), used


def _only_image(inline: Token) -> Token | None:
    """The image that a paragraph consists of."""
    children = inline.children or []
    return children[0] if len(children) == 1 and children[0].type == "image" else None


def sort_value(text: str) -> float | None:
    """What a cell is sorted by: the number that it begins with, in the smallest unit; None without one."""
    match = NUMBER.match(text.strip())
    if match is None:
        return None
    unit = match["unit"]
    value = float(f"{match['digits'].replace(',', '')}e{match['power'] or 0}")
    value *= (COUNTS | TIMES).get(unit, 1.0)
    if unit in ("h", "min") and (rest := REST.match(text.strip(), match.end())):
        value += int(rest[1]) * TIMES[rest[2]]
    if not math.isfinite(value):
        return None
    return -value if text.strip().startswith("-") else value


class _Figures:
    """The figures of a folder as addresses that hold the whole file."""

    def __init__(self, folder: Path, colours: int) -> None:
        self.folder, self.colours = folder, colours

    def source(self, name: str) -> str | None:
        """A figure as an address: its drawing where that is small, else its picture; None without either."""
        drawing, picture = self._bytes(f"{name}.svg"), self._bytes(f"{name}.png")
        if drawing is not None and (len(drawing) <= LARGEST_DRAWING or picture is None):
            return f"data:image/svg+xml;base64,{base64.b64encode(drawing).decode()}"
        try:
            small = None if picture is None else _fewer_colours(picture, self.colours)
        except (OSError, SyntaxError, ValueError):  # no picture, whatever its name says
            small = None
        return None if small is None else f"data:image/png;base64,{base64.b64encode(small).decode()}"

    def _bytes(self, file: str) -> bytes | None:
        try:
            return inside(self.folder, "figures", file).read_bytes() or None
        except (OSError, ValueError):
            return None


@cache
def _fewer_colours(picture: bytes, colours: int) -> bytes:
    """A picture with a palette of so many colours, or itself where that is no smaller."""
    buffer = BytesIO()
    with Image.open(BytesIO(picture)) as image:
        fewer = image.convert("RGB").quantize(colours, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
        fewer.save(buffer, "png")
    small = buffer.getvalue()
    return small if len(small) < len(picture) else picture


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


@cache
def _parser() -> MarkdownIt:
    # As the pages are written: CommonMark and tables. HTML in them is text.
    parser = MarkdownIt("commonmark", {"html": False}).enable("table")
    # An image in the midst of a text is no figure of ours: what it is called stands for it.
    parser.add_render_rule("image", lambda _, tokens, index, *__: str(escape(tokens[index].content)))
    return parser


@cache
def _files() -> dict[str, str]:
    here = Path(__file__).parent
    return {name: (here / name).read_text("utf-8") for name in ("page.css", "page.js")}


@cache
def _environment() -> jinja2.Environment:
    return jinja2.Environment(
        autoescape=True,
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
