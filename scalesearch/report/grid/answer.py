"""The sentences of a grid report that answer the question."""

from __future__ import annotations

from scalesearch.records import RunRecord
from scalesearch.report.bounds import and_more
from scalesearch.report.evidence import PAPER, judged, paper_candidate, rank, same_triple
from scalesearch.report.learning import UNLEARNT, nothing_learnt, tied_with
from scalesearch.report.markdown import code, escape, plural, si
from scalesearch.report.seeds.evidence import intervals, seed_evidence
from scalesearch.report.seeds.trust import trust, verdict
from scalesearch.report.seeds.winning_set import paper_and_set, set_sentence
from scalesearch.report.sentences import asked_cost, coefficients, top1_text

__all__ = ["answer", "coefficients", "paper_place", "top1_text", "trust"]


def answer(run: RunRecord) -> str:
    """The paragraphs that name the winner and those it cannot be told from, or say why there is none."""
    ranking = judged(run)
    if not ranking:
        return "**No answer yet:** not one network has completed its training, so nothing can be compared."
    best, bounds, evidence = ranking[0], intervals(run).get(ranking[0].key), seed_evidence(run)
    trained = "The only trained network" if len(ranking) == 1 else f"The best of the {_field(run)}"
    seeds = f" over {len(evidence.seeds)} seeds" if evidence else ""
    images = f" on {best.held_out_images:,} held-out images" if best.held_out_images else ""
    ties = tied_with(run, best)
    shared = ""
    if ties:
        others = and_more([coefficients(c) for c in ties])
        shared = (
            f" It shares this top-1 exactly with {plural(len(ties), 'other network')} ({others}); "
            "of equal ones the one with the fewest multiply-adds is named."
        )
    guessing = nothing_learnt(run)
    shrinking = (
        f" Phi is {run.phi:g}, so the coefficients shrink the baseline: {asked_cost(run.phi)} is asked for, "
        "and alpha, beta and gamma say how much of each dimension is taken away."
        if run.phi < 0
        else ""
    )
    first = (
        f"{UNLEARNT} The highest figure is that of {coefficients(best)} "
        if guessing and len(ranking) > 1
        else f"{UNLEARNT if guessing else ''} **{trained} is {coefficients(best)}** ".lstrip()
    )
    named = (
        f"{first}"
        f"(network {code(best.key)}): {'mean ' if evidence else ''}top-1 {top1_text(best, bounds)}{seeds}"
        f"{images}, at {best.macs_ratio:.2f} times the multiply-adds of the baseline ({si(best.macs)} "
        f"against {si(run.baseline['macs'])}). By the rule, before rounding, it would be "
        f"{best.nominal_ratio:.2f} times.{shared}{shrinking}"
    )
    if evidence is None or len(evidence.tested) < 2:
        return named
    return "\n\n".join((named, f"{set_sentence(evidence)} {paper_and_set(run, evidence)}".strip()))


def _field(run: RunRecord) -> str:
    """The networks that the winner beat, as a noun."""
    count = len(judged(run))
    if pruned := sum(c.status == "pruned" for c in run.candidates):
        others = "1 other was" if pruned == 1 else f"{pruned} others were"
        return f"{count} networks trained to the end ({others} stopped early)"
    return f"{count} trained networks"


def paper_place(run: RunRecord) -> str:
    """Where the paper's own coefficients came in; empty where the paper has none for this baseline."""
    if run.settings.get("baseline") != "efficientnet-b0":
        return ""
    name = f"The paper's answer, alpha {PAPER[0]}, beta {PAPER[1]}, gamma {PAPER[2]},"
    candidate, ranking, evidence = paper_candidate(run), judged(run), seed_evidence(run)
    if candidate is None:
        return f"{name} is not among the feasible points of this grid."
    merged = ""
    if not same_triple(PAPER, (candidate.alpha, candidate.beta, candidate.gamma)):
        merged = f" It rounds to the same network as {coefficients(candidate)} and shares its training run."
    if candidate not in ranking:
        reason = f": {escape(candidate.reason)}" if candidate.reason else ""
        return f"{name} was not judged in this run ({candidate.status}{reason}).{merged}"
    place, sharing = rank(candidate, ranking)
    tie = f", a rank that {sharing} networks share" if sharing > 1 else ""
    text = (
        f"{name} came in at rank {place} of {len(ranking)}{tie}: top-1 "
        f"{top1_text(candidate, intervals(run).get(candidate.key))}, at "
        f"{candidate.macs_ratio:.2f} times the baseline (rule: {candidate.nominal_ratio:.2f}).{merged}"
    )
    if candidate is ranking[0]:
        return f"{text} It is the winner of this run."
    behind = 100 * ((ranking[0].top1 or 0.0) - (candidate.top1 or 0.0))
    text += f" That is {behind:.1f} points behind the winner."
    if evidence is None:
        return f"{text} {verdict(ranking[0], candidate)}"
    return f"{text} {paper_and_set(run, evidence)}"
