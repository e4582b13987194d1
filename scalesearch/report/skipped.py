"""The section of a page about what was not trained, and why."""

from __future__ import annotations

import re
from collections.abc import Sequence

from scalesearch.records import CandidateRecord, RunRecord, Status
from scalesearch.report.bounds import MOST_ROWS, cut
from scalesearch.report.markdown import bullets, code, escape, plural, table

__all__ = ["skipped_section"]

FEW_REASONS = 4
"""Up to so many reasons each get a table of their own under them, or a count; more stay a column, or one."""
FIGURES = re.compile(r"[-+]?\d[\d.,e+-]*%?")


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
    thinned = all(not c.reason or c.thinned_out for c in skipped)
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
    return "\n\n".join([bullets([*items, *_counted(skipped)]), *_untrained(failed), *_untrained(waiting)])


def _counted(skipped: Sequence[CandidateRecord]) -> list[str]:
    """How many networks were skipped for which reason; all of them are in the CSV file."""
    if not skipped:
        return []
    # Reasons that differ in their figures alone, such as how far each is from its budget, are one.
    kinds: dict[str, list[str]] = {}
    for c in skipped:
        kinds.setdefault(FIGURES.sub("", c.reason), []).append(c.reason)
    often = sorted(kinds.values(), key=len, reverse=True)
    told = [
        f"{len(reasons):,}: {escape(reasons[0]) or 'no reason was kept'}"
        + ("" if len(set(reasons)) == 1 else ", and the like")
        for reasons in often[:FEW_REASONS]
    ]
    rest = sum(map(len, often[FEW_REASONS:]))
    told += [f"{rest:,}: other reasons"] if rest else []
    return [
        f"**Not on this page:** the {plural(len(skipped), 'skipped network')}, each with its reason, in "
        f"`candidates.csv`. {'; '.join(told)}."
    ]


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
            f"{c.macs_ratio:.2f}" if c.counted else "",
            code(c.key),
        ]
        for c in candidates[:MOST_ROWS]
    ]
    return table(header, rows, left=int(reasons)) + cut(candidates, "candidates.csv")
