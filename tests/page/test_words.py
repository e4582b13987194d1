"""Words that pages, help and documents may not use of what no test has shown."""

from __future__ import annotations

import re
from pathlib import Path

import scalesearch

PACKAGE = Path(scalesearch.__file__).parent
ROOT = Path(__file__).parents[2]
OLD_NAME = '"winner"'
"""The word of earlier versions for the network of the highest mean, which commands still take."""
SHOWN = {
    PACKAGE: ("py", "j2", "js"),
    ROOT / "docs": ("md", "ipynb"),
    ROOT / "experiments": ("md", "py"),
    ROOT / "reports": ("md", "svg", "html"),
}
"""Where words are that people read, and the endings of their files."""


def _calls_a_winner(text: str) -> bool:
    return re.search("winner", text.replace(OLD_NAME, ""), re.IGNORECASE) is not None


def test_nothing_that_is_shown_calls_the_highest_mean_a_winner() -> None:
    """The highest of several noisy means is that alone; only a test could tell of a winner."""
    sources = [path for folder, endings in SHOWN.items() for e in endings for path in folder.rglob(f"*.{e}")]
    assert {path.suffix for path in sources if PACKAGE in path.parents} == {".py", ".j2", ".js"}
    sources.append(ROOT / "README.md")
    # Its one mention is the comment that says why the old word is still taken.
    assert [str(path.relative_to(ROOT)) for path in sources if _calls_a_winner(path.read_text("utf-8"))] == []
