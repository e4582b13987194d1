"""The fronts of top-1 against each cost: memory, machines that may not be mixed, latencies that wobble."""

from __future__ import annotations

import csv
import io
import re
import statistics
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.text import Text

from scalesearch.commands.grid.view import grid_page
from scalesearch.commands.scale.view import scale_page
from scalesearch.commands.search.evidence import search_evidence
from scalesearch.commands.search.view import write_search_report
from scalesearch.page.evidence import judged
from scalesearch.page.fronts import fronts, pareto_figure
from scalesearch.page.latency import latency_text, machines, unstable, unstable_of
from scalesearch.page.markdown import binary
from scalesearch.page.style import render
from scalesearch.page.tables import candidates_table, csv_text, family_table, fronts_of, pareto_table
from scalesearch.page.templates import part
from scalesearch.records import CandidateRecord, LatencyRecord, RunRecord
from scalesearch.runs.kept import kept_run
from tests.page.changes import with_candidates, with_top1
from tests.page.drawn import GRID as FIGURES

REPORTS = Path(__file__).parents[2] / "reports"

STEADY, SHAKY = (0.004, 0.004, 0.004), (0.004, 0.005, 0.006)


def timing(samples_s: tuple[float, ...], machine: str = "") -> LatencyRecord:
    return LatencyRecord(
        samples_s=samples_s, batch_size=1, threads=2, dtype="float32", device="cpu", machine=machine
    )


def with_latencies(run: RunRecord, *latencies: LatencyRecord) -> RunRecord:
    """The run with these latencies for its trained networks, in order."""
    left = iter(latencies)
    return with_candidates(run, lambda _, c: replace(c, latency=next(left)) if c.status == "completed" else c)


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def labels(run: RunRecord) -> list[str]:
    return [" ".join(axes.get_xlabel().split()) for axes in pareto_figure(run).axes]


def texts(figure) -> str:
    return "\n".join(text.get_text() for legend in figure.legends for text in legend.get_texts())


def page_of(run: RunRecord) -> str:
    return " ".join(grid_page(run, FIGURES).split())


@pytest.mark.parametrize(("trained", "said"), [(1, "1 trained network"), (6, "6 trained networks")])
def test_the_title_counts_the_networks(make_run, trained: int, said: str):
    titles = [
        axes.get_title() + axes.get_title("left") for axes in pareto_figure(make_run(trained=trained)).axes
    ]
    assert re.match(rf"{said}(;|$)", titles[0], re.M)


def test_every_cost_has_a_panel_and_a_front(make_run):
    run = make_run(trained=6)
    assert labels(run) == [
        "multiply-adds of the trained network (millions)",
        "parameters (millions)",
        "inference memory (MiB), batch of 1",
        "latency (ms), batch of 1 on cpu: median, quartiles",
    ]
    assert {axes.get_ylim() for axes in pareto_figure(run).axes} == {pareto_figure(run).axes[0].get_ylim()}
    assert list(fronts(run)) == ["macs", "params", "memory", "latency"]


def test_the_legend_has_what_is_drawn_and_no_more(make_run):
    def with_macs(*macs):
        found = iter(macs)
        run = with_candidates(
            make_run(trained=3),
            lambda _, c: replace(c, macs=next(found)) if c.status == "completed" else c,
        )
        return texts(pareto_figure(with_top1(run, 0.4, 0.5, 0.6)))

    base = make_run(trained=3).baseline["macs"]
    far, near = with_macs(4 * base, 5 * base, 6 * base), with_macs(base, 2 * base, 3 * base)
    assert "cost asked for" not in far
    assert "cost asked for: 2 times the baseline" in near
    few = replace(make_run(trained=12), candidates=tuple(judged(make_run(trained=12))[:1]))
    assert "dominated" not in texts(pareto_figure(few))
    assert "dominated" in texts(pareto_figure(make_run(trained=12)))


def test_the_table_of_fronts_has_each_member_once_and_its_costs_in_bold(make_run):
    run = with_candidates(make_run(trained=3), lambda _, c: replace(c, latency=None))
    costs = {"macs": (1e6, 2e6, 3e6), "params": (3e5, 2e5, 1e5), "inference_bytes": (2**20, 2**20, 2**21)}
    left = iter(zip(*costs.values(), strict=True))

    def change(_: int, c: CandidateRecord) -> CandidateRecord:
        if c.status != "completed":
            return c
        return replace(c, **dict(zip(costs, map(int, next(left)), strict=True)))

    run = with_top1(with_candidates(run, change), 0.4, 0.6, 0.5)
    cells = [
        line.split(" | ")[2:5]
        for line in part("page/fronts.md.j2", "fronts", fronts_of(run)).splitlines()
        if line.startswith("| ")
    ][2:]
    assert cells == [
        ["**2.00 M**", "**200 k**", "**1.00 MiB**"],
        ["3.00 M", "**100 k**", "2.00 MiB"],
        ["**1.00 M**", "300 k", "1.00 MiB"],
    ]
    stacked = [(row["front"], row["top1"]) for row in rows(csv_text(pareto_table(run)))]
    assert stacked == [
        ("macs", "0.4"),
        ("macs", "0.6"),
        ("params", "0.5"),
        ("params", "0.6"),
        ("memory", "0.6"),
    ]


def test_memory_that_nobody_recorded_is_blank_and_said_to_be_unknown(make_run):
    run = with_candidates(
        make_run(trained=4), lambda _, c: replace(c, inference_bytes=None, training_bytes=None)
    )
    assert fronts(run)["memory"] == []
    assert not any("memory" in label for label in labels(run))
    assert candidates_table(run)[["inference_bytes", "training_bytes"]].isna().all(axis=None)
    assert "inference memory" in fronts_of(run).left_out


def test_latencies_of_two_machines_stay_in_the_tables_but_have_no_front_and_no_panel(make_run):
    run = make_run(trained=3)
    one = with_latencies(run, *(timing(STEADY, "5f2a"),) * 3)
    two = with_latencies(run, timing(STEADY, "5f2a"), timing(STEADY, "77b0"), timing(STEADY, "5f2a"))
    old = with_latencies(run, timing(STEADY), timing(STEADY, "77b0"), timing(STEADY))
    assert (machines(judged(one)), machines(judged(two))) == (("5f2a",), ("5f2a", "77b0"))
    assert fronts(one)["latency"]
    assert fronts_of(one).machines == ["`5f2a`"]
    for mixed, named in ((two, ["`5f2a`", "`77b0`"]), (old, ["one that was not recorded", "`77b0`"])):
        assert fronts(mixed)["latency"] == []
        assert not any("latency" in label for label in labels(mixed))
        assert not any("latency" in names for names in candidates_table(mixed)["pareto"])
        assert fronts_of(mixed).machines == named
        assert "latency" in fronts_of(mixed).left_out
        # What it costs otherwise can still be compared.
        assert fronts(mixed)["macs"] == fronts(one)["macs"]
    trained = [row for row in rows(csv_text(candidates_table(two))) if row["status"] == "completed"]
    assert [row["machine"] for row in trained] == ["5f2a", "77b0", "5f2a"]
    assert {row["latency_median_s"] for row in trained} == {"0.004"}
    assert {row["machine"] for row in rows(csv_text(pareto_table(one)))} == {"5f2a"}


@pytest.mark.slow
def test_a_search_on_two_machines_does_not_hold_their_latencies_against_one_another(make_run, tmp_path):
    run = replace(make_run(trained=3), kind="search", objectives=("top1", "latency"))
    # The most accurate network is the slowest too, on another machine.
    latencies = [timing((0.001 * (1 + c.top1),) * 5) for c in run.candidates if c.top1 is not None]
    same = with_latencies(run, *latencies)
    mixed = with_latencies(run, replace(latencies[0], machine="77b0"), *latencies[1:])
    assert len(search_evidence(same).front) == 3
    assert [one.name for one in search_evidence(mixed).objectives] == ["top1"]
    assert [one.candidate.key for one in search_evidence(mixed).front] == [judged(run)[0].key]
    report = write_search_report(mixed, tmp_path)
    assert "77b0" in set(report.table["machine"])
    fronts_csv = report.page.with_name("pareto.csv").read_text()
    assert {row["front"] for row in rows(fronts_csv)} == {"macs", "params", "memory"}


@given(st.lists(st.floats(1e-3, 1.0), min_size=2, max_size=30))
def test_unstable_is_a_quartile_range_over_a_tenth_of_the_median(samples):
    first, middle, third = statistics.quantiles(samples, n=4, method="inclusive")
    share = (third - first) / middle
    if abs(share - 0.1) > 1e-9:
        assert unstable(timing(tuple(samples))) == (share > 0.1)


def test_an_unstable_latency_is_marked_in_the_table_on_the_page_and_in_the_figure(make_run):
    run = with_latencies(make_run(trained=3), timing(STEADY), timing(SHAKY), timing((0.009,) * 3))
    table = candidates_table(run)
    assert [mark for mark in table["latency_unstable"] if mark] == ["no", "yes", "no"]
    page = page_of(run)
    assert "5 ms (unstable)" in page
    values = fronts_of(run)
    assert (values.unstable, values.timed) == (1, 3)
    assert "hollow" in values.mark
    figure = pareto_figure(run)
    hollow = [
        [
            line
            for line in axes.lines
            if line.get_linestyle() == "None" or line.get_marker() not in ("None", "")
        ]
        for axes in figure.axes
    ]
    whites = [sum(line.get_markerfacecolor() == "white" for line in lines) for lines in hollow]
    assert whites == [0, 0, 0, 1]
    assert "hollow" in texts(figure)
    calm = with_latencies(run, *(timing((0.004 + 0.001 * k,) * 3) for k in range(3)))
    assert "hollow" not in texts(pareto_figure(calm))
    assert "unstable" not in page_of(calm).replace("latency_unstable", "")


def test_unstable_latencies_are_counted_among_those_that_are_known():
    known = [timing(STEADY), timing(SHAKY), timing(SHAKY)]
    assert unstable_of([*known, None, timing(())]) == (2, 3)
    assert unstable_of([timing(STEADY), None]) == (0, 1)
    assert [latency_text(one) for one in (timing(STEADY), timing(SHAKY), timing(()), None)] == [
        "4 ms",
        "5 ms (unstable)",
        "",
        "",
    ]


def test_the_family_marks_its_unstable_latencies_too(make_scale):
    record = make_scale(phis=(0, 1), latency=True)
    first, second = record.family
    shaky = replace(record, family=(first, replace(second, latency=timing(SHAKY, "5f2a"))))
    table = family_table(shaky)
    assert list(table["latency_unstable"]) == ["no", "yes"]
    assert list(table["machine"]) == ["", "5f2a"]
    page = scale_page(shaky, ())
    assert "5 ms (unstable)" in page
    assert "unstable" not in scale_page(record, ())


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0 bytes"),
        (1000, "1000 bytes"),
        (1024, "1.00 KiB"),
        (1.5 * 2**20, "1.50 MiB"),
        (1023.9 * 2**20, "1.00 GiB"),
        (1000 * 2**20, "1000 MiB"),
        (12.3 * 2**30, "12.3 GiB"),
    ],
)
def test_bytes_are_said_in_three_digits(value, text):
    assert binary(value) == text


@pytest.mark.figures
def test_the_line_of_the_budget_goes_through_no_label():
    """Labels have a ground of their own, so that a line behind them leaves letters with gaps."""
    run = kept_run(REPORTS / "start-grown").record
    figure = pareto_figure(run)
    render(figure)
    first = figure.axes[0]
    line = next(line for line in first.lines if line.get_linestyle() == ":" or line.is_dashed())
    asked = first.transData.transform((line.get_xdata()[0], 0))[0]
    boxes = [Text.get_window_extent(text) for text in first.texts if text.get_text()]
    assert len(boxes) > 3
    assert not [box for box in boxes if box.x0 < asked < box.x1]
