"""How far the outcome of a search can be trusted."""

from __future__ import annotations

from scalesearch.records import RunRecord
from scalesearch.report.answer import answer_lines, answer_of
from scalesearch.report.markdown import bullets, escape, plural
from scalesearch.report.page_parts import quoted_agreement
from scalesearch.report.search.evidence import SearchEvidence

__all__ = ["search_trust"]

UNLEARNING = frozenset(("random", "qmc"))
"""Samplers whose suggestions do not depend on any result."""


def search_trust(run: RunRecord, evidence: SearchEvidence) -> str:
    """The list of what the accuracies of a search do and do not show; empty where nothing was scored."""
    if not evidence.scored:
        return ""
    items = [_surface(run, evidence)]
    count = len(evidence.scored)
    if count > 1:
        items.append(
            f"**Picked from {count}:** the highest of many noisy values tends to be too high; the same "
            "network trained again would likely do a little worse."
        )
    stopped = sum(c.status == "pruned" for c in run.candidates)
    if stopped:
        items.append(
            f"**Stopped early:** {plural(stopped, 'network')} behind others at a rung. They are not in the "
            "answer, and some might have overtaken in longer training."
        )
    items.append(_sampler(run))
    if run.reliability:
        items.append(f"**Short runs are a proxy:** {quoted_agreement(run.reliability[-1])}")
    else:
        items.append(
            "**Short runs are a proxy:** they need not rank networks as full training would. `scalesearch "
            "fidelity DIR` measures how far they do."
        )
    return bullets(items)


def _sampler(run: RunRecord) -> str:
    name = run.settings.get("sampler")
    if name in UNLEARNING:
        return (
            f"**The suggestions do not learn:** {escape(name)} spreads them without looking at how earlier "
            "networks did, so more of them add cover and do not close in on the best. Another seed gives "
            "others, and where there are no dots nothing is known."
        )
    return (
        f"**A sampler is no survey:** {escape(name or 'the sampler')} suggests more where earlier networks "
        "did well, so another seed can lead elsewhere, and where there are no dots nothing is known."
    )


def _surface(run: RunRecord, evidence: SearchEvidence) -> str:
    """What the surface over all trained networks says of splits, or why there is none."""
    front = " A front takes every mean at its word." if len(evidence.objectives) > 1 else ""
    found = answer_of(run)
    if isinstance(found, str):
        return f"**No surface over splits:** {escape(found)}, so an order of networks may be luck.{front}"
    first, second, _ = answer_lines(run)
    return f"**{escape(first)}** {escape(second)}{front}"
