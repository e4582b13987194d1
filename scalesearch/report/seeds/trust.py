"""The sentences that say how far to trust the answer of a search."""

from __future__ import annotations

import math

from scipy.stats import spearmanr

from scalesearch.proxy.dataset import WINDOWS
from scalesearch.records import CandidateRecord, ReliabilityRecord, RunRecord
from scalesearch.report.budgets import budget_items
from scalesearch.report.evidence import SIGNIFICANCE, difference_p, judged, near_nominal, wilson
from scalesearch.report.learning import at_chance
from scalesearch.report.markdown import bullets, escape, percent, plural
from scalesearch.report.page_parts import p_text, quoted_agreement, says_nothing
from scalesearch.report.seeds.evidence import SeedEvidence, intervals, seed_evidence
from scalesearch.report.sentences import coefficients, top1_text
from scalesearch.scaling import NOMINAL_BASE

__all__ = ["reliability_text", "trust", "verdict"]

OF_FEW = " They are not quite: they are windows of {} {}, so the intervals are too narrow."


def trust(run: RunRecord) -> str:
    """The list of what the accuracies do and do not show."""
    ranking = judged(run)
    if not ranking:
        return ""
    return bullets([*_lead(run, ranking), _chance(run, ranking), *_cost(run, ranking), reliability_text(run)])


def verdict(best: CandidateRecord, second: CandidateRecord) -> str:
    """Whether Fisher's exact test on one run each shows a difference; the reason where it cannot be made."""
    p, first, other = difference_p(best, second), wilson(best), wilson(second)
    if p is None or first is None or other is None:
        return "How many images judged them was not recorded, so no interval or test can be given."
    overlap = "overlap" if first[0] <= other[1] and other[0] <= first[1] else "do not overlap"
    shown = "**no difference shown**" if p >= SIGNIFICANCE else "**a difference is shown**"
    return f"The two 95% intervals {overlap}; Fisher's exact test: {shown} ({p_text(p)})."


def reliability_text(run: RunRecord) -> str:
    """How well runs of this length rank networks, as far as that was measured."""
    proxy = "**Short runs are a proxy:** they need not rank networks as full training would. "
    length = max((c.images_seen or 0 for c in judged(run)), default=0)
    if not run.reliability or not length:
        return (
            f"{proxy}Nothing on this page measures how far they do; `scalesearch fidelity DIR`, with the "
            "folder of this page for DIR, would."
        )

    def distance(record: ReliabilityRecord) -> tuple[float, int]:
        return abs(math.log(record.images / length)), record.images

    nearest = min(run.reliability, key=distance)
    if says_nothing(nearest):
        return proxy + f"Measured: {quoted_agreement(nearest)}"
    other = "" if nearest.images == length else f", the measured length nearest to the {length:,} of this run"
    return (
        f"{proxy}Measured: runs of {nearest.images:,} images{other}, rank networks as runs of "
        f"{nearest.reference_images:,} do with Kendall's tau {nearest.tau:.2f} (95% interval "
        f"{nearest.tau_low:.2f} to {nearest.tau_high:.2f}; 1 is the same order, 0 none), over "
        f"{plural(nearest.networks, 'network')} with {plural(nearest.seeds, 'seed')}. Choosing by the short "
        f"runs costs {100 * nearest.regret:.1f} points of the long runs' top-1. Source: "
        f"{escape(nearest.source)}."
    ).replace(f"{nearest.images:,} images, rank", f"{nearest.images:,} images rank")


def _lead(run: RunRecord, ranking: list[CandidateRecord]) -> list[str]:
    if len(ranking) == 1:
        return ["**Nothing to compare with:** a single network was trained, so being first says nothing."]
    evidence, (best, second) = seed_evidence(run), ranking[:2]
    points = 100 * ((best.top1 or 0.0) - (second.top1 or 0.0))
    if evidence is None:
        said = verdict(best, second)
    elif second.key in evidence.p:
        p = evidence.p[second.key]
        shown = "**no difference shown**" if p >= SIGNIFICANCE else "**a difference is shown**"
        said = f"Tukey's range test over seeds: {shown} ({p_text(p)})."
    else:
        said = "The second was not trained with all the seeds, so the two are not tested."
    return [
        f"**The lead:** {points:.1f} points over the second, {coefficients(second)} with top-1 "
        f"{top1_text(second, intervals(run).get(second.key))}. {said}",
        f"**The two do not cost the same:** {best.macs_ratio:.2f} times the baseline for the winner, "
        f"{second.macs_ratio:.2f} times for the second."
        if best.macs != second.macs
        else f"**The two cost the same:** {best.macs_ratio:.2f} times the baseline.",
        *(_one_seed(run, ranking) if evidence is None else _several_seeds(run, evidence)),
    ]


def _one_seed(run: RunRecord, ranking: list[CandidateRecord]) -> list[str]:
    best, second = ranking[:2]
    items = [
        "**What the test covers:** only which images happened to be held out. Each network was trained once "
        f"({_seed(run)}), and one seed says nothing about how much top-1 moves from seed to seed: seed to "
        "seed is not in any interval here. `--seeds 3` would show it. All networks were judged on the same "
        "images, which the test treats as independent samples." + _windows(run)
    ]
    alike = sum((difference_p(best, c) or 0.0) >= SIGNIFICANCE for c in ranking[1:])
    if difference_p(best, second) is not None:
        items.append(
            f"**Picked as the best of {len(ranking)}:** the highest of many noisy values tends to be too "
            f"high. {_too_close(alike, len(ranking) - 1)} to the winner to be told from it by the same test "
            f"(p >= {SIGNIFICANCE}, one by one, not corrected for the number of tests)."
        )
    return items


def _windows(run: RunRecord) -> str:
    """What is said of held-out images that are windows of few pictures; empty of other data."""
    dataset = str(run.settings.get("dataset"))
    if dataset == "photographs":
        return OF_FEW.format(run.classes, "photographs")
    return OF_FEW.format(f"{run.classes:,}", "pictures") if dataset.startswith(WINDOWS) else ""


def _too_close(alike: int, others: int) -> str:
    """``2 of the other 5 are too close``."""
    if others == 1:
        return f"The other one is {'too close' if alike else 'not too close'}"
    if alike == others:
        return f"{'Both' if others == 2 else f'All {others}'} others are too close"
    return f"{alike or 'None'} of the other {others} {'is' if alike < 2 else 'are'} too close"


def _several_seeds(run: RunRecord, evidence: SeedEvidence) -> list[str]:
    listed = ", ".join(map(str, evidence.seeds))
    noise = (
        " Nothing is left over that neither network nor seed explains, so the noise of training cannot be "
        "estimated here: that no spread was seen does not show that there is none."
        if evidence.noise is None
        else (
            f" One training run moves by {100 * evidence.noise:.2f} points (standard deviation) for reasons "
            "that neither network nor seed explains."
        )
    )
    items = [
        f"**What the test covers:** the noise of training, as far as {len(evidence.seeds)} seeds ({listed}) "
        f"show it, and that the best was picked as the best of {len(evidence.tested)}.{noise} It does not "
        "cover which images happened to be held out: all runs were judged on the same ones.",
        f"**Picked as the best of {len(evidence.tested)}:** the highest of many noisy values tends to be too "
        "high, so expect a little less of the winner on another seed.",
    ]
    if evidence.left_out:
        count = len(evidence.left_out)
        items.append(
            f"**Not in the test:** {plural(count, 'trained network')} that {'has' if count == 1 else 'have'} "
            "not all the seeds; they come last in the ranking."
        )
    if pruned := sum(c.status == "pruned" for c in run.candidates):
        items.append(
            f"**Not in the test:** the {plural(pruned, 'network')} that {'was' if pruned == 1 else 'were'} "
            "stopped early, at shorter runs and with fewer seeds. Who was stopped was decided by runs that "
            "are also in the test, which favours the networks that were lucky then."
        )
    return items


def _seed(run: RunRecord) -> str:
    seed = run.settings.get("seed")
    return "one seed" if seed is None else f"seed {escape(seed)}"


def _chance(run: RunRecord, ranking: list[CandidateRecord]) -> str:
    chance, bounds = 1 / run.classes, intervals(run)
    low = at_chance(run)
    said = f"**Chance** is {percent(chance)} ({plural(run.classes, 'class').replace('classs', 'classes')})."
    if ranking[0] in low:
        which = "interval" if ranking[0].key in bounds else "interval over the held-out images"
        return f"{said} Even the winner's {which} reaches it: this run shows no learning to compare."
    if low:
        which = "interval of 1" if len(low) == 1 else f"intervals of {len(low)}"
        verb = "reaches" if len(low) == 1 else "reach"
        return f"{said} The {which} of the {len(ranking)} trained networks {verb} it."
    return f"{said} Every trained network is above it."


def _cost(run: RunRecord, ranking: list[CandidateRecord]) -> list[str]:
    items = budget_items(ranking) or _asked(run, ranking)
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


def _asked(run: RunRecord, ranking: list[CandidateRecord]) -> list[str]:
    target = NOMINAL_BASE**run.phi
    near = [c for c in ranking if near_nominal(c, run.phi)]
    if not near:
        return [
            f"**At the cost that was asked for:** no trained network really costs within 10% of {target:.3g} "
            "times the baseline; rounding moved all of them."
        ]
    if near[0] is ranking[0]:
        return []
    bounds = intervals(run).get(near[0].key)
    which = (
        f"the only trained network that really costs within 10% of {target:.3g} times the baseline is"
        if len(near) == 1
        else f"of the {len(near)} trained networks that really cost within 10% of {target:.3g} times the "
        "baseline, the best is"
    )
    return [
        f"**At the cost that was asked for:** {which} {coefficients(near[0])}, top-1 "
        f"{top1_text(near[0], bounds)}, {near[0].macs_ratio:.2f} times."
    ]
