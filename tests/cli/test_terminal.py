"""Tables where there is little room: no number loses a digit."""

from __future__ import annotations

import pandas as pd
import pytest

from scalesearch.cli.show import MOST_PRINTED, print_table

FRAME = pd.DataFrame({"name": ["small", "large"], "params": [1234, 5_288_548], "macs_ratio": [1.0, 2.57]})
COLUMNS = {"name": "{}", "params": "{:,d}", "macs_ratio": "{:.2f}"}


@pytest.mark.parametrize("width", [140, 28, 24, 22, 14, 10])
def test_every_digit_is_shown_at_any_width(capsys: pytest.CaptureFixture[str], width: int) -> None:
    print_table(FRAME, "table", columns=COLUMNS, width=width)
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= width
    shown = "".join(lines)
    assert "…" not in shown
    assert sum(map(str.isdigit, shown)) == len("12345288548100257")
    whole = any(line.split() == ["large", "5,288,548", "2.57"] for line in lines)
    assert whole == (width >= 22)


def test_a_small_table_for_each_value_where_one_does_not_fit(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(FRAME, "table", columns=COLUMNS, width=20, short={"macs_ratio": "x"}, apart="name")
    assert [line.split() for line in capsys.readouterr().out.splitlines()] == [
        *(["small"], ["params", "x"], ["1,234", "1.00"]),
        *(["large"], ["params", "x"], ["5,288,548", "2.57"]),
    ]


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
