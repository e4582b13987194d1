from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import pytest

from scalesearch.commands.audit.evidence import trained_roles
from scalesearch.commands.sweep.evidence import comparisons, interval_reach, law_of
from scalesearch.commands.sweep.figures import dimensions_figure, sweep_figure
from scalesearch.commands.sweep.view import (
    SweepPage,
    answer_lines,
    answer_text,
    sweep_page,
    sweep_table,
    write_sweep_report,
)
from scalesearch.page.markdown import plain_lines
from scalesearch.page.parts import WHOLE, Keeps
from scalesearch.records import BudgetRecord, CandidateRecord, CurvePoint, RunRecord, SeedRun
from scalesearch.runs.kept import kept_run
from scalesearch.statistics.power_law import PowerLaw
from tests.page.shown import shown

BASE_MACS = 1_050_000
POWER = {
    "depth": (1, 0, 0),
    "width": (0, 0.5, 0),
    "resolution": (0, 0, 0.5),
    "compound": (0.27, 0.15, 0.215),
    "fast": (0.1, 0.4, 0.05),
}
GAIN = {"depth": 0.02, "width": 0.05, "resolution": 0.045, "compound": 0.065, "fast": 0.055}


def seed_run(seed: int, top1: float) -> SeedRun:
    point = CurvePoint(images=4000, train_loss=1.4, loss=1.5, top1=top1)
    return SeedRun(
        seed=seed,
        top1=top1,
        loss=1.5,
        held_out_images=900,
        images_seen=4000,
        train_seconds=20.0,
        curve=(point,),
    )


def network(role: str, phi: float, top1: tuple[float, ...]) -> CandidateRecord:
    alpha, beta, gamma = (2**share for share in POWER.get(role, (0, 0, 0)))
    depth, width, resolution = alpha**phi, beta**phi, gamma**phi
    off = {"depth": 0.01, "width": -0.02, "resolution": 0.015, "fast": 0.004}.get(role, 0.0) * phi
    target = BASE_MACS * 2**phi
    macs = round(target * (1 + off))
    return CandidateRecord(
        key=f"{role}-{phi:g}",
        alpha=alpha,
        beta=beta,
        gamma=gamma,
        product=alpha * beta**2 * gamma**2,
        merged=(),
        depth=depth,
        width=width,
        resolution_multiplier=resolution,
        resolution=round(48 * resolution),
        blocks=round(16 * depth),
        params=300_000,
        macs=macs,
        activations=900_000,
        nominal_ratio=2.0**phi,
        macs_ratio=macs / BASE_MACS,
        full_macs=390_000_000,
        full_macs_ratio=2.0**phi,
        status="completed" if top1 else "waiting",
        phi=phi,
        role=role,
        budget=BudgetRecord(kind="macs", target=target, value=macs, matched_by=role if role in GAIN else ""),
        runs=tuple(seed_run(seed, value) for seed, value in enumerate(top1)),
        depth_doublings=phi * POWER.get(role, (0, 0, 0))[0],
        width_doublings=2 * phi * POWER.get(role, (0, 0, 0))[1],
        resolution_doublings=2 * phi * POWER.get(role, (0, 0, 0))[2],
    )


def run_of(*candidates: CandidateRecord, baseline: str = "efficientnet-b0") -> RunRecord:
    return RunRecord(
        kind="sweep",
        name="sweep-efficientnet-b0",
        command="scalesearch sweep --phi 1,2,3 --seeds 3",
        phi=1.0,
        settings={"baseline": baseline, "seed": 0, "dataset": "photographs"},
        machine={"cpu": "Xeon", "cores": 2},
        versions={"torch": "2.14.1"},
        grid_points=0,
        feasible=0,
        thinning="",
        wall_s=600.0,
        sessions=1,
        baseline={
            "params": 200_000,
            "macs": BASE_MACS,
            "resolution": 48,
            "blocks": 16,
            "full_macs": 390_000_000,
        },
        classes=18,
        candidates=candidates,
    )


def fabricate(
    phis: tuple[float, ...] = (1, 2, 3),
    seeds: int = 3,
    noise: float = 0.01,
    baseline: str = "efficientnet-b0",
) -> RunRecord:
    random_ = random.Random(3)

    def tops(mean: float) -> tuple[float, ...]:
        return tuple(round(900 * (mean + random_.gauss(0, noise))) / 900 for _ in range(seeds))

    rows = [network("baseline", 0, tops(0.36))]
    rows += [
        network(role, phi, tops(0.36 + gain * abs(phi) ** 0.8 * (1 if phi > 0 else -1)))
        for phi in phis
        for role, gain in GAIN.items()
    ]
    return run_of(*rows, baseline=baseline)


def files(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def page_of(run: RunRecord) -> str:
    return " ".join(sweep_page(run, {"sweep", "dimensions"}).split())


def values_of(run: RunRecord) -> SweepPage:
    return shown(sweep_page, run, {"sweep", "dimensions"})


def three(**top1: float) -> RunRecord:
    """One budget, these means, and seeds that move all networks alike but for a tenth of a point."""
    wiggle = {"compound": (0.0, 0.001, -0.001), "baseline": (0.0, 0.0, 0.0)}
    seeds = (-0.02, 0.0, 0.02)
    rows = []
    for role, mean in top1.items():
        own = wiggle.get(role, (0.001, -0.001, 0.0))
        rows.append(
            network(
                role,
                0 if role == "baseline" else 1,
                tuple(mean + s + w for s, w in zip(seeds, own, strict=True)),
            )
        )
    return run_of(*rows)


@pytest.mark.figures
def test_the_same_record_gives_the_same_bytes(tmp_path):
    report = write_sweep_report(fabricate(phis=(1,)), tmp_path / "one")
    write_sweep_report(fabricate(phis=(1,)), tmp_path / "two")
    written = files(tmp_path / "one")
    assert written == files(tmp_path / "two")
    figures = {f"figures/{name}.{kind}" for name in ("sweep", "dimensions") for kind in ("svg", "png")}
    assert set(written) == {"sweep.csv", "report.md", "report.html"} | figures
    assert set(report.figures) == {tmp_path / "one" / name for name in figures}


def test_ways_that_round_to_one_network_are_one_row_compared_once(tmp_path):
    run = run_of(
        *three(baseline=0.4, width=0.5, resolution=0.52).candidates,
        replace(three(depth=0.6).candidates[0], role="depth, compound"),
    )
    assert [(pair.role, pair.compound.role) for pair in comparisons(run)] == [
        ("width", "depth, compound"),
        ("resolution", "depth, compound"),
    ]
    assert {role: row.role for role, row in trained_roles(run, 1).items()} == {
        "depth": "depth, compound",
        "width": "width",
        "resolution": "resolution",
        "compound": "depth, compound",
    }
    table = sweep_table(run)
    assert list(table["role"]) == ["baseline", "depth, compound", "width", "resolution"]
    page = page_of(run)
    assert "- At phi 1 depth and compound round to one network, trained once." in page
    assert "| 1 | depth, compound |" in page
    assert set(write_sweep_report(run, tmp_path).figures) == {
        tmp_path / "figures" / f"{name}.{kind}" for name in ("sweep", "dimensions") for kind in ("svg", "png")
    }
    # The other way round: two rivals that are one network are one rival.
    rivals = run_of(
        *three(baseline=0.4, compound=0.6).candidates,
        replace(three(width=0.5).candidates[0], role="width, fast"),
    )
    (pair,) = comparisons(rivals)
    assert pair.role == "width, fast"
    assert "width alone and the mostly-wide rule (fast) at phi 1 (+10.0 points)" in page_of(rivals)


def test_a_network_trained_apart_for_several_ways_is_not_compared_with_itself() -> None:
    """As earlier versions did; their runs are the same ones, so no noise is pooled over them either."""
    alone = three(baseline=0.4, compound=0.6, width=0.5, resolution=0.52)
    compound = next(c for c in alone.candidates if c.role == "compound")
    copies = [replace(compound, key=f"{role}-copy", role=role) for role in ("depth", "fast")]
    run = run_of(*alone.candidates, *copies)
    assert [(pair.role, pair.test) for pair in comparisons(run)] == [
        (pair.role, pair.test) for pair in comparisons(alone)
    ]
    assert interval_reach(run) == interval_reach(alone)
    values = values_of(run)
    assert values.trust is not None
    assert (values.trust.tested, values.trust.untested) == (2, 0)
    verdicts = {row[1]: tuple(map(str, row[-2:])) for row in values.ways.rows}
    assert verdicts["depth"] == verdicts["fast"] == ("", "the same network as compound")
    assert verdicts["width"][1].startswith("better")
    table = sweep_table(run).set_index("role")
    assert table.loc[["depth", "fast"], ["compound_minus_this", "p"]].isna().all(axis=None)
    assert list(table.loc[["depth", "fast"], "verdict"]) == ["", ""]
    # The baseline, width, resolution, and one point for the three that are one network.
    figure = sweep_figure(run)
    assert figure is not None
    marks = [line for line in figure.axes[0].get_lines() if line.get_linestyle() == "None"]
    assert sum(len(line.get_xdata()) for line in marks) == 4  # type: ignore[arg-type]


def test_two_rivals_that_are_one_network_trained_apart_share_a_test() -> None:
    alone = three(baseline=0.4, compound=0.6, width=0.5)
    width = next(c for c in alone.candidates if c.role == "width")
    run = run_of(*alone.candidates, replace(width, key="fast-copy", role="fast"))
    (test,) = {pair.test for pair in comparisons(run)}
    assert test == comparisons(alone)[0].test
    assert [pair.role for pair in comparisons(run)] == ["width", "fast"]
    trust = values_of(run).trust
    assert trust is not None
    assert trust.tested == 1


def test_the_table_is_ordered_by_budget_and_holds_residuals_and_differences():
    table = sweep_table(fabricate(phis=(2, 1)))
    assert list(table["role"]) == ["baseline", *2 * ["depth", "width", "resolution", "fast", "compound"]]
    assert list(table["phi"]) == [0.0, *5 * [1.0], *5 * [2.0]]
    width = table[(table["role"] == "width") & (table["phi"] == 2)].iloc[0]
    compound = table[(table["role"] == "compound") & (table["phi"] == 2)].iloc[0]
    assert width["residual"] == pytest.approx(-0.04)
    assert (width["budget_kind"], width["matched_by"], width["seeds"]) == ("macs", "width", 3)
    assert width["compound_minus_this"] == pytest.approx(compound["top1"] - width["top1"])
    assert width["difference_low"] < width["compound_minus_this"] < width["difference_high"]
    assert (width["p"] < 0.05) == (width["difference_low"] > 0 or width["difference_high"] < 0)
    assert width["width_doublings"] == 2
    assert compound["verdict"] == ""


@pytest.mark.parametrize(
    ("top1", "better", "worse"),
    [
        (
            {"depth": 0.40, "width": 0.42},
            ["depth alone at phi 1 (+10.0 points)", "width alone at phi 1 (+8.0 points)"],
            [],
        ),
        (
            {"depth": 0.40, "width": 0.56},
            ["depth alone at phi 1 (+10.0 points)"],
            ["width alone at phi 1 (-6.0 points)"],
        ),
        ({"depth": 0.50, "fast": 0.60}, [], ["the mostly-wide rule (fast) at phi 1 (-10.0 points)"]),
        ({"depth": 0.50, "width": 0.50}, [], []),
    ],
)
def test_the_answer_follows_from_the_tests(top1, better, worse):
    values = answer_text(three(baseline=0.3, compound=0.50, **top1))
    assert (list(values.better), list(values.worse)) == (better, worse)
    assert values.widest > 0


RATES, FACTORS = (0.3, 0.9, 0.9), (0.05, 0.2, 0.15)


def lawful(noise: float = 0.004, crossed: float = 0.0) -> RunRecord:
    """A sweep whose error is a power law of what each network spent on each dimension."""
    random_ = random.Random(5)

    def tops(role: str, phi: float) -> tuple[float, ...]:
        growth = [
            phi * power * times for power, times in zip(POWER.get(role, (0, 0, 0)), (1, 2, 2), strict=True)
        ]
        error = 0.2 + sum(f * 2 ** (-r * g) for f, r, g in zip(FACTORS, RATES, growth, strict=True))
        error += crossed * (growth[0] * growth[1] + growth[1] * growth[2] + growth[0] * growth[2])
        return tuple(1 - error + random_.gauss(0, noise) for _ in range(3))

    rows = [network("baseline", 0, tops("baseline", 0))]
    rows += [network(role, phi, tops(role, phi)) for phi in (0.5, 1, 2) for role in GAIN]
    return run_of(*rows)


@pytest.mark.slow
def test_a_law_that_holds_answers_first_for_every_budget():
    run = lawful()
    law = law_of(run)
    assert isinstance(law, PowerLaw)
    assert law.objections == ()
    page, answer = sweep_page(run, {"sweep", "dimensions"}), values_of(run).answer
    assert len(page.split("\n\n")[1].splitlines()) == 3
    assert not answer.missing
    assert not answer.objections
    assert answer.cost == "4"
    assert answer.shares[0].startswith("depth 0% (")
    table = page.partition("## The best split at each budget")[2]
    assert [line.split("|")[1].strip() for line in table.splitlines() if line.startswith("| ")][2:6] == [
        "0.5",
        "1",
        "2",
        "3, not tried",
    ]
    assert page.index("```sh") < page.index("## ")
    alpha, beta, gamma = (one.value for one in law.coefficients_at(2))
    assert f"scalesearch scale --alpha {alpha:.3g} --beta {beta:.3g} --gamma {gamma:.3g}" in page
    figure = dimensions_figure(run)
    assert figure is not None
    dashed = [line for axes in figure.axes for line in axes.get_lines() if line.is_dashed()]
    assert len(dashed) == 3


def test_where_dimensions_act_on_one_another_no_law_is_read_off():
    run = lawful(crossed=0.06)
    page = page_of(run)
    assert values_of(run).answer.objections
    assert values_of(run).by_budget is None
    assert " scalesearch grid --phi 2 " in page
    figure = dimensions_figure(run)
    assert figure is not None
    assert not [line for axes in figure.axes for line in axes.get_lines() if line.is_dashed()]


def test_commands_that_follow_ask_for_the_networks_of_the_sweep_whatever_the_defaults_are_now() -> None:
    run = lawful(crossed=0.06)
    older = {"baseline_resolution": 48, "baseline_channel_divisor": 2, "baseline_width": 0.25, "images": 4000}
    run = replace(run, settings=run.settings | older)

    def commands(run: RunRecord, keeps: Keeps) -> list[str]:
        return [command for _, command in shown(sweep_page, run, (), keeps).steps.commands]

    committed = Keeps(study=False, weights=False)
    grid = "scalesearch grid --phi 2 --baseline-resolution 48 --baseline-channel-divisor 2 --images 4000"
    anew = "scalesearch sweep --config DIR/run.toml --seeds 6 --out DIR-seeds"
    assert commands(run, committed) == [grid, anew]
    assert commands(run, WHOLE) == [grid, "scalesearch sweep --phi 1,2,3 --seeds 6 --out DIR-seeds"]
    audit = replace(run, command="scalesearch audit --train")
    assert commands(audit, WHOLE) == [grid, anew]
    few = replace(three(baseline=0.3, depth=0.4, compound=0.5), settings=run.settings | {"roles": ["depth"]})
    assert commands(few, committed) == [
        "scalesearch sweep --config DIR/run.toml --roles depth,width,resolution,fast,compound --phi 0.5,1,2 "
        "--seeds 3 --out DIR-three-budgets"
    ]


def test_a_run_without_an_accuracy_says_nothing_to_the_law() -> None:
    run = lawful()
    first = run.candidates[1]
    broken = replace(first, runs=(replace(first.runs[0], top1=float("nan")), *first.runs[1:]))
    law = law_of(replace(run, candidates=(run.candidates[0], broken, *run.candidates[2:])))
    assert isinstance(law, PowerLaw)
    assert len(law.runs.top1) == 3 * len(run.candidates) - 1


def test_bars_are_intervals_that_hold_at_once():
    run = fabricate()
    reach = interval_reach(run)
    assert reach is not None
    figure = sweep_figure(run)
    assert figure is not None
    (bars, *_) = figure.axes[0].collections
    bottom, top = bars.get_segments()[0][:, 1]  # type: ignore[attr-defined]
    assert top - bottom == pytest.approx(200 * reach)
    assert interval_reach(fabricate(seeds=1)) is None


@pytest.mark.slow
def test_one_seed_is_not_tested():
    values, table = values_of(fabricate(seeds=1)), sweep_table(fabricate(seeds=1))
    assert values.answer.verdicts == ["not tested"]
    assert values.trust.untested == 12
    assert set(table["verdict"]) == {"", "not tested"}
    assert table["p"].isna().all()


def test_a_network_of_fewer_seeds_is_not_tested_and_the_others_are():
    run = three(baseline=0.3, compound=0.5, depth=0.4, width=0.4)
    short = [replace(c, runs=c.runs[:1]) if c.role == "depth" else c for c in run.candidates]
    by_role = {one.role: one for one in comparisons(run_of(*short))}
    assert (by_role["depth"].verdict, by_role["width"].verdict) == ("not tested", "better")
    assert by_role["width"].seeds == 3


def test_a_stopped_sweep_names_what_is_missing(tmp_path):
    waiting = replace(network("depth", 1, ()), status="failed", reason="out of <memory>")
    run = run_of(network("baseline", 0, (0.3,)), waiting, network("width", 1, ()))
    report, values = write_sweep_report(run, tmp_path), values_of(run)
    assert (values.waiting, values.networks, values.answer.verdicts) == (1, 3, [])
    assert values.missing[0].startswith("depth: failed, out of ")
    assert "out of &lt;memory&gt;" in report.page.read_text("utf-8")
    assert report.figures == ()


def test_costs_far_from_their_budget_are_called_out():
    trust = values_of(fabricate()).trust
    assert (trust.furthest, trust.off, trust.far) == ("width at phi 3", pytest.approx(-0.06), 1)
    assert values_of(fabricate(phis=(1,))).trust.far == 0


@pytest.mark.slow
def test_published_points_stand_beside_b0_only():
    assert "arXiv 1905.11946v5 Table 7" in page_of(fabricate())
    figure = sweep_figure(fabricate())
    assert figure is not None
    measured, published = (axes.get_ylabel() for axes in figure.axes[:2])
    assert (measured, published) == ("held-out top-1 (%)", "published ImageNet top-1 (%)")
    other = fabricate(baseline="mobilenet-v2")
    assert "What was published" not in page_of(other)
    alone = sweep_figure(other)
    assert alone is not None
    assert [axes.get_ylabel() for axes in alone.axes] == ["held-out top-1 (%)"]


@pytest.mark.slow
def test_smaller_budgets_than_the_baselines_are_drawn_on_its_other_side():
    run = fabricate(phis=(-1, 1))
    assert list(sweep_table(run)["phi"]) == [*5 * [-1.0], 0.0, *5 * [1.0]]
    figure = dimensions_figure(run)
    assert figure is not None
    for axes in figure.axes:
        x = [float(value) for value in axes.get_lines()[0].get_xdata()]
        assert (len(x), x[1]) == (3, 1.0)
        assert x == sorted(x)


def test_a_sweep_whose_best_may_be_guessing_says_so_first_and_names_who_shares_the_top():
    flat = run_of(
        network("baseline", 0, (0.05,)), network("depth", 1, (0.06,)), network("compound", 1, (0.06,))
    )
    values = values_of(flat)
    assert values.nothing_learnt
    assert "depth at phi 1" in values.tied
    assert "compound at phi 1" in values.tied
    learnt = values_of(fabricate())
    assert (learnt.nothing_learnt, learnt.tied) == (False, "")


def test_the_committed_sweep_says_what_its_page_says() -> None:
    folder = Path(__file__).parents[2] / "reports" / "sweep-efficientnet-b0"
    run = kept_run(folder).record
    assert all(len(c.runs) == 3 for c in run.candidates)
    law = law_of(run)
    assert isinstance(law, PowerLaw)
    assert law.objections == ()
    # Two ways that round to one network are one network to the law.
    assert len(set(law.runs.networks)) == 14
    page = (folder / "report.md").read_text("utf-8")
    assert answer_lines(run) == plain_lines(page.split("\n\n")[1])
