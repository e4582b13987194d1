from __future__ import annotations

import math
import random
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scalesearch.commands.search.evidence import (
    candidate_shares,
    hypervolume_share,
    nondominated,
    search_evidence,
)
from scalesearch.commands.search.figures import front_figure, shares_figure
from scalesearch.commands.search.view import (
    SearchPage,
    front_table,
    search_page,
    trials_table,
    write_search_report,
)
from scalesearch.records import CandidateRecord, CurvePoint, LatencyRecord, RungRecord, RunRecord, SeedRun
from scalesearch.scaling import Coefficients, Shares
from tests.page.shown import shown

BASE_MACS = 1_050_000


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


def network(
    key: str, triple: Coefficients, top1: tuple[float, ...], *, macs: int = 2 * BASE_MACS
) -> CandidateRecord:
    own = (triple.alpha, triple.beta, triple.gamma)
    return CandidateRecord(
        key=key,
        alpha=triple.alpha,
        beta=triple.beta,
        gamma=triple.gamma,
        product=triple.product,
        merged=(own,),
        depth=triple.alpha,
        width=triple.beta,
        resolution_multiplier=triple.gamma,
        resolution=round(48 * triple.gamma),
        blocks=round(16 * triple.alpha),
        params=300_000,
        macs=macs,
        activations=900_000,
        nominal_ratio=triple.product,
        macs_ratio=macs / BASE_MACS,
        full_macs=780_000_000,
        full_macs_ratio=2.0,
        status="completed" if top1 else "waiting",
        runs=tuple(seed_run(seed, value) for seed, value in enumerate(top1)),
        latency=LatencyRecord(
            samples_s=(0.004, 0.005, 0.006), batch_size=1, threads=2, dtype="float32", device="cpu"
        ),
    )


def run_of(*candidates: CandidateRecord, objectives: tuple[str, ...] = ("top1",)) -> RunRecord:
    return RunRecord(
        kind="search",
        name="search-efficientnet-b0-phi1",
        command="scalesearch search --phi 1 --trials 40",
        phi=1.0,
        settings={
            "baseline": "efficientnet-b0",
            "seed": 0,
            "sampler": "tpe",
            "objectives": list(objectives),
            "reward_target": 2.0 * BASE_MACS,
            "reward_weight": -0.07,
            "pruner": "none",
        },
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
        objectives=objectives,
    )


def fabricate(
    count: int = 40, seeds: int = 1, objectives: tuple[str, ...] = ("top1",), *, pruned: bool = False
) -> RunRecord:
    """Suggestions that close in on a best split, of 15% depth, 40% width and 45% resolution."""
    random_ = random.Random(7)
    rows = []
    for index in range(count):
        reach = 1 - 0.7 * index / count
        raw = [max(0.01, best + reach * random_.uniform(-1, 1) * 0.7) for best in (0.15, 0.40, 0.45)]
        a, b, c = (value / sum(raw) for value in raw)
        triple = Shares(depth=a, width=b, resolution=1 - a - b if a + b < 1 else 0.0).coefficients
        macs = round(BASE_MACS * (1.7 + 0.8 * random_.random()))
        mean = (
            0.42 - 0.25 * ((a - 0.15) ** 2 + (b - 0.4) ** 2 + (c - 0.45) ** 2) + 0.03 * (macs / BASE_MACS - 2)
        )
        top1 = tuple(round(900 * (mean + random_.gauss(0, 0.008))) / 900 for _ in range(seeds))
        row = network(f"net{index:03d}", triple, top1, macs=macs)
        if pruned and index % 3 == 1:
            row = replace(row, status="pruned", runs=(seed_run(0, 0.6 * top1[0]),))
        if index == 4:
            row = replace(row, status="failed", reason="out of memory | at 64 px", runs=())
        rows.append(row)
    run = run_of(*rows, objectives=objectives)
    rungs = (RungRecord(images=2000, networks=40, seeds=1), RungRecord(images=4000, networks=26, seeds=1))
    return replace(run, rungs=rungs) if pruned else run


FIGURES = ("history", "pareto", "front", "shares")


def files(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def page_of(run: RunRecord) -> str:
    return " ".join(search_page(run, search_evidence(run), FIGURES).split())


def values_of(run: RunRecord) -> SearchPage:
    return shown(search_page, run, search_evidence(run), FIGURES)


def front_of(run: RunRecord) -> list[str]:
    return list(front_table(run, search_evidence(run))["key"])


def trials_of(run: RunRecord) -> pd.DataFrame:
    return trials_table(run, search_evidence(run))


def pair(first: float, second: float, *, macs: tuple[int, int], objectives: tuple[str, ...]) -> RunRecord:
    wide, deep = Shares(depth=0, width=1, resolution=0), Shares(depth=1, width=0, resolution=0)
    return run_of(
        network("wide", wide.coefficients, (first,), macs=macs[0]),
        network("deep", deep.coefficients, (second,), macs=macs[1]),
        objectives=objectives,
    )


def names_of(*figures: str) -> set[str]:
    return {f"figures/{name}.{kind}" for name in figures for kind in ("svg", "png")}


@pytest.mark.slow
@pytest.mark.figures
def test_the_same_record_gives_the_same_bytes(tmp_path):
    for name in ("one", "two"):
        run = fabricate(8, objectives=("top1", "macs"), pruned=True)
        report = write_search_report(run, tmp_path / name)
    written = files(tmp_path / "one")
    assert written == files(tmp_path / "two")
    figures = names_of("history", "pareto", "front", "shares")
    assert set(written) == {"trials.csv", "front.csv", "pareto.csv", "report.md", "report.html"} | figures
    assert set(report.figures) == {tmp_path / "two" / name for name in figures}
    # One objective has no front to draw, and the earlier report's does not stay behind.
    write_search_report(fabricate(8, pruned=True), tmp_path / "two")
    assert set(files(tmp_path / "two")) == set(written) - names_of("front")


def test_one_objective_names_the_best_and_its_place():
    run = pair(0.4, 0.5, macs=(BASE_MACS, 2 * BASE_MACS), objectives=("top1",))
    values = values_of(run)
    best = values.best
    assert (best.coefficients, best.key, best.shares) == ("alpha 2, beta 1, gamma 1", "deep", "100 : 0 : 0")
    assert (best.top1, best.seeds, best.ratio) == ("50.0%", 1, pytest.approx(2))
    assert (best.number, values.networks, values.scored) == (2, 2, 2)
    assert front_of(run) == ["deep"]


def test_of_equal_networks_the_cheapest_is_named():
    run = pair(0.5, 0.5, macs=(3 * BASE_MACS, 2 * BASE_MACS), objectives=("top1",))
    assert front_of(run) == ["deep", "wide"]
    assert (values_of(run).best.key, values_of(run).best.ties) == ("deep", 1)


def test_the_reward_weighs_accuracy_by_cost():
    """A target of twice the baseline: half of it earns 2**0.07, twice of it costs as much."""
    run = pair(0.50, 0.53, macs=(BASE_MACS, 4 * BASE_MACS), objectives=("reward",))
    assert front_of(run) == ["wide"]
    assert list(trials_of(run)["reward"]) == [pytest.approx(0.5 * 2**0.07), pytest.approx(0.53 / 2**0.07)]
    assert values_of(run).reward == ("2.10 M", "-0.07")


def test_the_hypervolume_is_the_dominated_share_of_its_box():
    run = pair(0.4, 0.5, macs=(1_000_000, 2_000_000), objectives=("top1", "macs"))
    evidence = search_evidence(run)
    chance, dearest = 1 / 18, 2_200_000
    high = (0.5 - chance) * (dearest - 2_000_000)
    low = (0.4 - chance) * (2_000_000 - 1_000_000)
    assert evidence.history[-1] == pytest.approx((high + low) / ((1 - chance) * dearest))
    assert front_of(run) == ["deep", "wide"]
    front = values_of(run).front
    assert (front.members, front.share) == (2, evidence.history[-1])
    assert front.reference == ["top-1 5.6%", "MACs 2.20 M"]
    assert front.box == ["top-1 from 5.6% to 100.0%", "MACs from 2.20 M to 0"]


def test_a_dominated_network_is_not_on_the_front():
    run = pair(0.5, 0.4, macs=(1_000_000, 2_000_000), objectives=("top1", "macs"))
    assert front_of(run) == ["wide"]
    assert list(trials_of(run)["front"]) == ["yes", ""]


def test_history_only_rises_and_ends_at_the_best():
    run = fabricate(20)
    evidence = search_evidence(run)
    assert list(evidence.history) == sorted(evidence.history)
    assert evidence.history[-1] == max(c.top1 for c in run.candidates if c.status == "completed")
    several = search_evidence(fabricate(20, objectives=("top1", "macs")))
    assert list(several.history) == sorted(several.history)
    cheapest = search_evidence(fabricate(20, objectives=("macs",)))
    assert list(cheapest.history) == sorted(cheapest.history, reverse=True)


def test_networks_stopped_early_take_no_part_in_the_answer():
    ahead = replace(network("ahead", Coefficients(alpha=2, beta=1, gamma=1), (0.9,)), status="pruned")
    run = run_of(ahead, network("kept", Coefficients(alpha=1.2, beta=1.1, gamma=1.15), (0.4,)))
    rungs = (RungRecord(images=2000, networks=2, seeds=1), RungRecord(images=4000, networks=1, seeds=1))
    run = replace(run, rungs=rungs)
    values = values_of(run)
    assert front_of(run) == ["kept"]
    assert values.stopped == 1
    assert [list(row)[1:4] for row in values.rungs.rows] == [["2,000", "2", "1"], ["4,000", "1", "1"]]
    assert list(trials_of(run)["top1"].isna()) == [True, False]


def test_every_suggestion_is_counted_and_drawn():
    c = Coefficients(alpha=1.2, beta=1.1, gamma=1.15)
    one = replace(network("both", c, (0.4,)), merged=((1.2, 1.1, 1.15), (1.21, 1.1, 1.15)))
    values = values_of(run_of(one))
    assert (values.suggestions, values.networks, values.shared) == (2, 1, 1)
    assert [s.depth for s in candidate_shares(one)] == [
        pytest.approx(math.log(1.2) / math.log(1.2 * 1.1**2 * 1.15**2)),
        pytest.approx(math.log(1.21) / math.log(1.21 * 1.1**2 * 1.15**2)),
    ]


def test_the_baseline_itself_has_no_shares_and_no_place_in_the_triangle():
    alone = network("base", Coefficients(alpha=1, beta=1, gamma=1), (0.4,))
    run = run_of(alone)
    assert candidate_shares(alone) == ()
    assert shares_figure(run, search_evidence(run)) is None


def test_a_failed_network_gives_its_reason_as_plain_text():
    page = page_of(fabricate(8))
    assert "out of memory \\| at 64 px" in page


def test_nothing_trained_is_no_answer(tmp_path):
    waiting = run_of(network("a", Coefficients(alpha=1.2, beta=1.1, gamma=1.15), ()))
    report = write_search_report(waiting, tmp_path)
    values = values_of(waiting)
    assert (values.best, values.front, values.waiting, values.networks) == (None, None, 1, 1)
    assert {path.stem for path in report.figures} == {"shares"}  # what was suggested is known


def test_an_unknown_objective_is_refused(tmp_path):
    with pytest.raises(
        ValueError, match=r"^`objectives` must be of top1, reward, macs, params, latency, got 'energy'$"
    ):
        write_search_report(run_of(objectives=("energy",)), tmp_path)


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5), st.integers(0, 5)), max_size=12))
def test_nondominated_is_its_definition(points):
    maximise = (True, False, True)

    def beats(p, q):
        better = [a > b if up else a < b for a, b, up in zip(p, q, maximise, strict=True)]
        return any(better) and all(w or a == b for w, a, b in zip(better, p, q, strict=True))

    assert list(nondominated(points, maximise)) == [not any(beats(q, p) for q in points) for p in points]


def test_hypervolume_of_boxes_known_by_hand():
    assert hypervolume_share([], (0, 10), (1, 0)) == 0
    assert hypervolume_share([(0.5, 5)], (0, 10), (1, 0)) == pytest.approx(0.25)
    assert hypervolume_share([(0.5, 5), (1.0, 9)], (0, 10), (1, 0)) == pytest.approx(0.25 + 0.05)
    # A point beyond the reference point dominates nothing of the box.
    assert hypervolume_share([(-0.5, 5)], (0, 10), (1, 0)) == 0


@pytest.mark.parametrize(
    ("points", "worst", "best", "message"),
    [
        ([(1,)], (0, 10), (1, 0), "`points` must have one value for each of the 2 objectives"),
        (
            [(math.nan, 1)],
            (0, 10),
            (1, 0),
            "`points` must be finite numbers; leave out points that are unknown",
        ),
        (
            [(1, 1)],
            (0, 1),
            (1, 1),
            r"`worst` and `best` must differ in every objective, got \[0, 1\], \[1, 1\]",
        ),
    ],
)
def test_bad_boxes_are_refused(points, worst, best, message):
    with pytest.raises(ValueError, match=f"^{message}$"):
        hypervolume_share(points, worst, best)


@pytest.mark.parametrize(("sampler", "learns"), [("tpe", True), ("random", False), ("qmc", False)])
def test_only_a_sampler_that_learns_is_said_to_follow_earlier_networks(sampler, learns):
    run = fabricate(4)
    values = values_of(replace(run, settings={**run.settings, "sampler": sampler}))
    assert (values.sampler, values.learns) == (sampler, learns)


@pytest.mark.parametrize("objectives", [("top1",), ("top1", "macs")])
def test_a_search_whose_best_may_be_guessing_says_so_first(objectives):
    macs = (BASE_MACS, 2 * BASE_MACS)
    guessing = pair(0.05, 0.06, macs=macs, objectives=objectives)
    assert values_of(guessing).nothing_learnt
    # It goes on without a network that would be called the best.
    assert "The best of" not in page_of(guessing)
    assert not values_of(pair(0.05, 0.09, macs=macs, objectives=objectives)).nothing_learnt


def test_the_front_says_who_else_has_its_best_value():
    macs = (BASE_MACS, 2 * BASE_MACS)
    for first, ties in ((0.5, 1), (0.4, 0)):
        run = pair(first, 0.5, macs=macs, objectives=("top1", "macs"))
        assert (values_of(run).best.top1, values_of(run).best.ties) == ("50.0%", ties)


def test_a_front_of_one_network_has_no_line_in_the_legend():
    def legend(first: float, second: float) -> list[str]:
        run = pair(first, second, macs=(BASE_MACS, 2 * BASE_MACS), objectives=("top1", "macs"))
        figure = front_figure(search_evidence(run))
        assert figure is not None
        return [text.get_text() for text in figure.legends[0].get_texts()]

    assert "Pareto front" in legend(0.4, 0.5)
    assert "Pareto front" not in legend(0.5, 0.4)
