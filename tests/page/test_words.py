"""Words that pages, help and documents may not use of what no test has shown."""

from __future__ import annotations

import re
from pathlib import Path

import scalesearch

PACKAGE = Path(scalesearch.__file__).parent
ROOT = Path(__file__).parents[2]
OLD_NAME = '"winner"'
"""The word of earlier versions for the network of the highest mean, which commands still take."""


def test_nothing_that_is_shown_calls_the_highest_mean_a_winner() -> None:
    """The highest of several noisy means is that alone; only a test could tell of a winner."""
    sources = [*PACKAGE.rglob("*.py"), ROOT / "README.md", *(ROOT / "experiments").rglob("*.md")]
    sources += [path for suffix in ("md", "svg") for path in (ROOT / "reports").rglob(f"*.{suffix}")]
    told = {
        str(path.relative_to(ROOT))
        for path in sources
        if re.search("winner", path.read_text(encoding="utf-8").replace(OLD_NAME, ""), re.IGNORECASE)
    }
    # Its one mention is the comment that says why the old word is still taken.
    assert not told
