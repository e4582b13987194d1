"""The section of a page about what was not trained, and why."""

from __future__ import annotations

from collections.abc import Sequence

from scalesearch.records import CandidateRecord, RunRecord, Status
from scalesearch.report.markdown import bullets, code, escape, plural, table

__all__ = ["skipped_section"]

FEW_REASONS = 4
"""Up to so many reasons each get a table of their own under them; more stay a column."""
THINNED = "thinned out"
"""How the reason of a network begins that could be trained, and was not since others stand for it."""


def skipped_section(run: RunRecord) -> str:
    """How triples became networks, then the networks without a result, each with its reason."""
    distinct = len(run.candidates)
    items = [
        f"The grid has {run.grid_points:,} points; {run.feasible:,} of them meet the constraint.",
        f"**Merged:** these {run.feasible:,} triples round to {distinct:,} distinct "
        f"{'network' if distinct == 1 else 'networks'}. Each is trained at most once: "
        f"{run.feasible - distinct:,} {'triple shares' if run.feasible - distinct == 1 else 'triples share'} "
        "the training run of another.",
    ]
    skipped, failed, waiting = (_of(run, status) for status in ("skipped", "failed", "waiting"))
    thinned = all(not c.reason or c.reason.startswith(THINNED) for c in skipped)
    if run.thinning or skipped:
        said = escape(run.thinning) if run.thinning else "the reasons are below."
        if not thinned and run.thinning:
            said = f"for the reasons below. Of those that could be, {said}"
        what = "Thinned out" if thinned else "Skipped"
        items.append(f"**{what}:** {plural(len(skipped), 'network')} not trained: {said}")
    if failed:
        items.append(f"**Failed:** {plural(len(failed), 'network')}, for the reasons below.")
    if waiting:
        items.append(f"**Waiting:** {plural(len(waiting), 'network')}; `scalesearch resume DIR` trains them.")
    blocks = [bullets(items), *_untrained(failed), *_untrained(waiting)]
    if skipped:
        # Long and of little interest: folded, but on the page.
        title = f"The {plural(len(skipped), 'network')} {'thinned out' if thinned else 'skipped'}"
        listed = "\n\n".join(_untrained(skipped))
        blocks.append(f"<details><summary>{title}</summary>\n\n{listed}\n\n</details>")
    return "\n\n".join(blocks)


def _of(run: RunRecord, status: Status) -> list[CandidateRecord]:
    return [c for c in run.candidates if c.status == status]


def _untrained(candidates: Sequence[CandidateRecord]) -> list[str]:
    """Tables of networks of one status; a reason that several share is said once, above their table."""
    reasons = list(dict.fromkeys(c.reason for c in candidates))
    if len(reasons) > FEW_REASONS:
        return [_table(candidates, reasons=True)]
    blocks = []
    for reason in reasons:
        those = [c for c in candidates if c.reason == reason]
        title = those[0].status.capitalize()
        blocks += [f"{title}: {escape(reason)}." if reason else f"{title}:", _table(those, reasons=False)]
    return blocks


def _table(candidates: Sequence[CandidateRecord], *, reasons: bool) -> str:
    header = [*(["reason"] if reasons else []), "alpha", "beta", "gamma", "cost ratio", "network"]
    rows = [
        [
            *([escape(c.reason)] if reasons else []),
            f"{c.alpha:.6g}",
            f"{c.beta:.6g}",
            f"{c.gamma:.6g}",
            f"{c.macs_ratio:.2f}",
            code(c.key),
        ]
        for c in candidates
    ]
    return table(header, rows, left=int(reasons))
