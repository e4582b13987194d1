"""The section of a page that lists the networks which several seeds cannot tell from the best."""

from __future__ import annotations

from scalesearch.architecture.published import PAPER_COEFFICIENTS
from scalesearch.records import CandidateRecord, RunRecord
from scalesearch.report.bounds import MOST_ROWS, cut
from scalesearch.report.evidence import SIGNIFICANCE, paper_candidate
from scalesearch.report.markdown import code, percent, plural, table
from scalesearch.report.page_parts import p_text
from scalesearch.report.seeds.evidence import SeedEvidence, intervals, seed_evidence

__all__ = ["paper_and_set", "set_sentence", "short_p", "winning_set_section"]

FOLDED = 15
"""Members from which on the list is folded."""


def set_sentence(evidence: SeedEvidence) -> str:
    """The sentence that says how many networks may be the best."""
    others, members = len(evidence.tested) - 1, len(evidence.members) - 1
    if not others:
        return ""
    seeds = plural(len(evidence.seeds), "seed")
    if not members:
        than = "the other" if others == 1 else f"each of the other {others}"
        return f"**It is shown to be better than {than}** over {seeds}: the winning set holds it alone."
    if members == others:
        every = "both" if others == 1 else f"all {others + 1}"
        return (
            f"**Winning set: {every} networks.** Over {seeds} no difference is shown between any "
            "of them and the winner: this run does not say which coefficients are best."
        )
    return (
        f"**Winning set: {members + 1} of the {others + 1} networks.** Over {seeds} no difference is shown "
        f"between the winner and the other {'one' if members == 1 else members} of the set: any of them may "
        f"be the best. The {others - members} outside it {'is' if others - members == 1 else 'are'} shown "
        "to be worse than the winner."
    )


def paper_and_set(run: RunRecord, evidence: SeedEvidence) -> str:
    """Whether the paper's coefficients are in the winning set, in plain words; empty where not applicable."""
    paper = paper_candidate(run)
    if run.settings.get("baseline") != "efficientnet-b0":
        return ""
    name = f"The paper's ({PAPER_COEFFICIENTS.alpha}, {PAPER_COEFFICIENTS.beta}, {PAPER_COEFFICIENTS.gamma})"
    if paper is None or paper.key not in evidence.p:
        return f"{name} took no part in the test, so nothing is said about it."
    if paper.key == evidence.best.key:
        return f"{name} is the winner itself."
    p = p_text(evidence.p[paper.key])
    if any(paper.key == c.key for c in evidence.members):
        return f"{name} **is in the winning set**: no difference between it and the winner is shown ({p})."
    return f"{name} **is not in the winning set**: it is shown to be worse than the winner ({p})."


def short_p(p: float) -> str:
    """A p value for a table: ``0.031`` or ``< 0.001``."""
    return p_text(p).removeprefix("p ").removeprefix("= ")


def winning_set_section(run: RunRecord) -> str:
    """The members as a table, and how the test was made; empty for a run of one seed."""
    evidence = seed_evidence(run)
    if evidence is None or len(evidence.tested) < 2:
        return ""
    listed = _table(run, evidence)
    if len(evidence.members) >= FOLDED:
        title = f"The {len(evidence.members)} networks of the winning set"
        listed = f"<details><summary>{title}</summary>\n\n{listed}\n\n</details>"
    parts = [listed, _reading(evidence)]
    return "\n\n".join(parts)


def _table(run: RunRecord, evidence: SeedEvidence) -> str:
    bounds = intervals(run)

    def cells(c: CandidateRecord) -> list[str]:
        interval = bounds.get(c.key)
        best = c.key == evidence.best.key
        return [
            f"{c.alpha:.6g}",
            f"{c.beta:.6g}",
            f"{c.gamma:.6g}",
            percent(c.top1),
            percent(c.top1_sd),
            f"{percent(interval[0])} to {percent(interval[1])}" if interval else "no spread",
            "the winner" if best else f"{100 * ((evidence.best.top1 or 0) - (c.top1 or 0)):.1f} points",
            "" if best else short_p(evidence.p[c.key]),
            "" if best else _needed(evidence, c),
            f"{c.macs_ratio:.2f}",
            code(c.key),
        ]

    header = ["alpha", "beta", "gamma", "mean top-1", "sd", "95% interval", "behind", "p against the best"]
    header += ["seeds needed", "cost ratio", "network"]
    listed = table(header, map(cells, evidence.members[:MOST_ROWS]), left=0)
    return listed + cut(evidence.members, "candidates.csv")


def _needed(evidence: SeedEvidence, candidate: CandidateRecord) -> str:
    needed = evidence.needed.get(candidate.key)
    if needed is not None:
        return str(needed)
    return "over 1000" if (candidate.top1 or 0) < (evidence.best.top1 or 0) else "no difference"


def _reading(evidence: SeedEvidence) -> str:
    noise = f" ({100 * evidence.noise:.2f} points)" if evidence.noise is not None else ""
    return (
        "How to read it: Tukey's range test over networks and seeds, each seed a block, since networks "
        "trained with one seed share the order of their images and its augmentation. p is corrected for all "
        "comparisons and for the best having been picked from the same data; a network with "
        f"p >= {SIGNIFICANCE} is in the set. *Seeds needed* is how many would show the difference seen, if "
        f"difference and noise{noise} stayed as they are: an order of magnitude, since both are uncertain. "
        "The interval is that of the mean over endlessly many seeds, by Student's t with the spread within "
        "networks pooled."
    )
