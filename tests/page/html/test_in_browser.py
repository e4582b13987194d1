"""``report.html`` in a real headless Chromium: no console error, nothing overlaps, and what is clicked answers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from scalesearch.commands.grid.view import grid_page, interactive
from scalesearch.commands.scale.view import scale_page
from scalesearch.page.html.interactive import family_parts
from scalesearch.page.html.page import html_page
from scalesearch.runs.kept import kept_run
from tests.page.drawn import GRID as FIGURES
from tests.page.html.browser import Browser, browser_path
from tests.page.html.test_html_page import hostile

REPORTS = Path(__file__).parents[3] / "reports"
NONE = "no Chromium on this machine (apt-get install chromium)"
pytestmark = pytest.mark.skipif(browser_path() is None, reason=NONE)

# Texts of which any is seen through another: every run of letters that is shown, against every other.
OVERLAPS = """
(() => {
  const boxes = [];
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walk.nextNode(); node; node = walk.nextNode()) {
    if (!node.textContent.trim() || !node.parentElement.checkVisibility()) continue;
    if (node.parentElement.closest("script, style, noscript, option, #card")) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    for (const r of range.getClientRects()) {
      const scroll = node.parentElement.closest(".scroll, pre");
      const clip = scroll ? scroll.getBoundingClientRect() : { left: -1e9, right: 1e9 };
      const left = Math.max(r.left, clip.left), right = Math.min(r.right, clip.right);
      if (right - left > 1 && r.height > 1) boxes.push([left, r.top, right, r.bottom, node.textContent.trim()]);
    }
  }
  boxes.sort((a, b) => a[1] - b[1]);
  const found = [];
  for (let i = 0; i < boxes.length; i++) {
    for (let j = i + 1; j < boxes.length && boxes[j][1] < boxes[i][3]; j++) {
      const wide = Math.min(boxes[i][2], boxes[j][2]) - Math.max(boxes[i][0], boxes[j][0]);
      const high = Math.min(boxes[i][3], boxes[j][3]) - boxes[j][1];
      if (wide > 2 && high > 4) found.push([boxes[i][4], boxes[j][4]]);
    }
  }
  return found;
})()
"""
OUTSIDE = """
[...document.querySelectorAll("body *")].filter((e) => !e.closest(".scroll, pre, svg, noscript, #card")
  && e.getBoundingClientRect().right > document.documentElement.clientWidth + 1).map((e) => e.outerHTML.slice(0, 80))
"""


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Pages of committed reports, made anew."""
    folder = tmp_path_factory.mktemp("pages")
    texts = {}
    for name in ("step1-efficientnet-b0-16000", "step1-efficientnet-b0"):
        run = kept_run(REPORTS / name).record
        texts[name] = html_page((REPORTS / name / "report.md").read_text(), REPORTS / name, interactive(run))
    for name, file in (
        ("measure-b0-b7", "report.md"),
        ("law-215546cd", "report.md"),
        ("audit-of-the-paper", "audit.md"),
    ):
        texts[name] = html_page((REPORTS / name / file).read_text(), REPORTS / name)
    written = {}
    for name, text in texts.items():
        written[name] = folder / f"{name}.html"
        written[name].write_text(text, "utf-8")
    return written


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """One browser for the whole file: its start takes most of the time."""
    path = browser_path()
    assert path is not None
    there = Browser(path, tmp_path_factory.mktemp("profile"))
    yield there
    there.close()


@pytest.fixture
def grid(browser: Browser, pages: dict[str, Path]) -> Iterator[Browser]:
    """The browser with the page of a grid open; a console error fails the test."""
    browser.errors.clear()
    browser.open(pages["step1-efficientnet-b0-16000"])
    yield browser
    assert browser.errors == []


@pytest.fixture
def scale(browser: Browser, make_scale, tmp_path) -> Iterator[Browser]:
    """The browser with the page of a family open."""
    record = make_scale()
    page = tmp_path / "scale.html"
    page.write_text(html_page(scale_page(record, ("cost",)), tmp_path, family_parts(record)), "utf-8")
    browser.errors.clear()
    browser.open(page)
    yield browser
    assert browser.errors == []


def text_of(browser: Browser, selector: str) -> Any:
    return browser.run(f"document.querySelector({json.dumps(selector)}).textContent")


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize(
    "name",
    [
        "step1-efficientnet-b0-16000",
        "step1-efficientnet-b0",
        "measure-b0-b7",
        "law-215546cd",
        "audit-of-the-paper",
    ],
)
def test_a_page_loads_without_a_complaint_and_no_text_lies_over_another(browser, pages, name, width):
    browser.errors.clear()
    browser.open(pages[name], width)
    assert browser.errors == []
    assert browser.run(OVERLAPS) == []
    assert browser.run(OUTSIDE) == []
    assert browser.run("document.documentElement.scrollWidth") <= width
    assert browser.run("[...document.images].filter((i) => !i.complete || !i.naturalWidth).length") == 0


def test_hostile_names_are_shown_and_do_nothing(browser, make_run, tmp_path):
    run = hostile(make_run(trained=16, seeds=3, latency=True))
    page = tmp_path / "</script><img src=x onerror=alert(1)>.html".replace("/", "")
    page.write_text(html_page(grid_page(run, FIGURES), tmp_path, interactive(run)), "utf-8")
    browser.errors.clear()
    browser.open(page)
    assert browser.errors == []
    assert browser.run("document.images.length") == 0
    assert browser.run("document.scripts.length") == 2
    assert browser.run("document.title").startswith("</script><img src=x onerror=alert(1)>")
    browser.move("#triangle .point", click=True)
    assert browser.run("document.images.length") == 0
    assert browser.run(OVERLAPS) == []


def test_a_page_follows_the_readers_light_or_dark(browser, pages):
    shades = {}
    for dark in (False, True):
        browser.open(pages["step1-efficientnet-b0-16000"], dark=dark)
        shades[dark] = browser.run(
            "[document.body, document.querySelector('svg text')].map((e) => getComputedStyle(e)).map("
            "(s) => [s.backgroundColor, s.fill])"
        )
    assert shades[False] != shades[True]


def test_without_scripts_the_figures_are_shown(browser, pages):
    browser.errors.clear()
    browser.open(pages["step1-efficientnet-b0-16000"], script=False)
    size = browser.call("Page.getLayoutMetrics")["cssContentSize"]["height"]
    browser.open(pages["step1-efficientnet-b0-16000"])
    assert size > 0
    assert "data:image/" in browser.run("document.querySelector('noscript').textContent")


def test_a_point_of_the_triangle_shows_its_card_by_pointer_and_by_keyboard(grid):
    assert grid.run("document.getElementById('card').hidden")
    grid.move("#triangle .point[data-network='0']")
    told = text_of(grid, "#card")
    for fact in ("alpha, beta, gamma", "as built", "MACs", "params", "top-1", "fitted", "seeds"):
        assert fact in told
    grid.move("h1")
    assert grid.run("document.getElementById('card').hidden")
    grid.run("document.querySelector(\"#triangle .point[data-network='1']\").focus()")
    assert text_of(grid, "#card") != told
    grid.press("Escape")
    assert grid.run("document.getElementById('card').hidden")
    assert grid.run(
        "[...document.querySelectorAll('.point')].every((p) => p.tabIndex === 0 && p.getAttribute('aria-label'))"
    )


def test_a_clicked_point_shows_its_learning_curve(grid):
    assert "Click a network" in text_of(grid, "#clicked")
    grid.move("#triangle .point[data-network='3']", click=True)
    name = grid.run("JSON.parse(document.getElementById('data').textContent).networks[3].name")
    assert name in text_of(grid, "#clicked")
    assert grid.run("document.querySelectorAll('#clicked svg polyline.bold').length") == 1
    assert grid.run("document.querySelectorAll('#pareto .point.chosen').length") == 1
    grid.run("document.querySelector(\"#triangle .point[data-network='4']\").focus()")
    grid.press("Enter")
    assert grid.run("document.querySelector('#triangle .point.chosen').dataset.network") == "4"
    assert name not in text_of(grid, "#clicked")


def test_a_table_sorts_both_ways_and_says_so(grid):
    column = "[...document.querySelectorAll('th')].findIndex((h) => h.textContent.includes('mean top-1'))"
    table = f"document.querySelectorAll('th')[{column}].closest('table')"
    cell = f"[...{table}.querySelectorAll('th')].findIndex((h) => h.textContent.includes('mean top-1'))"
    values = f"[...{table}.tBodies[0].rows].map((r) => parseFloat(r.cells[{cell}].textContent))"
    before = grid.run(values)
    head = f"document.querySelectorAll('th')[{column}]"
    grid.run(f"{head}.id = 'sorted'")
    grid.move("#sorted button", click=True)
    assert grid.run(values) == sorted(before, reverse=True)
    assert grid.run(f"{head}.getAttribute('aria-sort')") == "descending"
    grid.move("#sorted button", click=True)
    assert grid.run(values) == sorted(before)
    assert grid.run(f"{head}.getAttribute('aria-sort')") == "ascending"
    grid.move("#sorted ~ th button", click=True)
    assert grid.run(f"{table}.querySelectorAll('[aria-sort]').length") == 1


def test_columns_can_be_left_out(grid):
    grid.run("document.querySelector('details.columns').open = true")
    grid.move("details.columns input", click=True)
    hidden = grid.run("document.querySelectorAll('th[hidden]').length")
    assert hidden == 1
    assert grid.run("getComputedStyle(document.querySelector('td[hidden]')).display") == "none"
    grid.move("details.columns input", click=True)
    assert grid.run("document.querySelectorAll('[hidden]:not(#card)').length") == 0


def test_the_pareto_chart_changes_its_cost(grid):
    costs = grid.run("[...document.querySelector('#cost').options].map((o) => o.text)")
    assert len(costs) > 1
    before = grid.run("document.querySelector('#pareto svg').outerHTML")
    grid.run(
        "{const s = document.querySelector('#cost'); s.value = '1'; s.dispatchEvent(new Event('change'))}"
    )
    assert grid.run("document.querySelector('#pareto svg').outerHTML") != before
    assert grid.run("document.activeElement.id") == "cost"


def test_the_familys_slider_shows_the_network_of_a_budget(grid):
    rows = grid.run("JSON.parse(document.getElementById('data').textContent).family.rows")
    grid.run("document.querySelector('#phi').focus()")
    grid.press("ArrowRight")
    at = int(grid.run("document.querySelector('#phi').value"))
    assert text_of(grid, "#family-MACs") == rows[at]["macs"]
    for value in (0, len(rows) - 1):
        grid.run(
            f"{{const s = document.querySelector('#phi'); s.value = {value}; s.dispatchEvent(new Event('input'))}}"
        )
        assert text_of(grid, "#family-MACs") == rows[value]["macs"]
        assert text_of(grid, "#family-depth") == f"x {rows[value]['depth']}"


def test_a_command_is_copied(grid):
    grid.call("Browser.grantPermissions", permissions=["clipboardReadWrite", "clipboardSanitizedWrite"])
    grid.move(".answer .copy", click=True)
    grid.run("new Promise((done) => setTimeout(done, 200))")
    assert text_of(grid, ".answer .copy") in ("Copied", "Selected")


def test_a_page_that_gets_another_width_is_drawn_anew(grid):
    before = grid.run("document.querySelector('#triangle svg').getAttribute('width')")
    grid.resize(600)
    grid.run("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    assert grid.run("document.querySelector('#triangle svg').getAttribute('width')") != before
    assert grid.run(OVERLAPS) == []


def test_the_rules_sliders_rebuild_the_family_by_arithmetic_alone(scale):
    def cells() -> list[list[str]]:
        rows = scale.run(
            "[...document.querySelectorAll('#rule-table tbody tr')].map((r) => [...r.cells].map((c) => c.textContent))"
        )
        assert isinstance(rows, list)
        return rows

    own = cells()
    assert [row[:5] for row in own] == [
        [f"{k}", f"{1.2**k:.3f}", f"{1.1**k:.3f}", f"{1.15**k:.3f}", f"{1.92027**k:.2f}"] for k in range(8)
    ]
    assert len(own[0]) == 10
    scale.run(
        "{const s = document.querySelector('#beta'); s.value = 1.25; s.dispatchEvent(new Event('input'))}"
    )
    changed = cells()
    product = 1.2 * 1.25**2 * 1.15**2
    assert [row[4] for row in changed] == [f"{product**k:.2f}" for k in range(8)]
    # What a network costs is known where it was counted alone.
    assert len(changed[0]) == 5
    assert "scalesearch scale" in text_of(scale, "#product")
    scale.run("document.querySelector('#rule button').click()")
    assert cells() == own
    assert scale.run(OVERLAPS) == []
