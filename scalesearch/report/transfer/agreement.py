"""Whether two searches agree, in words and tables: for ``transfer``, and for runs that start from weights."""

from __future__ import annotations

from collections.abc import Sequence

from scalesearch.belief.agreement import Weighted
from scalesearch.belief.common_classes import Triple
from scalesearch.belief.fidelity import FEWEST_NETWORKS
from scalesearch.records import RunRecord
from scalesearch.report.markdown import escape, percent, plural, table
from scalesearch.report.sentences import listed
from scalesearch.report.transfer.agreement_evidence import (
    Agreement,
    Borrowed,
    Joint,
    Side,
    agreement,
    side_of,
)
from scalesearch.report.transfer.agreement_shares import DIMENSIONS, share_difference, share_summary
from scalesearch.report.transfer.tau_interval import interval_of, tau_brief, tau_cell, tau_text

__all__ = [
    "READING",
    "agreement_section",
    "agreements_table",
    "answer",
    "borrowed_note",
    "borrowed_sentence",
    "borrowed_table",
    "named",
    "pair_answer",
    "ranking_sentence",
    "shares_sentence",
    "shares_table",
    "triple_text",
]

FEW_TRIPLES = 4
"""Up to so many are named one by one."""

READING = (
    "How to read it: rounding makes one network of several triples, and such triples are one observation. So "
    "rankings are compared over classes of triples, the finest in which every run has whole networks. tau is "
    "Kendall's tau-b of the mean accuracies, 1 for the same order and 0 for no relation; its interval comes "
    "from drawing classes and seeds anew. The tau of *two halves of the seeds* says what noise leaves of "
    "perfect agreement when means are over half of the seeds; means over all of them can agree better. Where "
    "it is low, noise hides whatever agreement there is. Points lost are those behind the best network of "
    "the other run that both trained; their interval is Tukey's, and it holds 0 exactly where the "
    "coefficients are in its winning set."
)


def agreement_section(scratch: RunRecord, grown: RunRecord) -> str:
    """Whether two runs of the same candidates agree, as Markdown without a heading.

    Args:
        scratch: a run from scratch, with networks that were trained to the end.
        grown: the one of the same phi that started from weights.

    Raises:
        ValueError: if their phi differ, or one has no trained network.
    """
    one, other = side_of("from scratch", scratch), side_of("grown", grown)
    found = agreement(one, other)
    parts = [
        f"{answer(found.joint)} {ranking_sentence(found)}",
        " ".join(filter(None, (*map(borrowed_sentence, found.borrowed), borrowed_note(found.borrowed)))),
        borrowed_table(found.borrowed) if found.borrowed else "",
        shares_sentence(one, other),
        READING if found.borrowed else "",
    ]
    return "\n\n".join(part for part in parts if part)


def named(side: Side | str) -> str:
    """The name of a run inside a sentence."""
    return f"*{escape(side if isinstance(side, str) else side.name)}*"


def triple_text(triple: Triple) -> str:
    """``(1.2, 1.1, 1.15)``."""
    return f"({', '.join(f'{value:.5g}' for value in triple)})"


def answer(joint: Joint) -> str:
    """Whether the best coefficients are the same, with what that rests on."""
    sides, count = joint.sides, len(joint.triples)
    every = "both" if len(sides) == 2 else f"all {len(sides)}"
    if not joint.classes:
        return f"**Not shown:** no triple was trained in {every} runs, so nothing can be compared."
    pool = f"the {plural(count, 'triple')} that {every} trained"
    if joint.verdict == "unknown":
        single = [named(side) for side in sides if not side.p]
        return (
            f"**Not shown: whether the best coefficients are the same.** {listed(single)} "
            f"{'has' if len(single) == 1 else 'have'} a single seed or network, which shows no difference "
            f"between networks. {_best(joint)}"
        )
    miss = f"sets miss a best one with a probability of at most {percent(0.05 * len(sides), 0)}"
    if joint.verdict == "differ":
        return (
            f"**The best coefficients are not the same.** Of {pool} none is in the winning set of {every} "
            f"(the {miss}). {_best(joint)}"
        )
    if joint.verdict == "same":
        return (
            "**The best coefficients are the same, as far as rounding tells them apart:** of "
            f"{pool} only {_triples(joint.shared)} may be best, in {every} (the winning {miss})."
        )
    which = "any" if len(joint.shared) == count else _triples(joint.shared)
    return (
        f"**Not shown: whether the best coefficients are the same.** Of {pool}, {which} may be best in "
        f"{every}. {_best(joint)}{_undecided(joint)}"
    )


def pair_answer(found: Agreement) -> str:
    """The answer for one pair of many, in one line."""
    joint = found.joint
    said = {
        "same": f"the same best, {_triples(joint.shared)}",
        "differ": "**not the same best**",
        "open": f"not shown, {len(joint.shared)} of {len(joint.triples)} triples may be best in both",
        "unknown": "not shown" if joint.classes else "nothing in common",
    }
    tau = f"; tau {tau_text(found.tau, *joint.sides)}" if found.tau else ""
    return f"{said[joint.verdict]}{tau}."


def _best(joint: Joint) -> str:
    """The best mean of each run."""
    said = [
        f"{triple_text((w.alpha, w.beta, w.gamma))} in {named(side)} with {percent(w.top1)}"
        for side in joint.sides
        for w in (side.winner,)
    ]
    return f"The best means among them are those of {listed(said)}."


def _undecided(joint: Joint) -> str:
    """Which runs tell none of their networks from the best."""
    whole = [named(side) for side in joint.sides if len(side.members) == len(side.networks)]
    if not whole:
        return ""
    return f" In {listed(whole)} no network is shown to be worse than the best, so any agreement is weak."


def _triples(triples: Sequence[Triple]) -> str:
    if len(triples) <= FEW_TRIPLES:
        return listed([triple_text(triple) for triple in triples])
    return str(len(triples))


def ranking_sentence(found: Agreement) -> str:
    """How far the two runs put the networks in one order, and how far they could."""
    one, other = found.joint.sides
    if found.tau is None:
        count = len(found.joint.classes)
        if not count:
            return ""
        why = (
            f"there {'is' if count == 1 else 'are'} {count} of them, and {FEWEST_NETWORKS} are needed"
            if count < FEWEST_NETWORKS
            else "all of one run are alike"
        )
        return f"The order of their classes cannot be compared: {why}."
    tau, bounds = found.tau, interval_of(found.tau, one, other)
    verdict = (
        "it does not show whether they agree in the order"
        if bounds is None
        else "no agreement in the order is shown"
        if bounds[0] <= 0 <= bounds[1]
        else "they agree in the order"
        if tau.tau > 0
        else "they tend to reverse the order"
    )
    return (
        f"Over {tau.classes} classes of triples that rounding keeps apart, {named(one)} and {named(other)} "
        f"have a Kendall's tau of {tau_text(tau, one, other)}: {verdict}.{_limit(found)}"
    )


def _limit(found: Agreement) -> str:
    known = [
        f"{tau_brief(half, side)} in {named(side)}"
        for half, side in zip(found.halves, found.joint.sides, strict=True)
        if half is not None
    ]
    if not known:
        return " How far two runs could agree at all is not known: that takes several seeds."
    return (
        " For comparison: two halves of one run's own seeds, between which only noise differs, have one of "
        f"{listed(known)}."
    )


def borrowed_sentence(found: Borrowed) -> str:
    """What using the best coefficients of the one run costs in the other."""
    among = "" if found.winner else " among those that both trained"
    head = f"{triple_text(found.triple)}, the best of {named(found.source)}{among}, "
    if found.gap == 0:
        head += f"is the best in {named(found.target)} too"
    else:
        head += (
            f"has place {found.place} of {found.of} in {named(found.target)}, {_points(found.gap)} points "
            "of top-1 behind its best"
        )
    if found.loss is None:
        return f"{head}."
    between = f"95% interval of what it loses {_points(found.loss.low)} to {_points(found.loss.high)}"
    return f"{head} ({between}): **{'no loss is shown' if found.in_set else 'a loss is shown'}**."


def borrowed_note(several: Sequence[Borrowed]) -> str:
    """What is to be said once of all sentences without an interval; empty where each has one."""
    if all(one.loss is not None for one in several):
        return ""
    return "Of a run with one seed nothing more can be said."


def _points(fraction: float) -> str:
    return f"{100 * fraction:.1f}"


def borrowed_table(several: Sequence[Borrowed]) -> str:
    """One row per direction."""
    header = ["best of", "alpha, beta, gamma", "used in", "place", "top-1 there", "points lost"]
    header += ["95% interval", "in its winning set"]
    rows = [
        (
            escape(one.source),
            ", ".join(f"{value:.5g}" for value in one.triple),
            escape(one.target),
            f"{one.place} of {one.of}",
            percent(one.network.top1),
            _points(one.gap),
            f"{_points(one.loss.low)} to {_points(one.loss.high)}" if one.loss else "one seed",
            "" if one.in_set is None else "yes" if one.in_set else "no",
        )
        for one in several
    ]
    return table(header, rows, left=3)


def agreements_table(several: Sequence[Agreement]) -> str:
    """One row per pair of runs."""
    header = ["runs", "triples", "classes", "tau", "95% interval", "halves of the first", "of the second"]
    rows = []
    for one in several:
        first, second = one.halves
        rows.append(
            (
                " and ".join(map(escape, one.names)),
                str(len(one.joint.triples)),
                str(len(one.joint.classes)),
                f"{one.tau.tau:.2f}" if one.tau else "undefined",
                tau_cell(one),
                f"{first.tau:.2f}" if first else "",
                f"{second.tau:.2f}" if second else "",
            )
        )
    return table(header, rows)


def shares_sentence(one: Side, other: Side) -> str:
    """Whether the best networks of the two share out the cost differently; empty with a single seed."""
    differences = share_difference(one, other)
    if not differences:
        return ""
    shown = [
        f"{'more' if gap.mean > 0 else 'less'} to {name}"
        for name, gap in differences.items()
        if gap.low > 0 or gap.high < 0
    ]
    gaps = [
        f"{name} {100 * gap.mean:+.0f} ({100 * gap.low:+.0f} to {100 * gap.high:+.0f})"
        for name, gap in differences.items()
    ]
    verdict = (
        f"**the best network of {named(one)} gives {listed(shown)}** than that of {named(other)}"
        if shown
        else f"no difference between {named(one)} and {named(other)} is shown"
    )
    return f"In how the best networks share out the cost, {verdict}: in percentage points, {listed(gaps)}."


def shares_table(sides: Sequence[Side]) -> str:
    """What the best network of each run gives to depth, width and resolution."""
    rows = []
    for side in sides:
        summary = share_summary(side)
        cells = [_share(summary[name]) if summary else "one seed" for name in DIMENSIONS]
        rows.append((escape(side.name), *cells))
    return table(("run", *DIMENSIONS), rows)


def _share(one: Weighted) -> str:
    return f"{percent(one.mean, 0)} ({percent(one.low, 0)} to {percent(one.high, 0)})"
