from __future__ import annotations

import csv
import io
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from matplotlib.text import Text

from scalesearch.commands.grid.figures import answer_figure, curves_figure
from scalesearch.commands.grid.run import CORNERS
from scalesearch.commands.grid.view import GridPage, grid_page, write_grid_report
from scalesearch.page.answer import answer_lines, answer_of, coefficients_of, next_steps, split_text
from scalesearch.page.evidence import coefficients, judged
from scalesearch.page.fronts import pareto_figure
from scalesearch.page.markdown import percent
from scalesearch.page.parts import WHOLE, Keeps
from scalesearch.page.style import render
from scalesearch.page.tables import candidates_table, csv_text, pareto_table
from scalesearch.records import CandidateRecord, CheckRun, RunRecord
from scalesearch.statistics.answer import lattice
from scalesearch.training.recipe import RECIPES
from tests.page.changes import judged_as, with_candidates, with_top1
from tests.page.drawn import GRID as FIGURES
from tests.page.shown import shown

# As the issue lists them, and what this report adds at the end.
ISSUE_COLUMNS = """
    key, alpha, beta, gamma, product, depth, width, resolution, params, macs, macs_ratio, fvcore_total,
    latency_median_s, latency_iqr_s, top1, loss, train_seconds, images_seen, merged, status, reason, pareto
"""
EXTRA_COLUMNS = "nominal_ratio, blocks, activations, full_macs, full_macs_ratio, top1_low, top1_high"
LATER_COLUMNS = """
    seeds, top1_sd, role, phi, budget, budget_target, budget_value, budget_residual, matched_by, top1_stopped,
    inference_bytes, training_bytes, latency_unstable, machine, trained_device, trained_threads,
    depth_share, width_share, resolution_share, top1_fitted, top1_fitted_low, top1_fitted_high,
    missed, repeats
"""
DRAWN = {"answer": answer_figure, "pareto": pareto_figure, "learning_curves": curves_figure}
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


def values_of(run: RunRecord) -> GridPage:
    return shown(grid_page, run, FIGURES)


ELSEWHERE = """
import sys
from pathlib import Path
sys.path[:0] = sys.argv[1:2]
from conftest import fabricate_run
from test_grid_report import mixed
from scalesearch.commands.grid.view import write_grid_report
write_grid_report(mixed(fabricate_run(trained=16, seeds=3)), Path(sys.argv[2]))
"""


@pytest.mark.slow
@pytest.mark.figures
def test_the_same_record_gives_the_same_bytes_in_any_process_with_any_user_settings(make_run, tmp_path):
    run = mixed(make_run(trained=16, seeds=3))
    report = write_grid_report(run, tmp_path / "here")
    written = files(tmp_path / "here")
    figures = {f"figures/{n}.{s}" for n in FIGURES for s in ("svg", "png")}
    assert set(written) == {"candidates.csv", "pareto.csv", "report.md", "report.html"} | figures
    assert set(report.figures) == {tmp_path / "here" / name for name in figures}
    assert written["candidates.csv"].decode() == csv_text(report.table)
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


@pytest.mark.parametrize(
    ("dataset", "pictures"),
    [("photographs", "70 photographs"), ("windows:my/trip", "70 pictures"), ("folder:windows", "")],
)
def test_windows_of_few_pictures_are_not_called_independent(make_run, dataset, pictures):
    run = make_run(trained=16, seeds=3)
    run = replace(run, settings=run.settings | {"dataset": dataset}, classes=70)
    assert values_of(run).sure.pictures == pictures


def test_no_network_is_called_the_best_where_all_may_be_guessing(make_run):
    run = make_run(trained=3)
    values = values_of(with_top1(run, *(1 / run.classes,) * 3))
    assert values.nothing_learnt
    assert values.highest is None
    assert values_of(run).highest is not None


def test_where_nothing_is_learnt_the_terminal_says_so_as_the_page_does(make_run) -> None:
    """Also where there are too few networks for a surface, and that is why there is no answer."""
    run = make_run(trained=3)
    flat = with_top1(run, *(1 / run.classes,) * 3)
    said, reason = answer_lines(flat)
    assert said.startswith("No network has learnt anything that shows")
    assert reason.startswith("No answer yet: runs must be of at least 7 networks")
    page = page_of(flat)
    assert (page.count(said), page.count(reason)) == (1, 1)
    assert answer_lines(run) == (reason,)


def test_without_a_surface_networks_are_by_their_means_and_nothing_is_fitted(make_run) -> None:
    few, many = make_run(trained=3), make_run(trained=16, seeds=3)
    assert "fitted top-1" not in values_of(few).trained.header
    assert "Highest mean first; mean top-1" in " ".join(page_of(few).split())
    assert "fitted top-1" in values_of(many).trained.header
    assert "Best fitted first; mean top-1" in " ".join(page_of(many).split())


def test_an_answer_that_is_made_anew_is_confirmed_on_images_of_its_own(make_run) -> None:
    run, anew = make_run(trained=16, seeds=3), Keeps(study=False, weights=False)
    found = answer_of(run)
    assert not isinstance(found, str)

    def last(keeps: Keeps, **settings: str) -> str:
        asked = replace(run, settings=run.settings | settings)
        return next_steps(asked, found, "DIR", keeps).commands[-1][1]

    for same in ({}, {"confirm_on": "same"}):
        assert " --config DIR/run.toml --confirm-on fresh --seeds " in last(anew, **same)
        # A study goes on with what it was begun with.
        assert "--confirm-on" not in last(WHOLE, **same)
    assert "--confirm-on" not in last(anew, confirm_on="fresh")
    # A run from scratch, which it is compared with, was judged on these images.
    assert "--confirm-on" not in last(anew, scratch_run="reports/scratch")


def test_a_budget_goes_on_without_the_phi_that_earlier_versions_took_beside_it(make_run) -> None:
    run = make_run(trained=16, seeds=3)
    found = answer_of(run)
    assert not isinstance(found, str)
    run = replace(run, command="scalesearch grid --budget macs=800M --phi 1 --out x")
    assert " --phi 1 --seeds " in next_steps(run, found).commands[-1][1]
    run = replace(run, settings=run.settings | {"budget": "macs=800M"})
    assert next_steps(run, found).commands[-1][1].startswith("scalesearch grid --budget macs=800M --seeds ")


def test_an_unfinished_run_says_how_much_is_missing(make_run):
    values = values_of(make_run(trained=5, rest="waiting"))
    assert (values.waiting, values.networks) == (60, 65)


def test_nothing_trained_still_makes_a_report_without_stale_figures(make_run, tmp_path):
    (tmp_path / "figures").mkdir()
    (tmp_path / "figures" / "pareto.png").write_bytes(b"of an earlier report")
    report = write_grid_report(make_run(trained=0, rest="waiting"), tmp_path)
    assert not list((tmp_path / "figures").iterdir())
    assert rows(report.page.with_name("pareto.csv").read_text()) == []
    assert report.page.with_name("pareto.csv").read_text().startswith("front,key,alpha")


def test_no_candidates_at_all(make_run, tmp_path):
    report = write_grid_report(replace(make_run(trained=0), candidates=(), feasible=0), tmp_path)
    assert report.figures == ()
    assert report.table.empty


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
    assert page_of(run)
    assert (curves_figure(run) is None) == (keep != "curve")
    assert len(pareto_figure(run).axes) == (4 if keep == "latency" else 3)
    assert any(pareto_table(run)["front"] == "latency") == (keep == "latency")


@pytest.mark.figures
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
    page, skipped = page_of(run), values_of(run).skipped
    count = {s: sum(c.status == s for c in run.candidates) for s in ("failed", "waiting", "skipped")}
    assert (skipped.feasible, skipped.networks) == (109, 65)
    assert count == {"failed": skipped.failed, "waiting": skipped.waiting, "skipped": skipped.skipped}
    for c in run.candidates:
        assert (f"`{c.key}`" in page) == (c.status != "skipped")


def test_networks_off_the_budget_are_not_called_thinned_out(make_run):
    run = mixed(make_run(trained=16))
    skipped = [c for c in run.candidates if c.status == "skipped"]
    reasons = {c.key: "thinned out: 2 of 65 distinct networks are trained" for c in skipped}
    reasons[skipped[0].key] = "macs cannot be brought nearer than +6.2% to the budget"
    run = with_candidates(run, lambda _, c: replace(c, reason=reasons.get(c.key, c.reason)))
    values = values_of(replace(run, thinning="2 of 64 distinct networks are trained.")).skipped
    assert not values.thinned
    assert values.why == [f"{len(skipped) - 1}: {reasons[skipped[1].key]}", f"1: {reasons[skipped[0].key]}"]
    assert values.thinning == "2 of 64 distinct networks are trained"


def test_the_page_answers_in_its_first_lines_and_ends_them_with_commands(make_run):
    run = make_run(trained=16, seeds=3)
    found = answer_of(run)
    assert not isinstance(found, str)
    page = page_of(run)
    lines = [block for block in page.split("\n\n") if block][1:4]
    first, second, _ = answer_lines(run)
    assert lines[0] == f"**{first}**"
    assert lines[1] == second
    assert "scalesearch scale --alpha" in page
    assert "--seeds" in next_steps(run, found).commands[-1][1]
    # Skill falls with depth and rises with resolution: so do the fitted rates.
    to_width, to_resolution, _ = found.answer.rates
    assert to_width.points.value > 0
    assert to_resolution.points.low > 0
    assert found.answer.best[0] < 0.2
    assert len(page.split()) < 1600


def test_every_network_gets_a_prediction_trained_or_not(make_run):
    run = make_run(trained=16, seeds=3)
    table = candidates_table(run).set_index("key")
    inside = table.dropna(subset="top1_fitted")
    assert len(inside) > 16
    assert inside["status"].value_counts()["skipped"] > 0
    assert (inside["top1_fitted_low"] < inside["top1_fitted"]).all()
    shares = table[["depth_share", "width_share", "resolution_share"]].dropna().sum(axis=1)
    assert shares.to_numpy() == pytest.approx(np.ones(len(shares)))
    trained = inside[inside["status"] == "completed"]
    assert np.corrcoef(trained["top1"], trained["top1_fitted"])[0, 1] > 0.5
    assert "top1_fitted" in pareto_table(run)


def test_the_answer_says_whether_longer_training_changes_it(make_run):
    run = make_run(trained=16, seeds=3)
    one_length = answer_of(run)
    assert one_length.growth is None  # `quick` decays its rate: its looks before the end mean nothing
    steady = replace(run, settings={**run.settings, "recipe": "steady"})
    found = answer_of(steady)
    assert [at.images for at in found.lengths] == [10800, 21600]
    assert "## Longer training" in page_of(steady)
    assert "extrapolated" in page_of(steady)


def confirmed(run: RunRecord, gain: float, noise: float, seeds: int = 4) -> RunRecord:
    """The run with confirming runs whose best network is ahead of the paper's by ``gain``."""
    found = answer_of(run)
    paper = next(c for c in run.candidates if (1.2, 1.1, 1.15) in c.merged)
    shape = paper.runs[0]
    checks = [
        CheckRun(
            purpose="confirm",
            network=key,
            role=role,
            variant="as searched",
            run=replace(shape, seed=1_000_000 + k, top1=0.5 + more + noise * (-1) ** k),
        )
        for role, key, more in (("best", found.best.key, gain), ("paper", paper.key, 0.0))
        for k in range(seeds)
    ]
    return replace(run, checks=tuple(checks))


@pytest.mark.parametrize(
    ("gain", "noise", "verdict"),
    [(0.05, 0.001, "confirmed"), (-0.05, 0.001, "not confirmed"), (0.05, 0.08, "too small to see")],
)
def test_what_was_predicted_is_set_beside_what_fresh_seeds_gave(make_run, gain, noise, verdict):
    run = confirmed(make_run(trained=16, seeds=3), gain, noise)
    (against,) = answer_of(run).confirmed
    assert against.verdict == verdict
    assert against.measured.value == pytest.approx(100 * gain)
    (beside,) = values_of(run).confirmed.against
    assert (beside.verdict, beside.seeds) == (verdict, 4)
    assert beside.network.startswith(f"{coefficients(against.against)} (")
    assert bool(beside.visible) == (verdict == "too small to see")


def test_other_recipes_are_set_beside_the_searchs_own(make_run):
    run = make_run(trained=16, seeds=3)
    chosen = judged(run)[:2]
    checks = tuple(
        CheckRun(
            purpose="recipe",
            network=c.key,
            role=role,
            variant=variant,
            run=replace(c.runs[0], seed=seed, top1=c.runs[seed].top1 + more),
        )
        for role, c in zip(("depth alone", "centre"), chosen, strict=True)
        for variant, more in (("rate x 0.5", -0.02), ("rate x 2", 0.03 if role == "centre" else -0.03))
        for seed in (0, 1)
    )
    found = answer_of(replace(run, checks=checks)).recipe
    assert found.best == {"depth alone": "as searched", "centre": "rate x 2"}
    assert found.p is not None
    own = max(found.at_own.values())
    assert own >= 0
    assert "## Other recipes" in page_of(replace(run, checks=checks)).splitlines()
    assert values_of(replace(run, checks=checks)).recipes.p == found.p


def test_the_runner_up_is_named_with_its_triple_and_shares(make_run):
    run = confirmed(make_run(trained=16, seeds=3), 0.05, 0.001)
    checks = tuple(
        replace(check, role="runner-up") if check.role == "paper" else check for check in run.checks
    )
    confirmation = values_of(replace(run, checks=checks)).confirmed
    best = answer_of(run).best
    assert confirmation.best == f"{coefficients(best)} ({split_text(best.split)})"
    paper = next(c for c in run.candidates if (1.2, 1.1, 1.15) in c.merged)
    (against,) = confirmation.against
    assert against.other == "the runner-up's"
    assert against.network == f"{coefficients(paper)} ({split_text(paper.split)})"


def checked(run: RunRecord, gains: dict[str, float], noise: float = 0.001) -> RunRecord:
    """The run with corners and centre trained by other recipes, better than as searched by ``gains``."""
    chosen = dict(
        zip(("depth alone", "width alone", "resolution alone", "centre"), judged(run), strict=False)
    )
    same = {
        c.key: tuple(replace(one, top1=0.5 + 0.02 * k + noise * (-1) ** one.seed) for one in c.runs[:2])
        for k, c in enumerate(chosen.values())
    }
    run = with_candidates(run, lambda _, c: replace(c, runs=same[c.key]) if c.key in same else c)
    checks = tuple(
        CheckRun(
            purpose="recipe",
            network=c.key,
            role=role,
            variant=variant,
            run=replace(one, top1=one.top1 + (gains.get(role, 0.0) if variant == better else -0.01)),
        )
        for role, c in chosen.items()
        for better in [next((v for v in gains if v.startswith(("rate", "batch"))), "batch 64")]
        for variant in ("rate x 0.5", "rate x 2", "batch 64")
        for one in same[c.key]
    )
    return replace(run, checks=checks)


@pytest.mark.parametrize(
    ("variant", "command"),
    [
        ("batch 64", "scalesearch grid --phi 1 --batch-size 64 --out DIR-batch-64"),
        (
            "rate x 0.5",
            'scalesearch describe --recipe quick --format toml | sed \'s/^name = .*/name = "quick-rate-0.5"/; '
            "s/^learning_rate = .*/learning_rate = {rate:g}/' > quick-rate-0.5.toml && scalesearch grid --phi 1 "
            "--recipe quick-rate-0.5.toml --out DIR-rate-0.5",
        ),
    ],
)
def test_a_recipe_that_is_shown_to_be_better_comes_first(make_run, variant, command):
    run = checked(make_run(trained=16, seeds=3), {variant: 0.0, "depth alone": 0.1})
    run = replace(run, settings=dict(run.settings) | {"recipe": "quick"})
    found = answer_of(run)
    assert [(better.role, better.variant) for better in found.recipe.better] == [("depth alone", variant)]
    assert found.recipe.better[0].gain.value == pytest.approx(10.0)
    rate = RECIPES["quick"].learning_rate / 2
    assert next_steps(run, found).commands[0][1] == command.format(rate=rate)
    ((better, role, gain),) = values_of(run).recipes.better
    assert (better, role) == (variant, "depth alone")
    assert gain.startswith("+10.0 (")
    assert found.recipe.orders == (
        ("centre", "resolution alone", "width alone", "depth alone"),
        ("depth alone", "centre", "resolution alone", "width alone"),
    )


def test_a_recipe_that_may_be_better_by_chance_changes_nothing(make_run):
    run = checked(make_run(trained=16, seeds=3), {"batch 64": 0.0, "depth alone": 0.1}, noise=0.1)
    found = answer_of(run)
    assert found.recipe.better == ()
    assert "recipe" not in answer_lines(run)[0]
    assert next_steps(run, found).commands[0][1].startswith("scalesearch scale")
    assert not values_of(run).recipes.better


@pytest.mark.parametrize(("share", "text"), [(-0.004, "0%"), (-0.02, "-2%"), (1.004, "100%")])
def test_a_share_is_below_0_only_where_it_is(make_run, share, text):
    run = make_run(trained=16, seeds=3)
    key = judged(run)[0].key
    run = with_candidates(
        run,
        lambda _, c: (
            replace(c, depth_doublings=share, width_doublings=1 - share, resolution_doublings=0.0)
            if c.key == key
            else c
        ),
    )
    page = page_of(run)
    assert f"| {text.removesuffix('%')} / " in page
    assert ("below 0 a dimension shrank" in page) == (share < -0.005)
    assert "-0/" not in page
    assert split_text((share, 1 - share, 0.0)).startswith(f"{text} depth")
    assert percent(share, 0) == text


def test_a_run_without_any_difference_says_how_little_there_can_be(make_run):
    run = make_run(trained=16, seeds=3)
    rng = np.random.default_rng(2)
    flat_run = with_candidates(
        run,
        lambda _, c: judged_as(c, *(0.5 + 0.01 * rng.standard_normal(3))) if c.status == "completed" else c,
    )
    assert not answer_of(flat_run).surface.different
    assert values_of(flat_run).compared.rows[0][0] == "**highest fitted**"


def test_the_report_loads_without_torch_and_optuna():
    script = (
        "import sys, scalesearch.commands.grid.view, scalesearch.commands.scale.view; "
        "names = ('torch', 'torchvision', 'optuna', 'fvcore', 'matplotlib.pyplot'); "
        "print([name for name in names if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("trained", [True, False])
@pytest.mark.parametrize("baseline", ["efficientnet-b0", "resnet-18"])
def test_the_papers_triple_is_named_in_every_figure_or_in_none(make_run, trained: bool, baseline: str):
    run = make_run(trained=16, seeds=3)
    run = replace(run, settings={**run.settings, "baseline": baseline})
    if not trained:
        run = with_candidates(
            run, lambda _, c: replace(c, status="skipped", runs=()) if (1.2, 1.1, 1.15) in c.merged else c
        )
    figures = {figure: draw(run) for figure, draw in DRAWN.items()}
    named = {
        name: any("the paper's" in text.get_text() for text in figure.findobj(Text))
        for name, figure in figures.items()
    }
    assert named == dict.fromkeys(DRAWN, trained)


def test_every_split_of_the_lattice_has_coefficients():
    for split in lattice():
        alpha, beta, gamma = coefficients_of(tuple(split.tolist()))
        assert min(alpha, beta, gamma) >= 1
        assert alpha * beta**2 * gamma**2 == pytest.approx(2, rel=0.03)


def test_networks_that_learnt_nothing_have_no_answer(make_run) -> None:
    run = make_run(trained=9)
    guessing = with_top1(run, *[(1 / 18, 1 / 18)] * 9)
    assert not isinstance(answer_of(guessing), str)  # there is a surface, of chance
    (line,) = answer_lines(guessing)
    assert line.startswith("No answer yet: even the best network can't be told from guessing. Train longer")
    assert f"**{line}**" in page_of(guessing)
    # Nor is a surface of chance shown, or confirmed.
    assert not {"## Splits compared", "## How sure this is", "## Confirmed?"} & set(
        page_of(guessing).splitlines()
    )
    assert answer_figure(guessing) is None


def turned(run: RunRecord, gains: dict[str, float]) -> RunRecord:
    """The run with its corners and centre tried by other recipes; one gains what is said, others lose."""
    trained = [c for c in run.candidates if c.status == "completed"]
    checks = []
    for role, corner in CORNERS.items():
        network = min(trained, key=lambda c: sum((a - b) ** 2 for a, b in zip(c.split, corner, strict=True)))
        checks += [
            CheckRun(
                purpose="recipe",
                network=network.key,
                role=role,
                variant=variant,
                run=replace(one, top1=one.top1 + (gains[role] if variant == "rate x 2" else -0.05)),
            )
            for variant in ("rate x 0.5", "rate x 2", "batch 64")
            for one in network.runs[:2]
        ]
    settings = dict(run.settings) | {"recipe": "quick"}
    return replace(run, settings=settings, checks=tuple(checks))


def test_a_network_that_failed_after_its_recipes_were_tried_leaves_an_answer(make_run):
    run = turned(make_run(trained=16, seeds=3), dict.fromkeys(CORNERS, 0.3))
    assert answer_of(run).as_searched is not None
    tried = {check.network for check in run.checks if check.role == "depth alone"}
    failed = [replace(c, status="failed", reason="killed") if c.key in tried else c for c in run.candidates]
    assert answer_lines(replace(run, candidates=tuple(failed)))


def test_each_split_is_judged_at_its_best_recipe_where_another_is_shown_to_be_better(make_run):
    run = make_run(trained=16, seeds=3)
    run = replace(run, settings=dict(run.settings) | {"recipe": "quick"})
    before = answer_of(run)
    gains = {"depth alone": 0.3, "width alone": -0.1, "resolution alone": 0.0, "centre": 0.08}
    run = turned(run, gains)
    found = answer_of(run)
    assert next((better.variant, better.role) for better in found.recipe.better) == (
        "rate x 2",
        "depth alone",
    )
    assert found.recipe.judged_by == {
        "depth alone": "rate x 2",
        "width alone": "as searched",
        "resolution alone": "as searched",
        "centre": "rate x 2",
    }
    # By the search's own recipe all is as it was.
    assert found.as_searched.best == before.answer.best
    assert found.as_searched.rates == before.answer.rates
    assert found.predictions == before.predictions
    assert before.answer.best[0] < 0.1
    assert found.answer.best[0] > 0.25
    assert found.best.split[0] > 0.25 > before.best.split[0]
    assert found.as_searched.rates[0].points.value - found.answer.rates[0].points.value > 3
    values = values_of(run)
    assert split_text(before.answer.best) in values.answer
    cells = {name: others for name, *others in values.recipes.at_best}
    assert cells["judged by"][0] == "as searched"
    assert cells["judged by"][1].startswith("depth alone rate x 2 (+30.0), width alone as searched, ")
    assert cells["highest fitted split"] == [
        split_text(answer.best) for answer in (found.as_searched, found.answer)
    ]


def test_recipes_that_are_not_shown_to_be_better_change_no_answer(make_run):
    run = make_run(trained=16, seeds=3)
    noisy = turned(run, dict.fromkeys(CORNERS, 0.005))
    found, before = answer_of(noisy), answer_of(run)
    assert found.recipe.better == ()
    assert found.as_searched is None
    assert found.answer.best == before.answer.best
    assert found.answer.rates == before.answer.rates
    assert found.answer.regret == before.answer.regret
    assert answer_lines(noisy) == answer_lines(run)
    assert not values_of(noisy).recipes.at_best
