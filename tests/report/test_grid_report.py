from __future__ import annotations

import csv
import io
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from scalesearch.records import CandidateRecord, RunRecord
from scalesearch.report.curves_figure import curves_figure
from scalesearch.report.evidence import judged
from scalesearch.report.fronts.figure import pareto_figure
from scalesearch.report.grid.page import FIGURES, grid_page
from scalesearch.report.grid.report import candidates_table, pareto_table, write_grid_report
from scalesearch.report.style import render
from scalesearch.report.tables import csv_text
from tests.report.changes import with_candidates, with_top1

# As the issue lists them, and what this report adds at the end.
ISSUE_COLUMNS = """
    key, alpha, beta, gamma, product, depth, width, resolution, params, macs, macs_ratio, fvcore_total,
    latency_median_s, latency_iqr_s, top1, loss, train_seconds, images_seen, merged, status, reason, pareto
"""
EXTRA_COLUMNS = "nominal_ratio, blocks, activations, full_macs, full_macs_ratio, top1_low, top1_high"
LATER_COLUMNS = """
    seeds, top1_sd, role, phi, budget, budget_target, budget_value, budget_residual, matched_by, p_best,
    winning_set, top1_stopped, inference_bytes, training_bytes, latency_unstable, machine, trained_device,
    trained_threads, depth_share, width_share, resolution_share
"""
HOSTILE = "can't open </td><script>|`x`|\n# Title\r\n\x1b[31m $x^ [a](javascript:b) *b* __c__ \udcff"


def mixed(run: RunRecord) -> RunRecord:
    """Every status at once, with a reason where one is due."""
    states = ("failed", "waiting", "skipped")

    def change(i: int, c: CandidateRecord) -> CandidateRecord:
        if c.status in ("completed", "pruned"):
            return c
        state = states[i % 3]
        return replace(c, status=state, reason=HOSTILE if state == "failed" else "")

    return with_candidates(run, change)


def files(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def page_of(run: RunRecord) -> str:
    return grid_page(run, FIGURES)


def flat(page: str) -> str:
    return " ".join(page.split())


ELSEWHERE = """
import sys
from pathlib import Path
sys.path[:0] = sys.argv[1:2]
from conftest import fabricate_run
from test_grid_report import mixed
from scalesearch.report.grid.report import write_grid_report
write_grid_report(mixed(fabricate_run(trained=12, halving=True)), Path(sys.argv[2]))
"""


@pytest.mark.slow
def test_the_same_record_gives_the_same_bytes_in_any_process_with_any_user_settings(make_run, tmp_path):
    run = mixed(make_run(trained=12, halving=True))
    report = write_grid_report(run, tmp_path / "here")
    written = files(tmp_path / "here")
    figures = {f"figures/{n}.{s}" for n in FIGURES for s in ("svg", "png")}
    assert set(written) == {"candidates.csv", "pareto.csv", "report.md"} | figures
    assert set(report.figures) == {tmp_path / "here" / name for name in figures}
    assert report.winner == judged(run)[0].key
    assert written["candidates.csv"].decode() == csv_text(report.candidates)
    assert not any(stamp in written["figures/pareto.svg"] for stamp in (b"<dc:date>", b"Matplotlib v"))

    (tmp_path / "matplotlibrc").write_text("axes.facecolor: red\nfont.size: 30\nsvg.hashsalt: mine\n")
    subprocess.run(
        [sys.executable, "-c", ELSEWHERE, str(Path(__file__).parent), str(tmp_path / "there")],
        check=True,
        env=os.environ | {"MATPLOTLIBRC": str(tmp_path), "PYTHONHASHSEED": "7"},
    )
    assert written == files(tmp_path / "there")


def test_candidates_csv_has_the_columns_of_the_issue_and_reads_back(make_run):
    run = mixed(make_run(trained=16))
    table = rows(csv_text(candidates_table(run)))
    assert list(table[0]) == f"{ISSUE_COLUMNS}, {EXTRA_COLUMNS}, {LATER_COLUMNS}".replace(",", " ").split()
    assert [row["key"] for row in table] == [c.key for c in run.candidates]
    for row, candidate in zip(table, run.candidates, strict=True):
        for name in ("macs", "params", "resolution", "blocks", "activations", "full_macs", "inference_bytes"):
            assert row[name] == str(getattr(candidate, name))
        for name in ("alpha", "product", "depth", "macs_ratio", "full_macs_ratio"):
            assert float(row[name]) == pytest.approx(getattr(candidate, name), rel=1e-15)
        assert row["merged"] == str(len(candidate.merged))
        assert row["status"] == candidate.status
        measured = [row[name] for name in ("top1", "loss", "top1_low", "latency_median_s", "fvcore_total")]
        assert all(measured) if candidate.status == "completed" else not any(measured)
        assert "\n" not in row["reason"]
        assert bool(row["reason"]) == (candidate.status == "failed")
    product = {row["product"] for row in table if row["alpha"] == "1.2" and row["gamma"] == "1.15"}
    assert "1.92027" in product


def test_an_accuracy_left_in_a_record_that_did_not_complete_is_not_shown(make_run):
    run = with_candidates(
        make_run(trained=3), lambda _, c: replace(c, status="failed") if c.status == "completed" else c
    )
    assert candidates_table(run)[["top1", "loss", "top1_low"]].isna().all(axis=None)
    assert pareto_table(run).empty


def test_a_loss_that_is_not_finite_never_wins(make_run):
    run = with_top1(make_run(trained=3), float("nan"), 0.5, 0.4)
    assert [c.top1 for c in judged(run)] == [0.5, 0.4]
    assert "The best of the 2 trained networks" in page_of(run)


def test_the_fronts_are_what_brute_force_says(make_run):
    run = make_run()
    done = [c for c in run.candidates if c.status == "completed"]
    by_key = candidates_table(run).set_index("key")

    def beaten(c, cost):
        return any(
            cost(o) <= cost(c) and o.top1 >= c.top1 and (cost(o) < cost(c) or o.top1 > c.top1) for o in done
        )

    costs = {
        "macs": lambda c: c.macs,
        "params": lambda c: c.params,
        "memory": lambda c: c.inference_bytes,
        "latency": lambda c: by_key.loc[c.key, "latency_median_s"],
    }
    columns = {"macs": "macs", "params": "params", "memory": "inference_bytes", "latency": "latency_median_s"}
    front = rows(csv_text(pareto_table(run)))
    assert list(dict.fromkeys(row["front"] for row in front)) == list(costs)
    for name, cost in costs.items():
        keys = [row["key"] for row in front if row["front"] == name]
        assert set(keys) == {c.key for c in done if not beaten(c, cost)}
        column = [float(by_key.loc[key, columns[name]]) for key in keys]
        assert column == sorted(column)
        assert set(keys) == {k for k in by_key.index if name in by_key.loc[k, "pareto"].split("+")}


def test_a_clear_winner_is_called_one(make_run):
    run = with_top1(make_run(trained=3), 0.30, 0.60, 0.35)
    winner = max((c for c in run.candidates if c.top1), key=lambda c: c.top1)
    page = flat(page_of(run))
    assert judged(run)[0] is winner
    assert f"The best of the 3 trained networks is alpha {winner.alpha:g}, beta {winner.beta:g}" in page
    assert "top-1 60.0% (95% interval 56.4% to 63.5%) on 720 held-out images" in page
    assert "25.0 points over the second" in page
    assert "do not overlap; Fisher's exact test: **a difference is shown** (p < 0.001)" in page
    assert "None of the other 2 is too close to the winner" in page


def test_a_lead_within_noise_is_called_that(make_run):
    page = flat(page_of(with_top1(make_run(trained=3), 0.40, 0.41, 0.2)))
    assert "1.0 points over the second" in page
    assert "overlap; Fisher's exact test: **no difference shown** (p = 0.75)" in page
    assert "seed to seed is not in any interval" in page
    assert "1 of the other 2 is too close" in page


@pytest.mark.parametrize(
    ("dataset", "said"),
    [
        ("photographs", "windows of 70 photographs"),
        ("windows:my/trip", "windows of 70 pictures"),
        ("folder:windows", ""),
    ],
)
def test_windows_of_few_pictures_are_not_called_independent(make_run, dataset, said):
    run = make_run()
    page = flat(page_of(replace(run, settings=run.settings | {"dataset": dataset}, classes=70)))
    assert ("which the test treats as independent samples. They are not quite" in page) == bool(said)
    assert f"{said}, so the intervals are too narrow" in page or not said


@pytest.mark.parametrize(
    ("top1", "said"),
    [
        ((0.4, 0.41), "The other one is too close to the winner"),
        ((0.2, 0.41), "The other one is not too close to the winner"),
        ((0.4, 0.41, 0.4), "Both others are too close to the winner"),
        ((0.4, 0.41, 0.4, 0.4), "All 3 others are too close to the winner"),
    ],
)
def test_few_networks_are_not_counted_as_many(make_run, top1, said):
    page = flat(page_of(with_top1(make_run(trained=len(top1)), *top1)))
    assert f"too high. {said} to be told from it" in page


def test_no_network_is_called_the_best_where_all_may_be_guessing(make_run):
    run = make_run(trained=3)
    page = flat(page_of(with_top1(run, *(1 / run.classes,) * 3)))
    assert "cannot be told from guessing.** The highest figure is that of alpha" in page
    assert "The best of the 3" not in page


def test_an_exact_tie_is_named_and_goes_to_the_cheapest(make_run):
    run = with_top1(make_run(trained=4), 0.4, 0.5, 0.5, 0.5)
    tied = [c for c in run.candidates if c.top1 == 0.5]
    page = flat(page_of(run))
    assert judged(run)[0].key == min(tied, key=lambda c: c.macs).key
    assert "shares this top-1 exactly with 2 other networks" in page
    assert "0.0 points over the second" in page
    assert "no difference shown" in page


def test_realised_costs_of_the_two_best_are_quoted(make_run):
    run = with_top1(make_run(trained=2), 0.5, 0.45)
    first, second = (c for c in run.candidates if c.status == "completed")
    page = flat(page_of(run))
    assert (
        f"do not cost the same:** {first.macs_ratio:.2f} times the baseline for the winner, "
        f"{second.macs_ratio:.2f} times"
    ) in page


def test_winner_at_the_cost_that_was_asked_for_is_named_beside_the_winner(make_run):
    run = make_run()
    near = [c for c in run.candidates if abs(c.macs_ratio / 2 - 1) <= 0.1]
    best = max(near, key=lambda c: c.top1)
    page = flat(page_of(run))
    assert f"of the {len(near)} trained networks that really cost within 10% of 2 times" in page
    assert f"the best is alpha {best.alpha:g}, beta {best.beta:g}, gamma {best.gamma:g}" in page


def paper_section(page: str) -> str:
    return flat(page.split("## Where the paper's coefficients came in")[1].split("##", maxsplit=1)[0])


def test_the_paper_is_found_when_trained_merged_untrained_absent_or_not_applicable(make_run):
    run = make_run(trained=4)
    paper = next(c for c in run.candidates if (1.2, 1.1, 1.15) in c.merged)

    def said(changed: RunRecord) -> str:
        return paper_section(page_of(changed))

    def changed(**fields):
        return with_candidates(run, lambda _, c: replace(c, **fields) if c is paper else c)

    better = sum(c.top1 > paper.top1 for c in run.candidates if c.top1 is not None)
    assert f"came in at rank {better + 1} of 4" in said(run)
    assert "rounds to the same network as alpha 1.25, beta 1.1, gamma 1.15" in said(changed(alpha=1.25))
    untrained = said(changed(status="failed", reason="a|b", runs=()))
    assert "was not judged in this run (failed: a\\|b)" in untrained
    gone = replace(run, candidates=tuple(c for c in run.candidates if c is not paper))
    assert "is not among the feasible points" in said(gone)
    other = replace(run, settings={"baseline": "mobilenet-v1"})
    assert "Where the paper" not in page_of(other)


def test_an_unfinished_run_says_so_at_the_top_and_how_to_go_on(make_run):
    page = page_of(make_run(trained=5, rest="waiting"))
    assert "not finished:** 60 of its 65 networks still wait" in page.split("**The best of")[0]
    assert "scalesearch resume DIR" in page


def test_nothing_trained_still_makes_a_report_without_stale_figures(make_run, tmp_path):
    (tmp_path / "figures").mkdir()
    (tmp_path / "figures" / "pareto.png").write_bytes(b"of an earlier report")
    report = write_grid_report(make_run(trained=0, rest="waiting"), tmp_path)
    page = report.page.read_text()
    assert report.winner is None
    assert "No answer yet" in page
    assert page.count("left out, as there is no data") == 2
    assert {p.name for p in (tmp_path / "figures").iterdir()} == {"surface.png", "surface.svg"}
    assert rows(report.pareto_csv.read_text()) == []
    assert report.pareto_csv.read_text().startswith("front,key,alpha")


def test_no_candidates_at_all(make_run, tmp_path):
    report = write_grid_report(replace(make_run(trained=0), candidates=(), feasible=0), tmp_path)
    assert report.figures == ()
    assert report.candidates.empty


@pytest.mark.parametrize("keep", ["curve", "latency", "held_out_images"])
def test_one_trained_network_with_parts_of_its_record_missing(make_run, keep):
    missing = {"curve": (), "held_out_images": 0, "loss": float("nan"), "train_seconds": 0.0}
    missing.pop(keep, None)

    def change(_: int, c: CandidateRecord) -> CandidateRecord:
        if c.status != "completed":
            return c
        less = replace(c, runs=tuple(replace(run, **missing) for run in c.runs))
        return less if keep == "latency" else replace(less, latency=None)

    run = with_candidates(make_run(trained=1), change)
    page = page_of(run)
    assert "The only trained network is alpha 1.2, beta 1.1, gamma 1.15" in page
    assert "Nothing to compare with" in page
    assert ("95% interval 4" in page) == (keep == "held_out_images")
    assert (curves_figure(run) is None) == (keep != "curve")
    assert len(pareto_figure(run).axes) == (4 if keep == "latency" else 3)
    assert any(pareto_table(run)["front"] == "latency") == (keep == "latency")


def test_hostile_text_stays_text(make_run):
    run = mixed(make_run(trained=3))
    run = with_candidates(
        run,
        lambda _, c: replace(c, latency=replace(c.latency, device="$\\frac{ <b>")) if c.latency else c,
    )
    run = replace(
        run,
        name=HOSTILE,
        thinning=HOSTILE,
        command="scalesearch grid\n```\n<script>",
        settings=dict(run.settings, dataset=f"folder:{HOSTILE}", nested={"a|b`c": HOSTILE}),
        machine={"cpu": HOSTILE},
    )
    page = page_of(run)
    assert set(render(pareto_figure(run))) == {"svg", "png"}
    body = page.replace("````console\nscalesearch grid\n```\n<script>\n````", "COMMAND")
    assert "COMMAND" in body
    assert not any(bad in body for bad in ("<script", "</td>", "\x1b", "\r", "\n# Title"))
    assert "&lt;script&gt;\\|\\`x\\`\\|" in body
    tables = [block for block in body.split("\n\n") if block.startswith("| ")]
    for table in tables:
        cells = {line.replace("\\|", "").count("|") for line in table.split("\n")}
        assert len(cells) == 1, table


def test_skipped_failed_and_merged_are_accounted_for(make_run):
    run = mixed(make_run(trained=16))
    page = page_of(run)
    count = {s: sum(c.status == s for c in run.candidates) for s in ("failed", "waiting", "skipped")}
    assert "these 109 triples round to 65 distinct networks" in page
    assert "44 triples share" in page
    assert f"**Failed:** {count['failed']} networks" in page
    assert f"**Waiting:** {count['waiting']} networks" in page
    assert f"the {count['skipped']} skipped networks, each with its reason, in `candidates.csv`" in page
    for c in run.candidates:
        assert (f"`{c.key}`" in page) == (c.status != "skipped")


def test_networks_off_the_budget_are_not_called_thinned_out(make_run):
    run = mixed(make_run(trained=16))
    skipped = [c for c in run.candidates if c.status == "skipped"]
    reasons = {c.key: "thinned out: 2 of 65 distinct networks are trained" for c in skipped}
    reasons[skipped[0].key] = "macs cannot be brought nearer than +6.2% to the budget"
    run = with_candidates(run, lambda _, c: replace(c, reason=reasons.get(c.key, c.reason)))
    page = page_of(replace(run, thinning="2 of 64 distinct networks are trained."))
    assert f"{len(skipped) - 1}: thinned out: 2 of 65 distinct networks are trained; 1: macs cannot" in page
    said = "for the reasons below. Of those that could be, 2 of 64 distinct networks are trained."
    assert f"**Skipped:** {len(skipped)} networks not trained: {said}" in page
    assert "networks thinned out" not in page


def test_the_rule_and_what_was_built_are_both_given(make_run):
    run = make_run(trained=16)
    page = page_of(run)
    for name in ("nominal_ratio", "macs_ratio", "full_macs_ratio"):
        values = [getattr(c, name) for c in run.candidates]
        assert f"{min(values):.2f} to {max(values):.2f} times" in page
    for expected in (
        "scalesearch grid --phi 1",
        "9 min 41 s",
        "First seed: 0",
        "`recipe.epochs`",
        "8.0 GiB",
        "2.14.1",
    ):
        assert expected in page


def test_chance_level_is_held_against_the_winner(make_run):
    page = page_of(with_top1(make_run(trained=2), 0.06, 0.05))
    assert "Even the winner's interval reaches it" in page


def test_the_report_loads_without_torch_and_optuna():
    script = (
        "import sys, scalesearch.report.grid.report, scalesearch.report.scale.report; "
        "names = ('torch', 'torchvision', 'optuna', 'fvcore', 'matplotlib.pyplot'); "
        "print([name for name in names if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
