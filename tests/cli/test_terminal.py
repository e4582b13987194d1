"""Tables where there is little room: no number loses a digit."""

from __future__ import annotations

import errno
import os
import pty
import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from click.testing import Result

from scalesearch.cli.terminal import MOST_PRINTED, print_table
from scalesearch.page.columns import Cell
from scalesearch.page.tables import CANDIDATES
from tests.processes import started

FRAME = pd.DataFrame({"name": ["small", "large"], "params": [1234, 5_288_548], "macs_ratio": [1.0, 2.57]})
COLUMNS = {"name": Cell(left=True), "params": Cell("{:,d}"), "macs_ratio": Cell("{:.2f}", short="x")}


@pytest.mark.parametrize("width", [140, 28, 24, 22, 14, 10])
def test_every_digit_is_shown_at_any_width(
    capsys: pytest.CaptureFixture[str], width: int, wide: Callable[[int], None]
) -> None:
    wide(width)
    print_table(FRAME, "table", columns=COLUMNS)
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= width
    shown = "".join(lines)
    assert "…" not in shown
    assert sum(map(str.isdigit, shown)) == len("12345288548100257")
    whole = any(line.split() == ["large", "5,288,548", "2.57"] for line in lines)
    assert whole == (width >= 22)


def test_a_small_table_for_each_value_where_one_does_not_fit(
    capsys: pytest.CaptureFixture[str], wide: Callable[[int], None]
) -> None:
    wide(20)
    print_table(FRAME, "table", columns=COLUMNS, apart="name")
    assert [line.split() for line in capsys.readouterr().out.splitlines()] == [
        *(["small"], ["params", "x"], ["1,234", "1.00"]),
        *(["large"], ["params", "x"], ["5,288,548", "2.57"]),
    ]


def test_an_unstable_latency_is_marked(capsys: pytest.CaptureFixture[str]) -> None:
    frame = pd.DataFrame(
        {
            "alpha": [1.0, 1.1, 1.2],
            "latency_median_s": [0.001, 0.002, None],
            "latency_unstable": ["yes", "no", None],
        }
    )
    print_table(frame, "table", columns=CANDIDATES.cells)
    assert [line.split() for line in capsys.readouterr().out.splitlines()[1:]] == [
        *(["1", "1.00", "ms", "(unstable)"], ["1.1", "2.00", "ms"], ["1.2", "-"]),
    ]


def test_a_row_is_one_line_where_no_terminal_is(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "20")
    words = {f"column {i}": ["words that a terminal would fold"] * 3 for i in range(40)}
    print_table(pd.DataFrame(words), "table", apart="column 0")
    lines = capsys.readouterr().out.splitlines()
    assert [line.count("fold") for line in lines] == [0, 40, 40, 40]


@pytest.mark.parametrize(
    ("command", "begins"),
    [
        ("describe resnet-18", "stage"),
        ("explain b1", "stage"),
        ("describe --recipe steady", "optimizer "),
        pytest.param("scale --phi 0,1 --out OUT", "b", marks=pytest.mark.slow),
    ],
)
def test_a_commands_table_folds_in_a_terminal_alone(
    run: Callable[..., Result], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str, begins: str
) -> None:
    words = command.replace("OUT", str(tmp_path)).split()
    monkeypatch.setenv("COLUMNS", "1000")
    whole = run(*words).stdout
    assert any(line.startswith(begins) for line in whole.splitlines())
    monkeypatch.setenv("COLUMNS", "30")
    assert run(*words).stdout == whole
    assert max(map(len, whole.splitlines())) > 60


def test_a_table_of_very_many_rows_shows_the_first_and_says_how_many_more_there_are(capsys):
    frame = pd.DataFrame({"alpha": [1 + i / 1e4 for i in range(MOST_PRINTED + 7)]})
    print_table(frame, "table")
    printed = capsys.readouterr().out.splitlines()
    assert len(printed) == 1 + MOST_PRINTED + 1
    assert printed[-1] == "And 7 more; `--format csv` and `--format json` print all."
    print_table(frame, "csv")
    assert len(capsys.readouterr().out.splitlines()) == 1 + len(frame)
    print_table(frame.head(MOST_PRINTED), "table")
    assert "more" not in capsys.readouterr().out


HOSTILE = r"""
import logging, sys, warnings
from scalesearch.cli.progress import CommandTeller
from scalesearch.cli.terminal import echo, open_streams, terminal

open_streams()
spinner = CommandTeller(str).waiting
evil = "\x1b[2J\x1b]0;title\x07\x9b31m\u202eevil\roverwritten"

def all_ways(place):
    print(place, "printed", evil)
    print(place, "on error", evil, file=sys.stderr)
    sys.stderr.writelines([place + " lines " + evil, "\n"])
    warnings.warn(place + " warned " + evil)
    logging.getLogger("a").warning(place + " logged " + evil)
    echo(place + " echoed " + evil, err=True, style={"fg": "green"})
    terminal(err=True).print(place + " shown " + evil, style="bold")

all_ways("before")
with spinner("bars") as tick:
    tick()
    all_ways("within")
    with spinner("more bars") as another:
        another()
        all_ways("nested")
all_ways("after")
raise RuntimeError(evil)
"""
OBEYED = ("\x1b[2J", "\x1b]", "\x07", "\x9b", "\x1b[31m", "\u202e", "\x1b]8")


def test_nothing_that_anybody_writes_is_obeyed_by_a_terminal(tmp_path: Path) -> None:
    script = tmp_path / "hostile.py"
    script.write_text(HOSTILE, "utf-8")
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm-256color", "PYTHONIOENCODING": "utf-8"}
    with started(
        sys.executable, script, stdin=theirs, stdout=theirs, stderr=theirs, env=environment
    ) as process:
        os.close(theirs)
        pieces = []
        while piece := _read(ours):
            pieces.append(piece)
        process.wait()
    os.close(ours)
    assert process.returncode == 1
    text = b"".join(pieces).decode()
    for sign in OBEYED:
        assert sign not in text, repr(sign)
    ways = ("printed", "on error", "lines", "warned", "logged", "echoed", "shown")
    for place in ("before", "within", "nested", "after"):
        for way in ways:
            assert f"{place} {way} \\x1b[2J" in text.replace("\x1b[0m", "").replace("\x1b[1m", ""), (
                place,
                way,
            )
    assert "\x1b[32mbefore echoed" in text, "what is ours is coloured"


def _read(handle: int) -> bytes:
    try:
        return os.read(handle, 65536)
    except OSError as error:
        if error.errno != errno.EIO:  # how Linux says that the other end is closed
            raise
        return b""
