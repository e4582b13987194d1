"""``report.html`` without a browser: one file, nothing loaded, everything escaped, under its size."""

from __future__ import annotations

import base64
import hashlib
import json
import random
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from scalesearch.commands.grid.view import grid_page, interactive
from scalesearch.commands.scale.view import scale_page
from scalesearch.commands.search.view import interactive as search_interactive
from scalesearch.page.answer import SearchAnswer, answer_of
from scalesearch.page.evidence import highlights
from scalesearch.page.fronts import fronts
from scalesearch.page.html.interactive import family_parts
from scalesearch.page.html.page import LARGEST, PAGE, Interactive, html_page, sort_value, write_pages
from scalesearch.page.markdown import MANUAL, MOST_CURVES, escape, si
from scalesearch.runs.kept import kept_run
from tests.page.changes import with_candidates, with_top1
from tests.page.drawn import GRID as FIGURES
from tests.page.test_search_report import fabricate

HOSTILE = "</script><img src=x onerror=alert(1)>\"'`&<!--\u2028\u202e{{7*7}}"
REPORTS = Path(__file__).parents[3] / "reports"
LARGEST_SCRIPT = 25_000


class Elements(HTMLParser):
    """The elements of a page with their attributes, and the text of each script and style."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, list[str]] = {"script": [], "style": [], "title": []}
        self.inside = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag in self.texts:
            self.inside = tag
            self.texts[tag].append("")

    def handle_endtag(self, tag: str) -> None:
        self.inside = "" if tag == self.inside else self.inside

    def handle_data(self, data: str) -> None:
        if self.inside:
            self.texts[self.inside][-1] += data

    def named(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def hash_of(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def data_of(page: Elements) -> dict:
    return json.loads(page.texts["script"][0])


def hostile(run):
    run = with_candidates(
        run, lambda _, c: replace(c, reason=HOSTILE if c.status != "completed" else c.reason)
    )
    settings = {**run.settings, "baseline": HOSTILE, "dataset": f"folder:{HOSTILE}"}
    return replace(run, name=HOSTILE, command=f"scalesearch grid --out '{HOSTILE}'", settings=settings)


def html_of(run) -> str:
    """The page of a grid without its figures, whose rendering takes most of a report's time."""
    return html_page(grid_page(run, FIGURES), Path("/nowhere"), interactive(run))


@pytest.fixture(scope="module")
def committed() -> str:
    """The page of a committed report, with its figures."""
    folder = REPORTS / "step1-efficientnet-b0-16000"
    return html_page((folder / "report.md").read_text(), folder, interactive(kept_run(folder).record))


@pytest.mark.parametrize("which", ["committed", "made up"])
def test_a_page_is_one_file_that_its_policy_lets_load_nothing_else(make_run, committed, which):
    text = committed if which == "committed" else html_of(make_run(trained=16, seeds=3))
    page = Elements(text)
    assert len(text.encode()) <= LARGEST
    policy = next(
        m["content"] for m in page.named("meta") if m.get("http-equiv") == "Content-Security-Policy"
    )
    assert policy == (
        f"default-src 'none'; img-src data:; style-src {hash_of(page.texts['style'][0])}; "
        f"script-src {hash_of(page.texts['script'][1])}; base-uri 'none'; form-action 'none'"
    )
    for tag, attributes in page.elements:
        assert not {name for name in attributes if name.startswith("on") or name == "style"}, tag
        if (source := attributes.get("src")) is not None:
            assert source.startswith("data:image/"), tag
        if (address := attributes.get("href")) is not None:
            # A link to the manual is followed, not loaded.
            assert address.startswith("#") or (tag == "a" and address.removeprefix("../../") in MANUAL), tag
    assert len(page.named("img")) == (3 if which == "committed" else 0)
    assert not page.named("link")
    assert not page.named("iframe")
    assert len(page.texts["script"][1].encode()) < LARGEST_SCRIPT


def test_a_page_has_the_content_of_its_markdown_answer_first_and_provenance_last(make_run):
    run = make_run(trained=16, seeds=3)
    markdown, html = grid_page(run, FIGURES), html_of(run)
    page = Elements(html)
    headings = re.findall(r"^## (.*)$", markdown, re.MULTILINE)
    assert sorted(re.findall(r"<h2 id=\"[^\"]*\">(.*)</h2>", html)) == sorted(headings)
    assert [re.sub(r"\W+", "-", "How this was made".lower())] == re.findall(r"<h2 id=\"([^\"]*)\">", html)[
        -1:
    ]
    ids = [a["id"] for _, a in page.elements if a.get("id")]
    assert len(ids) == len(set(ids))
    assert {a["href"][1:] for a in page.named("a")} <= set(ids)
    assert html.index('class="answer"') < html.index("<table")
    cells = sum(line.count(" | ") + 1 for line in markdown.splitlines() if line.startswith("| "))
    rules = sum(
        line.count(" | ") + 1
        for line in markdown.splitlines()
        if line.startswith("| :-") or line.startswith("| --")
    )
    assert len(page.named("td")) + len(page.named("th")) == cells - rules


@pytest.mark.parametrize("kind", ["grid", "scale"])
def test_hostile_names_stay_text(make_run, make_scale, kind):
    if kind == "grid":
        text = html_of(hostile(make_run(trained=16, seeds=3)))
    else:
        record = make_scale()
        told = replace(record, baseline=HOSTILE, name=HOSTILE, command=HOSTILE, settings={HOSTILE: HOSTILE})
        text = html_page(scale_page(told, ()), Path("/nowhere"), family_parts(told))
    page = Elements(text)
    assert len(page.named("script")) == 2
    assert all(image["src"].startswith("data:") for image in page.named("img"))
    assert not any("onerror" in attributes for _, attributes in page.elements)
    assert not set(text) & {"\u2028", "\u202e"}
    assert "{{7*7}}" in text
    data_of(page)


def test_markdown_of_anybody_makes_no_elements_and_no_addresses_that_run():
    text = (
        "# A <b>page</b>\n\n<script>alert(1)</script>\n\n[a](javascript:alert(1)) [b](data:text/html,x) "
        "![c](https://example.org/x.png)\n\n![d](figures/../../secret.png)\n\n![e](https://example.org/y.png)\n\n"
        "| a |\n| --- |\n| <img src=x onerror=y> |\n\n```sh\n</script><b>\n```\n"
    )
    page = Elements(html_page(text, Path("/nowhere")))
    assert len(page.named("script")) == 2
    assert not page.named("b")
    assert not page.named("a")
    assert [image for image in page.named("img") if not str(image["src"]).startswith("data:")] == []
    assert page.texts["title"] == ["A <b>page</b>"]


def test_the_data_are_those_of_the_report_and_hold_no_number_that_json_has_not(make_run):
    run = make_run(trained=16, seeds=3)
    answer = answer_of(run)
    assert isinstance(answer, SearchAnswer)
    data = data_of(Elements(html_of(run)))
    by_key = {network["key"]: network for network in data["networks"]}
    trained = {c.key: c for c in run.candidates if c.status == "completed"}
    assert set(by_key) == set(trained)
    for key, network in by_key.items():
        facts, candidate = dict(network["card"]), trained[key]
        assert facts["MACs"].startswith(si(candidate.macs))
        assert facts["top-1"].startswith(f"{100 * candidate.top1:.1f}%")
        assert network["curve"] == [
            [images, pytest.approx(100 * top1, rel=1e-4)] for images, top1 in candidate.curve
        ]
        if key in answer.predictions:
            value, half = answer.predictions[key]
            assert facts["fitted"] == f"{value:.1f}% \u00b1 {half:.1f} (95%)"
    on = fronts(run)
    for panel in data["pareto"]:
        front = {data["networks"][p["network"]]["key"] for p in panel["points"] if p["front"]}
        assert front == set(on[panel["name"]])
    assert [length["images"] for length in data["rates"]["lengths"]] == [at.images for at in answer.lengths]
    for shown, rate in zip(data["rates"]["lengths"][-1]["rates"], answer.answer.rates, strict=True):
        assert shown["value"] == pytest.approx(rate.points.value, rel=1e-4)
    assert ("levels" in data["triangle"]) == answer.surface.tells
    assert data["family"]["rows"][0]["macs"] == si(run.baseline["full_macs"])


def test_a_run_without_an_answer_has_its_points_and_no_triangle(make_run):
    data = data_of(Elements(html_of(make_run(trained=3))))
    assert not {"triangle", "rates", "family"} & set(data)
    assert {"pareto", "curves"} <= set(data)
    assert len(data["networks"]) == 3


def test_a_page_of_hundreds_of_networks_shows_those_that_stand_out_and_stays_small(make_run):
    run = make_run(step=0.02)
    trained = sum(c.status == "completed" for c in run.candidates)
    assert trained > MOST_CURVES
    text = html_of(run)
    assert len(text.encode()) <= LARGEST
    data = data_of(Elements(text))
    assert len(data["networks"]) <= MOST_CURVES
    keys = {network["key"] for network in data["networks"]}
    assert {key for front in fronts(run).values() for key in front} <= keys
    assert {highlight.candidate.key for highlight in highlights(run)} <= keys


@pytest.mark.parametrize("told", [True, False])
def test_a_surface_is_drawn_where_it_explains_anything(make_run, told: bool):
    """Accuracies that follow the split, or the same ones shuffled among the networks."""
    run = with_top1(make_run(trained=24, seeds=1), *[0.5] * 24)
    done = [c for c in run.candidates if c.status == "completed"]
    noise = random.Random(1)
    tops = [0.5 + 0.2 * c.split[0] + 0.004 * noise.random() for c in done]
    if not told:
        noise.shuffle(tops)
    run = with_top1(run, *tops)
    answer = answer_of(run)
    assert isinstance(answer, SearchAnswer)
    assert answer.surface.tells == told
    triangle = data_of(Elements(html_of(run)))["triangle"]
    assert ("levels" in triangle) == ("region" in triangle) == triangle["drawn"] == told


def test_a_search_has_the_parts_of_a_grid_and_the_figure_of_its_suggestions():
    run = fabricate(16)
    parts = search_interactive(run)
    assert parts.places["pareto"] == ("pareto", "curves")
    there = isinstance(answer_of(run), SearchAnswer)
    assert ("shares" in parts.places) == there
    assert parts.beside == ("shares",)


def test_a_run_of_which_nothing_is_trained_still_has_a_page(make_run):
    assert "not finished" in html_of(make_run(trained=0, rest="waiting"))


def test_tables_sort_by_the_number_that_a_cell_begins_with():
    text = (
        "# T\n\n| name | cost | time | size | note |\n| :-- | --: | --: | --: | :-- |\n"
        "| a | 1.5 k | 2 s | 1 MiB | x |\n| b | 2 M | 30.5 ms | 900 KiB | y |\n"
        "| c | -3 | 1,320 ms |  | z |\n| 436e399a0884 | +4.6% | 0.1 ms | 12 bytes | 9 lives |\n"
    )
    html = html_page(text, Path("/nowhere"))
    values = re.findall(r'data-value="([^"]*)"', html)
    assert list(map(float, values)) == [1500, 2000, 2.0**20, 2e6, 30.5, 900 * 2.0**10, -3, 1320, 4.6, 0.1, 12]
    assert html.count("data-numeric") == html.count("data-numeric>") == 3


@pytest.mark.parametrize(
    ("text", "value"),
    [
        *(
            ("9 min 41 s", 581e3),
            ("1 h 2 min", 3720e3),
            ("59.9 s", 59.9e3),
            ("105 us", 0.105),
            ("-1,320 ms", -1320),
        ),
        *(("1e3", 1e3), ("1.5e-3", 1.5e-3), ("1e999", None), ("2.5x", None), ("3d", None), ("1.2.3", None)),
        *(
            ("45.6% \u00b1 0.8", 45.6),
            ("+0.74 (0.28 to 1.19)", 0.74),
            ("0/50/50", 0),
            ("", None),
            ("b0", None),
        ),
    ],
)
def test_what_a_cell_is_sorted_by(text: str, value: float | None):
    assert sort_value(text) == (None if value is None else pytest.approx(value))


def test_figures_lose_colours_until_the_page_is_small_enough(tmp_path):
    figures = tmp_path / "figures"
    figures.mkdir()
    noise = np.random.default_rng(0).integers(0, 255, (500, 500, 3), dtype=np.uint8)
    for name in "ab":
        Image.fromarray(noise).save(figures / f"{name}.png")
    (figures / "c.svg").write_bytes(b"<svg xmlns='http://www.w3.org/2000/svg'/>")
    (figures / "d.png").write_bytes(b"no picture")
    (figures / "e.png").write_bytes(b"")
    text = "# T\n\n" + "\n\n".join(
        f"![{name}](figures/{name}.png)\n\nHow to read it: {name}." for name in "abcde"
    )
    html = html_page(text, tmp_path)
    assert len(html.encode()) <= LARGEST
    assert html.count("data:image/png") == 2
    assert html.count("data:image/svg+xml") == 1
    assert html.count("the figure isn&#39;t here") + html.count("the figure isn't here") == 2


def test_the_same_page_gives_the_same_bytes(tmp_path):
    parts = Interactive(data={"b": 1, "a": [None, "x"]}, places={})
    first = write_pages(tmp_path / "report.md", f"# {escape(HOSTILE)}\n\ntext\n", parts)
    before = (tmp_path / PAGE).read_bytes()
    assert first == tmp_path / "report.md"
    write_pages(tmp_path / "report.md", f"# {escape(HOSTILE)}\n\ntext\n", parts)
    assert (tmp_path / PAGE).read_bytes() == before
