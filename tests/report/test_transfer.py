from __future__ import annotations

import random
from dataclasses import replace

import pytest

from scalesearch.architecture.baselines import baseline
from scalesearch.records import RunRecord
from scalesearch.report.transfer.agreement import agreement_section
from scalesearch.report.transfer.agreement_evidence import agreement, side_of, triples_of
from scalesearch.report.transfer.agreement_shares import network_shares, share_difference, share_summary
from scalesearch.report.transfer.evidence import run_differences, transfer_evidence
from scalesearch.report.transfer.page import FIGURES, transfer_page
from scalesearch.report.transfer.report import pairs_table, triples_table, write_transfer_report
from tests.report.changes import judged_as, with_candidates
from tests.report.test_fidelity_report import files, network, run_of, seed_run

PAPER = (1.2, 1.1, 1.15)


def search(
    truth,
    *,
    noise: float = 0.001,
    seeds: int = 3,
    seed: int = 0,
    baseline: str = "resnet-18",
    networks: int = 10,
) -> RunRecord:
    """A search whose networks have the accuracy ``truth(alpha, beta)``; the first one is the paper's."""
    random_ = random.Random(seed)
    found = []
    for index in range(networks):
        alpha, beta = (1.2, 1.1) if index == 0 else (1 + 0.07 * index, 1 + 0.03 * (index % 4))
        top1 = [round(truth(alpha, beta) + 0.01 * s + random_.gauss(0, noise), 6) for s in range(seeds)]
        c = network(index, alpha, beta, tuple(seed_run(s, value, 4000) for s, value in enumerate(top1)))
        if index == 0:
            c = replace(c, gamma=1.15, merged=(PAPER,))
        found.append(c)
    run = run_of(tuple(found), "scalesearch grid --phi 1")
    return replace(run, kind="grid", settings={"baseline": baseline, "seed": 0, "match": "macs"})


def deep(alpha: float, beta: float) -> float:
    return 0.5 + 0.1 * (alpha - 1) + 0.05 * (beta - 1)


def shallow(alpha: float, beta: float) -> float:
    return 0.7 - 0.1 * (alpha - 1) + 0.05 * (beta - 1)


def pair(one: RunRecord, other: RunRecord):
    return agreement(side_of("one", one), side_of("other", other))


def transfer_of(*runs: RunRecord):
    named = [(f"run-{letter}", run) for letter, run in zip("abc", runs, strict=False)]
    return transfer_evidence(named, name="transfer", command="scalesearch transfer a b")


def test_a_planted_agreement_is_found_and_so_is_a_planted_disagreement():
    same = pair(search(deep, seed=1), search(deep, seed=2))
    assert same.tau is not None
    assert same.tau.low > 0.5
    assert same.joint.verdict == "same"
    assert all(one.in_set and one.loss and one.loss.low == 0 for one in same.borrowed)
    turned = pair(search(deep, seed=1), search(shallow, seed=2))
    assert turned.tau is not None
    assert turned.tau.high < -0.5
    assert turned.joint.verdict == "differ"
    assert turned.joint.shared == ()
    assert [one.in_set for one in turned.borrowed] == [False, False]
    assert all(one.loss and one.loss.low > 0 for one in turned.borrowed)
    # By the truth: alpha 1.63, beta 1.03 against alpha 1.07, beta 1.03.
    assert turned.borrowed[0].gap == pytest.approx(0.056, abs=0.004)


def test_a_run_with_itself_agrees_and_loses_nothing():
    run = search(deep, noise=0.03)
    found = pair(run, run)
    assert found.tau is not None
    assert (found.tau.tau, found.tau.high) == (1, 1)
    assert [(one.gap, one.place, one.in_set) for one in found.borrowed] == [(0, 1, True)] * 2
    assert set(found.joint.shared) == {t for c in side_of("", run).members for t in triples_of(c)}


def test_the_order_of_candidates_changes_nothing():
    one, other = search(deep, noise=0.02), search(shallow, noise=0.02, seed=1)
    first = pair(one, other)
    shuffled = replace(one, candidates=one.candidates[::-1])
    second = pair(shuffled, other)
    assert (first.tau, first.halves, first.joint.shared) == (second.tau, second.halves, second.joint.shared)
    keys = [[(b.triple, b.network.key, b.loss) for b in found.borrowed] for found in (first, second)]
    assert keys[0] == keys[1]
    assert share_summary(side_of("", one)) == share_summary(side_of("", shuffled))
    assert first.tau == pair(other, one).tau


def test_triples_that_one_run_merged_are_one_observation():
    one, other = search(deep), search(deep, seed=1)
    first, second, *rest = one.candidates
    merged = replace(first, merged=(*triples_of(first), *triples_of(second)))
    found = pair(replace(one, candidates=(merged, *rest)), other)
    assert len(found.joint.triples) == 10
    assert len(found.joint.classes) == 9
    # Its networks' mean stands for the class in the run that tells them apart.
    index = next(i for i, cls in enumerate(found.joint.classes) if len(cls.triples) == 2)
    means = [c.runs[0].top1 for c in other.candidates[:2]]
    assert found.joint.rows(1)[index][0] == pytest.approx(sum(means) / 2)


def test_only_what_both_trained_is_compared():
    one, other = search(deep), search(deep, seed=1)
    best = side_of("", one).winner
    lacking = with_candidates(
        other, lambda _, c: replace(c, status="skipped", runs=()) if c.key == best.key else c
    )
    found = pair(one, lacking)
    assert len(found.joint.classes) == 9
    assert [b.winner for b in found.borrowed] == [False, True]
    assert found.borrowed[0].triple == triples_of(found.joint.sides[0].winner)[0]
    section = agreement_section(one, lacking)
    assert "the best of *from scratch* among those that both trained" in section


def test_one_seed_shows_nothing():
    one, other = search(deep, seeds=1), search(deep, seed=1)
    found = pair(one, other)
    assert found.joint.verdict == "unknown"
    assert found.tau is not None
    assert found.halves[0] is None
    assert [b.in_set for b in found.borrowed] == [True, None]
    section = agreement_section(one, other)
    assert section.startswith(
        "**Not shown: whether the best coefficients are the same.** *from scratch* has a single seed or network"
    )
    assert section.count("with one seed nothing more can be said") == 1
    assert "(its interval cannot be known with one seed): it does not show whether they agree" in section
    pairs = pairs_table(transfer_evidence([("a", one), ("b", other)], name="t", command=""))
    assert pairs["tau"].notna().all()
    assert pairs[["tau_low", "tau_high"]].isna().all(axis=None)
    assert share_difference(side_of("a", one), side_of("b", other)) == {}


def test_a_tau_of_few_classes_has_no_interval():
    def few(run):
        return replace(run, candidates=run.candidates[:3])

    section = agreement_section(few(search(deep, seed=1)), few(search(deep, seed=2)))
    assert "(its interval cannot be known with 3 classes): it does not show whether they agree" in section
    assert "have one of 1.00 in *from scratch*" in section


def test_the_section_says_what_was_planted():
    same = agreement_section(search(deep, seed=1), search(deep, seed=2))
    assert same.startswith("**The best coefficients are the same, as far as rounding tells them apart:**")
    miss = "sets miss a best one with a probability of at most 10%)."
    assert f"may be best, in both (the winning {miss} Over" in same
    assert "they agree in the order" in same
    assert same.count("**no loss is shown**") == 2
    turned = agreement_section(search(deep, seed=1), search(shallow, seed=2))
    assert turned.startswith(
        "**The best coefficients are not the same.** Of the 10 triples that both trained none is in the winning "
        f"set of both (the {miss}"
    )
    assert "they tend to reverse the order" in turned
    assert turned.count("**a loss is shown**") == 2
    assert "**the best network of *from scratch* gives more to depth" in turned
    blurred = agreement_section(search(deep, noise=0.2, seed=1), search(deep, noise=0.2, seed=2))
    assert blurred.startswith("**Not shown: whether the best coefficients are the same.**")
    assert "no network is shown to be worse than the best, so any agreement is weak" in blurred


def test_what_cannot_be_compared_is_said_or_refused():
    one = search(deep)
    elsewhere = with_candidates(
        one, lambda _, c: replace(c, alpha=c.alpha + 0.01, merged=((c.alpha + 0.01, c.beta, c.gamma),))
    )
    assert agreement_section(one, elsewhere).startswith("**Not shown:** no triple was trained in both runs")
    few = replace(one, candidates=one.candidates[:2])
    assert "there are 2 of them, and 3 are needed" in agreement_section(few, few)
    with pytest.raises(
        ValueError, match=r"^`sides` must be of one phi, got from scratch with 1, grown with 2$"
    ):
        agreement_section(one, replace(one, phi=2.0))
    empty = with_candidates(one, lambda _, c: replace(c, status="skipped", runs=()))
    with pytest.raises(
        ValueError, match=r"^`run` must hold a network that was trained to the end, got grown with"
    ):
        agreement_section(one, empty)
    with pytest.raises(ValueError, match=r"^`runs` must hold at least two, got 1$"):
        transfer_of(one)


def test_shares_of_a_network_are_the_mean_of_its_triples():
    c = replace(search(deep).candidates[0], alpha=2.0, beta=1.0, gamma=1.0, merged=((1.0, 2**0.5, 1.0),))
    found = network_shares(c)
    assert found is not None
    assert (found.depth, found.width, found.resolution) == pytest.approx((0.5, 0.5, 0))
    assert network_shares(replace(c, alpha=1.0, merged=())) is None


def test_the_shares_of_a_clear_best_are_its_own():
    run = search(lambda alpha, _: 0.9 if alpha == 1.2 else 0.3)
    side = side_of("", run)
    found, own = share_summary(side), network_shares(side.winner)
    assert own is not None
    for name in ("depth", "width", "resolution"):
        assert found[name].low == found[name].mean == found[name].high == pytest.approx(getattr(own, name))


def test_settings_that_differ_are_named_and_those_that_say_nothing_are_not():
    runs = [{"baseline": "a", "jobs": 1, "law": ""}, {"baseline": "b", "jobs": 2, "match": "macs"}]
    found = run_differences(runs, {"jobs"})
    assert [(one.setting, one.values) for one in found] == [
        ("baseline", ("a", "b")),
        ("match", ("not set", "macs")),
    ]


def test_two_networks_of_ones_own_differ_by_their_keys():
    nets = [replace(baseline("resnet-18"), name="mine", stem_channels=channels) for channels in (32, 64)]
    one, other = (
        replace(run, settings=dict(run.settings) | {"baseline_arch": net.to_dict()})
        for run, net in zip((search(deep, baseline="mine"), search(deep, baseline="mine")), nets, strict=True)
    )
    page = transfer_page(transfer_of(one, other), FIGURES)
    said = ", ".join(f"network {net.key}" for net in nets)
    assert f"The searches differ in `baseline_arch` ({said}).\n" in page
    assert "The searches have the same settings." in transfer_page(transfer_of(one, one), FIGURES)


def test_the_same_records_give_the_same_bytes(tmp_path):
    runs = [("a", search(deep)), ("b", search(shallow, baseline="mobilenet-v2"))]
    for name in ("one", "two"):
        written = write_transfer_report(
            runs, tmp_path / name, name="transfer-a-vs-b", command="scalesearch transfer a b"
        )
    found = files(tmp_path / "one")
    assert found == files(tmp_path / "two")
    figures = {f"figures/{name}.{kind}" for name in FIGURES for kind in ("svg", "png")}
    assert set(found) == {"transfer.md", "pairs.csv", "triples.csv"} | figures
    assert written.answer.startswith("The best coefficients are not the same.")


def test_the_tables_hold_every_direction_and_every_triple():
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
    assert list(pairs["verdict"]) == ["differ"] * 2 + ["same"] * 2 + ["differ"] * 2
    assert list(pairs["tau"][:2]) == [pairs["tau"][0]] * 2
    triples = triples_table(transfer)
    assert len(triples) == 3 * 10
    assert set(triples["class"]) == set(range(1, 11))
    assert (triples["behind"] == 0).sum() == 3


def test_the_page_answers_first_and_says_what_differs():
    one, other = search(deep), search(deep, seed=1, baseline="mobilenet-v2")
    transfer = transfer_of(one, other)
    page = transfer_page(transfer, FIGURES)
    first = page.split("\n\n")[1]
    assert first.startswith("**The best coefficients are the same")
    assert "**No search is shown to lose by using another's best coefficients**" in first
    assert "The searches differ in `baseline` (resnet-18, mobilenet-v2).\n" in page
    assert "Whatever the results differ in" not in page
    assert "## The paper's (1.2, 1.1, 1.15)" in page
    assert "Not finished" not in page
    assert "Not at like cost" not in page
    unlike = replace(
        other,
        settings=dict(other.settings) | {"match": "none", "recipe": "quick"},
        candidates=(*other.candidates, replace(other.candidates[0], key="late", status="waiting", runs=())),
    )
    page = transfer_page(transfer_of(one, unlike), FIGURES)
    assert "> **Not at like cost:** these searches met their budgets in different ways." in page
    assert "Whatever the results differ in may come from any of these." in page
    assert "> **Not finished:** networks still wait for training, 1 of *run-b*;" in page


def test_three_searches_that_no_triple_serves():
    page = transfer_page(transfer_of(search(deep), search(shallow, seed=1), search(deep, seed=2)), FIGURES)
    assert "**The best coefficients are not the same.** Of the 10 triples that all 3 trained none" in page
    assert "- *run-a* and *run-b*: **not the same best**; tau -" in page
    assert "- *run-a* and *run-c*: the same best, " in page
    assert "**A loss is shown by using the best coefficients of *run-a* in *run-b*, " in page
    assert "## What may be best everywhere" not in page


def test_what_differs_by_rounding_alone_is_equal():
    run = search(deep, networks=4)
    same = with_candidates(run, lambda _, c: judged_as(c, 0.1 + 0.2, 0.3, 0.3))
    found = pair(same, run)
    assert found.tau is None
    assert "all of one run are alike" in agreement_section(same, run)
