"""Pages and figures stay the size of a small run's, however many networks there are."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.artist import Artist

from scalesearch.commands.grid.figures import curves_figure
from scalesearch.commands.grid.view import grid_page
from scalesearch.commands.search.evidence import _history, hypervolume_share
from scalesearch.commands.sweep.figures import dimensions_figure, sweep_figure
from scalesearch.commands.sweep.view import sweep_page, sweep_table
from scalesearch.page.fronts import pareto_figure
from scalesearch.page.markdown import MOST_CURVES, MOST_MARKS, MOST_ROWS, drawn_part, evenly
from scalesearch.page.parts import PageTable
from scalesearch.page.style import render
from scalesearch.page.tables import candidates_table, csv_text
from scalesearch.page.templates import part
from scalesearch.records import CandidateRecord, RunRecord
from tests.page.drawn import SWEEP as SWEEP_FIGURES
from tests.page.test_sweep_report import fabricate


def _many(run: RunRecord, copies: int, status: str = "") -> RunRecord:
    """The run with each of its networks so many times over, under other keys."""
    many: list[CandidateRecord] = []
    for copy in range(copies):
        many += [
            replace(c, key=f"{c.key}{copy}", macs=c.macs + copy, status=status or c.status) if copy else c
            for c in run.candidates
        ]
    return replace(run, candidates=tuple(many))


def test_a_page_does_not_grow_with_the_networks_that_were_skipped(make_run):
    small = make_run(trained=12)
    few = {c.key for c in small.candidates if c.status == "completed"}
    large = _many(small, 60)
    large = replace(
        large,
        candidates=tuple(
            c if c.key in few else replace(c, status="skipped", runs=(), latency=None)
            for c in large.candidates
        ),
    )
    pages = [grid_page(run, ()) for run in (small, large)]
    assert len(pages[1]) < len(pages[0]) + 200
    assert csv_text(candidates_table(large)).count("skipped") == len(large.candidates) - 12


def test_tables_and_figures_of_many_trained_networks_are_bounded_and_say_so(make_run):
    small, large = make_run(seeds=2), _many(make_run(seeds=2), 5)
    assert len(large.candidates) > MOST_MARKS
    page = grid_page(large, ())
    assert f"And {len(large.candidates) - MOST_ROWS:,} more networks in `candidates.csv`." in page
    assert len(page) < 3 * len(grid_page(small, ()))
    for figure, most in (
        (pareto_figure(large), MOST_MARKS),
        (curves_figure(large), MOST_CURVES),
    ):
        assert figure is not None
        axes = figure.axes[0]
        assert f"drawn: {most} of " in axes.get_title(loc="left")
        # Each point of a line is a mark, or a curve of some looks is a line; and a handful of lines beside.
        marks = sum(len(line.get_xdata()) for line in axes.lines if line.get_linestyle() == "None")
        assert len(axes.lines) < most + 100
        assert marks <= most + 20
    # All of the default grid's networks have room.
    assert "drawn:" not in "".join(axes.get_title(loc="left") for axes in pareto_figure(small).axes)


@pytest.mark.figures
def test_the_file_of_a_figure_of_many_networks_stays_small(make_run):
    figure = pareto_figure(_many(make_run(seeds=2, halving=True), 12))
    assert figure is not None
    for stopped in (line for line in figure.axes[0].lines if line.get_marker() == "x"):
        assert len(stopped.get_xdata()) == MOST_MARKS
    assert f"drawn: {MOST_MARKS} of " in (title := figure.axes[0].get_title(loc="left"))
    assert "networks stopped early, an even spread" in title
    svg = render(figure)["svg"]
    assert len(svg) < 300_000
    # A hundredth of a point is finer than any screen; a letter's own outline is scaled and stays as it is.
    places = re.findall(rb' (?:d|x|y)="([^"]*)"', svg)
    assert len(places) > 1000
    assert not any(re.search(rb"\.\d{3}", place) for place in places)
    assert b"scale(0.015625)" in svg


@pytest.mark.slow
def test_a_sweep_over_many_budgets_shows_an_even_part_of_them_and_says_so() -> None:
    few, many = (fabricate(phis=tuple(0.02 * step for step in range(1, count + 1))) for count in (12, 300))
    pages = [sweep_page(run, SWEEP_FIGURES) for run in (few, many)]
    assert len(pages[1]) < 1.5 * len(pages[0])
    assert "And 288 more budgets in `sweep.csv`" in pages[1]
    assert "more budget" not in pages[0]
    assert [f"| {phi} | depth |" in pages[1] for phi in ("0.02", "0.04", "6")] == [True, False, True]
    assert len(sweep_table(many)) == len(many.candidates)
    for draw in (sweep_figure, dimensions_figure):
        small, large = draw(few), draw(many)
        assert small is not None
        assert large is not None
        assert "drawn: 20 of 300 budgets, an even spread" in large.axes[0].get_title(loc="left")
        assert "drawn:" not in small.axes[0].get_title(loc="left")
        assert len(large.findobj(Artist)) < 1.2 * len(small.findobj(Artist))
        marks = [line for line in large.axes[0].lines if line.get_linestyle() == "None"]
        assert {20} <= {len(line.get_xdata()) for line in marks} <= {1, 20}


@given(st.integers(1, 300), st.integers(1, 40), st.sets(st.integers(0, 299)))
def test_a_part_keeps_what_stands_out_and_spreads_the_rest(number: int, most: int, named: set[int]) -> None:
    part = drawn_part(range(number), named.__contains__, most)
    assert part == sorted(set(part))
    assert len(part) == min(number, most)
    here = [item for item in range(number) if item in named]
    if len(here) <= most:
        assert set(here) <= set(part)
    spread = evenly(range(number), most)
    assert spread[0] == 0
    assert most == 1 or number == 1 or spread[-1] == number - 1


def test_only_a_table_that_is_cut_says_so() -> None:
    for rows, said in ((MOST_ROWS, ""), (MOST_ROWS + 1, "\n\nAnd 1 more network in `candidates.csv`.")):
        table = PageTable.of(("a",), [("x",)] * rows)
        text = part("page/parts.md.j2", "cut_table", table, "candidates.csv")
        assert text.count("| x |") == MOST_ROWS
        assert text.endswith(f"| x |{said}")


@given(st.lists(st.tuples(st.sampled_from([0.1, 0.4, 0.6]), st.sampled_from([1.0, 3.0, 7.0])), max_size=12))
def test_the_history_of_a_front_is_what_all_points_so_far_dominate(points: list[tuple[float, float]]) -> None:
    worst, ideal = (0.05, 8.0), (1.0, 0.0)
    history = _history(points, (True, False), worst, ideal)
    expected = [hypervolume_share(points[:count], worst, ideal) for count in range(1, len(points) + 1)]
    assert history == pytest.approx(expected)
