"""What a page says of equal budgets, of successive halving, and of networks with several seeds."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import replace

import pytest

from scalesearch.commands.grid.figures import answer_figure, curves_figure
from scalesearch.commands.grid.view import grid_page, write_grid_report
from scalesearch.page.evidence import asked_cost, highlights, intervals, judged, nothing_learnt
from scalesearch.page.fronts import pareto_figure
from scalesearch.page.parts import amount, budgets_of, compute_spent, same_cost, stopped
from scalesearch.page.tables import candidates_table, csv_text, fronts_of, pareto_table
from scalesearch.page.templates import part
from scalesearch.records import BudgetRecord, CandidateRecord, RunRecord
from scalesearch.statistics.summaries import seed_summaries
from tests.page.changes import with_candidates, with_top1
from tests.page.drawn import GRID as FIGURES
from tests.page.shown import shown

CLOSE = ((0.50, 0.52, 0.54), (0.47, 0.55, 0.51), (0.30, 0.31, 0.32))


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def said_of(candidates: Sequence[CandidateRecord]) -> list[str]:
    """The sentences about budgets."""
    return [part("page/parts.md.j2", "budget", budget) for budget in budgets_of(candidates)]


def page_of(run: RunRecord) -> str:
    return grid_page(run, FIGURES)


def flat(page: str) -> str:
    return " ".join(page.split())


def section(page: str, title: str) -> str:
    return page.split(f"## {title}\n")[1].split("\n## ", maxsplit=1)[0]


def texts(figure) -> str:
    found = [
        text.get_text() for axes in figure.axes for text in (*axes.texts, axes.title, *axes.get_yticklabels())
    ]
    found += [axes.get_title(loc="left") for axes in figure.axes]
    return "\n".join(found + [text.get_text() for legend in figure.legends for text in legend.get_texts()])


def budgeted(run: RunRecord, kind: str = "macs", target: float = 6e7, spread: float = 0.008) -> RunRecord:
    """The run with all networks brought to a budget, the odd ones a little above it, the others below."""

    def change(i: int, c: CandidateRecord) -> CandidateRecord:
        value = target * (1 + spread * (-1) ** i)
        budget = BudgetRecord(kind=kind, target=target, value=value, matched_by="resolution")
        return replace(c, budget=budget, latency=None, **({"macs": int(value)} if kind == "macs" else {}))

    return with_candidates(run, change)


def test_intervals_are_over_seeds_where_there_are_several_else_wilsons(make_run):
    run = with_top1(make_run(trained=3), *CLOSE)
    table = candidates_table(run).dropna(subset="top1")
    for (_, row), summary, values in zip(table.iterrows(), seed_summaries(CLOSE), CLOSE, strict=True):
        assert (row.top1_low, row.top1_high) == pytest.approx((summary.low, summary.high))
        assert (row.seeds, row.top1_sd) == (3, pytest.approx(summary.sd))
        assert row.top1 == pytest.approx(sum(values) / 3)
    single = make_run(trained=3)
    assert set(intervals(single)) == {c.key for c in judged(single)}
    assert candidates_table(single)["top1_sd"].isna().all()
    wide = with_top1(make_run(trained=2), (0.01, 0.2), (0.99, 0.8))
    assert sorted(bound for bounds in intervals(wide).values() for bound in bounds)[0] == 0
    assert max(max(bounds) for bounds in intervals(wide).values()) == 1


def test_stopped_networks_are_in_no_ranking_front_or_test(make_run):
    run = make_run(trained=12, halving=True)
    gone = stopped(run)
    assert len(gone) == 9
    keys = {c.key for c in gone}
    assert [c.images_seen for c in gone] == [14400] * 3 + [7200] * 6
    assert keys.isdisjoint(c.key for c in judged(run))
    assert keys.isdisjoint(pareto_table(run)["key"])
    table = candidates_table(run).set_index("key")
    for c in gone:
        assert table.loc[c.key, ["top1", "loss", "top1_low"]].isna().all()
        assert table.loc[c.key, "top1_stopped"] == c.top1
    assert table["top1_stopped"].notna().sum() == 9
    page = page_of(run)
    assert keys.isdisjoint(key for key in keys if key in section(page, "Trained networks"))
    assert all(key in section(page, "Stopped early") for key in keys)
    assert "stopped early" in texts(pareto_figure(run))
    assert "stopped early" in texts(curves_figure(run))
    # Dashes mean that and nothing else; dots are chance.
    styles = [line.get_linestyle() for line in curves_figure(run).axes[0].lines if len(line.get_xdata()) > 2]
    assert styles.count("--") == sum(len(c.curve) > 2 for c in gone) > 0
    assert set(styles) == {"--", "-"}


def test_the_compute_of_each_rung_adds_up_and_is_held_against_training_everything(make_run):
    run = make_run(trained=12, halving=True)
    spent = compute_spent(run)
    by_hand = sum(c.macs * one.images_seen for c in run.candidates for one in c.runs)
    assert sum(spent) == by_hand
    started = [c for c in run.candidates if c.runs]
    finalists = judged(run)
    assert spent[0] == 7200 * (sum(c.macs for c in started) + 2 * sum(c.macs for c in finalists))
    assert spent[2] == 7200 * 3 * sum(c.macs for c in finalists)
    nominal = sum(len(c.merged) * c.macs for c in run.candidates) * 21600
    distinct = sum(c.macs for c in run.candidates) * 21600
    values = shown(grid_page, run, FIGURES).stopped_early
    assert values.spent == by_hand
    (points, of_points), (networks, of_networks), *_ = values.against
    assert "109" in points
    assert of_points == [f"{by_hand / nominal / 3:.1%} with 3 seeds", f"{by_hand / nominal:.1%} with 1 seed"]
    assert "65" in networks
    assert of_networks[0] == f"{by_hand / distinct / 3:.1%} with 3 seeds"
    assert [(row.number, row.rung.images, row.stopped) for row in values.plan] == [
        (1, 7200, 6),
        (2, 14400, 3),
        (3, 21600, 0),
    ]
    assert [row.share for row in values.plan] == pytest.approx([part / by_hand for part in spent])


def test_a_run_without_rungs_has_no_section_about_them(make_run):
    assert shown(grid_page, make_run(trained=3), FIGURES).stopped_early is None


def test_a_budget_is_said_with_target_way_and_what_is_left_over(make_run):
    run = budgeted(make_run(trained=4, seeds=3))
    (said,) = said_of(judged(run))
    assert said == (
        "**Budget:** 4 networks were to take 60.0 M multiply-adds. After the rule, resolution was changed until "
        "they did. As built they are off by -0.8% to +0.8%."
    )
    table = rows(csv_text(candidates_table(run)))
    assert {row["budget"] for row in table} == {"macs"}
    assert {row["matched_by"] for row in table} == {"resolution"}
    assert {row["budget_target"] for row in table} == {"60000000.0"}
    assert {round(float(row["budget_residual"]), 9) for row in table} == {-0.008, 0.008}
    front = rows(csv_text(pareto_table(run)))
    assert front[0]["budget"] == "macs"
    plain = rows(csv_text(candidates_table(make_run(trained=4))))
    assert {row["budget"] + row["budget_target"] for row in plain} == {""}


def test_budgets_that_were_only_chosen_for_or_differ_are_told_apart(make_run):
    run = budgeted(make_run(trained=4), spread=0.0)
    first, second, third, *_ = judged(run)

    def changed(candidate, **fields):
        return replace(candidate, budget=replace(candidate.budget, **fields))

    chosen = changed(second, matched_by="", value=6.3e7)
    (budget,) = budgets_of([first, chosen])
    assert (budget.solved, budget.chosen, budget.low, budget.high) == ("resolution", 1, "+0.0%", "+5.0%")
    (budget,) = budgets_of([chosen])
    assert (budget.solved, budget.chosen, budget.networks) == ("", 1, 1)
    assert len(budgets_of([first, changed(third, target=7e7)])) == 2


@pytest.mark.parametrize(
    ("kind", "value", "said"),
    [
        ("params", 5.3e6, "5.30 M parameters"),
        ("activations", 2e7, "20.0 M activations"),
        ("memory", 300 * 2**20, "300 MiB of memory at the peak of a training step"),
        ("memory", 3 * 2**30, "3 GiB of memory at the peak of a training step"),
        ("latency", 0.0123, "12.3 ms of latency"),
    ],
)
def test_amounts_are_said_in_their_units(kind, value, said):
    assert amount(kind, value) == said


def test_where_all_cost_the_same_a_strip_takes_the_place_of_the_cost_axis(make_run, tmp_path):
    run = budgeted(make_run(trained=4))
    assert [axes.get_xlabel() for axes in pareto_figure(run).axes] == [
        "parameters (millions)",
        "inference memory (MiB), batch of 1",
    ]
    run = with_candidates(run, lambda _, c: replace(c, params=10**6, inference_bytes=10**6))
    assert pareto_figure(run) is None
    report = write_grid_report(run, tmp_path)
    assert {path.stem for path in report.figures} == {"learning_curves"}
    left_out = fronts_of(run).left_out
    assert all(cost in left_out for cost in ("MACs, params and inference memory", "latency"))
    # Other costs than MACs leave the MACs axis its meaning.
    assert pareto_figure(budgeted(make_run(trained=4), kind="params", target=2e6)) is not None
    assert same_cost([100, 105])
    assert not same_cost([100, 106])
    assert not same_cost([100])


def test_words_hold_where_phi_is_negative(make_run):
    run = make_run(seeds=3, phi=-1.0)
    shrunk = shown(grid_page, run, FIGURES).shrunk
    assert (shrunk.phi, shrunk.cost) == ("-1", "half the baseline's cost")
    assert "is cut (alpha" in flat(page_of(run))
    names = " ".join(h.text for h in highlights(run))
    assert "cut" in names
    # What nothing comes near is not in sight, and not in the legend.
    assert "cost asked for" not in texts(pareto_figure(run))
    base = run.baseline["macs"]
    cheap = with_candidates(run, lambda i, c: replace(c, macs=int(base * (0.4 + 0.02 * i))))
    assert "cost asked for: 0.5 times the baseline" in texts(pareto_figure(cheap))
    assert [asked_cost(phi) for phi in (1, -1, -2, 3, 0.5)] == [
        "twice the baseline's cost",
        "half the baseline's cost",
        "a quarter of the baseline's cost",
        "8 times the baseline's cost",
        "1.41 times the baseline's cost",
    ]


def test_two_tied_networks_leave_figures_that_can_be_read(make_run):
    run = with_top1(make_run(trained=2), 0.4, 0.4)
    run = replace(run, candidates=tuple(c for c in run.candidates if c.status == "completed"))
    assert not any("most" in h.text for h in highlights(run))
    bottom, top = pareto_figure(run).axes[0].get_ylim()
    assert top - bottom >= 4


@pytest.mark.slow
def test_no_text_of_a_legend_or_label_is_cut_off(make_run):
    for run in (make_run(trained=12, halving=True), make_run(trained=12, seeds=3), make_run(trained=2)):
        for draw in (answer_figure, pareto_figure, curves_figure):
            if (figure := draw(run)) is None:
                continue
            figure.draw_without_rendering()
            width, height = figure.bbox.size
            for text in [
                *(t for a in figure.axes for t in a.texts),
                *(t for g in figure.legends for t in g.get_texts()),
            ]:
                box = text.get_window_extent()
                inside = min(box.x0, box.y0) >= 0 and box.x1 <= width and box.y1 <= height
                assert inside, text.get_text()


def test_a_reason_that_many_share_is_said_once(make_run):
    reason = "thinned out: 2 of 65 distinct networks are trained"
    run = with_candidates(
        make_run(trained=2), lambda _, c: replace(c, reason=reason) if c.status == "skipped" else c
    )
    values = shown(grid_page, run, FIGURES).skipped
    assert (values.thinned, values.skipped, values.why) == (True, 63, [])  # why would say the same of each
    # Reasons that differ in their figures alone are one; of many kinds the most frequent are said.
    own = with_candidates(run, lambda i, c: replace(c, reason=f"no. {i}") if c.status == "skipped" else c)
    (why,) = shown(grid_page, own, FIGURES).skipped.why
    assert re.fullmatch(r"63: no\. \d, and the like", why)
    kinds = "abcdefg"
    own = with_candidates(run, lambda i, c: replace(c, reason=kinds[i % 7]) if c.status == "skipped" else c)
    *often, rest = shown(grid_page, own, FIGURES).skipped.why
    assert (len(often), rest) == (4, "26: other reasons")


def test_seeds_that_agree_exactly_have_no_interval_and_no_noise(make_run):
    run = with_top1(make_run(trained=2), (0.05, 0.05), (0.04, 0.04))
    assert intervals(run) == {}
    # What 720 images may tell stands in for the seeds: 5% of 720 is not above one in 18.
    assert nothing_learnt(run)
    assert not nothing_learnt(with_top1(make_run(trained=2), (0.5, 0.5), (0.04, 0.04)))
