"""Texts of anybody's that no terminal or page obeys, and words that a shell takes as they are."""

from __future__ import annotations

import re
import shlex
from collections.abc import Collection, Iterable, Sequence
from difflib import get_close_matches

LONGEST = 300
"""Letters of what an error says in the middle of a sentence."""

# What moves a cursor, colours, renames a window or turns letters round, and what no encoding holds: control
# characters but for line ends and tabs, soft hyphens, marks of direction, separators, joiners of words, byte
# order marks, tags, lone surrogates. The joiners that Persian and emoji are written with stay.
UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b\u200e\u200f"
    "\u2028-\u202e\u2060-\u206f\u3164\ud800-\udfff\ufeff\uffa0\ufff9-\ufffb\U000e0000-\U000e007f]"
)


def visible(text: str, *, one_line: bool = False) -> str:
    r"""The text with what cannot be seen in it written as in Python's own texts: ``\x1b``, ``\u202e``.

    With ``one_line`` that goes for line ends and tabs as well.
    """
    shown = UNSEEN.sub(_escape, text)
    return re.sub("[\n\t]", _escape, shown) if one_line else shown


def _escape(match: re.Match[str]) -> str:
    return match[0].encode("unicode_escape").decode("ascii")


def printable(name: object) -> str:
    """A file's name or path as one line of text: a new line, a stray byte and the like are escaped."""
    return visible(str(name), one_line=True)


def one_line(error: object) -> str:
    """What an error says, on one line of bounded length; its kind where it says nothing, or cannot."""
    try:
        text = " ".join(str(error).split())[:LONGEST]
    except Exception:  # an error of a user's own code has its own ways
        text = ""
    return text or type(error).__name__


def bare(error: object) -> str:
    """What an error says, to stand within another's: without the marks of its argument."""
    return str(error).replace("`", "")


def size_text(size: Iterable[int]) -> str:
    """The height and width of images: ``224x192``; ``224`` where they are the same."""
    return "x".join(map(str, dict.fromkeys(size)))


def command(words: Iterable[str]) -> str:
    """A command line that a shell takes apart into these words."""
    return " ".join(map(_word, words))


def quoted(path: object) -> str:
    """A path as a word of a command line; one that begins with a dash is not taken for an option."""
    text = str(path)
    return _word(f"./{text}" if text.startswith("-") else text)


def _word(text: str) -> str:
    if UNSEEN.search(text) is None and "\n" not in text and "\t" not in text:
        return shlex.quote(text)
    # What a terminal must not be shown cannot be copied from it: a shell's own escapes can.
    spelt = visible(re.sub(r"[\\']", r"\\\g<0>", text), one_line=True)
    return "$'" + re.sub(r"\\udc([89a-f].)", r"\\x\1", spelt) + "'"


def near(text: str, names: Collection[str]) -> str:
    """``; did you mean grid?``: the names nearest to a text, as the end of an error; empty for none."""
    # Of two or three letters one may differ.
    meant = get_close_matches(text.lower(), list(names), cutoff=0.5 if len(text) < 4 else 0.6)
    return f"; did you mean {' or '.join(meant)}?" if meant else ""


def one_of(names: Sequence[str]) -> str:
    """``grid, search or sweep``: one of these."""
    return " or ".join(filter(None, (", ".join(names[:-1]), *names[-1:])))


WORD = re.compile(r"(?:\$'(?:[^'\\]|\\.)*'|'[^']*'|\"[^\"]*\"|\\.|[^\s'\"\\])+")
"""A word of a command line as it is written there, quotes and all."""


def without_options(command: str, options: Sequence[str]) -> str:
    """A command line without some of its options and their values, all else as it is written."""
    kept: list[str] = []
    words = iter(WORD.findall(command))
    for word in words:
        name, equals, _ = word.lstrip("$'\"").partition("=")
        if name not in options:
            kept.append(word)
        elif not equals:
            next(words, None)
    return " ".join(kept)
