"""The section about successive halving: the networks that were stopped, the plan, and what it saved."""

from __future__ import annotations

from scalesearch.records import CandidateRecord, RunRecord
from scalesearch.report.bounds import MOST_ROWS, cut
from scalesearch.report.markdown import bullets, code, percent, plural, si, table

__all__ = ["compute_spent", "stopped", "stopped_early_section"]


def stopped(run: RunRecord) -> list[CandidateRecord]:
    """The networks that were stopped early, those that came furthest first, of these the best then first."""
    pruned = [c for c in run.candidates if c.status == "pruned"]
    return sorted(pruned, key=lambda c: (-(c.images_seen or 0), -(c.top1 or 0.0), c.macs))


def compute_spent(run: RunRecord) -> list[float]:
    """Training compute of each rung, in images x MACs of a forward pass; failed and waiting networks count.

    An image that a run saw belongs to the first rung that reaches so far; what lies beyond the last rung, to
    the last.
    """
    spent, before = [], 0
    for rung in run.rungs:
        last = rung is run.rungs[-1]
        spent.append(
            float(
                sum(
                    c.macs * max(0, (one.images_seen if last else min(one.images_seen, rung.images)) - before)
                    for c in run.candidates
                    for one in c.runs
                )
            )
        )
        before = rung.images
    return spent


def stopped_early_section(run: RunRecord) -> str:
    """The plan, the savings and the stopped networks; empty where the run had no more than one rung."""
    pruned = stopped(run)
    if len(run.rungs) < 2 and not pruned:
        return ""
    parts = [
        "Successive halving: all networks train to the first rung, the better ones on to the next, and so "
        "on. A stopped network takes no part in the ranking, the fronts or any test: its top-1 is that of a "
        "shorter run, and nobody knows whether it would have caught up."
    ]
    if run.rungs:
        parts += [_plan(run), bullets(_savings(run))]
    parts.append(_list(run, pruned) if pruned else "No network has been stopped.")
    return "\n\n".join(parts)


def _plan(run: RunRecord) -> str:
    spent = compute_spent(run)
    total = sum(spent)
    rows = [
        (
            str(number),
            f"{rung.images:,}",
            str(rung.networks),
            str(rung.seeds),
            str(sum(c.status == "pruned" and _rung(run, c) == number for c in run.candidates)),
            percent(part / total) if total else "",
        )
        for number, (rung, part) in enumerate(zip(run.rungs, spent, strict=True), 1)
    ]
    header = ("rung", "up to images", "networks planned", "seeds", "stopped here", "share of compute")
    return table(header, rows, left=0)


def _savings(run: RunRecord) -> list[str]:
    last, spent = run.rungs[-1], sum(compute_spent(run))
    networks = [c for c in run.candidates if c.counted]
    begun = [c for c in networks if c.status != "skipped"]
    triples = sum(len(c.merged) for c in networks)
    nominal = sum(len(c.merged) * c.macs for c in networks) * run.feasible / max(1, triples)
    whole = {
        f"each of the {run.feasible:,} feasible grid points": nominal,
        f"each of the {len(networks):,} distinct networks": float(sum(c.macs for c in networks)),
    }
    if len(begun) < len(networks):
        whole[f"each of the {len(begun):,} networks that were not thinned out"] = sum(c.macs for c in begun)
    seeds = [last.seeds, *([1] if last.seeds > 1 else [])]

    def share(macs: float) -> str:
        parts = (f"{percent(spent / (macs * last.images * k))} with {plural(k, 'seed')}" for k in seeds)
        return ", ".join(parts)

    return [
        f"**Spent:** {si(spent)} images x MACs of a forward pass (a training step costs about three times "
        "that, for every network alike).",
        *(f"**Against training {what} to the end:** {share(macs)}." for what, macs in whole.items() if macs),
    ]


def _list(run: RunRecord, pruned: list[CandidateRecord]) -> str:
    header = ("rung", "images", "top-1 then", "alpha", "beta", "gamma", "cost ratio", "network")
    rows = [
        (
            str(_rung(run, c) or ""),
            f"{c.images_seen or 0:,}",
            percent(c.top1),
            f"{c.alpha:.6g}",
            f"{c.beta:.6g}",
            f"{c.gamma:.6g}",
            f"{c.macs_ratio:.2f}",
            code(c.key),
        )
        for c in pruned[:MOST_ROWS]
    ]
    return table(header, rows, left=0) + cut(pruned, "candidates.csv")


def _rung(run: RunRecord, candidate: CandidateRecord) -> int:
    """The number of the last rung that the network's training reached; 0 for none."""
    return sum(rung.images <= (candidate.images_seen or 0) for rung in run.rungs)
