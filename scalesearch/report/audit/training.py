"""The part of an audit's page about the rows that were trained at equal cost."""

from __future__ import annotations

from collections.abc import Sequence

from scalesearch.records import AuditRecord, CandidateRecord, RunRecord
from scalesearch.report.audit.order import SCALINGS, OrderPair, order_pairs, published_top1, trained_roles
from scalesearch.report.learning import nothing_learnt
from scalesearch.report.markdown import bullets, escape, percent, plural, signed_percent, table
from scalesearch.report.page_parts import p_text, quoted_agreement, top1_seeds, training, unfinished
from scalesearch.report.sentences import listed
from scalesearch.report.sweep.evidence import baseline_of, budgets, residual

__all__ = ["order_answer", "training_section"]


def order_answer(pairs: Sequence[OrderPair]) -> str:
    """In a sentence or two: does the published order hold here?"""
    if not pairs:
        return "**Does the published order hold here?** No answer yet: no two of the ways were trained."
    verdicts = [pair.verdict for pair in pairs]
    holds, other = verdicts.count("holds"), verdicts.count("reversed")
    untested = verdicts.count("not tested")
    same = sum(pair.difference > 0 for pair in pairs)
    if untested == len(pairs):
        word = "Not tested"
    elif other and holds:
        word = "In part"
    elif other:
        word = "No"
    elif holds == len(pairs):
        word = "Yes"
    else:
        word = "In part" if holds else "Not shown"
    counts = (
        f"Of {plural(len(pairs), 'pair')} of ways at equal cost the published order is shown for {holds}, "
        f"the reverse for {other}, and nothing for {len(pairs) - holds - other}"
    )
    led = [pair.verdict for pair in pairs if pair.ahead == "compound"]
    compound = (
        f" Of {plural(len(led), 'pair')} that compound scaling leads as published, its lead is shown in "
        f"{led.count('holds')}, the reverse in {led.count('reversed')}."
        if led
        else ""
    )
    return (
        f"**Does the published order hold here, at equal cost? {word}.** {counts}; the means agree in sign "
        f"for {same}, where chance would give about {len(pairs) / 2:g}.{compound}"
    )


def training_section(record: AuditRecord) -> str:
    """The trained rows beside the published ones; empty where none was trained."""
    if not record.trained:
        return ""
    pairs = order_pairs(record)
    warnings = [
        text
        for name, run in record.trained.items()
        if (text := unfinished(run.candidates, f"The sweep of {escape(name)}"))
    ]
    missing = [name for name in record.baselines if name not in record.trained]
    if missing:
        warnings.append(f"> Not begun yet: {listed(missing)}. `scalesearch resume DIR` carries on.")
    parts = [
        *warnings,
        _trust(record, pairs),
        *(_of_baseline(record, name, run, pairs) for name, run in record.trained.items()),
    ]
    return "\n\n".join(part for part in parts if part)


def _trust(record: AuditRecord, pairs: Sequence[OrderPair]) -> str:
    runs = record.trained.values()
    networks = [c for run in runs for c in run.candidates if c.role != "baseline" and c.runs]
    items = []
    tested = [pair for pair in pairs if pair.test is not None]
    if tested:
        items.append(
            "**The test:** two-sided t tests at 5%, paired by seed, noise pooled over a baseline's networks; "
            "intervals and p values hold for all pairs of this page at once. *Not shown* does not "
            "mean that there is no difference."
        )
    if len(tested) < len(pairs):
        items.append(
            f"**Not tested:** {plural(len(pairs) - len(tested), 'pair')} without two common seeds. "
            "`--seeds 3` or more would tell."
        )
    if networks:
        worst = max(networks, key=lambda c: abs(residual(c)))
        items.append(
            f"**Equal cost (MACs):** all networks are within {abs(residual(worst)):.1%} of their budgets."
        )
    guessing = [name for name, run in record.trained.items() if run.candidates and nothing_learnt(run)]
    if guessing:
        items.append(
            f"**No network of {listed(guessing)} has learnt anything that shows:** their order says nothing."
        )
    reliability = next((run.reliability for run in runs if run.reliability), ())
    items.append(
        "**Another task:** small proxies of the baselines, short runs and other data than ImageNet; the "
        "order may differ for any of these."
        + (f" How far short runs can be trusted: {quoted_agreement(reliability[-1])}" if reliability else "")
    )
    if networks:
        every = [c for run in runs for c in run.candidates]
        items.append(f"**Cost of it:** {training(every)}.")
    return bullets(items)


def _of_baseline(record: AuditRecord, name: str, run: RunRecord, pairs: Sequence[OrderPair]) -> str:
    base, parts = baseline_of(run), [f"### {escape(name)}"]
    if base is not None:
        parts.append(f"The baseline itself, as trained: top-1 {top1_seeds(base)}.")
    for phi in budgets(run):
        roles = trained_roles(run, phi)
        here = [pair for pair in pairs if pair.baseline == name and pair.phi == phi]
        header: tuple[str, ...] = ("scaling", "published top-1", "d, w, r here", "input", "off budget")
        header += ("top-1 here", "seeds")
        rows = [_cells(record, name, role, roles[role]) for role in SCALINGS if role in roles]
        if not rows:
            continue
        parts.append(
            f"At {2**phi:g} times the baseline's multiply-adds. Published, from the best: "
            f"{_order(published_top1(record, name))}. Here: "
            f"{_order({role: c.top1 or 0.0 for role, c in roles.items()})}."
        )
        parts.append(table(header, rows))
        if here:
            header = ("pair", "published lead", "lead here", "95% interval", "published order")
            parts.append(table(header, [_pair_cells(pair) for pair in here]))
    parts.append(f"All of this sweep: [its own page](train/{name}/report.md).")
    return "\n\n".join(parts)


def _order(top1: dict[str, float]) -> str:
    """``compound 81.1%, resolution 79.1%``: from the best."""
    ranked = sorted(top1, key=lambda role: -top1[role])
    return ", ".join(f"{role} {percent(top1[role])}" for role in ranked)


def _cells(record: AuditRecord, name: str, role: str, c: CandidateRecord) -> list[str]:
    row = record.row(name, role)
    return [
        role,
        percent(row.published.top1) if row else "not published",
        ", ".join(f"{value:.3g}" for value in (c.depth, c.width, c.resolution_multiplier)),
        f"{c.resolution} px",
        signed_percent(residual(c)),
        top1_seeds(c),
        str(len(c.runs)),
    ]


def _pair_cells(pair: OrderPair) -> list[str]:
    test = pair.test
    return [
        f"{pair.ahead} less {pair.behind}",
        f"{100 * pair.published:+.1f}",
        f"{100 * pair.difference:+.1f}",
        f"{100 * test.low:+.1f} to {100 * test.high:+.1f}" if test else "",
        pair.verdict + (f" ({p_text(pair.test.p)})" if pair.test is not None else ""),
    ]
