"""The small parts of a report, each on its own."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text

from scalesearch.files import write_bytes, write_text
from scalesearch.page.evidence import wilson
from scalesearch.page.fronts import pareto_front
from scalesearch.page.markdown import code, duration, escape, fenced, points_text, si
from scalesearch.page.style import Label, place_labels, spread
from scalesearch.page.tables import candidates_table, csv_text

small = st.integers(0, 6).map(float)


def test_an_interval_that_misses_0_by_a_hair_does_not_read_as_one_that_reaches_it() -> None:
    assert points_text(8.667, 0.0275, 17.3, sign="+", ends="+") == "+8.67 (+0.03 to +17.30)"
    assert points_text(-8.667, -17.3, -0.0275) == "-8.67 (-17.30 to -0.03)"
    assert points_text(1.0, 0.0, 2.0) == "1.0 (0.0 to 2.0)"
    assert points_text(1.0, 1e-9, 2.0) == "1.0 (0.0 to 2.0)"
    assert points_text(0.5, 0.004, 1.0, digits=2) == "0.500 (0.004 to 1.000)"


@given(st.lists(st.tuples(small, small), max_size=30))
def test_pareto_front_equals_brute_force_with_ties_kept(points):
    flags = pareto_front([c for c, _ in points], [g for _, g in points])
    expected = [not any(c2 <= c and g2 >= g and (c2 < c or g2 > g) for c2, g2 in points) for c, g in points]
    assert flags.tolist() == expected


@pytest.mark.parametrize(("costs", "said"), [([1.0, float("nan")], "finite"), ([1.0], "shorter|longer")])
def test_pareto_front_refuses_what_it_cannot_compare(costs, said):
    with pytest.raises(ValueError, match=said):
        pareto_front(costs, [1.0, 2.0])


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_spread_keeps_order_bounds_and_gaps(wanted):
    placed = spread(wanted, 0.1, 0.0, 1.0)
    order = sorted(range(len(wanted)), key=lambda i: wanted[i])
    assert all(-1e-9 <= p <= 1 + 1e-9 for p in placed)
    for before, after in itertools.pairwise(placed[i] for i in order):
        assert after - before >= 0.1 - 1e-9


def test_spread_leaves_alone_what_has_room():
    assert spread([0.9, 0.1, 0.5], 0.1, 0.0, 1.0) == [0.9, 0.1, 0.5]


def test_labels_of_a_crowd_overlap_neither_each_other_nor_the_frame():
    figure = Figure(figsize=(8, 5))
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    random = np.random.default_rng(0)
    points = random.normal(0, 0.1, (15, 2))
    axes.set(xlim=(-1, 1), ylim=(-1, 1))
    place_labels(
        axes, [Label(x=x, y=y, text="1.05, 1.05, 1.3") for x, y in points], [(x, y, x, y) for x, y in points]
    )
    for note in axes.texts:
        note.update_positions(figure.canvas.get_renderer())
    boxes = [Text.get_window_extent(note) for note in axes.texts]  # the text alone, without its leader
    assert not any(a.overlaps(b) for a, b in itertools.combinations(boxes, 2))
    frame = axes.get_window_extent()
    assert all(frame.x0 <= b.x0 and b.x1 <= frame.x1 and frame.y0 <= b.y0 and b.y1 <= frame.y1 for b in boxes)


def test_a_label_that_is_optional_gives_way():
    figure = Figure(figsize=(2, 1))
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    place_labels(axes, [Label(x=0.5, y=0.5, text="wide " * 30, optional=True)], [])
    assert not axes.texts


@given(st.text(max_size=30))
def test_escaped_text_cannot_leave_its_cell(text):
    said = escape(text)
    assert "\n" not in said
    assert not set("<>") & set(said)
    assert "|" not in said.replace("\\\\", "").replace("\\|", "")


@given(st.text(alphabet="`|a \n", max_size=20))
def test_code_spans_and_fences_cannot_be_closed_from_within(text):
    span, block = code(text), fenced(text)
    assert "\n" not in span
    assert "|" not in span.replace("\\|", "")
    fence = block.split("\n")[0]
    assert fence not in text
    assert block == f"{fence}\n{text}\n{fence}"


@pytest.mark.parametrize(
    ("value", "said"),
    [(385814752, "386 M"), (999_600, "1.00 M"), (5288548, "5.29 M"), (37.7e9, "37.7 G"), (12, "12")],
)
def test_si_keeps_three_digits(value, said):
    assert si(value) == said


@pytest.mark.parametrize(
    ("seconds", "said"), [(0.04, "0.0 s"), (59.96, "1 min 0 s"), (581.2, "9 min 41 s"), (7260, "2 h 1 min")]
)
def test_durations(seconds, said):
    assert duration(seconds) == said


def test_a_failed_write_leaves_the_old_file_and_no_litter(tmp_path, monkeypatch):
    target = tmp_path / "a" / "page.md"
    write_text(target, "old")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_bytes(target, b"new")
    assert target.read_text() == "old"
    assert [p.name for p in target.parent.iterdir()] == ["page.md"]


def test_written_files_have_ordinary_permissions(tmp_path):
    ordinary = tmp_path / "ordinary"
    ordinary.write_text("x")
    assert write_text(tmp_path / "page.md", "x").stat().st_mode == ordinary.stat().st_mode


def test_wilsons_interval_is_that_of_the_formula_and_none_without_images(make_run):
    run = make_run(trained=2)
    one, _ = (c for c in run.candidates if c.status == "completed")

    def changed(**fields):
        return replace(one, runs=(replace(one.runs[0], **fields),))

    low, high = wilson(changed(top1=0.5, held_out_images=720))
    # Wilson's formula by hand: centre 1/2, half width z * sqrt(1/4n + z^2/4n^2) / (1 + z^2/n).
    z = 1.959963985
    half = z * (1 / (4 * 720) + z**2 / (4 * 720**2)) ** 0.5 / (1 + z**2 / 720)
    assert (low, high) == pytest.approx((0.5 - half, 0.5 + half), abs=1e-6)
    assert wilson(replace(one, runs=())) is None


def test_floats_are_written_without_noise_and_read_back(make_run):
    run = make_run(trained=1)
    noisy = replace(run.candidates[0], product=1.2 * 1.1**2 * 1.15**2, nominal_ratio=1 / 3)
    table = candidates_table(replace(run, candidates=(noisy,)))
    header, row = (text.split(",") for text in csv_text(table).splitlines())
    cells = dict(zip(header, row, strict=True))
    assert cells["product"] == "1.92027"
    assert float(cells["nominal_ratio"]) == 1 / 3
