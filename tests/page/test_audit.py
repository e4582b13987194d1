from __future__ import annotations

import csv
import io
import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scalesearch.cli.terminal import print_table
from scalesearch.commands.audit.evidence import (
    Spending,
    agreeing_rules,
    order_pairs,
    spendings,
    swaps,
    sweep_surface,
    unreproduced,
)
from scalesearch.commands.audit.figures import accuracy_figure, trained_figure
from scalesearch.commands.audit.run import AUDITED, AuditSettings, audit_rows, fair_matches
from scalesearch.commands.audit.view import (
    AUDIT,
    AuditPage,
    answer_lines,
    audit_answer,
    audit_page,
    audit_table,
    rules_table,
    write_audit_report,
)
from scalesearch.commands.sweep.run import MIDDLES, SweepSettings
from scalesearch.networks.baselines import baseline
from scalesearch.networks.cost import count
from scalesearch.networks.rounding_rules import OFFICIAL, UNROUNDED, RuleCost
from scalesearch.networks.scaled import scale
from scalesearch.networks.spec import Rounding
from scalesearch.page.markdown import plain_lines
from scalesearch.page.tables import csv_text
from scalesearch.records import AuditRecord
from tests.page.shown import shown
from tests.page.test_sweep_report import network, run_of

ROWS = audit_rows(AUDITED)
MATCHES = fair_matches(ROWS)
WIGGLE = ((0.001, -0.001, 0.0), (0.0, 0.001, -0.001), (-0.001, 0.0, 0.001))

FIGURES = ("cost", "accuracy", "trained")


def record_of(*names, trained=None, rows=None):
    names = names or AUDITED
    return AuditRecord(
        name="audit",
        command="scalesearch audit",
        settings=AuditSettings(baselines=names).to_dict(),
        machine={"cpu": "Xeon", "cores": 2},
        versions={"numpy": "2"},
        rows=tuple(row for row in (rows or ROWS) if row.baseline in names),
        matches=tuple(match for match in MATCHES if match.baseline in names),
        trained=trained or {},
    )


def sweep_of(name, seeds=3, **means):
    """Networks of one budget with these mean accuracies, seeds that move all alike but for a tenth of a point."""
    rows = [network("baseline", 0, tuple(0.3 + 0.02 * seed for seed in range(seeds)))]
    for place, (role, mean) in enumerate(means.items()):
        own = WIGGLE[place % len(WIGGLE)]
        rows.append(network(role, 2, tuple(mean + 0.02 * seed + own[seed] for seed in range(seeds))))
    return run_of(*rows, baseline=name)


def values_of(record) -> AuditPage:
    return shown(audit_page, record, FIGURES)


def page_of(record):
    return " ".join(audit_page(record, FIGURES).split())


def files(folder):
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


@pytest.mark.slow
@pytest.mark.figures
def test_the_same_record_gives_the_same_bytes(tmp_path):
    record = record_of(trained={"mobilenet-v2": sweep_of("mobilenet-v2", depth=0.4, width=0.5, compound=0.6)})
    write_audit_report(record, tmp_path / "one")
    write_audit_report(record, tmp_path / "two")
    written = files(tmp_path / "one")
    assert written == files(tmp_path / "two")
    figures = {f"figures/{name}.{kind}" for name in FIGURES for kind in ("svg", "png")}
    tables = {"audit.csv", "rules.csv", "matched.csv", "order.csv"}
    assert set(written) == {"audit.md", "report.html"} | tables | figures


def test_an_audit_that_trained_nothing_says_nothing_of_order(tmp_path):
    report = write_audit_report(record_of(), tmp_path)
    assert report.more == {}
    assert not (tmp_path / "order.csv").exists()
    assert not (tmp_path / "figures/trained.png").exists()
    assert "order hold" not in report.page.read_text("utf-8")


def test_costs_are_those_of_the_networks_that_scale_makes():
    rows = list(csv.DictReader(io.StringIO(csv_text(audit_table(record_of())))))
    assert len(rows) == 19
    for cells, row in zip(rows, ROWS, strict=True):
        network = scale(baseline(cells["baseline"]), row.published.multipliers, Rounding())
        assert int(cells["macs"]) == count(network).macs
        assert int(cells["resolution"]) == network.resolution
        rounded = round(int(cells["macs"]) / 1e9, 1) == pytest.approx(float(cells["flops_published"]) / 1e9)
        assert (cells["agrees"] == "yes") == rounded


def test_every_rounding_of_every_row_has_a_line():
    table = rules_table(record_of())
    assert len(table) == 14 * 13 + 5 * 14  # ResNet-50 has one more
    official = table[table["rule"] == OFFICIAL]
    assert list(official["macs"]) == [row.macs for row in ROWS]
    fits = table[(table["scaling"] == "compound") & (table["agrees"] == "yes")]
    assert set(zip(fits["baseline"], fits["rule"], strict=True)) == {
        ("mobilenet-v2", "input to 32 px"),
        ("efficientnet-b0", OFFICIAL),
    }


def test_what_the_compound_rows_spent():
    """1.442 G against 1.220, 1.137 and 1.199 with the official rounding; 1.284 at 288 px, as was printed."""
    depth, width, resolution = spendings(record_of(), "mobilenet-v2")
    assert [pair.rival.scaling for pair in (depth, width, resolution)] == ["depth", "width", "resolution"]
    assert (depth.published, depth.nominal) == (
        pytest.approx(1.3 / 1.2),
        pytest.approx(1.4 * 1.44 * 1.69 / 4),
    )
    assert depth.official == pytest.approx(1_442_045_088 / 1_219_587_776)
    assert depth.compound.nearest.rule == "input to 32 px"
    assert depth.fitting == pytest.approx(1.053, abs=5e-4)
    assert 100 * depth.lead == pytest.approx(0.6)
    assert 100 * depth.left(depth.official) == pytest.approx(0.03, abs=0.01)
    assert 100 * depth.left(depth.fitting) == pytest.approx(0.42, abs=0.01)
    assert [pair.rival.scaling for pair in spendings(record_of(), "mobilenet-v1")] == ["width", "resolution"]


@given(ratio=st.floats(0.5, 2))
def test_what_is_left_of_a_lead_falls_with_the_extra_cost(ratio):
    for name in AUDITED:
        for one in spendings(record_of(), name):
            assert one.left(1.0) == one.lead
            assert (one.left(ratio) <= one.lead) == (ratio >= 1)
            doubled = one.rival.gain / math.log2(one.rival.macs_ratio)
            assert one.left(2.0) == pytest.approx(one.lead - doubled)


def test_what_cannot_be_reproduced_is_told_with_figures():
    found = [(row.baseline, row.scaling) for row in unreproduced(record_of())]
    assert found == [
        ("mobilenet-v1", "resolution"),
        ("mobilenet-v1", "compound"),
        ("resnet-50", "depth"),
        ("resnet-50", "width"),
        ("resnet-50", "compound"),
        ("efficientnet-b0", "depth"),
        ("efficientnet-b0", "width"),
        ("efficientnet-b0", "resolution"),
    ]


def test_the_axis_of_accuracies_says_what_costs_are_over():
    axes = accuracy_figure(record_of("mobilenet-v2")).axes[0]
    assert axes.get_xlabel() == "cost over the exact baseline's, log scale"


def test_the_exchanged_costs_of_resnet_are_found_and_no_others():
    (pair,) = swaps(record_of())
    assert {(row.baseline, row.scaling) for row in (pair.first, pair.second)} == {
        ("resnet-50", "depth"),
        ("resnet-50", "width"),
    }
    assert "look exchanged" not in page_of(record_of("mobilenet-v2", "efficientnet-b0"))


def test_agreement_is_counted_over_scaled_rows_that_have_the_rule():
    rules = agreeing_rules(ROWS)
    assert rules[OFFICIAL] == (6, 15)
    assert rules["inner width only"] == (1, 4)


def equal_rows():
    """Rows of MobileNetV2 that all cost four times the baseline."""
    rows = []
    for row in audit_rows(["mobilenet-v2"]):
        macs = row.base_macs * (1 if row.scaling == "none" else 4)
        rows.append(replace(row, macs=macs, costs=(RuleCost(rule=OFFICIAL, macs=macs),)))
    return tuple(rows)


def test_equal_cost_is_recognised_where_it_is():
    record = record_of("mobilenet-v2", rows=equal_rows())
    answer = audit_answer(record)
    assert (answer.led, answer.equal, answer.left) == (True, True, pytest.approx(0.6))
    assert answer_lines(record)[0].startswith("Did compound scaling win at equal cost? Yes: each ")
    record = record_of("mobilenet-v2")
    assert (audit_answer(record).led, audit_answer(record).equal) == (True, False)
    assert answer_lines(record)[0].endswith(" alone), but not the same cost.")


def test_who_did_not_lead_did_not_win():
    def beaten(rows):
        """With depth a point ahead of compound."""
        best = next(row.published.top1 for row in rows if row.scaling == "compound")
        return tuple(
            replace(row, published=replace(row.published, top1=best + 0.01))
            if row.scaling == "depth"
            else row
            for row in rows
        )

    record = record_of("mobilenet-v2", rows=beaten(equal_rows()))
    assert answer_lines(record)[0].startswith("Did compound scaling win at equal cost? No: ")
    assert "| mobilenet-v2 | depth | " in page_of(record)
    assert 100 * spendings(record, "mobilenet-v2")[0].lead == pytest.approx(-1.0)
    record = record_of("mobilenet-v2", rows=beaten(audit_rows(["mobilenet-v2"])))
    assert "The paper doesn't show it: not all compound networks" in answer_lines(record)[0]


def test_a_cost_that_no_network_has_reproduces_nothing():
    row = next(row for row in ROWS if (row.baseline, row.scaling) == ("mobilenet-v2", "depth"))
    off, printed = RuleCost(rule=OFFICIAL, macs=1), RuleCost(rule=UNROUNDED, macs=row.published.flops)
    row = replace(row, costs=(off, printed))
    assert (row.agreeing, row.nearest) == ((), off)
    record = record_of("mobilenet-v2", rows=(row,))
    assert unreproduced(record) == (row,)
    assert agreeing_rules([row]) == {OFFICIAL: (0, 1), UNROUNDED: (1, 1)}
    assert audit_table(record)["nearest_agrees"].tolist() == ["no"]


def test_the_answer_names_whose_compound_row_is_dearer_than_every_rival():
    assert audit_answer(record_of()).dearer == ["mobilenet-v1", "mobilenet-v2", "efficientnet-b0"]
    assert audit_answer(record_of("resnet-50")).dearer == []


def test_the_answer_is_the_first_lines_of_the_page() -> None:
    """What the terminal and ``run.answer`` say is what the page begins with: three lines, four where it trained."""
    trained = {"mobilenet-v2": sweep_of("mobilenet-v2", depth=0.4, width=0.5, compound=0.6)}
    for record, lines in ((record_of(), 3), (record_of(trained=trained), 4)):
        first = audit_page(record, FIGURES).split("\n\n")[1]
        assert answer_lines(record) == plain_lines(first)
        assert len(answer_lines(record)) == lines


@pytest.mark.parametrize(
    ("means", "word", "verdicts"),
    [
        ({"resolution": 0.4, "width": 0.5, "depth": 0.6, "compound": 0.7}, "Yes", {"holds"}),
        ({"resolution": 0.7, "width": 0.6, "depth": 0.5, "compound": 0.4}, "No", {"reversed"}),
        ({"resolution": 0.5, "width": 0.5, "depth": 0.5, "compound": 0.5}, "Not shown", {"not shown"}),
        (
            {"resolution": 0.4, "width": 0.5, "depth": 0.6, "compound": 0.55},
            "In part",
            {"holds", "reversed"},
        ),
    ],
)
def test_the_order_here_is_held_against_the_published_one(means, word, verdicts):
    """Published, MobileNetV2: compound 77.4, depth 76.8, width 76.4, resolution 74.8."""
    record = record_of(trained={"mobilenet-v2": sweep_of("mobilenet-v2", **means)})
    pairs = order_pairs(record)
    assert len(pairs) == 6
    assert {pair.verdict for pair in pairs} == verdicts
    assert all(pair.published > 0 for pair in pairs)
    assert f"does the published order hold? {word}." in answer_lines(record)[3]


def test_one_correction_serves_all_pairs_of_all_baselines():
    means = {"width": 0.5, "depth": 0.504}
    alone = order_pairs(record_of(trained={"mobilenet-v2": sweep_of("mobilenet-v2", **means)}))
    both = order_pairs(
        record_of(
            trained={name: sweep_of(name, **means) for name in ("mobilenet-v2", "resnet-50")},
        )
    )
    assert (len(alone), len(both)) == (1, 2)
    (p, low, high), (p_both, low_both, high_both) = (
        (pair.test.p, pair.test.low, pair.test.high) for (pair, *_) in (alone, both)
    )
    assert p_both == pytest.approx(1 - (1 - p) ** 2)
    assert low_both < low < high < high_both


def test_a_way_that_was_not_published_has_no_place_in_the_order():
    means = {"depth": 0.4, "width": 0.5, "compound": 0.6}
    record = record_of(trained={"mobilenet-v1": sweep_of("mobilenet-v1", **means)})
    assert [(pair.ahead, pair.behind) for pair in order_pairs(record)] == [("compound", "width")]
    assert "| mobilenet-v1 | compound | width | 2 | " in page_of(record)
    assert "| mobilenet-v1 | compound | depth |" not in page_of(record)


def test_one_seed_is_not_tested():
    record = record_of(trained={"resnet-50": sweep_of("resnet-50", seeds=1, depth=0.4, compound=0.5)})
    assert "does the published order hold? Not tested:" in answer_lines(record)[3]
    assert values_of(record).trained.untested == 1


def test_what_is_missing_of_the_training_is_said():
    half = sweep_of("resnet-50", compound=0.5)
    half = replace(half, candidates=(*half.candidates, network("depth", 2, ())))
    values = values_of(record_of("resnet-50", "mobilenet-v2", trained={"resnet-50": half}))
    (sweep,) = values.trained.sweeps
    assert (sweep.name, sweep.waiting, values.trained.not_begun) == ("resnet-50", 1, ["mobilenet-v2"])
    assert len(values.answer.pairs) == 0


def test_gains_are_drawn_only_where_the_baseline_was_trained():
    run = sweep_of("resnet-50", depth=0.4, compound=0.5)
    drawn = trained_figure(record_of(trained={"resnet-50": run}))
    assert drawn is not None
    assert [axes.get_title(loc="left") for axes in drawn.axes] == ["resnet-50"]
    without = replace(run, candidates=run.candidates[1:])
    assert trained_figure(record_of(trained={"resnet-50": without})) is None


def test_a_terminal_has_the_units_of_its_headers(capsys: pytest.CaptureFixture[str]):
    print_table(audit_table(record_of("resnet-50")), "table", columns=AUDIT.cells)
    head, *rows = capsys.readouterr().out.splitlines()
    assert [head.index(name) for name in ("published G", "exact G", "off", "nearest rounding", "x nominal")]
    (depth,) = (row.split() for row in rows if " depth " in row)
    assert depth[2:5] == ["16.2", "14.571", "-10.1%"]
    assert {"official", "no", "4.00"} <= set(depth)


def test_fair_networks_spend_what_they_are_to():
    assert {(m.baseline, m.scaling, m.spends_as) for m in MATCHES} >= {
        ("mobilenet-v2", "compound", "depth"),
        ("mobilenet-v2", "depth", "compound"),
        ("efficientnet-b0", "resolution", "compound"),
    }
    for one in MATCHES:
        assert abs(one.residual) < 0.01
        assert one.target == next(
            r.macs for r in ROWS if (r.baseline, r.scaling) == (one.baseline, one.spends_as)
        )


def test_spending_needs_both_sides():
    rows = tuple(row for row in ROWS if row.scaling != "compound")
    assert spendings(record_of(rows=rows), "resnet-50") == ()
    assert isinstance(spendings(record_of(), "resnet-50")[0], Spending)


SPLITS = {
    "depth": (1.0, 0.0, 0.0),
    "width": (0.0, 1.0, 0.0),
    "resolution": (0.0, -0.12, 1.12),
    "compound": (0.37, 0.29, 0.34),
    "depth-width": (0.5, 0.5, 0.0),
    "depth-resolution": (0.52, -0.03, 0.51),
    "width-resolution": (0.0, 0.42, 0.58),
    "centre": (0.44, 0.24, 0.32),
}


def placed(run, splits):
    """The sweep with how its networks' growth of two doublings was shared out."""
    return replace(
        run,
        candidates=tuple(
            c
            if c.role == "baseline"
            else replace(
                c,
                macs_ratio=4.0,
                **{
                    f"{name}_doublings": 2 * share
                    for name, share in zip(("depth", "width", "resolution"), splits[c.role], strict=True)
                },
            )
            for c in run.candidates
        ),
    )


def test_the_rows_alone_span_no_surface_and_the_page_says_what_would():
    means = {"depth": 0.50, "width": 0.55, "resolution": 0.58, "compound": 0.6}
    run = placed(sweep_of("efficientnet-b0", **means), SPLITS)
    found = sweep_surface(run)
    assert found.answer is None
    assert found.missing == (
        "depth and width alike",
        "depth and resolution alike",
        "width and resolution alike",
    )
    assert found.more == 9
    page = page_of(record_of(trained={"efficientnet-b0": run}))
    assert "scalesearch audit --surface --seeds 3 --out DIR-surface" in page


def test_rows_and_what_lies_between_them_have_the_surface_of_a_search():
    """Means on a plane: 60% at resolution alone, 10 points less at depth alone, 5 less at width alone."""
    means = {role: 0.6 - 0.1 * depth - 0.05 * width for role, (depth, width, _) in SPLITS.items()}
    run = placed(sweep_of("efficientnet-b0", **means), SPLITS)
    answer = sweep_surface(run).answer
    assert answer.best == (0.0, 0.0, 1.0)
    assert [rate.points.value for rate in answer.rates] == pytest.approx([0.5, 1.0, 0.5], abs=0.05)
    assert answer.rates[1].points.low > 0
    (behind,) = answer.behind
    assert behind.points.value == pytest.approx(5.15, abs=0.3)
    record = record_of(trained={"efficientnet-b0": run})
    (sweep,) = values_of(record).trained.sweeps
    assert sweep.best.startswith("0% depth, 0% width, 100% resolution")
    assert sweep.rates[0].startswith("depth to width +0.50 (")
    assert sweep.behind.startswith("5.")
    assert "DIR-surface" not in page_of(record)


def test_networks_that_came_out_elsewhere_span_no_surface():
    """One dimension missed by all, though the ways between were trained: more of the same would not do."""
    elsewhere = SPLITS | {"depth-resolution": (0.88, -0.48, 0.6), "centre": (0.6, 0.1, 0.3)}
    elsewhere["compound"] = (0.6, 0.0, 0.4)
    run = placed(sweep_of("efficientnet-b0", **dict.fromkeys(elsewhere, 0.5)), elsewhere)
    found = sweep_surface(run)
    assert found.missing == ("all three alike",)
    assert "--phi 2" in found.why


def test_a_sweep_without_a_trained_network_has_no_surface():
    assert sweep_surface(run_of(baseline="resnet-50")) is None


def test_the_ways_between_are_trained_where_a_surface_is_asked_for():
    asked, usual = (AuditSettings(train=True, surface=surface) for surface in (True, False))
    assert asked.sweep_of("resnet-50").roles == (*usual.sweep_of("resnet-50").roles, *MIDDLES)
    assert SweepSettings().roles is None
