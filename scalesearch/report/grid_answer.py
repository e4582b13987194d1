"""The sentences of a grid report that answer the question, and those that say how far to trust the answer."""

from __future__ import annotations

import math

from scipy.stats import spearmanr

from scalesearch.architecture.published import PAPER_COEFFICIENTS
from scalesearch.records import CandidateRecord, RunRecord
from scalesearch.report.evidence import (
    SIGNIFICANCE,
    difference_p,
    judged,
    near_nominal,
    paper_candidate,
    rank,
    same_triple,
    wilson,
)
from scalesearch.report.markdown import bullets, code, escape, percent, plural, si
from scalesearch.scaling import NOMINAL_BASE

__all__ = ["answer", "coefficients", "paper_place", "top1_text", "trust"]


def coefficients(candidate: CandidateRecord) -> str:
    """``alpha 1.2, beta 1.1, gamma 1.15``."""
    return f"alpha {candidate.alpha:.6g}, beta {candidate.beta:.6g}, gamma {candidate.gamma:.6g}"


def top1_text(candidate: CandidateRecord) -> str:
    """``45.6% (95% interval 42.0% to 49.2%)``, without the interval where the image count is unknown."""
    interval = wilson(candidate)
    between = f" (95% interval {percent(interval[0])} to {percent(interval[1])})" if interval else ""
    return percent(candidate.top1) + between


def answer(run: RunRecord) -> str:
    """The paragraph that names the winner, or says why there is none."""
    ranking = judged(run)
    if not ranking:
        return "**No answer yet:** not one network has completed its training, so nothing can be compared."
    best = ranking[0]
    trained = (
        "The only trained network"
        if len(ranking) == 1
        else f"The best of the {len(ranking)} trained networks"
    )
    images = f" on {best.held_out_images:,} held-out images" if best.held_out_images else ""
    ties = [c for c in ranking[1:] if c.top1 == best.top1]
    shared = ""
    if ties:
        others = "; ".join(coefficients(c) for c in ties)
        shared = (
            f" It shares this top-1 exactly with {plural(len(ties), 'other network')} ({others}); "
            "of equal ones the one with the fewest multiply-adds is named."
        )
    interval = wilson(best)
    unlearnt = (
        "**No network has learnt anything that shows: even the best cannot be told from guessing.** "
        if interval and interval[0] <= 1 / run.classes
        else ""
    )
    return (
        f"{unlearnt}**{trained} is {coefficients(best)}** "
        f"(network {code(best.key)}): top-1 {top1_text(best)}{images}, "
        f"at {best.macs_ratio:.2f} times the multiply-adds of the baseline ({si(best.macs)} against "
        f"{si(run.baseline['macs'])}). By the rule, before rounding, it would be {best.nominal_ratio:.2f} "
        f"times.{shared}"
    )


def trust(run: RunRecord) -> str:
    """The list of what the accuracies do and do not show."""
    ranking = judged(run)
    if not ranking:
        return ""
    return bullets([*_lead(run, ranking), _chance(run, ranking), *_cost(run, ranking), _proxy()])


def _lead(run: RunRecord, ranking: list[CandidateRecord]) -> list[str]:
    if len(ranking) == 1:
        return ["**Nothing to compare with:** a single network was trained, so being first says nothing."]
    best, second = ranking[:2]
    points = 100 * ((best.top1 or 0.0) - (second.top1 or 0.0))
    items = [
        f"**The lead:** {points:.1f} points over the second, {coefficients(second)} with top-1 "
        f"{top1_text(second)}. {_verdict(best, second)}",
        f"**The two do not cost the same:** {best.macs_ratio:.2f} times the baseline for the winner, "
        f"{second.macs_ratio:.2f} times for the second."
        if best.macs != second.macs
        else f"**The two cost the same:** {best.macs_ratio:.2f} times the baseline.",
        "**What the test covers:** only which images happened to be held out. Each network was trained once "
        f"({_seed(run)}), so how much top-1 moves from seed to seed is not in any interval here. All "
        "networks were judged on the same images, which the test treats as independent samples."
        + (
            " They are not quite: they are windows of 18 photographs, so the intervals are too narrow."
            if run.settings.get("dataset") == "photographs"
            else ""
        ),
    ]
    alike = sum((difference_p(best, c) or 0.0) >= SIGNIFICANCE for c in ranking[1:])
    if difference_p(best, second) is not None:
        items.append(
            f"**Picked as the best of {len(ranking)}:** the highest of many noisy values tends to be too "
            f"high. {alike or 'None'} of the other {len(ranking) - 1} {'is' if alike < 2 else 'are'} too "
            "close to the winner to be told from it by the same test "
            f"(p >= {SIGNIFICANCE}, one by one, not corrected for the number of tests)."
        )
    return items


def _verdict(best: CandidateRecord, second: CandidateRecord) -> str:
    p, first, other = difference_p(best, second), wilson(best), wilson(second)
    if p is None or first is None or other is None:
        return "How many images judged them was not recorded, so no interval or test can be given."
    overlap = "overlap" if first[0] <= other[1] and other[0] <= first[1] else "do not overlap"
    said = f"p = {p:.2g}" if p >= 0.001 else "p < 0.001"
    shown = "**no difference shown**" if p >= SIGNIFICANCE else "**a difference is shown**"
    return f"The two 95% intervals {overlap}; Fisher's exact test: {shown} ({said})."


def _seed(run: RunRecord) -> str:
    seed = run.settings.get("seed")
    return "one seed" if seed is None else f"seed {escape(seed)}"


def _chance(run: RunRecord, ranking: list[CandidateRecord]) -> str:
    chance = 1 / run.classes
    low = [c for c in ranking if (interval := wilson(c)) and interval[0] <= chance]
    said = f"**Chance** is {percent(chance)} ({plural(run.classes, 'class').replace('classs', 'classes')})."
    if ranking[0] in low:
        return f"{said} Even the winner's interval reaches it: this run shows no learning to compare."
    if low:
        verb = "reaches" if len(low) == 1 else "reach"
        return f"{said} The intervals of {len(low)} of the {len(ranking)} trained networks {verb} it."
    return f"{said} Every trained network is above it."


def _cost(run: RunRecord, ranking: list[CandidateRecord]) -> list[str]:
    target = NOMINAL_BASE**run.phi
    items = []
    near = [c for c in ranking if near_nominal(c, run.phi)]
    if near and near[0] is not ranking[0]:
        items.append(
            f"**At the cost that was asked for:** of the {len(near)} trained networks that really cost "
            f"within 10% of {target:.3g} times the baseline, the best is {coefficients(near[0])}, top-1 "
            f"{top1_text(near[0])}, {near[0].macs_ratio:.2f} times."
        )
    elif not near:
        items.append(
            f"**At the cost that was asked for:** no trained network really costs within 10% of {target:.3g} "
            "times the baseline; rounding moved all of them."
        )
    macs, scores = [c.macs for c in ranking], [c.top1 or 0.0 for c in ranking]
    if len(ranking) >= 5 and len(set(macs)) > 1 and len(set(scores)) > 1:
        rho = float(spearmanr(macs, scores).statistic)
        if math.isfinite(rho):
            items.append(
                f"**Cost and accuracy:** over the {len(ranking)} trained networks the rank correlation of "
                f"top-1 with realised MACs is {rho:+.2f} (Spearman). The nearer to 1, the more the ranking "
                "rewards networks for costing more rather than for how they share the cost."
            )
    return items


def _proxy() -> str:
    return (
        "**Short runs are a proxy:** they need not rank networks as full training would. "
        "Nothing on this page measures how far they do."
    )


def paper_place(run: RunRecord) -> str:
    """Where the paper's own coefficients came in; empty where the paper has none for this baseline."""
    if run.settings.get("baseline") != "efficientnet-b0":
        return ""
    triple = (PAPER_COEFFICIENTS.alpha, PAPER_COEFFICIENTS.beta, PAPER_COEFFICIENTS.gamma)
    name = f"The paper's answer, alpha {triple[0]}, beta {triple[1]}, gamma {triple[2]},"
    candidate, ranking = paper_candidate(run), judged(run)
    if candidate is None:
        return f"{name} is not among the feasible points of this grid."
    merged = ""
    if not same_triple(triple, (candidate.alpha, candidate.beta, candidate.gamma)):
        merged = f" It rounds to the same network as {coefficients(candidate)} and shares its training run."
    if candidate not in ranking:
        reason = f": {escape(candidate.reason)}" if candidate.reason else ""
        return f"{name} was not judged in this run ({candidate.status}{reason}).{merged}"
    place, sharing = rank(candidate, ranking)
    tie = f", a rank that {sharing} networks share" if sharing > 1 else ""
    text = (
        f"{name} came in at rank {place} of {len(ranking)}{tie}: top-1 {top1_text(candidate)}, at "
        f"{candidate.macs_ratio:.2f} times the baseline (rule: {candidate.nominal_ratio:.2f}).{merged}"
    )
    if candidate is ranking[0]:
        return f"{text} It is the winner of this run."
    behind = 100 * ((ranking[0].top1 or 0.0) - (candidate.top1 or 0.0))
    return f"{text} That is {behind:.1f} points behind the winner. {_verdict(ranking[0], candidate)}"
