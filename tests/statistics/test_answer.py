"""What a surface over splits says, against independent implementations and surfaces of which all is known."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import t

from scalesearch.statistics.answer import (
    DesignError,
    Split,
    Surface,
    Trained,
    Tried,
    _left_out_r2,
    fit,
    growth,
    lattice,
    read,
    same_slopes,
)
from scalesearch.study.points import DESIGN, design

HERE = Path(__file__).parent
PAPER = (0.274, 0.286, 0.44)


def runs(
    top1_of: dict[int, float] | None = None,
    *,
    seeds: int = 2,
    noise: float = 0.0,
    slopes: tuple[float, float] = (-4.0, 2.0),
    seed: int = 0,
) -> Trained:
    """Runs of the whole design on a plane of these slopes in depth and width, around 60."""
    rng = np.random.default_rng(seed)
    splits = np.repeat(np.array(DESIGN), seeds, axis=0)
    top1 = 60 + splits[:, :2] @ np.array(slopes) + noise * rng.normal(size=len(splits))
    for row, value in (top1_of or {}).items():
        top1[row] = value
    return Trained(
        splits=tuple((float(d), float(w), float(r)) for d, w, r in splits),
        doublings=(1.0,) * len(splits),
        networks=tuple(f"n{i}" for i in np.repeat(np.arange(len(DESIGN)), seeds)),
        top1=tuple(map(float, top1)),
    )


def test_a_plane_comes_back_exactly() -> None:
    answer = read(fit(runs()), {"paper": PAPER})
    assert answer.best == (0, 1, 0)
    assert [rate.points.value for rate in answer.rates] == pytest.approx([0.6, 0.4, -0.2])
    assert [(rate.giver, rate.taker) for rate in answer.rates] == [
        ("depth", "width"),
        ("depth", "resolution"),
        ("width", "resolution"),
    ]
    (paper,) = answer.behind
    assert paper.points.value == pytest.approx(62 - (60 - 4 * 0.274 + 2 * 0.286))
    assert answer.region.sum() == 1
    assert answer.regret == pytest.approx(0, abs=1e-6)
    assert answer.flat_within == pytest.approx(6, abs=1e-6)


def test_a_hill_comes_back_with_its_top() -> None:
    trained = runs()
    top = np.array([0.2, 0.3])
    hill = [70 - 30 * float(((np.array(split[:2]) - top) ** 2).sum()) for split in trained.splits]
    answer = read(fit(trained.at(hill)))
    assert answer.best == pytest.approx((0.2, 0.3, 0.5))
    assert answer.top1.value == pytest.approx(70)


def test_predictions_are_those_of_plain_regression() -> None:
    """With the splits on a line the surface is a parabola, which polyfit fits; here all six terms by lstsq."""
    trained = runs(noise=3, seed=4)
    x = np.array([[1, d, w, d * d, d * w, w * w] for d, w, _ in trained.splits])
    weights, residuals, *_ = np.linalg.lstsq(x, np.array(trained.top1), rcond=None)
    surface = fit(trained)
    d, w, _ = PAPER
    at_paper = np.array([1, d, w, d * d, d * w, w * w])
    value, half = surface.top1(PAPER)
    assert value == pytest.approx(at_paper @ weights)
    variance = residuals[0] / (len(x) - 6)
    wanted = t.ppf(0.975, len(x) - 6) * np.sqrt(variance * at_paper @ np.linalg.inv(x.T @ x) @ at_paper)
    assert surface.fits
    assert half == pytest.approx(wanted)


def test_run_noise_is_the_spread_of_each_networks_own_runs() -> None:
    trained = runs(noise=3, seed=1)
    pairs = np.array(trained.top1).reshape(-1, 2)
    surface = fit(trained)
    assert surface.run_sd == pytest.approx(np.sqrt(np.mean(pairs.var(axis=1, ddof=1))))


def test_a_network_far_off_is_reported_as_lack_of_fit_and_widens_everything() -> None:
    on_it = fit(runs(noise=0.5, seed=2))
    off = runs({8: 90.0, 9: 90.0}, noise=0.5, seed=2)
    surface = fit(off)
    assert on_it.fits
    assert not surface.fits
    assert surface.df == len(DESIGN) - 6
    assert surface.top1(PAPER)[1] > 10 * on_it.top1(PAPER)[1]


@settings(max_examples=25, deadline=None)
@given(st.floats(-100, 100), st.floats(0.1, 10), st.integers(0, 50), st.tuples(*[st.floats(-8, 8)] * 2))
def test_points_and_scale_change_nothing_but_the_unit(
    shift: float, factor: float, seed: int, slopes: tuple[float, float]
) -> None:
    trained = runs(noise=2, seed=seed, slopes=slopes)
    one = read(fit(trained), {"paper": PAPER})
    other = read(fit(trained.at([shift + factor * y for y in trained.top1])), {"paper": PAPER})
    assert other.best == one.best
    assert (other.region == one.region).mean() > 0.99
    assert other.regret == pytest.approx(factor * one.regret, rel=1e-6, abs=1e-6)
    assert other.surface.omnibus == pytest.approx(one.surface.omnibus, rel=1e-6)
    assert [r.points.value for r in other.rates] == pytest.approx(
        [factor * r.points.value for r in one.rates], rel=1e-5, abs=1e-6
    )


def test_rates_add_up() -> None:
    """What depth to width and width to resolution bring, depth to resolution brings at once."""
    to_width, to_resolution, across = fit(runs(noise=3, seed=9)).rates()
    assert to_width.points.value + across.points.value == pytest.approx(to_resolution.points.value)
    assert all(rate.visible > 0 for rate in (to_width, to_resolution, across))


def test_more_runs_halve_the_region_and_it_is_told_how_many() -> None:
    answer = read(fit(runs(noise=2, seed=3)))
    assert answer.halving is not None
    assert answer.halving > answer.surface.runs
    more = read(fit(runs(noise=2, seed=3, seeds=-(-answer.halving // len(DESIGN)))))
    assert more.open_share < answer.open_share


@pytest.mark.parametrize("seed", range(5))
def test_the_region_holds_the_best_and_shrinks_with_noise(seed: int) -> None:
    loud, quiet = (read(fit(runs(noise=noise, seed=seed))) for noise in (4, 0.4))
    corner = int(np.argmax(quiet.splits[:, 1]))
    assert loud.region[corner]
    assert quiet.region[corner]
    assert quiet.open_share < loud.open_share
    assert quiet.ranges[1][0] >= loud.ranges[1][0]


def test_nothing_is_told_apart_where_there_is_nothing() -> None:
    different = [fit(runs(noise=3, slopes=(0, 0), seed=seed)).different for seed in range(60)]
    assert np.mean(different) <= 0.15  # 5% are expected


def test_costs_that_differ_are_allowed_for() -> None:
    """A slope in the cost is not taken for a merit of whatever split was dearer."""
    trained = runs(slopes=(0, 0))
    doublings = tuple(1 + 0.5 * split[0] for split in trained.splits)
    dear = Trained(
        splits=trained.splits,
        doublings=doublings,
        networks=trained.networks,
        top1=tuple(60 + 10 * (cost - 1) for cost in doublings),
    )
    # Exactly confounded: the cost says nothing that depth doesn't.
    assert fit(dear).cost_terms == 0
    rng = np.random.default_rng(0)
    apart = tuple(float(cost) for cost in np.repeat(rng.uniform(0.5, 1.5, len(DESIGN)), 2))
    mixed = Trained(
        splits=trained.splits,
        doublings=apart,
        networks=trained.networks,
        top1=tuple(60 + 10 * (cost - 1) for cost in apart),
    )
    surface = fit(mixed, at=1.0)
    assert surface.cost_terms > 0
    assert [rate.points.value for rate in surface.rates()] == pytest.approx([0, 0, 0], abs=1e-6)
    assert surface.top1(PAPER)[0] == pytest.approx(60)


def test_equal_slopes_are_told_from_others() -> None:
    one, again, other = (
        fit(runs(noise=1, seed=seed, slopes=slopes))
        for seed, slopes in ((0, (-8.0, 2.0)), (1, (-8.0, 2.0)), (2, (8.0, -2.0)))
    )
    assert same_slopes(one, again) > 0.05
    assert same_slopes(one, other) < 1e-3
    assert same_slopes(one, other) == pytest.approx(same_slopes(other, one))


def test_rates_that_move_with_length() -> None:
    short, long = runs(noise=0.2, slopes=(-8, 0)), runs(noise=0.2, slopes=(-2, 0))
    moves = growth({4000: short, 32000: long})
    assert moves.moving
    assert not moves.settled
    # Depth to width: .8 points a tenth at first, .2 after three doublings.
    assert moves.moves[0].points.value == pytest.approx(-0.2, abs=0.05)
    assert moves.later_images == 256000
    assert moves.later[0].points.value == pytest.approx(0.2 - 0.6, abs=0.3)
    still = growth({4000: short, 32000: short})
    assert still.settled
    assert not still.moving


@pytest.mark.parametrize(
    ("runs_of", "message"),
    [
        (
            lambda: Trained(splits=(PAPER,) * 8, doublings=(1,) * 8, networks=("a",) * 8, top1=(60,) * 8),
            "`runs` must be of at least 7 networks for a surface over splits, got 1",
        ),
        (
            lambda: Trained(
                splits=tuple((i / 9, 1 - i / 9, 0.0) for i in range(10)),
                doublings=(1,) * 10,
                networks=tuple("abcdefghij"),
                top1=tuple(map(float, range(10))),
            ),
            "`runs` must be of networks whose splits between depth, width and resolution span a surface "
            "(corners, edges and middle), got 10 whose splits lie too much alike",
        ),
    ],
)
def test_a_design_too_small_is_refused(runs_of: object, message: str) -> None:
    with pytest.raises(DesignError) as error:
        fit(runs_of())  # type: ignore[operator]
    assert str(error.value) == message


def test_lengths_that_are_not_apart_are_refused() -> None:
    with pytest.raises(DesignError, match=r"`lengths` must be at least a factor of 2 apart .* 4,000, 6,000"):
        growth({4000: runs(), 6000: runs()})
    with pytest.raises(DesignError, match="`lengths` must be of the same runs, got 24 runs of 4,000 images"):
        growth({4000: runs(), 16000: runs(seeds=3)})


def committed(report: str) -> Surface:
    """The surface over a committed report's runs, with the splits as they were built."""
    with (HERE / "step1_runs.csv").open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["report"] == report]
    cost = [float(row["T"]) for row in rows]
    return fit(
        Trained(
            splits=tuple(
                (float(r["D"]) / total, float(r["W"]) / total, float(r["R"]) / total)
                for r, total in zip(rows, cost, strict=True)
            ),
            doublings=tuple(cost),
            networks=tuple(row["network"] for row in rows),
            top1=tuple(100 * float(row["top1"]) for row in rows),
        )
    )


def test_the_committed_runs_show_depths_deficit_for_two_families_and_nothing_for_the_third() -> None:
    b0, mobilenet, resnet = (
        committed(f"step1-{name}") for name in ("efficientnet-b0", "mobilenet-v2", "resnet-18")
    )
    for surface in (b0, mobilenet):
        to_width, to_resolution, across = surface.rates()
        assert to_width.points.low > 0
        assert to_resolution.points.low > 0
        assert not across.points.shown
        assert surface.different
    assert not resnet.different
    assert all(abs(rate.points.value) < 0.3 for rate in resnet.rates())
    assert same_slopes(b0, mobilenet) > 0.05
    assert same_slopes(b0, resnet) < 0.05
    assert same_slopes(mobilenet, resnet) < 0.05


def test_the_lattice_is_every_split_in_whole_steps() -> None:
    assert len(lattice()) == 21 * 22 // 2
    assert np.allclose(lattice().sum(axis=1), 1)
    assert lattice(1).tolist() == [[0, 0, 1], [0, 1, 0], [1, 0, 0]]


def test_a_design_takes_the_nearest_to_each_of_its_points_then_the_farthest() -> None:
    splits: list[Split] = [(float(d), float(w), float(r)) for d, w, r in lattice(6)]
    chosen = design(splits, 12)
    assert len(set(chosen)) == 12
    corners = {splits.index(corner) for corner in ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))}
    assert corners <= set(chosen[:4])
    assert design(splits, 5) == chosen[:5]
    assert sorted(design(splits, 0)) == list(range(len(splits)))
    assert design(splits, 3, first=13)[0] == 13


def test_a_design_of_few_networks_is_all_of_them() -> None:
    assert sorted(design([PAPER, (1, 0, 0)], 12)) == [0, 1]


def test_what_is_left_out_is_predicted_as_by_surfaces_without_it() -> None:
    """The closed form against as many fits as there are networks, of unequal numbers of runs."""
    rng = np.random.default_rng(3)
    runs = rng.integers(1, 4, 12)
    network = np.repeat(np.arange(12), runs)
    x = np.column_stack([np.ones(12), rng.normal(size=(12, 5))])[network]
    y = x @ rng.normal(size=6) + rng.normal(size=len(x))
    missed, spread = 0.0, 0.0
    for index in range(12):
        out, rest = network == index, network != index
        weights = np.linalg.lstsq(x[rest], y[rest], rcond=None)[0]
        missed += runs[index] * (y[out].mean() - x[out][0] @ weights) ** 2
        spread += runs[index] * (y[out].mean() - y[rest].mean()) ** 2
    assert _left_out_r2(x, y, network) == pytest.approx(1 - missed / spread, rel=1e-9)
    x[:, -1] = network == 4  # which no other network tells anything of
    assert _left_out_r2(x, y, network) is None


# Each split at its best recipe: rows of the design that are its corners and its centre.
TRIED = (1, 2, 3, 4)


def gains_of(row: int) -> float:
    """A recipe that suits depth: 12 points at its corner, 4 in the middle, 2 lost by resolution."""
    return {1: 12.0, 2: 1.0, 3: -2.0, 4: 4.0}[row]


def tried(trained: Trained, seed: int, noise: float, runs_each: int = 2) -> list[Tried]:
    """What runs by that recipe say of corners and centre, each against its own runs of the surface."""
    rng = np.random.default_rng(seed)
    found = []
    for row in TRIED:
        own = [y for y, n in zip(trained.top1, trained.networks, strict=True) if n == f"n{row}"][:runs_each]
        split = np.array(DESIGN[row])
        better = 60 + split[:2] @ np.array((-4.0, 2.0)) + gains_of(row) + noise * rng.normal(size=runs_each)
        gain = float(better.mean() - np.mean(own))
        shown = Tried(network=f"n{row}", gain=gain, better=runs_each, own=runs_each)
        found.append(shown if gain > 0 else Tried(network=f"n{row}"))
    return found


def test_each_split_at_its_best_recipe_finds_the_best_that_the_searchs_own_hides() -> None:
    trained = runs(noise=1.0, seed=2)
    searched = read(fit(trained))
    at_best = read(fit(trained).at_best(tried(trained, 2, 1.0)))
    assert searched.best[0] < 0.1
    assert at_best.best == (1, 0, 0)
    # The best of all is depth alone, 60 - 4 + 12, and width alone is 60 + 2 + 1 by that recipe.
    assert at_best.ahead((1, 0, 0), (0, 1, 0)).low < 5 < at_best.ahead((1, 0, 0), (0, 1, 0)).high
    assert at_best.regret < 5
    assert searched.rates[0].points.low > 0
    assert at_best.rates[0].points.high < 0


def test_what_was_measured_is_what_a_network_is_raised_by() -> None:
    trained = runs(noise=1.0, seed=3)
    surface, known = fit(trained), tried(trained, 3, 1.0)
    raised = surface.at_best(known)
    for row, network in zip(TRIED, known, strict=True):
        before, after = (float(each.top1(DESIGN[row])[0]) for each in (surface, raised))
        assert after - before == pytest.approx(network.gain)
    # On the edge from width to resolution, where little is gained, nothing is made up.
    edge = (0.0, 0.5, 0.5)
    assert abs(float(raised.top1(edge)[0] - surface.top1(edge)[0])) < 2.5


def test_networks_that_gain_nothing_leave_the_surface_as_it_is() -> None:
    surface = fit(runs(noise=1.0))
    same = surface.at_best([Tried(network=f"n{row}") for row in TRIED])
    assert same.weights.tolist() == surface.weights.tolist()
    assert same.covariance.tolist() == surface.covariance.tolist()


def test_a_gain_of_all_alike_moves_no_rate() -> None:
    surface = fit(runs(noise=1.0))
    same = surface.at_best([Tried(network=f"n{row}", gain=5.0, better=2, own=2) for row in TRIED])
    values = [[rate.points.value for rate in each.rates()] for each in (same, surface)]
    assert values[0] == pytest.approx(values[1])
    assert float(same.top1(PAPER)[0] - surface.top1(PAPER)[0]) == pytest.approx(5)
    # They are less sure, since gains are known to within their noise.
    assert all(
        a.points.high - a.points.low > b.points.high - b.points.low
        for a, b in zip(same.rates(), surface.rates(), strict=True)
    )


def test_splits_that_differ_at_their_best_alone_differ() -> None:
    flat = runs(noise=1.0, slopes=(0.0, 0.0), seed=1)
    surface = fit(flat)
    gains = dict.fromkeys(TRIED, 0.0) | {1: 15.0}
    known = [
        Tried(network=f"n{row}", gain=gain, better=2, own=2) if gain else Tried(network=f"n{row}")
        for row, gain in gains.items()
    ]
    assert not surface.different
    assert surface.at_best(known).different
    # By its own weights alone the test is the surface's.
    assert surface.at_best([Tried(network=f"n{row}") for row in TRIED]).omnibus == pytest.approx(
        surface.omnibus, rel=1e-6
    )


@pytest.mark.parametrize("rows", [(1, 2), (1, 5, 2)], ids=["two", "a line"])
def test_too_few_networks_by_other_recipes_are_refused(rows: tuple[int, ...]) -> None:
    with pytest.raises(
        DesignError, match="at least 3 networks by other recipes, whose splits lie on no line"
    ):
        fit(runs(noise=1.0)).at_best([Tried(network=f"n{row}") for row in rows])


def test_three_corners_are_enough() -> None:
    surface = fit(runs(noise=0.5))
    known = [Tried(network="n1", gain=9.0, better=2, own=2), Tried(network="n2"), Tried(network="n3")]
    raised = surface.at_best(known)
    third = (1 / 3, 1 / 3, 1 / 3)
    assert float(raised.top1(third)[0] - surface.top1(third)[0]) == pytest.approx(3)


def test_what_is_said_of_the_spread_at_best_is_how_far_repetitions_spread() -> None:
    """Runs drawn anew many times: the surface's own runs are part of the gains, and counted once."""
    places = [(1.0, 0.0, 0.0), (1 / 3, 1 / 3, 1 / 3), (0.5, 0.5, 0.0)]
    values, said = [], []
    for seed in range(400):
        trained = runs(noise=2.0, seed=seed)
        rng = np.random.default_rng(1000 + seed)
        known = []
        for row in TRIED:
            own = [y for y, n in zip(trained.top1, trained.networks, strict=True) if n == f"n{row}"]
            mean = 60 + np.array(DESIGN[row])[:2] @ np.array((-4.0, 2.0)) + 10
            better = mean + 2.0 * rng.normal(size=2)
            gain = float(better.mean() - np.mean(own))
            known.append(Tried(network=f"n{row}", gain=gain, better=2, own=2))
        raised = fit(trained).at_best(known)
        terms = raised.terms(places)
        values.append(terms @ raised.weights)
        said.append(np.einsum("ij,jk,ik->i", terms, raised.covariance, terms) * raised.variance)
    assert np.std(values, axis=0) == pytest.approx(np.sqrt(np.mean(said, axis=0)), rel=0.12)
    assert np.mean(values, axis=0) == pytest.approx([66, 69 + 1 / 3, 69], abs=0.4)


@pytest.mark.slow
@pytest.mark.parametrize("shape", ["slope", "hill", "one corner"])
def test_the_region_at_best_holds_the_best_of_surfaces_that_are_known(shape: str) -> None:
    """Networks and recipes drawn anew: gains on a plane, on a hill in the middle, and near one corner alone."""
    gain = {
        "slope": lambda s: np.maximum(0, 10 * s[..., 0] - 5 * s[..., 1]),
        "hill": lambda s: 10 - 15 * ((s - 1 / 3) ** 2).sum(-1),
        "one corner": lambda s: 18 * np.maximum(0, s[..., 0] - 1 / 3),
    }[shape]
    design_, every = np.array(DESIGN), lattice()
    held = []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        weights = rng.normal(size=5)

        def height(s, weights=weights):
            d, w = s[..., 0] - 1 / 3, s[..., 1] - 1 / 3
            return 8 * np.stack([d, w, d * d, d * w, w * w], -1) @ weights

        trained = runs().at((height(np.repeat(design_, 2, axis=0)) + 2 * rng.normal(size=24)).tolist())
        known = []
        for row in TRIED:
            own = [trained.top1[2 * row], trained.top1[2 * row + 1]]
            by_other = height(design_[row]) + gain(design_[row]) + 2 * rng.normal(size=2)
            more = float(by_other.mean() - np.mean(own))
            known.append(
                Tried(network=f"n{row}", gain=more, better=2, own=2) if more > 0 else Tried(network=f"n{row}")
            )
        answer = read(fit(trained).at_best(known))
        held.append(bool(answer.region[np.argmax(height(every) + gain(every))]))
    assert np.mean(held) >= 0.9
