"""Columns of a table: its CSV file, a terminal and a page made of one value each."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from scalesearch.cli.terminal import print_table
from scalesearch.page.columns import Cell, Column, Columns, by_name, field, on_page, page_only, pick
from scalesearch.page.markdown import Markdown, code
from scalesearch.page.tables import csv_text


@dataclass(frozen=True)
class Net:
    """A row."""

    name: str
    macs: int | None = None
    share: float | None = None
    machine: str = "here"


SHARED = by_name(
    (
        field("name", terminal=Cell(left=True), head="network", page=lambda net: code(net.name)),
        field("macs", kind="whole", terminal=Cell("{:,d}"), head="MACs", page=lambda net: str(net.macs)),
    )
)
TABLE: Columns[Net] = Columns(
    columns=(
        *pick(SHARED, "macs", "name"),
        field(
            "share",
            terminal=Cell("{:.1f} %", scale=100, head="part"),
            head="part",
            page=lambda net: f"<{net.share:.2f}",
        ),
        Column(name="double", value=lambda net: None if net.macs is None else 2 * net.macs),
        field("machine", terminal=Cell(telling=True)),
    ),
    terminal=("name", "macs"),
    page=("name",),
)
ROWS = (Net("small", 1000, 1 / 3), Net("large|", None, 0.5))


def test_a_csv_file_has_all_columns_in_their_order_whole_numbers_whole() -> None:
    assert csv_text(TABLE.frame(ROWS)).splitlines() == [
        "macs,name,share,double,machine",
        "1000,small,0.333333333333,2000,here",
        ",large|,0.5,,here",
    ]


def test_a_typed_table_keeps_its_digits_and_its_kinds_where_nothing_is_known() -> None:
    typed: Columns[Net] = Columns(columns=(*pick(SHARED, "macs"), field("share")), typed=True)
    frame = typed.frame([Net("a"), Net("b", share=1 / 3)])
    assert str(frame["macs"].dtype) == "Int64"
    assert csv_text(frame).splitlines()[-1] == ",0.3333333333333333"


def test_a_terminal_shows_what_is_named_then_the_tables_own(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(TABLE.frame(ROWS), "table", columns=TABLE.cells)
    assert [line.split() for line in capsys.readouterr().out.splitlines()] == [
        ["name", "macs", "part"],
        ["small", "1,000", "33.3", "%"],
        ["large|", "-", "50.0", "%"],
    ]


def test_a_column_that_tells_nothing_apart_is_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    rows = (*ROWS, Net("third", machine="there"))
    print_table(TABLE.frame(rows), "table", columns=TABLE.cells)
    assert capsys.readouterr().out.splitlines()[0].split() == ["name", "macs", "part", "machine"]


def test_a_page_shows_what_is_named_then_the_tables_own_in_what_it_calls_them() -> None:
    table = TABLE.table(ROWS)
    assert table.header == ["network", "part"]  # of columns that several have only those that are named
    assert table.rows == [["`small`", "<0.33"], ["`large\\|`", "<0.50"]]
    assert isinstance(table.rows[0][0], Markdown)
    assert TABLE.table(ROWS, heads={"share": "share"}, order=("share", "macs")).header == ["share", "MACs"]
    assert TABLE.table(ROWS, but=("share",)).header == ["network"]


def test_another_table_may_show_a_shared_column_in_its_own_way() -> None:
    other: Columns[Net] = Columns(
        columns=on_page(
            pick(SHARED, "name", "macs", macs=Cell("{:.1e}")), macs=("cost", lambda net: f"{net.macs} MACs")
        ),
        terminal=("macs",),
        page=("macs",),
    )
    assert other.cells == {"macs": Cell("{:.1e}")}
    assert other.table(ROWS[:1]).rows == [["1000 MACs"]]
    assert TABLE.cells["macs"] == Cell("{:,d}")


def test_a_column_is_there_where_its_rows_ask_for_it() -> None:
    table: Columns[Net] = Columns(
        columns=(
            field("name"),
            Column(
                name="macs",
                value=lambda net: net.macs,
                only=lambda nets: any(net.macs is not None for net in nets),
            ),
        )
    )
    assert list(table.frame(ROWS)) == ["name", "macs"]
    assert list(table.frame(ROWS[1:])) == ["name"]
    assert list(table.frame(ROWS[1:], among=ROWS)) == ["name", "macs"]


def test_a_page_formats_values_as_a_terminal_does() -> None:
    """The same ``Cell`` serves both; what is unknown is blank, and whole numbers stay whole."""
    columns: Columns[Net] = Columns(
        columns=(
            field("name", page=Cell(head="network")),
            field("macs", page=Cell("{} MACs")),
            field("share", page=Cell("{:.1f}%", scale=100, head="part")),
            page_only("twice", lambda net: str(2 * (net.share or 0))),
        )
    )
    table = columns.table(ROWS)
    assert table.header == ["network", "macs", "part", "twice"]
    assert table.rows[0][:3] == ["small", "1000 MACs", "33.3%"]
    assert table.rows[1] == ["large|", "", "50.0%", "1.0"]
    assert "twice" not in columns.frame(ROWS)
