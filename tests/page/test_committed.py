"""The committed reports of grids: their tables of single runs give the very numbers beside them."""

from __future__ import annotations

import html
import io
from pathlib import Path

import pandas as pd
import pytest

from scalesearch.page.tables import candidates_table, csv_text, pareto_table
from scalesearch.runs.kept import kept_run
from scalesearch.runs.kinds import pages as page_names
from tests.conftest import slow_but

REPORTS = Path(__file__).parents[2] / "reports"
GRIDS = (
    *("start-grown", "start-scratch", "step1-efficientnet-b0", "step1-equal-cost", "step1-equal-cost-quick"),
    *("step1-mobilenet-v2", "step1-resnet-18"),
)


@pytest.mark.parametrize("name", slow_but(("start-grown", "step1-efficientnet-b0"), GRIDS))
def test_a_committed_report_has_the_numbers_that_its_single_runs_give(name: str) -> None:
    run = kept_run(REPORTS / name).record
    for file, table in (("candidates.csv", candidates_table(run)), ("pareto.csv", pareto_table(run))):
        then = pd.read_csv(REPORTS / name / file)
        now = pd.read_csv(io.StringIO(csv_text(table)))
        # There may be more columns by now.
        pd.testing.assert_frame_equal(now[list(then)], then, rtol=1e-6, atol=0)


@pytest.mark.parametrize("name", GRIDS)
def test_recovered_runs_say_so(name: str) -> None:
    run = kept_run(REPORTS / name).record
    trained = [r for c in run.candidates for r in c.runs]
    assert len(trained) == run.settings["seeds"] * sum(c.status == "completed" for c in run.candidates)
    for seed_run in trained:
        assert seed_run.source.startswith("top-1 read from figures/seeds.svg")
        # A share of the held-out images, which are whole.
        right = seed_run.top1 * seed_run.held_out_images
        assert right == pytest.approx(round(right), abs=1e-9)


def test_committed_html_pages_are_small_and_of_the_page_beside_them() -> None:
    pages = sorted(REPORTS.glob("*/report.html"))
    assert len(pages) > 5
    for page in pages:
        text = page.read_text("utf-8")
        assert len(text.encode()) < 500_000, page
        markdown = next(page.with_name(n) for n in page_names() if page.with_name(n).exists()).read_text(
            "utf-8"
        )
        title = markdown.splitlines()[0].removeprefix("# ").replace("\\", "")
        assert html.unescape(text.partition("<title>")[2].partition("</title>")[0]) == title, page
        headings = [line for line in markdown.splitlines() if line.startswith("## ")]
        assert text.count("<h2 ") == len(headings), page


def test_committed_pages_have_under_1000_words() -> None:
    pages = [path for name in page_names() for path in sorted(REPORTS.glob(f"*/{name}"))]
    assert len(pages) > 15
    for page in pages:
        lines = page.read_text("utf-8").splitlines()
        words = sum(len(line.split()) for line in lines if not line.startswith("|"))
        assert words < 1000, (page, words)
