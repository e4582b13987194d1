from __future__ import annotations

import csv
from dataclasses import replace

import pytest

from scalesearch.commands.compare.view import compare_lines, compare_ratio, comparison, write_compare_report
from scalesearch.records import Setup
from scalesearch.statistics.timing import ratio_of_pairs, ratio_of_samples
from tests.page.measurements import OTHER, compared


def files(folder):
    return {p.relative_to(folder): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def apart(record):
    """The same times as of two finished runs."""
    return replace(record, pairs=())


def exact(ratio: float):
    """A comparison without any noise."""
    record = compared(ratio, noise=0)
    return replace(record, pairs=tuple(((1.0, ratio),) * 4 for _ in record.pairs))


def test_a_difference_is_said_with_its_interval():
    assert compare_lines(exact(1.83)) == (
        "B takes 1.83 times as long as A (95% interval 1.83 to 1.83). A is efficientnet-b0, B is efficientnet-b1.",
    )


def test_no_difference_is_said_where_the_interval_holds_1():
    assert compare_lines(compared(1.0))[0].startswith("No difference shown: B takes ")
    assert not compare_ratio(compared(1.0)).shown
    assert compare_ratio(compared(1.83)).shown


@pytest.mark.parametrize(
    ("ratio", "said"),
    [(0.5, "0.500"), (0.01, "0.01"), (1.0123, "1.012"), (2, "2.00"), (12.34, "12.3"), (4321, "4,321")],
)
def test_ratios_have_the_digits_that_matter(ratio, said):
    assert f"B takes {said} times as long" in compare_lines(exact(ratio))[0]


def test_two_setups_of_one_network_are_named_by_what_differs():
    record = compared(1.5, setups=(Setup(), Setup(dtype="bfloat16")))
    values = comparison(record)
    assert (values.a, values.b) == ("efficientnet-b0 (float32)", "efficientnet-b0 (bfloat16)")


def test_pairs_are_compared_in_turn_and_stored_samples_apart():
    record = compared(1.2)
    assert compare_ratio(record) == ratio_of_pairs(record.pairs)
    stored = apart(record)
    assert compare_ratio(stored) == ratio_of_samples(record.a.samples_s, record.b.samples_s)
    assert comparison(record).in_turn
    assert not comparison(stored).in_turn


def test_what_may_be_wrong_is_said():
    assert comparison(compared(1.2, processes=1)).processes == 1
    assert [side for side, _ in comparison(compared(1.2, noise=0.2)).unstable] == ["A", "B"]
    record = apart(compared(1.2))
    two = replace(record, b=replace(record.b, machine=OTHER))
    assert comparison(two).machines == ["1f0c9a3e", "77aa01bc"]
    said = compare_lines(two)
    assert "Of two machines, 1f0c9a3e and 77aa01bc: the ratio is that of the machines too." in said


def test_nothing_to_compare_says_why(tmp_path):
    record = apart(compared(1.2))
    failed = replace(record.b, processes=(), outcome="failed", reason="out of <memory>")
    record = replace(record, b=failed)
    assert compare_lines(record) == (
        "Nothing to compare: B: out of <memory>. A is efficientnet-b0, B is efficientnet-b1.",
    )
    report = write_compare_report(record, tmp_path)
    assert report.figures == ()
    assert "Nothing to compare: B: out of &lt;memory&gt;" in report.page.read_text()


@pytest.mark.figures
def test_the_report_is_written_twice_the_same(tmp_path):
    record = compared(1.2)
    report = write_compare_report(record, tmp_path / "a")
    write_compare_report(record, tmp_path / "b")
    assert files(tmp_path / "a") == files(tmp_path / "b")
    assert {path.name for path in report.figures} == {"ratio.svg", "ratio.png"}


def test_raw_pairs_give_the_ratio_back(tmp_path):
    record = compared(1.2)
    write_compare_report(record, tmp_path)
    assert not (tmp_path / "samples.csv").exists()
    with (tmp_path / "pairs.csv").open() as text:
        rows = list(csv.DictReader(text))
    pairs = [[], [], []]
    for row in rows:
        pairs[int(row["process"]) - 1].append((float(row["a_s"]), float(row["b_s"])))
    assert ratio_of_pairs(pairs) == compare_ratio(record)


def test_stored_samples_take_the_place_of_pairs(tmp_path):
    record = compared(1.2)
    write_compare_report(record, tmp_path)
    write_compare_report(apart(record), tmp_path)
    assert not (tmp_path / "pairs.csv").exists()
    with (tmp_path / "samples.csv").open() as text:
        rows = list(csv.DictReader(text))
    assert len(rows) == 72
    assert {row["side"] for row in rows} == {"A", "B"}
