from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from scalesearch.commands.fidelity.evidence import fidelity_evidence, reliability
from scalesearch.commands.fidelity.view import (
    FidelityAnswer,
    FidelityPage,
    answer_lines,
    fidelity_answer,
    fidelity_page,
    lengths_table,
    networks_table,
    write_fidelity_report,
)
from scalesearch.page.markdown import plain_lines
from scalesearch.records import CandidateRecord, CurvePoint, FidelityRecord, RunRecord, SeedRun
from scalesearch.study.points import DESIGN
from tests.page.drawn import FIDELITY as FIGURES
from tests.page.shown import shown

MACS = 2_100_000


def seed_run(seed: int, top1: float, images: int) -> SeedRun:
    point = CurvePoint(images=images, train_loss=1.4, loss=1.5, top1=top1)
    return SeedRun(
        seed=seed,
        top1=top1,
        loss=1.5,
        held_out_images=900,
        images_seen=images,
        train_seconds=images / 500,
        curve=(point,),
    )


def network(index: int, alpha: float, beta: float, runs: tuple[SeedRun, ...]) -> CandidateRecord:
    gamma = (2 / alpha) ** 0.5 / beta
    return CandidateRecord(
        key=f"net{index:03d}",
        alpha=alpha,
        beta=beta,
        gamma=gamma,
        product=2.0,
        merged=((alpha, beta, gamma),),
        depth=alpha,
        width=beta,
        resolution_multiplier=gamma,
        resolution=round(48 * gamma),
        blocks=round(16 * alpha),
        params=300_000,
        macs=MACS,
        activations=900_000,
        nominal_ratio=2.0,
        macs_ratio=2.0,
        full_macs=780_000_000,
        full_macs_ratio=2.0,
        status="completed",
        runs=runs,
    )


def run_of(
    candidates: tuple[CandidateRecord, ...], command: str = "scalesearch fidelity runs/grid"
) -> RunRecord:
    return RunRecord(
        kind="fidelity",
        name="grid-efficientnet-b0-phi1",
        command=command,
        phi=1.0,
        settings={"baseline": "efficientnet-b0", "seed": 0, "dataset": "photographs"},
        machine={"cpu": "Xeon", "cores": 2},
        versions={"torch": "2.14.1"},
        grid_points=2541,
        feasible=108,
        thinning="",
        wall_s=600.0,
        sessions=1,
        baseline={
            "params": 200_000,
            "macs": MACS // 2,
            "resolution": 48,
            "blocks": 16,
            "full_macs": 390_000_000,
        },
        classes=18,
        candidates=candidates,
    )


def fabricate(
    networks: int = 12,
    seeds: int = 3,
    multiples: tuple[float, ...] = (0.25, 0.5, 1, 4),
    noise: float = 0.012,
    moved: float = 0.03,
) -> FidelityRecord:
    """Short runs under-rate depth, of which all costs 10 points less; ``moved`` of it fades with a doubling."""
    rng = np.random.default_rng(5)
    lengths = []
    for multiple in multiples:
        images = round(4000 * multiple)
        candidates = []
        for index, (depth, width, resolution) in enumerate(DESIGN[:networks]):
            skill = (
                0.4 + 0.05 * math.log2(multiple) + (moved * math.log2(multiple) - 0.1) * depth + 0.04 * width
            )
            top1 = [round(900 * (skill + noise * rng.normal())) / 900 for _ in range(seeds)]
            runs = tuple(seed_run(seed, value, images) for seed, value in enumerate(top1))
            c = network(index, 2**depth, 2 ** (width / 2), runs)
            candidates.append(
                replace(c, depth_doublings=depth, width_doublings=width, resolution_doublings=resolution)
            )
        lengths.append(run_of(tuple(candidates)))
    return FidelityRecord(
        run=run_of((), "scalesearch grid --phi 1"), multiples=multiples, lengths=tuple(lengths)
    )


def files(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def page_of(record: FidelityRecord) -> str:
    return fidelity_page(record, fidelity_evidence(record), FIGURES)


def values_of(record: FidelityRecord) -> FidelityPage:
    return shown(fidelity_page, record, fidelity_evidence(record), FIGURES)


def answer_of(record: FidelityRecord) -> FidelityAnswer:
    return fidelity_answer(fidelity_evidence(record))


@pytest.mark.slow
@pytest.mark.figures
def test_the_same_record_gives_the_same_bytes(tmp_path):
    report = write_fidelity_report(fabricate(), tmp_path / "one")
    write_fidelity_report(fabricate(), tmp_path / "two")
    written = files(tmp_path / "one")
    assert written == files(tmp_path / "two")
    figures = {f"figures/{name}.{kind}" for name in ("rates", "ranks") for kind in ("svg", "png")}
    assert set(written) == {"fidelity.csv", "networks.csv", "report.md", "report.html"} | figures
    assert set(report.figures) == {tmp_path / "one" / name for name in figures}


def test_the_tables_hold_the_agreement_of_every_length_and_every_network():
    record = fabricate(noise=0.004)
    evidence = fidelity_evidence(record)
    table = lengths_table(evidence)
    assert list(table["images"]) == [1000, 2000, 4000, 16000]
    assert list(table["multiple"]) == [0.25, 0.5, 1.0, 4.0]
    assert list(table["compute_share"]) == [1 / 16, 1 / 8, 1 / 4, 1]
    expected = reliability(record, "here")
    assert list(table["tau"][:3]) == pytest.approx([one.tau for one in expected])
    assert list(table["regret"][:3]) == pytest.approx([one.regret for one in expected])
    assert math.isnan(table["tau"][3])  # the reference is not compared with itself
    # Depth to width: 1.4 points a tenth at the run's own length, .3 less with each doubling.
    assert table["rate_depth_to_width"][2] == pytest.approx(1.4, abs=0.25)
    assert table["move_depth_to_width"][:3].tolist() == pytest.approx([-0.3] * 3, abs=0.12)
    assert (table["move_depth_to_width_low"][:3] < -0.3 + 0.12).all()
    assert table[["depth_share", "width_share", "resolution_share"]].sum(axis=1).tolist() == pytest.approx(
        [1] * 4
    )
    assert table["loss"][:3].between(0, 20).all()
    assert table["loss"].isna()[3]
    networks = networks_table(evidence)
    assert len(networks) == 4 * 12
    assert networks["rank"][:12].sum() == 12 * 13 / 2


def test_rates_that_move_with_training_are_said_to_first() -> None:
    page, answer = page_of(fabricate(noise=0.004)), answer_of(fabricate(noise=0.004))
    assert len(page.split("\n\n")[1].splitlines()) == 3
    assert answer.short is not None
    assert answer.long is not None
    assert (answer.short.images, answer.long.images) == (4000, 16000)
    assert answer.moving[0].startswith("depth to width -0.")
    assert "\nscalesearch grid --phi 1 --images 16000 --out reports/" in page
    assert page.index("```sh") < page.index("## ")


def test_rates_that_stay_are_settled_or_not_shown_to_move() -> None:
    settled = page_of(fabricate(moved=0, noise=0.002))
    assert "\nscalesearch scale --alpha 1 --beta 1.41 --gamma 1 --phi 0..7\n" in settled
    answer, blurred = (answer_of(fabricate(moved=0, noise=noise)) for noise in (0.002, 0.03))
    assert (answer.moving, blurred.moving) == ([], [])
    assert float(answer.widest) < 0.25 < float(blurred.widest)


def test_what_the_short_runs_best_split_loses_is_by_the_longest_runs() -> None:
    evidence = fidelity_evidence(fabricate(moved=0.1, noise=0.004))
    own, reference = evidence.judged, evidence.reference
    assert own is not None
    assert own.answer is not None
    assert reference.answer is not None
    assert own.loss is not None
    # In runs of four times the length depth is worth 10 points, where it cost 10; width brings 4 in both.
    assert own.answer.best == pytest.approx((0, 1, 0))
    assert reference.answer.best == pytest.approx((1, 0, 0))
    assert own.loss.value == pytest.approx(6, abs=1)
    assert own.loss.low > 0
    assert not fidelity_answer(evidence).same_split


def test_seeds_that_only_one_length_has_say_nothing_of_moves() -> None:
    record = fabricate(seeds=3, multiples=(1, 4))
    own, long = record.lengths
    short = fidelity_evidence(replace(record, lengths=(own, with_seeds(long, 2))))
    both = fidelity_evidence(replace(record, lengths=(with_seeds(own, 2), with_seeds(long, 2))))
    assert [rate.points for rate in short.lengths[0].moves.moves] == [
        rate.points for rate in both.lengths[0].moves.moves
    ]


def test_few_networks_give_no_surface_and_a_warning() -> None:
    few, enough = values_of(fabricate(networks=5, seeds=1)), values_of(fabricate(networks=12, seeds=2))
    assert ("7 networks" in few.answer.missing, few.few, len(few.networks.rows)) == (True, True, 5)
    assert (enough.answer.missing, enough.few, len(enough.networks.rows)) == ("", False, 12)


def test_networks_that_lack_a_length_are_left_out_and_counted():
    record = fabricate(networks=6)
    first, *others = record.lengths
    stopped = replace(first.candidates[0], status="pruned")
    short = replace(first, candidates=(stopped, *first.candidates[1:]))
    record = replace(record, lengths=(short, *others))
    assert values_of(record).left_out == 1
    assert set(networks_table(fidelity_evidence(record))["key"]) == {f"net{i:03d}" for i in range(1, 6)}


def test_too_few_networks_give_a_page_without_an_answer_and_no_stale_figure(tmp_path):
    write_fidelity_report(fabricate(), tmp_path)
    report = write_fidelity_report(fabricate(networks=1), tmp_path)
    assert report.figures == ()
    assert not list((tmp_path / "figures").iterdir())
    answer = answer_of(fabricate(networks=1))
    assert (answer.networks, answer.lengths, answer.short) == (1, 4, None)


def with_seeds(run: RunRecord, seeds: int) -> RunRecord:
    return replace(run, candidates=tuple(replace(c, runs=c.runs[:seeds]) for c in run.candidates))


def test_seeds_of_both_lengths_are_told_and_compute_is_that_of_one_run():
    """A run of a quarter of the images is a quarter of the compute, however many seeds it had."""
    record = fabricate(networks=3, seeds=2, multiples=(1, 4))
    own, long = record.lengths
    record = replace(record, lengths=(own, with_seeds(long, 1)))
    short = answer_of(record).short
    assert short is not None
    assert short.images == 4000
    assert list(lengths_table(fidelity_evidence(record))["compute_share"]) == [0.25, 1]


def test_networks_that_never_completed_are_not_left_out():
    record = fabricate(networks=6)
    skipped = replace(record.lengths[0].candidates[0], key="skipped", status="skipped", runs=())
    own = replace(record.run, candidates=(skipped,))
    assert values_of(replace(record, run=own)).left_out == 0
    only_here = replace(record.lengths[0].candidates[0], key="unchosen")
    own = replace(own, candidates=(skipped, only_here))
    assert values_of(replace(record, run=own)).left_out == 1


@pytest.mark.parametrize("flat", [0, 1])
def test_where_all_networks_are_equal_tau_is_undefined(flat, tmp_path):
    record = fabricate(networks=4, seeds=2, multiples=(1, 4))
    lengths = list(record.lengths)
    same = tuple(
        replace(c, runs=tuple(replace(run, top1=0.25) for run in c.runs)) for c in lengths[flat].candidates
    )
    lengths[flat] = replace(lengths[flat], candidates=same)
    record = replace(record, lengths=tuple(lengths))
    report = write_fidelity_report(record, tmp_path)
    page = report.page.read_text("utf-8")
    assert not any(length.ranked for length in fidelity_evidence(record).lengths[:-1])
    assert "| 4,000 | 1 x | undefined |" in page
    assert "too narrow" not in page
    assert "-1.00" not in page
    assert report.table[["tau", "tau_low", "tau_high"]].isna().all(axis=None)


@pytest.mark.parametrize("networks", [12, 5, 1])
def test_the_answer_is_the_first_lines_of_the_page(networks: int) -> None:
    """What the terminal and ``run.answer`` say is what the page begins with: three lines, one without an answer."""
    record = fabricate(networks=networks)
    lines = answer_lines(fidelity_evidence(record))
    assert lines == plain_lines(page_of(record).split("\n\n")[1])
    assert len(lines) == (1 if networks == 1 else 3)
