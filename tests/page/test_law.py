from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from matplotlib.figure import Figure

from scalesearch.commands.law.evidence import kind_rows
from scalesearch.commands.law.figures import (
    best_figure,
    held_out_figure,
    kinds_figure,
    prices_figure,
    split_figure,
)
from scalesearch.commands.law.run import Accuracies
from scalesearch.commands.law.view import Kinds, LawPage, law_page, law_table, write_law_report
from scalesearch.page.html.page import Report
from scalesearch.records import CostLaw, KindTime, LawRecord, MachineRecord
from tests.commands.test_law import run_law
from tests.page.shown import shown

SHARES = (
    *((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0), (0.5, 0.5, 0.0), (0.5, 0.0, 0.5), (0.0, 0.5, 0.5)),
    (0.4, 0.3, 0.3),
)
ACCURACIES = Accuracies(
    source="reports/a_run",
    growth=tuple((g * d, g * w, g * r) for g in (1.0, 2.0) for d, w, r in SHARES),
    doublings=(1.0,) * 7 + (2.0,) * 7,
    top1=(0.50, 0.56, 0.55, 0.54, 0.55, 0.58, 0.57, 0.52, 0.60, 0.58, 0.57, 0.56, 0.61, 0.61),
    best=(1.2, 1.1, 1.15),
    seeds=2,
)
ALL = {"law", "prices", "kinds", "split", "best"}


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory) -> LawRecord:
    """A law of fake measurements in two setups, with accuracies of a made-up run."""
    return run_law(tmp_path_factory.mktemp("law"), threads=(2, 1), accuracies=ACCURACIES)


@pytest.fixture(scope="module")
def written(record: LawRecord, tmp_path_factory: pytest.TempPathFactory) -> Report:
    """Its report, drawn once."""
    return write_law_report(record, tmp_path_factory.mktemp("written"))


def values_of(record: LawRecord) -> LawPage:
    return shown(law_page, record, ALL)


def _texts(figure: Figure | None) -> str:
    assert figure is not None
    figure.draw_without_rendering()
    found = [figure.get_suptitle()]
    for axes in figure.axes:
        found += [axes.get_title(loc="left"), axes.get_xlabel(), axes.get_ylabel()]
        found += [text.get_text() for text in (*axes.texts, *axes.get_yticklabels())]
    return " | ".join(found)


def test_everything_is_written(written: Report) -> None:
    folder = written.page.parent
    assert {path.stem for path in written.figures} == ALL
    assert sorted(str(path.relative_to(folder)) for path in folder.rglob("*.*")) == sorted(
        [
            *("conditions.json", "kinds.csv", "law.json", "laws.csv", "measurements.csv", "report.html"),
            *("report.md", "samples.csv"),
            *(f"figures/{name}.{suffix}" for name in ALL for suffix in ("png", "svg")),
        ]
    )


@pytest.mark.slow
@pytest.mark.figures
def test_the_same_record_gives_the_same_bytes(record: LawRecord, tmp_path: Path) -> None:
    for name in ("first", "again"):
        write_law_report(record, tmp_path / name)
    paths = [path for path in (tmp_path / "again").rglob("*") if path.is_file()]
    assert len(paths) > len(ALL)
    for path in paths:
        name = path.relative_to(tmp_path / "again")
        assert path.read_bytes() == (tmp_path / "first" / name).read_bytes(), name


def test_the_law_file_holds_the_laws_and_their_machine(record: LawRecord, written: Report) -> None:
    data = json.loads(written.page.with_name("law.json").read_text())
    laws = [CostLaw.from_dict(law) for law in data["laws"]]
    told = ["device", "threads", "batch_size", "s_per_gmac", "networks"]
    pd.testing.assert_frame_equal(law_table(laws)[told], law_table(record.laws)[told], rtol=1e-10)
    assert data["machine"] == {"here": {"cpu": "One CPU"}}


def test_the_table_has_one_row_per_setup_in_units_that_can_be_read(record: LawRecord) -> None:
    table = law_table(record.laws)
    assert list(table["threads"]) == [2, 1]
    assert table["s_per_gmac"].tolist() == pytest.approx([0.5, 1.0], rel=1e-3)
    assert table["networks"].tolist() == [15, 15]
    assert (table["median_error"] < 1e-6).all()


def test_the_page_answers_first(record: LawRecord) -> None:
    values, page = values_of(record), law_page(record, ALL)
    assert values.processor == "One CPU"
    first, second = values.answer.laws
    assert (first.setup, first.networks, second.setup) == ("2 threads", 15, "1 thread")
    assert (first.median, first.worst) == (pytest.approx(0, abs=1e-6), pytest.approx(0, abs=1e-6))
    assert (values.answer.measured, len(values.answer.doubled)) == (True, 3)
    assert values.answer.best
    assert page.index(first.setup) < page.index("\n## ")
    for name in ALL:
        assert f"figures/{name}.png" in page
    assert values.best.source == "reports/a_run"


def test_published_and_assumed_things_are_called_so(record: LawRecord) -> None:
    page = law_page(record, ALL)
    assert page.count("**an assumption**") == 1
    assert "is **assumed**" in page


def test_a_missed_goal_is_said(record: LawRecord) -> None:
    law = record.laws[0]
    off = replace(law, held_out=tuple(replace(r, predicted_s=1.2 * r.measured_s) for r in law.held_out))
    answer = values_of(replace(record, laws=(off, record.laws[1]))).answer
    assert (answer.missed, answer.laws[0].median) == (1, pytest.approx(0.2))
    assert values_of(record).answer.missed == 0


def test_a_move_is_called_shown_only_where_an_interval_excludes_none(record: LawRecord) -> None:
    best = replace(record.best[0], error=0.01, mean_error=0.02, moves=((0.0, -0.1, 0.1),) * 3)
    moved = replace(best, moves=((0.0, -0.1, 0.1), (0.2, 0.1, 0.3), (-0.2, -0.3, -0.1)))
    lost = replace(moved, error=0.03)
    for change, shows, explains in ((best, False, True), (moved, True, True), (lost, False, False)):
        values = values_of(replace(record, best=(change,)))
        assert (bool(values.best.shown), values.best.explains) == (shows, explains)
        assert values.answer.best == ("moves" if shows else "not shown")


def test_a_run_of_equal_costs_is_said_to_say_nothing_about_time(record: LawRecord) -> None:
    blind = replace(record.best[0], tells_cost=False, latency=None, latency_cloud=(), moves=())
    changed = replace(record, best=(blind,))
    values = values_of(changed)
    assert not values.best.tells_cost
    assert values.answer.best == "unknown"
    assert best_figure(changed) is None


def test_small_kinds_stand_among_the_others_and_nothing_is_lost(record: LawRecord) -> None:
    rows = kind_rows(record)
    assert [row.label for row in rows] == [
        "efficientnet-b0x0.25",
        *(f"2 x MACs by {name}" for name in ("depth", "width", "resolution")),
    ]
    for row in rows:
        assert "linear" not in row.seconds
        assert row.seconds["other"] / row.total == pytest.approx(0.1)
        assert row.total == pytest.approx(sum(p.seconds for p in record.kinds if p.name == row.name))


def test_a_small_kind_that_multiplies_is_not_counted_as_one_that_does_not(record: LawRecord) -> None:
    parts = {"pointwise": 0.060, "norm": 0.029, "linear": 0.001, "other": 0.010}
    kinds = tuple(KindTime(name=record.baseline, kind=kind, seconds=s) for kind, s in parts.items())
    values = values_of(replace(record, kinds=kinds)).kinds
    assert values.unmultiplied == pytest.approx(0.39)
    assert values.rows == [(record.baseline, "100", "60", "29", "11")]


def test_one_process_that_orders_doublings_otherwise_than_several_is_said_to(record: LawRecord) -> None:
    prices = [price for price in record.prices if price.setup == record.kinds_setup]
    quickest = sorted(prices, key=lambda p: p.measured[0] if p.measured else p.built_latency_ratio)

    def kinds_of(seconds: dict[str, float]) -> Kinds:
        kinds = [
            KindTime(name=name, kind=kind, seconds=s / 2)
            for name, s in {record.baseline: 0.02, **seconds}.items()
            for kind in ("pointwise", "norm")
        ]
        return values_of(replace(record, kinds=tuple(kinds))).kinds

    assert len(quickest) == 3
    same = {price.built: 0.03 + 0.01 * place for place, price in enumerate(quickest)}
    other = {price.built: 0.06 - 0.01 * place for place, price in enumerate(quickest)}
    names = [price.dimension for price in quickest]
    assert kinds_of(same).here == ()
    assert (kinds_of(other).here, kinds_of(other).elsewhere) == (names[::-1], names)


def test_the_machine_is_told_in_one_line(record: LawRecord) -> None:
    facts = {"cpu": "One CPU", "governor": "performance", "memory_bytes": 2**33, "system": "Linux"}
    machines = (MachineRecord(key="here", facts=facts),)
    page = law_page(replace(record, measured=replace(record.measured, machines=machines)), ALL)
    assert "- Machine: One CPU, 8.0 GiB, Linux (here)." in page.splitlines()


def test_figures_name_what_they_show(record: LawRecord) -> None:
    law = record.laws[0]
    odd = replace(law.held_out[0], name="efficientnet-b0", predicted_s=1.5 * law.held_out[0].measured_s)
    shown = replace(record, laws=(replace(law, held_out=(odd, *law.held_out[1:])), record.laws[1]))
    texts = _texts(held_out_figure(shown))
    assert "+50%" in texts
    assert "2 threads" in texts
    assert "(ms " in texts
    assert "efficientnet-b0x0.25" in _texts(prices_figure(record))
    assert "ms for " in _texts(kinds_figure(record))
    assert "\n2 threads" in _texts(split_figure(record))
    assert ": 2 threads" in _texts(best_figure(record))


def test_without_data_there_is_no_figure_and_the_page_says_so(record: LawRecord) -> None:
    empty = replace(
        record, laws=(), prices=(), kinds=(), kinds_setup=None, splits=(), best=(), notes=("No law for x.",)
    )
    for draw in (held_out_figure, prices_figure, kinds_figure, split_figure, best_figure):
        assert draw(empty) is None
    values = values_of(empty)
    assert (values.law, values.kinds, values.best, values.notes) == (None, None, None, ("No law for x.",))
    assert "## What is missing\n\n- No law for x." in law_page(empty, set())


def test_two_machines_make_no_law(record: LawRecord, tmp_path: Path) -> None:
    first, *others = record.measured.measurements
    mixed = replace(record.measured, measurements=(replace(first, machine="there"), *others))
    with pytest.raises(ValueError, match="2 machines"):
        write_law_report(replace(record, measured=mixed), tmp_path)
