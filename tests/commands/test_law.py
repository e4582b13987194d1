from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scalesearch.commands.law.run import (
    Accuracies,
    best_splits,
    forget_failed_kinds,
    kinds_of_store,
    kinds_tasks,
    law_record,
    law_subjects,
    read_accuracies,
    run_kinds,
)
from scalesearch.commands.law.settings import LawSettings
from scalesearch.commands.measure.run import SampleStore, Stored, measure_record, plan, run_measure
from scalesearch.networks.baselines import EFFICIENTNET_B0, published_family
from scalesearch.networks.cost import count
from scalesearch.networks.scaled import scale
from scalesearch.networks.spec import ArchSpec, Rounding
from scalesearch.records import CostLaw, LawRecord, Setup
from scalesearch.records.timings import MachineRecord
from scalesearch.scaling import Multipliers
from scalesearch.statistics.law import errors, predict
from tests.commands.fakes import Job, seconds
from tests.commands.law_fakes import KIND_SHARES, LawBench

SMALL: dict[str, Any] = {"baseline_width": 0.25, "baseline_resolution": 64, "random": 4, "processes": 1}
DIRECTIONS = (
    *((1, 0, 0), (0, 1, 0), (0, 0, 1), (0.5, 0.5, 0)),
    *((0.5, 0, 0.5), (0, 0.5, 0.5), (0.3, 0.3, 0.4)),
)
COLUMNS = ("status", "depth", "width", "resolution", "macs_ratio", "top1", "top1_sd", "seeds")


class Silent:
    def begin(self, total: int, done: int) -> None: ...

    def started(self, label: str) -> None: ...

    def finished(self, label: str, stored: Stored, skipped: int) -> None: ...


def run_law(
    folder: Path,
    bench: LawBench | None = None,
    accuracies: Accuracies | None = None,
    **changes: Any,
) -> LawRecord:
    """A whole law by fake workers; what is in the folder is not measured again."""
    bench = bench or LawBench()
    settings = LawSettings(**(SMALL | changes))
    store = SampleStore(folder)
    store.keep_machine(MachineRecord(key="here", facts={"cpu": "One CPU"}))
    tasks = plan(settings.measuring, law_subjects(settings))
    run_measure(
        store, settings.measuring, tasks, "here", bench, Silent(), session="s", room=lambda _a, _s: ""
    )
    run_kinds(store, kinds_tasks(settings), "here", bench, session="s")
    measured = measure_record(
        store, settings.measuring, tasks, name="law", command="c", versions={"torch": "2"}
    )
    return law_record(measured, settings, *kinds_of_store(store, settings, measured), accuracies)


def test_the_family_random_networks_and_doublings_are_measured_once_each() -> None:
    subjects = law_subjects(LawSettings())
    names = [subject.name for subject in subjects]
    assert names[:8] == [f"efficientnet-b{index}" for index in range(8)]
    assert names[-3:] == [f"efficientnet-b0-{d}-2x" for d in ("depth", "width", "resolution")]
    assert len(subjects) == len({subject.arch.key for subject in subjects}) == 8 + 30 + 3
    family = published_family()
    for index, subject in enumerate(subjects[:8]):
        assert subject.arch == family[f"b{index}"].arch()


def test_random_networks_are_those_of_the_seed_and_within_bounds() -> None:
    first, again, other = (law_subjects(LawSettings(seed=seed)) for seed in (1, 1, 2))
    assert first == again != other
    for subject in first[8:-3]:
        blocks, stem = subject.arch.blocks / EFFICIENTNET_B0.blocks, subject.arch.stem_channels / 32
        # Rounding goes a little beyond what was drawn.
        assert 1 <= blocks <= 3.2
        assert 0.5 <= stem <= 2
        assert 0.5 <= subject.arch.resolution / 224 <= 2.5
    wide = [subject.arch.stem_channels / 32 for subject in law_subjects(LawSettings(random=200))[8:-3]]
    assert float(np.median(wide)) == pytest.approx(1, abs=0.15), "evenly on a logarithmic scale"


def test_a_reduced_baseline_has_a_family_of_its_own() -> None:
    subjects = law_subjects(LawSettings(**SMALL))
    assert subjects[0].name == "efficientnet-b0x0.25-like-b0"
    assert subjects[0].arch.resolution == 64
    assert subjects[1].arch.resolution == round(64 * 240 / 224)


def test_laws_of_several_setups_foretell_what_the_fake_machine_takes(tmp_path: Path) -> None:
    """Its time is linear in MACs, so the law is exact."""
    record = run_law(tmp_path, threads=(1, 2), batch_size=(1, 8))
    setups = [(law.setup.threads, law.setup.batch_size) for law in record.laws]
    assert setups == [(1, 1), (1, 8), (2, 1), (2, 8)]
    unseen = scale(EFFICIENTNET_B0, Multipliers(depth=1.3, width=0.9), Rounding())
    for law in record.laws:
        assert errors(law).networks == 8 + 4 + 3
        assert errors(law).worst < 1e-6
        assert law.machine == "here"
        taken = seconds(unseen.to_dict(), law.setup.to_dict())
        assert predict(law, count(unseen)) == pytest.approx(taken)


def test_prices_say_what_was_measured_beside_what_the_law_says(tmp_path: Path) -> None:
    record = run_law(tmp_path)
    assert [price.dimension for price in record.prices] == ["depth", "width", "resolution"]
    for price in record.prices:
        assert price.measured is not None
        ratio, low, high = price.measured
        assert low <= ratio <= high
        assert ratio == pytest.approx(price.built_latency_ratio, rel=1e-6)
    reduced = scale(EFFICIENTNET_B0, Multipliers(width=0.25), Rounding(), resolution=64)
    assert record.base_cost == count(reduced)
    assert record.baseline == "efficientnet-b0x0.25"


def test_kinds_are_told_of_the_baseline_and_its_doublings_in_the_first_eager_setup(tmp_path: Path) -> None:
    bench = LawBench()
    record = run_law(tmp_path, bench, threads=(2, 1))
    looked_at = [job for job in bench.jobs if job["kind"] == "kinds"]
    assert [job["setup"]["threads"] for job in looked_at] == [2] * 4
    names = list(dict.fromkeys(part.name for part in record.kinds))
    assert names == [
        "efficientnet-b0x0.25",
        *(f"efficientnet-b0x0.25-{d}-2x" for d in ("depth", "width", "resolution")),
    ]
    assert {part.kind for part in record.kinds} == set(KIND_SHARES)
    assert record.kinds_setup == Setup(threads=2)
    assert kinds_tasks(LawSettings(runtime=("onnxruntime",))) == ()


def test_nothing_is_measured_twice(tmp_path: Path) -> None:
    first, second = LawBench(), LawBench()
    record = run_law(tmp_path, first)
    assert run_law(tmp_path, second) == record
    assert len(first.jobs) == 15 + 4
    assert second.jobs == []


def test_what_failed_is_told_and_can_be_tried_once_more(tmp_path: Path) -> None:
    record = run_law(tmp_path, LawBench(fails=lambda job: "bang" if job["kind"] == "kinds" else None))
    assert record.kinds == ()
    assert record.kinds_setup is None
    assert record.notes[0] == ("The time of efficientnet-b0x0.25 is not told apart by kind of layer: bang.")
    forget_failed_kinds(SampleStore(tmp_path), LawSettings(**SMALL), "here")
    assert len({part.name for part in run_law(tmp_path).kinds}) == 4


def test_too_few_networks_make_no_law_but_a_note(tmp_path: Path) -> None:
    def fails(job: Job) -> str | None:
        large = job["kind"] == "measure" and ArchSpec.from_dict(job["arch"]).resolution != 64
        return "out of memory: too large" if large else None

    record = run_law(tmp_path, LawBench(fails=fails), random=0)
    assert record.laws == record.prices == record.splits == ()
    label = Setup().label
    assert record.notes[0] == f"No law for {label}: 3 networks were measured, it takes 6."
    assert record.notes[1].startswith(
        f"Without a figure in {label} (out of memory: out of memory: too large): "
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"random": -1}, "`random` must be >= 0, got -1"),
        ({"seed": -1}, "`seed` must be >= 0, got -1"),
        ({"processes": 0}, "`processes` must be >= 1, got 0"),
        ({"threads": (0,)}, "`threads` must be >= 1, got 0"),
    ],
)
def test_settings_out_of_range(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError) as caught:
        LawSettings(**changes)
    assert str(caught.value) == message


def test_settings_survive_being_written_down() -> None:
    settings = LawSettings(threads=(1, 2), runtime=("eager", "compile"), run="reports/x")
    assert LawSettings.from_dict(settings.to_dict()) == settings


def _grid(
    folder: Path,
    top1: Callable[[np.ndarray, float], float],
    *,
    doublings: tuple[float, ...],
    directions: Sequence[tuple[float, float, float]] = DIRECTIONS,
) -> Path:
    """A made-up finished run of networks over the simplex, each ``doublings`` from its baseline of 48 px."""
    folder.mkdir()
    rows = []
    for growth in doublings:
        for shares in directions:
            depth, width, side = (2 ** (growth * s / n) for s, n in zip(shares, (1, 2, 2), strict=True))
            row = ("completed", depth, width, 48 * side, 2**growth, top1(np.array(shares), growth), 0.001, 2)
            rows.append(dict(zip(COLUMNS, row, strict=True)))
    rows.append(dict.fromkeys(COLUMNS, "") | {"status": "skipped"})
    with (folder / "candidates.csv").open("w", newline="") as stream:
        writer = csv.DictWriter(stream, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)
    (folder / "run.toml").write_text("[run]\nkind = 'grid'\n[grid]\nbaseline_resolution = 48\n")
    return folder


def test_accuracies_are_read_with_where_their_growth_went(tmp_path: Path) -> None:
    known = read_accuracies(_grid(tmp_path / "run", lambda s, g: 0.5 + 0.1 * s[1] * g, doublings=(1.0, 2.0)))
    assert len(known.top1) == 14
    assert known.growth[0] == pytest.approx((1, 0, 0))
    assert known.growth[7 + 6] == pytest.approx((0.6, 0.6, 0.8))
    assert known.doublings[-1] == pytest.approx(2)
    assert known.best == pytest.approx((1, 2, 1))
    assert Accuracies.from_dict(known.to_dict()) == known
    assert Accuracies.from_dict(known.to_dict() | {"noise": [0.01] * 14}) == known  # as earlier versions kept


def _peaked(shares: np.ndarray, growth: float) -> float:
    off = float(((shares - np.array([0.4, 0.3, 0.3])) ** 2).sum())
    return 0.5 + growth * (0.10 - 0.10 * off)


def test_shares_as_built_are_read_where_a_run_kept_them(tmp_path: Path) -> None:
    folder = _grid(tmp_path / "run", _peaked, doublings=(1.0, 2.0))
    with (folder / "candidates.csv").open(newline="") as stream:
        rows = [row for row in csv.DictReader(stream) if row["status"] == "completed"]
    built = {"depth_share": "0.5", "width_share": "0.75", "resolution_share": "-0.25"}
    with (folder / "candidates.csv").open("w", newline="") as stream:
        writer = csv.DictWriter(stream, [*rows[0], *built])
        writer.writeheader()
        writer.writerows([rows[0] | built, *rows[1:]])
    growth = read_accuracies(folder).growth
    assert growth[0] == pytest.approx((0.5, 0.75, -0.25))
    assert growth[1] == pytest.approx((0, 1, 0))


def _law(**seconds_: float) -> CostLaw:
    terms = dict.fromkeys(("constant", "macs", "activations", "params", "layers"), 0.0) | seconds_
    return CostLaw(machine="m", setup=Setup(), seconds=terms, held_out=())


def test_the_best_split_is_where_accuracies_were_made_to_peak(tmp_path: Path) -> None:
    known = read_accuracies(_grid(tmp_path / "run", _peaked, doublings=(1.0, 2.0)))
    best = best_splits(known, EFFICIENTNET_B0, _law(macs=1e-9), resamples=20)
    assert best.macs == pytest.approx((0.4, 0.3, 0.3), abs=0.05)
    assert best.latency == best.macs, "where time is multiply-adds, the budgets are one"
    assert best.explains
    assert not best.shown
    assert best.moves == ((0, 0, 0),) * 3


def test_cheap_width_draws_the_best_split_towards_it(tmp_path: Path) -> None:
    """Width goes farther in the same time by a law of activations, and farther is better."""
    known = read_accuracies(_grid(tmp_path / "run", _peaked, doublings=(1.0, 1.3, 1.7, 2.0)))
    best = best_splits(known, EFFICIENTNET_B0, _law(activations=1e-9), resamples=40)
    assert best.latency is not None
    assert best.latency[1] > best.macs[1] + 0.05
    assert best.shown
    move, low, high = best.moves[1]
    assert 0 < low <= move <= high


def test_networks_of_one_cost_say_nothing_about_time(tmp_path: Path) -> None:
    def noisy(shares: np.ndarray, _growth: float) -> float:
        return 0.5 + 0.1 * shares[2]

    known = read_accuracies(_grid(tmp_path / "run", noisy, doublings=(1.0, 1.01)))
    best = best_splits(known, EFFICIENTNET_B0, _law(activations=1e-9), resamples=10)
    assert not best.tells_cost
    assert (best.latency, best.latency_cloud, best.moves) == (None, (), ())
    assert best.macs[2] > 0.8


def test_a_rule_of_the_run_is_split_too(tmp_path: Path) -> None:
    known = read_accuracies(_grid(tmp_path / "run", _peaked, doublings=(1.0, 2.0)))
    record = run_law(tmp_path / "law", accuracies=known)
    rules = dict.fromkeys(split.rule for split in record.splits)
    assert list(rules) == ["the paper's rule", "the run's best network"]
    assert record.best[0].source == str(tmp_path / "run")


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda path: path.mkdir(), "got {path}: no candidates.csv or sweep.csv"),
        (
            lambda path: _grid(path, _peaked, doublings=(1.0,), directions=DIRECTIONS[:6]),
            "got {path}, which trained 6",
        ),
        (
            lambda path: _grid(
                path, _peaked, doublings=(1.0,), directions=[(k / 8, 1 - k / 8, 0) for k in range(9)]
            ),
            "a surface over splits can be fitted to: networks whose splits between depth, width and resolution span a "
            "surface (corners, edges and middle), got 9 whose splits lie too much alike in {path}",
        ),
    ],
)
def test_a_run_that_cannot_serve(tmp_path: Path, make: Callable[[Path], object], reason: str) -> None:
    path = tmp_path / "run"
    make(path)
    with pytest.raises(ValueError, match="^`run` must ") as caught:
        read_accuracies(path)
    assert str(caught.value).endswith(reason.format(path=path))
