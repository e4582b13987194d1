"""What an audit comes to, in sentences: first of all baselines, then of each."""

from __future__ import annotations

from collections.abc import Iterable

from scalesearch.architecture.rounding_rules import OFFICIAL
from scalesearch.records import AuditRecord
from scalesearch.report.audit.evidence import EQUAL, Spending, spendings, unreproduced
from scalesearch.report.audit.order import order_pairs
from scalesearch.report.audit.training import order_answer
from scalesearch.report.markdown import percent, plural, signed_percent
from scalesearch.report.sentences import listed

__all__ = ["audit_answer", "verdict_sentence"]

# Whether every compound row led each of its rivals, and whether it cost the same.
VERDICTS = {
    (True, True): "Yes",
    (True, False): "Its rows led, but did not cost the same as their rivals",
    (False, True): "No: its rows cost the same as their rivals, but did not lead all of them",
    (False, False): "Not shown: its rows neither led all of their rivals nor cost the same",
}


def audit_answer(record: AuditRecord) -> str:
    """Did compound scaling win at equal cost? And do the printed costs hold?"""
    every = [one for name in record.baselines for one in spendings(record, name)]
    dearer = [
        name for name in record.baselines if all(one.official > 1 + EQUAL for one in spendings(record, name))
    ]
    printed, official = _span(one.published for one in every), _span(one.official for one in every)
    fitting = _span(one.fitting for one in every)
    led = all(one.lead > 0 for one in every)
    equal = all(abs(one.official - 1) <= EQUAL for one in every)
    left = [100 * min(one.left(ratio(one)) for one in every) for ratio in (_official, _fitting)]
    rows, missing = len(record.rows), len(unreproduced(record))
    sentences = [
        f"**Did compound scaling win at equal cost? {VERDICTS[led, equal]}.** By the printed costs "
        f"its rows spend {printed} against their rivals, built with the official rounding "
        + official
        + (f" (over {EQUAL:.0%} more than every rival for {listed(dearer)})" if dearer else "")
        + f", and with whichever documented rounding comes nearest to each printed cost {fitting}.",
        "Taken that rivals go on gaining as they did, the least that is left of a lead once they get as much "
        f"is {left[0]:+.1f} points with the official rounding and {left[1]:+.1f} with the nearest.",
        f"Of {plural(rows, 'printed cost')} {rows - missing} can be reproduced, {missing} cannot.",
    ]
    if record.trained:
        sentences.append(order_answer(order_pairs(record)))
    return " ".join(sentences)


def _official(one: Spending) -> float:
    return one.official


def _fitting(one: Spending) -> float:
    return one.fitting


def verdict_sentence(record: AuditRecord, baseline: str) -> str:
    """In plain words: did compound scaling of ``baseline`` win at equal cost, or with more?"""
    found = spendings(record, baseline)
    if not found:
        return f"**{baseline}:** no compound row, or no rival, was published."
    compound = found[0].compound
    best = min(found, key=lambda one: one.lead)
    side = "behind" if best.lead < 0 else "ahead of"
    agrees = compound.nearest.rule == OFFICIAL and compound.agreeing
    text = (
        f"**{baseline}:** compound ({percent(compound.published.top1)}) is {100 * abs(best.lead):.1f} points "
        f"{side} {best.rival.scaling} alone, the best rival. By the printed costs it spends "
        f"{_span(one.published for one in found)} against its rivals; built with the official rounding "
        f"{_span(one.official for one in found)}"
        + (", and its own printed cost is that" if agrees else ", which is not its printed cost")
        + f". {_left(found, [one.official for one in found])}"
    )
    missed = [
        row.scaling for row in unreproduced(record) if row.baseline == baseline and row.scaling != "none"
    ]
    if missed:
        text += f" What was printed for {listed(missed)} no rounding gives."
    if compound.nearest.rule == OFFICIAL:
        return text
    fits = "reproduces" if compound.agreeing else "comes nearest to"
    return (
        f"{text} With the rounding that {fits} its printed cost ({compound.nearest.rule}) it spends "
        f"{_span(one.fitting for one in found)}. {_left(found, [one.fitting for one in found])}"
    )


def _left(found: Iterable[Spending], ratios: Iterable[float]) -> str:
    """The least that is left of a lead where rivals get as much."""
    one, ratio = min(zip(found, ratios, strict=True), key=lambda pair: pair[0].left(pair[1]))
    return (
        f"Had {one.rival.scaling} got as much and gone on gaining as it did, {100 * one.left(ratio):+.1f} of "
        f"{100 * one.lead:.1f} points would be left."
    )


def _span(ratios: Iterable[float]) -> str:
    """``-5.3% to +18.2%``: ratios less 1, from the least to the greatest."""
    values = sorted(ratio - 1 for ratio in ratios)
    low, high = signed_percent(values[0]), signed_percent(values[-1])
    return low if low == high else f"{low} to {high}"
