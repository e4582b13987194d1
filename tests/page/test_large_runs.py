"""A report of thousands of networks draws a part of them, says so, and keeps all of them in its tables."""

from __future__ import annotations

import csv
import re
from dataclasses import replace
from pathlib import Path

import pytest

from scalesearch.commands.grid.view import grid_page, write_grid_report
from scalesearch.page.evidence import highlights, judged
from scalesearch.records import RunRecord
from tests.page.drawn import GRID as FIGURES
from tests.page.shown import shown


def _large(run: RunRecord, networks: int) -> RunRecord:
    """The run's trained networks over and over, under keys of their own and with other accuracies."""
    done = [c for c in run.candidates if c.status == "completed"]
    copies = []
    for number in range(networks):
        c = done[number % len(done)]
        moved = 0.02 * ((number * 2654435761 % 2**32) / 2**32 - 0.5)
        runs = tuple(
            replace(
                trained,
                top1=trained.top1 + moved,
                curve=(replace(trained.curve[-1], top1=trained.top1 + moved),),
            )
            for trained in c.runs
        )
        copies.append(replace(c, key=f"{number:08x}", runs=runs))
    return replace(run, candidates=tuple(copies))


def test_a_page_says_what_part_of_its_networks_it_draws(make_run) -> None:
    run = make_run(trained=16, seeds=1)
    part = shown(grid_page, _large(run, 240), FIGURES).part
    assert (part.networks, part.marks, part.curves) == (240, 100, 150)
    assert shown(grid_page, _large(run, 100), FIGURES).part is None


def _write_and_check(run: RunRecord, folder: Path) -> dict[str, int]:
    """Writes a report; returns the size of each file, once what it has of the networks was looked at."""
    write_grid_report(run, folder)
    with (folder / "candidates.csv").open(newline="", encoding="utf-8") as file:
        assert [row["key"] for row in csv.DictReader(file)] == [c.key for c in run.candidates]
    page = (folder / "report.html").read_text("utf-8")
    assert f" {len(run.candidates):,} networks" in " ".join(page.split())
    named = {highlight.candidate.key for highlight in highlights(run)}
    data = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    assert data is not None
    assert all(key in data[1] for key in named)
    assert judged(run)[0].key in (folder / "report.md").read_text("utf-8")
    return {path.name: path.stat().st_size for path in folder.rglob("*") if path.is_file()}


@pytest.mark.slow
@pytest.mark.figures
def test_a_page_grows_no_further_where_more_networks_are_trained(make_run, tmp_path: Path) -> None:
    run = make_run(trained=16, seeds=1)
    once = _write_and_check(_large(run, 400), tmp_path / "once")
    again = _write_and_check(_large(run, 400), tmp_path / "again")
    assert once == again
    assert (tmp_path / "once" / "report.html").read_bytes() == (
        tmp_path / "again" / "report.html"
    ).read_bytes()
    more = _write_and_check(_large(run, 1600), tmp_path / "more")
    for name in ("report.md", "report.html", "pareto.svg", "learning_curves.svg", "answer.svg"):
        assert more[name] < 1.15 * once[name], name
    assert more["candidates.csv"] > 3.5 * once["candidates.csv"]


@pytest.mark.slow
@pytest.mark.figures
def test_a_report_of_twenty_thousand_networks_has_the_size_of_one_of_hundreds(
    make_run, tmp_path: Path
) -> None:
    run = make_run(trained=16, seeds=1)
    few = _write_and_check(_large(run, 400), tmp_path / "few")
    many = _write_and_check(_large(run, 20_000), tmp_path / "many")
    for name in ("report.md", "report.html", "pareto.svg", "learning_curves.svg", "answer.svg"):
        assert many[name] < 1.25 * few[name], name
