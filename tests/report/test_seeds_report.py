"""What a page says with several seeds, equal budgets and successive halving."""

from __future__ import annotations

import csv
import io
from dataclasses import replace

import pytest

from scalesearch.belief.seeds import against_best, seed_summaries
from scalesearch.records import BudgetRecord, CandidateRecord, ReliabilityRecord, RunRecord
from scalesearch.report.budgets import amount, budget_items, same_cost
from scalesearch.report.curves_figure import curves_figure
from scalesearch.report.evidence import highlights, judged, rank
from scalesearch.report.fronts.figure import pareto_figure
from scalesearch.report.grid.page import FIGURES, grid_page
from scalesearch.report.grid.report import candidates_table, pareto_table, write_grid_report
from scalesearch.report.seeds.evidence import intervals, seed_evidence
from scalesearch.report.seeds.figure import seeds_figure
from scalesearch.report.sentences import asked_cost
from scalesearch.report.shares.surface import surface_figure
from scalesearch.report.stopped_early import compute_spent, stopped
from scalesearch.report.tables import csv_text
from tests.report.changes import judged_as, with_candidates, with_top1

CLOSE = ((0.50, 0.52, 0.54), (0.47, 0.55, 0.51), (0.30, 0.31, 0.32))


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


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


def test_the_winning_set_is_named_listed_and_marked(make_run):
    run = with_top1(make_run(trained=3), *CLOSE)
    evidence, page = seed_evidence(run), page_of(run)
    test = against_best(CLOSE)
    assert [c.top1 for c in evidence.tested] == pytest.approx([0.52, 0.51, 0.31])
    assert [evidence.p[c.key] for c in evidence.tested] == pytest.approx(test.p)
    assert len(evidence.members) == 2
    best, second, _ = evidence.tested
    assert f"alpha {best.alpha:g}, beta {best.beta:g}, gamma {best.gamma:g}" in page.split("\n\n")[1]
    assert "mean top-1 52.0%" in page
    assert "over 3 seeds on 720 held-out images" in page
    assert "**Winning set: 2 of the 3 networks.**" in page
    assert "no difference is shown between the winner and the other one of the set" in page
    listed = section(page, "The winning set")
    line = next(line for line in listed.splitlines() if second.key in line)
    needed = evidence.needed[second.key]
    assert "| 51.0% | 4.0% |" in line
    assert f"| 1.0 points | {test.p[1]:.2g} | {needed} |" in line
    assert evidence.tested[2].key not in listed
    ranked = section(page, "Trained networks, best first").splitlines()
    assert [row.split(" | ")[6] for row in ranked if "`" in row] == ["yes", "yes", ""]
    shaded = seeds_figure(run)
    assert "winning set" in texts(shaded)
    assert len(shaded.axes[0].patches) == 2


def test_a_set_of_one_and_a_set_of_all_are_said_plainly(make_run):
    alone = with_top1(make_run(trained=3), (0.6, 0.61, 0.62), (0.3, 0.31, 0.32), (0.4, 0.411, 0.42))
    assert "better than each of the other 2** over 3 seeds: the winning set holds it alone" in flat(
        page_of(alone)
    )
    every = with_top1(make_run(trained=2), (0.5, 0.4), (0.4, 0.5))
    page = flat(page_of(every))
    assert "**Winning set: both networks.**" in page
    assert "this run does not say which coefficients are best" in page
    assert "| no difference |" in page


@pytest.mark.parametrize(
    ("paper", "said"),
    [
        ((0.51, 0.53, 0.52), "is the winner itself"),
        (
            (0.47, 0.55, 0.51),
            "**is in the winning set**: no difference between it and the winner is shown (p = 0.",
        ),
        ((0.30, 0.31, 0.32), "**is not in the winning set**: it is shown to be worse than the winner (p "),
    ],
)
def test_whether_the_papers_coefficients_are_in_the_set_is_said(make_run, paper, said):
    run = make_run(trained=2)
    run = with_candidates(
        run,
        lambda _, c: (
            judged_as(c, *(paper if (1.2, 1.1, 1.15) in c.merged else (0.50, 0.52, 0.53))) if c.runs else c
        ),
    )
    assert f"The paper's (1.2, 1.1, 1.15) {said}" in flat(page_of(run))


def test_networks_with_fewer_seeds_come_last_and_are_not_tested(make_run):
    run = with_top1(make_run(trained=4), (0.9,), *CLOSE)
    evidence, ranking = seed_evidence(run), judged(run)
    assert [len(c.runs) for c in ranking] == [3, 3, 3, 1]
    assert rank(ranking[-1], ranking) == (4, 1)
    assert [c.key for c in evidence.left_out] == [ranking[-1].key]
    page = flat(page_of(run))
    assert "**Not in the test:** 1 trained network that has not all the seeds" in page
    assert "| not tested |" in page
    table = candidates_table(run).set_index("key")
    assert table.loc[ranking[-1].key, "winning_set"] == ""
    assert table["winning_set"].value_counts().to_dict() == {"": 62, "yes": 2, "no": 1}


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


def test_one_seed_says_nothing_about_seeds_and_says_so(make_run):
    run = make_run(trained=4)
    page = flat(page_of(run))
    assert seed_evidence(run) is None
    assert seeds_figure(run) is None
    assert "one seed says nothing about how much top-1 moves from seed to seed" in page
    assert "`--seeds 3` would show it" in page
    assert "inning set" not in page.split("## Figures")[0]
    assert "Fisher's exact test" in page
    assert "Fisher" not in page_of(make_run(trained=4, seeds=3))


def test_stopped_networks_are_in_no_ranking_front_or_test(make_run):
    run = make_run(trained=12, halving=True)
    gone = stopped(run)
    assert len(gone) == 9
    keys = {c.key for c in gone}
    assert [c.images_seen for c in gone] == [14400] * 3 + [7200] * 6
    assert keys.isdisjoint(c.key for c in judged(run))
    assert keys.isdisjoint(pareto_table(run)["key"])
    assert keys.isdisjoint(seed_evidence(run).p)
    table = candidates_table(run).set_index("key")
    for c in gone:
        assert table.loc[c.key, ["top1", "loss", "top1_low", "p_best"]].isna().all()
        assert table.loc[c.key, "top1_stopped"] == c.top1
    assert table["top1_stopped"].notna().sum() == 9
    page = page_of(run)
    assert keys.isdisjoint(key for key in keys if key in section(page, "Trained networks, best first"))
    assert all(key in section(page, "Stopped early") for key in keys)
    assert "The best of the 3 networks trained to the end (9 others were stopped early)" in page
    assert "**Not in the test:** the 9 networks that were stopped early" in page
    assert "stopped early (top-1 then)" in texts(pareto_figure(run))
    assert "dashed: stopped early" in texts(curves_figure(run))
    # Dashes mean that and nothing else; dots are chance.
    styles = [line.get_linestyle() for line in curves_figure(run).axes[0].lines if len(line.get_xdata()) > 2]
    assert styles.count("--") == sum(len(c.curve) > 2 for c in gone) > 0
    assert set(styles) == {"--", "-"}
    assert "stopped early" in texts(surface_figure(run))
    assert "those stopped early are left out" in texts(seeds_figure(run))


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
    page = section(page_of(run), "Stopped early")
    assert (
        f"each of the 109 feasible grid points to the end:** {by_hand / nominal / 3:.1%} with 3 seeds, "
        f"{by_hand / nominal:.1%} with 1 seed."
    ) in page
    assert f"each of the 65 distinct networks to the end:** {by_hand / distinct / 3:.1%} with 3 seeds" in page
    assert f"| 1 | 7,200 | 12 | 1 | 6 | {spent[0] / by_hand:.1%} |" in page
    assert f"| 3 | 21,600 | 3 | 3 | 0 | {spent[2] / by_hand:.1%} |" in page


def test_a_run_without_rungs_has_no_section_about_them(make_run):
    assert "Stopped early" not in page_of(make_run(trained=3))


def test_a_budget_is_said_with_target_way_and_what_is_left_over(make_run):
    run = budgeted(make_run(trained=4, seeds=3))
    page = flat(page_of(run))
    assert (
        "**Budget:** 4 networks have a budget of 60.0 M multiply-adds: resolution was solved for. As built they "
        "are off by -0.8% to +0.8%."
    ) in page
    assert "At the cost that was asked for" not in page
    assert "| off budget |" in page
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
    (said,) = budget_items([first, chosen])
    assert "resolution was solved for, 1 network of them only chosen for being near it" in said
    assert "+0.0% to +5.0%" in said
    (said,) = budget_items([chosen])
    assert "1 network has a budget of 60.0 M multiply-adds: the networks were only chosen" in said
    assert len(budget_items([first, changed(third, target=7e7)])) == 2


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
    assert "no panel for MACs, of which all trained networks have the same within 5%" in page_of(run)
    assert "All trained networks have the same MACs within 5%: that front says next to nothing." in page_of(
        run
    )
    run = with_candidates(run, lambda _, c: replace(c, params=10**6, inference_bytes=10**6))
    assert pareto_figure(run) is None
    report = write_grid_report(run, tmp_path)
    assert {path.stem for path in report.figures} == {"seeds", "surface", "learning_curves"}
    page = report.page.read_text()
    assert (
        "left out. There is no panel for MACs, params and inference memory, of which all trained networks have the "
        "same within 5%; no panel for latency, which was not measured."
    ) in page
    drawn = texts(seeds_figure(run))
    assert "1 seed each; all cost the same within 5%" in drawn
    for c in judged(run):
        assert f"{c.alpha:.4g}, {c.beta:.4g}, {c.gamma:.4g}" in drawn
    # Other costs than MACs leave the MACs axis its meaning.
    assert pareto_figure(budgeted(make_run(trained=4), kind="params", target=2e6)) is not None
    assert same_cost([100, 105])
    assert not same_cost([100, 106])
    assert not same_cost([100])


def test_reliability_is_quoted_from_the_length_nearest_to_the_runs(make_run):
    def record(images: int, tau: float) -> ReliabilityRecord:
        return ReliabilityRecord(
            images=images,
            reference_images=86400,
            tau=tau,
            tau_low=tau - 0.2,
            tau_high=tau + 0.1,
            regret=0.008,
            networks=12,
            seeds=3,
            source="reports/fidelity <1>",
        )

    run = make_run(trained=4)
    assert "`scalesearch fidelity DIR`, with the folder of this page for DIR, would" in page_of(run)
    exact = flat(page_of(replace(run, reliability=(record(7200, 0.3), record(21600, 0.62)))))
    assert (
        "runs of 21,600 images rank networks as runs of 86,400 do with Kendall's tau 0.62 (95% interval 0.42 to "
        "0.72; 1 is the same order, 0 none), over 12 networks with 3 seeds. Choosing by the short runs costs 0.8 "
        "points of the long runs' top-1. Source: reports/fidelity &lt;1&gt;."
    ) in exact
    assert "scalesearch fidelity" not in exact
    near = flat(page_of(replace(run, reliability=(record(7200, 0.3), record(16000, 0.5)))))
    assert (
        "runs of 16,000 images, the measured length nearest to the 21,600 of this run, rank networks" in near
    )
    unknown = replace(record(21600, 0.0), tau_low=-1.0, tau_high=1.0)
    nothing = flat(page_of(replace(run, reliability=(unknown,))))
    assert "Measured: runs of 21,600 images were held against runs of 86,400, which shows nothing" in nothing
    assert "tau 0.00" not in nothing


def test_words_hold_where_phi_is_negative(make_run):
    run = make_run(trained=12, seeds=3, phi=-1.0)
    page = flat(page_of(run))
    assert "Phi is -1, so the coefficients shrink the baseline: half the baseline's cost is asked for" in page
    assert "around the 0.5 that phi -1 asks for" in page
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


def test_the_winners_shares_are_held_against_the_papers_and_the_one_dials(make_run):
    run = with_top1(make_run(trained=2), 0.3, 0.31)
    winner = judged(run)[0]
    run = with_candidates(
        run, lambda _, c: replace(c, alpha=2**0.5, beta=2**0.25, gamma=1.0) if c is winner else c
    )
    said = section(page_of(run), "How the winner shares out the cost")
    assert "| the winner | 50% | 50% | 0% |" in said
    assert "| the paper's 1.2, 1.1, 1.15 | 28% | 29% | 43% |" in said
    assert "width share 0.8 | 10% | 80% | 10% |" in said
    assert (
        "Against the paper's coefficients the winner gives more to depth and width and less to resolution"
        in said
    )
    assert "compound scaling it gives more to depth and less to width and resolution" in said


def test_the_surface_shows_both_known_answers_even_off_the_grid(make_run):
    run = make_run(trained=2)
    off = replace(run, candidates=tuple(c for c in run.candidates if (1.2, 1.1, 1.15) not in c.merged))
    for one in (run, off):
        drawn = texts(surface_figure(one))
        assert "fast compound scaling\n1.07, 1.32, 1.04" in drawn
        assert "the paper's\n1.2, 1.1, 1.15" in drawn or "and the paper's\n1.2, 1.1, 1.15" in drawn
        assert "one-dial family (arXiv 2103.06877)" in drawn


def test_two_tied_networks_leave_figures_that_can_be_read(make_run):
    run = with_top1(make_run(trained=2), 0.4, 0.4)
    run = replace(run, candidates=tuple(c for c in run.candidates if c.status == "completed"))
    assert not any("most" in h.text for h in highlights(run))
    surface = surface_figure(run)
    assert len(surface.axes) == 1, "a colour bar of one value"
    assert "top-1 40.0% each" in texts(surface)
    (left, right), (bottom, top) = surface.axes[0].get_xlim(), surface.axes[0].get_ylim()
    assert min(right - left, top - bottom) > 0.4
    bottom, top = pareto_figure(run).axes[0].get_ylim()
    assert top - bottom >= 4
    same = with_candidates(run, lambda _, c: replace(c, macs=run.candidates[0].macs, latency=None))
    left, right = seeds_figure(same).axes[0].get_xlim()
    assert right - left >= 4


@pytest.mark.slow
def test_no_text_of_a_legend_or_label_is_cut_off(make_run):
    for run in (make_run(trained=12, halving=True), make_run(trained=12, seeds=3), make_run(trained=2)):
        for draw in (seeds_figure, pareto_figure, surface_figure, curves_figure):
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
    skipped = section(page_of(run), "What was skipped, and why")
    assert skipped.count(reason) == 1
    assert f"63: {reason}." in skipped
    # Reasons that differ in their figures alone are one; of many kinds the most frequent are said.
    own = with_candidates(run, lambda i, c: replace(c, reason=f"no. {i}") if c.status == "skipped" else c)
    assert "63: no. 0, and the like." in section(page_of(own), "What was skipped, and why").replace(
        "no. 1,", "no. 0,"
    )
    kinds = "abcdefg"
    own = with_candidates(run, lambda i, c: replace(c, reason=kinds[i % 7]) if c.status == "skipped" else c)
    assert "26: other reasons" in section(page_of(own), "What was skipped, and why")


def test_seeds_that_agree_exactly_have_no_interval_and_no_noise(make_run):
    run = with_top1(make_run(trained=2), (0.05, 0.05), (0.04, 0.04))
    page = flat(page_of(run))
    assert intervals(run) == {}
    assert seed_evidence(run).noise is None
    assert "top-1 5.0% (no interval can be estimated: its seeds have no spread)" in page
    assert "| no spread |" in page
    assert "5.0% to 5.0%" not in page
    assert "moves by 0.00 points" not in page
    assert "so the noise of training cannot be estimated here" in page
    # What 720 images may tell stands in for the seeds: 5% of 720 is not above one in 18.
    assert "**No network has learnt anything that shows" in page
    assert "Even the winner's interval over the held-out images reaches it" in page
    half = flat(page_of(with_top1(make_run(trained=2), (0.5, 0.5), (0.04, 0.04))))
    assert "The interval of 1 of the 2 trained networks reaches it." in half
    assert "No network has learnt" not in half


def test_one_network_is_said_in_the_singular(make_run):
    run = with_top1(make_run(trained=4), 0.5, 0.4, 0.4, 0.4)
    trained = [c for c in run.candidates if c.status == "completed"]
    pruned = replace(trained[-1], status="pruned")
    far = {trained[0].key: 3.0, trained[1].key: 2.0, trained[2].key: 3.0}
    changed = with_candidates(
        run,
        lambda _, c: (
            pruned if c.key == pruned.key else replace(c, macs_ratio=far[c.key]) if c.key in far else c
        ),
    )
    page = flat(page_of(changed))
    assert "3 networks trained to the end (1 other was stopped early)" in page
    assert "the only trained network that really costs within 10% of 2 times the baseline is alpha" in page
