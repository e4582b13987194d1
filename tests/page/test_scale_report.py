from __future__ import annotations

import csv
import io
from dataclasses import replace

import pytest

from scalesearch.commands.scale.view import ScalePage, family_table, scale_page, write_scale_report
from scalesearch.networks.baselines import EFFICIENTNET_LITE0, published_family
from scalesearch.page.rounding import rounding_shares
from scalesearch.page.tables import csv_text
from scalesearch.scaling import Coefficients
from tests.page.shown import shown

# As the issue lists them, and the source that this report adds.
FAMILY = """
    phi, depth, width, resolution_multiplier, resolution, blocks, params, macs, fvcore_total, activations,
    nominal_ratio, macs_ratio
"""
LATENCY = "latency_median_s, latency_iqr_s, batch_size, device, threads, latency_unstable, machine"
PUBLISHED = """
    name, depth, width, resolution, params, macs, fvcore_total, params_published, flops_published,
    params_error, flops_error, implied_phi_depth, implied_phi_width, implied_phi_resolution, top1_published,
    top5_published, source
"""


def names(columns: str) -> list[str]:
    return columns.replace(",", " ").split()


def rows(text):
    return list(csv.DictReader(io.StringIO(text)))


def files(folder):
    return {p.relative_to(folder): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def page_of(record):
    return scale_page(record, {"cost", "accuracy"})


def values_of(record) -> ScalePage:
    return shown(scale_page, record, {"cost", "accuracy"})


def line(page: str, start: str) -> list[str]:
    """The cells of the first table row that begins so."""
    found = next(text for text in page.split("\n") if text.startswith(f"| {start}"))
    return [cell.strip() for cell in found.strip("|").split("|")]


def section(page: str, title: str) -> str:
    return page.split(title)[1].split("\n#", maxsplit=1)[0]


@pytest.mark.slow
@pytest.mark.figures
def test_the_papers_family_is_written_twice_the_same(make_scale, tmp_path):
    record = make_scale(phis=(0, 1, 2.5))
    report = write_scale_report(record, tmp_path / "a")
    write_scale_report(record, tmp_path / "b")
    assert files(tmp_path / "a") == files(tmp_path / "b")
    assert {p.name for p in report.figures} == {"cost.svg", "cost.png", "accuracy.svg", "accuracy.png"}
    family, published = (
        rows(report.page.with_name("family.csv").read_text()),
        rows(report.page.with_name("published.csv").read_text()),
    )
    assert list(family[0]) == names(FAMILY)
    assert list(published[0]) == names(PUBLISHED)
    assert [row["name"] for row in published] == [f"b{k}" for k in range(8)]
    for row, built in zip(family, record.family, strict=True):
        assert (float(row["phi"]), int(row["macs"]), int(row["blocks"])) == (
            built.phi,
            built.macs,
            built.blocks,
        )
        assert float(row["macs_ratio"]) == pytest.approx(built.macs_ratio, rel=1e-15)
    for row in published:
        assert float(row["params_error"]) == pytest.approx(
            int(row["params"]) / float(row["params_published"]) - 1
        )
        assert float(row["top1_published"]) == published_family()[row["name"]].top1


def test_latency_columns_come_only_with_latency(make_scale):
    record = make_scale(phis=(0, 1), latency=True)
    table = rows(csv_text(family_table(record)))
    assert list(table[0]) == names(f"{FAMILY}, {LATENCY}")
    assert all(0 < float(row["latency_iqr_s"]) < float(row["latency_median_s"]) for row in table)
    timed = values_of(record).timed
    assert (timed.batch, timed.device, timed.threads) == (1, "cpu", 2)
    assert values_of(make_scale(phis=(0, 1))).timed is None


def test_rule_published_and_residual_stand_side_by_side(make_scale):
    record = make_scale()
    page = section(page_of(record), "## 4.")
    multipliers, costs = (page.split("| network | depth")[1], page.split("| network | params: rule")[1])
    for k in range(8):
        built, published = record.family[k], published_family()[f"b{k}"]
        cells = line(multipliers, f"B{k} ")
        assert float(cells[1]) == pytest.approx(built.depth, rel=1e-3)
        assert float(cells[2]) == published.depth
        assert cells[3] == f"{100 * (built.depth / published.depth - 1):+.1f}%"
        assert cells[7:10] == [
            str(built.resolution),
            str(published.resolution),
            f"{100 * (built.resolution / published.resolution - 1):+.1f}%",
        ]
        assert line(costs, f"B{k} ")[6] == f"{100 * (built.macs / published.flops - 1):+.1f}%"


def test_lites_family_is_shown_under_its_own_name_and_by_its_own_count(make_scale, tmp_path):
    record = make_scale(baseline=EFFICIENTNET_LITE0, phis=(0, 1, 2))
    page = page_of(record)
    text, published = section(page, "## 4."), values_of(record).published
    assert published.letters == "Lite"
    assert published.other_inputs == ["Lite3 reads 280 px, not 300", "Lite4 reads 300 px, not 380"]
    assert published.worst_params < 0.0105
    assert (published.low, published.high) == (
        pytest.approx(-0.054, abs=5e-4),
        pytest.approx(-0.033, abs=5e-4),
    )
    assert published.convention == "TensorFlow's, halved"
    assert published.gap < 0.004
    assert line(text, "Lite2 ")[2:4] == ["1.2", "+20.0%"]
    assert line(section(page, "### Why"), "Lite4 ")[1:] == ["3.22", "3.53", "2.09"]
    report = write_scale_report(record, tmp_path)
    table = rows(report.page.with_name("published.csv").read_text())
    assert [(row["name"], row["top5_published"]) for row in table] == [(f"lite{k}", "") for k in range(5)]


def test_residuals_only_where_a_whole_phi_has_a_published_network(make_scale):
    page = page_of(make_scale(phis=(-1, 0.5, 1)))
    residuals = section(page, "## 4.").split("###")[0]
    assert [text[:5] for text in residuals.split("\n") if text.startswith("| B")] == ["| B1 ", "| B1 "]
    assert not values_of(make_scale(phis=(-1, 0.5))).published.multipliers


def test_without_a_published_family_nothing_of_it_is_left(make_scale, tmp_path):
    (tmp_path / "figures").mkdir()
    for stale in ("published.csv", "figures/accuracy.png", "figures/accuracy.svg"):
        (tmp_path / stale).write_text("of an earlier report")
    report = write_scale_report(
        replace(make_scale(phis=(0, 1), published=False), baseline="my|net"), tmp_path
    )
    assert not report.page.with_name("published.csv").exists()
    assert {str(p) for p in files(tmp_path)} == {
        "family.csv",
        "derivation.md",
        "report.html",
        "figures/cost.svg",
        "figures/cost.png",
    }
    page = report.page.read_text()
    assert page.startswith("# my\\|net: ")
    assert "published.csv" not in page


def test_coefficients_of_one_imply_no_phi(make_scale):
    record = make_scale(coefficients=Coefficients(alpha=2.0, beta=1.0, gamma=1.0), phis=(0, 1, 2))
    page = page_of(record)
    assert line(section(page, "### Why"), "B7 ")[2:] == ["none", "none"]
    assert values_of(record).published.none_implied


def test_fvcores_uncounted_operators_are_listed(make_scale):
    page = page_of(make_scale(phis=(0, 1)))
    assert line(section(page, "## 5."), "0 |")[-2:] == ["16", "48"]


def test_rounding_shares_explain_only_the_networks_of_the_record(make_scale):
    record = make_scale(phis=(0, 1))
    depth, width, resolution = rounding_shares(record, record.family[1])
    assert (depth.nominal, width.nominal, resolution.nominal) == pytest.approx((1.2, 1.21, 1.3225))
    assert depth.factor > 1.2
    assert rounding_shares(record, replace(record.family[1], macs=1)) == []
    assert rounding_shares(replace(record, baseline="unknown"), record.family[1]) == []
    odd = replace(record, settings={"channel_divisor": "eight"})
    assert rounding_shares(odd, record.family[1]) == []
