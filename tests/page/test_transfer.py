"""What several searches say of one another's splits, on runs of which all is known, and on the committed ones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from scalesearch.commands.transfer.evidence import (
    Pair,
    Transfer,
    run_differences,
    side_of,
    transfer_evidence,
)
from scalesearch.commands.transfer.figures import splits_figure
from scalesearch.commands.transfer.view import (
    TransferPage,
    TransferText,
    agreement_of,
    answer_lines,
    pairs_table,
    rates_table,
    transfer_page,
    transfer_text,
    write_transfer_report,
)
from scalesearch.networks.baselines import baseline
from scalesearch.page.markdown import plain_lines
from scalesearch.page.templates import part
from scalesearch.records import RunRecord, TransferRecord
from scalesearch.runs.kept import kept_run
from scalesearch.statistics.answer import DesignError, fit, same_slopes
from scalesearch.statistics.runs import trained_runs
from scalesearch.study.points import DESIGN
from tests.page.changes import with_candidates
from tests.page.shown import shown
from tests.page.test_fidelity_report import files, network, run_of, seed_run

Truth = Callable[[float, float, float], float]
REPORTS = Path(__file__).parents[2] / "reports"


def search(
    truth: Truth, *, noise: float = 0.005, seeds: int = 3, seed: int = 0, baseline: str = "resnet-18"
) -> RunRecord:
    """A search of twice the cost whose networks have the accuracy ``truth(depth, width, resolution)``."""
    rng = np.random.default_rng(seed)
    found = []
    for index, split in enumerate(DESIGN):
        depth, width, resolution = (float(share) for share in split)
        top1 = truth(depth, width, resolution) + noise * rng.normal(size=seeds)
        runs = tuple(seed_run(s, round(float(value), 6), 4000) for s, value in enumerate(top1))
        c = network(index, 2**depth, 2 ** (width / 2), runs)
        found.append(
            replace(c, depth_doublings=depth, width_doublings=width, resolution_doublings=resolution)
        )
    run = run_of(tuple(found), "scalesearch grid --phi 1")
    return replace(run, kind="grid", settings={"baseline": baseline, "seed": 0, "match": "macs"})


FIGURES = ("rates", "splits")


def deep(depth: float, width: float, _: float) -> float:
    return 0.5 + 0.1 * depth + 0.04 * width


def shallow(depth: float, width: float, _: float) -> float:
    return 0.7 - 0.1 * depth + 0.04 * width


def flat(*_: float) -> float:
    return 0.6


def record_of(*runs: RunRecord) -> TransferRecord:
    named = tuple((f"run-{letter}", run) for letter, run in zip("abcd", runs, strict=False))
    return TransferRecord(name="transfer", command="scalesearch transfer a b", runs=named)


def transfer_of(*runs: RunRecord) -> Transfer:
    return transfer_evidence(record_of(*runs))


def values_of(transfer: Transfer) -> TransferPage:
    return shown(transfer_page, transfer, FIGURES)


def text_of(transfer: Transfer) -> TransferText:
    return transfer_text(transfer.sides, transfer.pairs)


def test_equal_slopes_are_one_split_whatever_the_levels() -> None:
    higher = search(lambda *split: deep(*split) + 0.2, seed=2)
    transfer = transfer_of(search(deep, seed=1), higher)
    (pair,) = transfer.pairs
    assert not pair.differ
    text = text_of(transfer)
    assert (text.apart, text.same, text.lost) == ([], True, [])
    name, best = text.best[0]
    assert name == "run-a"
    assert best.startswith("100% depth, 0% width, 0% resolution (")


def test_a_loss_that_is_not_shown_may_still_be_there() -> None:
    one, other = (search(flat, noise=0.03, seed=seed) for seed in (5, 6))
    text = text_of(transfer_of(one, other))
    assert (text.judged, text.same, text.lost) == (True, False, [])
    assert float(text.most) > 0
    assert text.most_of is not None


def test_opposite_slopes_are_not_and_borrowing_costs_what_it_does() -> None:
    transfer = transfer_of(search(deep, seed=1), search(shallow, seed=2))
    (pair,) = transfer.pairs
    assert pair.differ
    there, back = pair.borrowed
    assert there.loss is not None
    assert back.loss is not None
    assert (there.split, back.split) == ((1, 0, 0), (0, 1, 0))
    # By the truth: all in depth is 14 points behind all in width for the one, 6 the other way round.
    assert there.loss.value == pytest.approx(14, abs=1.5)
    assert back.loss.value == pytest.approx(6, abs=1.5)
    assert there.loss.low < 14 < there.loss.high
    assert back.loss.low < 6 < back.loss.high
    text = text_of(transfer)
    assert text.apart == [pair]
    assert (text.lost[0][0].source, text.lost[0][0].target) == ("run-a", "run-b")


def test_the_pairs_that_differ_are_told_and_that_of_others_nothing_is_shown() -> None:
    """b differs from both others; of a and c nothing is shown."""
    transfer = transfer_of(search(deep, seed=1), search(shallow, seed=2), search(deep, seed=3))
    assert [(apart.first.name, apart.second.name) for apart in text_of(transfer).apart] == [
        ("run-a", "run-b"),
        ("run-b", "run-c"),
    ]
    alike = transfer_of(*(search(deep, seed=seed) for seed in (1, 2, 3)))
    assert text_of(alike).apart == []
    assert text_of(alike).least > 0.05
    all_apart = transfer_of(
        search(deep, seed=1), search(shallow, seed=2), search(lambda _d, _w, r: 0.6 + 0.1 * r)
    )
    assert len(text_of(all_apart).apart) == text_of(all_apart).pairs == 3


def test_what_is_not_shown_of_two_and_two_says_nothing_of_the_third() -> None:
    """a is like b and b like c, but a is not like c: only what differs is told."""
    sides = [side_of(name, search(flat)) for name in "abc"]

    def pair(first: int, second: int, p: float) -> Pair:
        transfer = transfer_of(search(flat), search(flat))
        return replace(transfer.pairs[0], first=sides[first], second=sides[second], p=p, p_holm=p)

    pairs = [pair(0, 1, 0.4), pair(0, 2, 0.01), pair(1, 2, 0.2)]
    assert [(apart.first.name, apart.second.name) for apart in transfer_text(sides, pairs).apart] == [
        ("a", "c")
    ]


def test_p_values_are_corrected_for_all_pairs() -> None:
    transfer = transfer_of(*(search(flat, noise=0.02, seed=seed) for seed in (1, 2, 3)))
    p, corrected = ([getattr(pair, name) for pair in transfer.pairs] for name in ("p", "p_holm"))
    assert min(corrected) == pytest.approx(min(1, 3 * min(p)))


def test_chance_alone_seldom_makes_two_searches_differ() -> None:
    surfaces = [fit(trained_runs(search(flat, noise=0.03, seed=seed))) for seed in range(120)]
    p = [same_slopes(*surfaces[k : k + 2]) for k in range(0, len(surfaces), 2)]
    assert np.mean(np.array(p) < 0.05) <= 0.15  # 5% are expected
    assert 0.3 < np.mean(p) < 0.7


def test_a_search_without_differences_wants_nothing_in_particular() -> None:
    side = side_of("flat", search(flat, noise=0.02, seed=4))
    other = side_of("deep", search(deep))
    page = part("commands/transfer/answer.md.j2", "agreement", agreement_of(other.run, side.run))
    assert "| from scratch | -0." in page
    _, wanted, _ = answer_lines(transfer_of(other.run, side.run))
    assert "run-b: none stands out" in wanted


def test_the_order_of_candidates_and_of_searches_changes_nothing() -> None:
    one, other = search(deep, noise=0.02), search(shallow, noise=0.02, seed=1)
    first = transfer_of(one, other).pairs[0]
    shuffled = transfer_of(replace(one, candidates=one.candidates[::-1]), other).pairs[0]
    turned = transfer_of(other, one).pairs[0]
    assert first.p == pytest.approx(shuffled.p)
    assert first.p == pytest.approx(turned.p)


def test_a_split_that_nothing_was_trained_around_is_not_judged() -> None:
    one, other = search(deep), search(shallow)
    corner = with_candidates(
        other,
        lambda _, c: replace(
            c,
            depth_doublings=(c.depth_doublings or 0) / 2,
            width_doublings=1 - (c.depth_doublings or 0) / 2 - (c.resolution_doublings or 0),
        ),
    )
    transfer = transfer_of(one, corner)
    there, back = transfer.pairs[0].borrowed
    assert there.split == (1, 0, 0)
    assert there.loss is None
    assert back.loss is not None
    assert text_of(transfer).outside == [there]
    assert pairs_table(transfer)["loss"].isna().tolist() == [True, False]
    assert "| nothing trained near it |" in transfer_page(transfer, FIGURES)


def test_what_cannot_be_compared_is_refused_in_a_line() -> None:
    one = search(deep)
    with pytest.raises(ValueError, match=r"^`sides` must be of one phi, got run-a with 1, run-b with 2$"):
        transfer_of(one, replace(one, phi=2.0))
    with pytest.raises(
        DesignError, match=r"^`runs` must be of at least 7 networks for a surface .* got 4 in run-b$"
    ):
        transfer_of(one, replace(one, candidates=one.candidates[:4]))
    empty = with_candidates(one, lambda _, c: replace(c, status="skipped", runs=()))
    with pytest.raises(DesignError, match=r"^`runs` must be of networks that were trained, .* in grown$"):
        agreement_of(one, empty)
    with pytest.raises(ValueError, match=r"^`runs` must hold at least two, got 1$"):
        transfer_of(one)


def test_settings_that_differ_are_named_and_those_that_say_nothing_are_not() -> None:
    runs = [{"baseline": "a", "jobs": 1, "law": ""}, {"baseline": "b", "jobs": 2, "match": "macs"}]
    found = run_differences(runs, {"jobs"})
    assert [(one.setting, one.values) for one in found] == [
        ("baseline", ("a", "b")),
        ("match", ("not set", "macs")),
    ]


def test_two_networks_of_ones_own_differ_by_their_keys() -> None:
    nets = [replace(baseline("resnet-18"), name="mine", stem_channels=channels) for channels in (32, 64)]
    one, other = (
        replace(run, settings=dict(run.settings) | {"baseline_arch": net.to_dict()})
        for run, net in zip((search(deep, baseline="mine"), search(deep, baseline="mine")), nets, strict=True)
    )
    (difference,) = transfer_of(one, other).differences
    assert difference.setting == "baseline_arch"
    assert difference.values == tuple(f"network {net.key}" for net in nets)
    assert transfer_of(one, one).differences == ()


@pytest.mark.figures
def test_the_same_records_give_the_same_bytes(tmp_path: Path) -> None:
    record = record_of(search(deep), search(shallow, baseline="mobilenet-v2"))
    for name in ("one", "two"):
        written = write_transfer_report(record, tmp_path / name)
    found = files(tmp_path / "one")
    assert found == files(tmp_path / "two")
    figures = {f"figures/{name}.{kind}" for name in FIGURES for kind in ("svg", "png")}
    assert set(found) == {"transfer.md", "report.html", "pairs.csv", "rates.csv"} | figures
    assert written.answer == answer_lines(transfer_evidence(record))


def test_a_surface_of_chance_alone_has_no_best_split_and_no_region_drawn() -> None:
    transfer = transfer_of(search(deep), search(flat, seed=1, noise=0.02))
    assert [side.surface.different for side in transfer.sides] == [True, False]
    told, chance = splits_figure(transfer).axes
    marks = [{line.get_marker() for line in axes.lines} for axes in (told, chance)]
    assert marks[0] >= {"*", "h", "D"}
    assert not marks[1] & {"*", "h"}


def test_the_tables_hold_every_direction_and_every_rate() -> None:
    transfer = transfer_of(search(deep), search(shallow, seed=1), search(deep, seed=2))
    pairs = pairs_table(transfer)
    assert list(zip(pairs["best_of"], pairs["used_in"], strict=True)) == [
        ("run-a", "run-b"),
        ("run-b", "run-a"),
        ("run-a", "run-c"),
        ("run-c", "run-a"),
        ("run-b", "run-c"),
        ("run-c", "run-b"),
    ]
    assert list(pairs["same_split"]) == ["no"] * 2 + ["not shown to differ"] * 2 + ["no"] * 2
    assert list(pairs["p"][:2]) == [pairs["p"][0]] * 2
    rates = rates_table(transfer)
    assert len(rates) == 3 * 3
    to_width = rates[(rates["run"] == "run-b") & (rates["taker"] == "width")]["points"].tolist()
    assert to_width == pytest.approx([1.4], abs=0.2)  # 14 points for all of it


def test_the_page_answers_first_and_then_says_what_to_do() -> None:
    one, other = search(deep), search(deep, seed=1, baseline="mobilenet-v2")
    page, values = transfer_page(transfer_of(one, other), FIGURES), values_of(transfer_of(one, other))
    assert len(page.split("\n\n")[1].splitlines()) == 3
    assert [(d.setting, d.values) for d in values.differences] == [
        ("baseline", ("resnet-18", "mobilenet-v2"))
    ]
    assert page.index("```sh") < page.index("## ")
    assert "scalesearch scale --baseline resnet-18 --alpha 2 --beta 1 --gamma 1 --phi 0..7\n" in page
    assert (values.waiting, values.unlike_cost) == ([], [])
    unlike = replace(
        other,
        settings=dict(other.settings) | {"match": "none", "recipe": "quick"},
        candidates=(*other.candidates, replace(other.candidates[0], key="late", status="waiting", runs=())),
    )
    values = values_of(transfer_of(one, unlike))
    assert (values.waiting, values.unlike_cost) == ([("run-b", 1)], ["match"])


def test_a_surface_that_does_not_fit_is_said_to_be_that() -> None:
    bumpy = search(lambda d, w, r: 0.6 + 0.1 * ((d > 0.9) + (w > 0.9) + (r > 0.9)), noise=0.002)
    assert values_of(transfer_of(search(deep), bumpy)).misfits == ["run-b"]


def test_a_search_without_its_study_is_asked_for_again_by_its_settings() -> None:
    names = ("step1-mobilenet-v2", "step1-resnet-18")
    folders = tuple(str(REPORTS / name) for name in names)
    runs = tuple((name, kept_run(REPORTS / name).record) for name in names)
    record = TransferRecord(name="transfer", command="scalesearch transfer", runs=runs, folders=folders)
    again = values_of(transfer_evidence(record)).steps.commands[1:]
    assert [command.partition(" --seeds ")[0] for _, command in again] == [
        f"scalesearch grid --config {folder}/run.toml --match-by resolution,width" for folder in folders
    ]
    # Where no folder is known, it is the command that made it.
    unknown = values_of(transfer_evidence(replace(record, folders=()))).steps.commands[1:]
    assert all(command.startswith("scalesearch grid --phi 1 --match macs") for _, command in unknown)


def test_the_committed_searches_say_what_their_page_says() -> None:
    there = REPORTS / "transfer-three-networks"
    names = ("step1-efficientnet-b0", "step1-mobilenet-v2", "step1-resnet-18")
    runs = tuple((name, kept_run(REPORTS / name).record) for name in names)
    command = (
        f"scalesearch transfer {' '.join(f'reports/{name}' for name in names)} --out reports/{there.name}"
    )
    transfer = transfer_evidence(TransferRecord(name=there.name, command=command, runs=runs))
    apart = {(pair.first.name[6:], pair.second.name[6:]): pair.differ for pair in transfer.pairs}
    assert apart == {
        ("efficientnet-b0", "mobilenet-v2"): False,
        ("efficientnet-b0", "resnet-18"): True,
        ("mobilenet-v2", "resnet-18"): True,
    }
    page = (there / "transfer.md").read_text("utf-8")
    assert answer_lines(transfer) == plain_lines(page.split("\n\n")[1])
