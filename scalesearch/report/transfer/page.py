"""The page of several searches: do they want the same split, and would one's serve another?"""

from __future__ import annotations

from collections.abc import Collection

from scalesearch.report.markdown import bullets, code, escape, fenced, percent, plural, table
from scalesearch.report.page_parts import FigureText, figure_part, p_text, section
from scalesearch.report.sentences import listed
from scalesearch.report.transfer.agreement import (
    READING,
    borrowed_sentence,
    borrowed_table,
    named,
    rates_table,
    same_split_sentence,
    wanted_sentence,
)
from scalesearch.report.transfer.evidence import Side, Transfer

__all__ = ["FIGURES", "answer_lines", "transfer_page"]

FIGURES: dict[str, FigureText] = {
    "rates": (
        "What moving a tenth of the compute from one dimension to another brings in each search",
        "How to read it: right of 0 it pays to move compute that way. A bar that crosses 0 leaves open "
        "whether it does.",
    ),
    "splits": (
        "The splits between depth, width and resolution that may be the best in each search",
        "How to read it: each corner spends all of the growth on one dimension. No split is shown to be "
        "better than a shaded one.",
    ),
}
AT_COST = ("match", "constraint", "match_by", "budget_tolerance")
"""Settings that say what the networks of a search may cost."""
SETTLED = 0.05
"""Where no more of all splits may be best, more runs are not worth asking for."""


def transfer_page(transfer: Transfer, figures: Collection[str]) -> str:
    """The report as Markdown. ``figures`` names those that were drawn."""
    parts = [
        f"# {escape(transfer.name)}: do the coefficients transfer?",
        bullets(answer_lines(transfer)),
        _unfinished(transfer.sides),
        _unlike(transfer),
        section("What moving compute brings", rates_table(transfer.sides)),
        figure_part("rates", FIGURES, figures),
        section("Would the best of one search have served another?", borrowed_table(transfer.pairs)),
        figure_part("splits", FIGURES, figures),
        section("How sure this is", _sure(transfer)),
        section("How to read this page", _glossary()),
        section("How this was made", _made(transfer)),
        section("What to do next", _next(transfer)),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def answer_lines(transfer: Transfer) -> tuple[str, str, str]:
    """The answer: whether the searches want the same split, which, and what borrowing costs."""
    return (
        same_split_sentence(transfer.sides, transfer.pairs),
        f"Best splits, with all that may be: {'; '.join(map(wanted_sentence, transfer.sides))}.",
        borrowed_sentence(transfer.pairs),
    )


def _unlike(transfer: Transfer) -> str:
    """What the searches differ in, in one sentence, with a warning where they did not spend alike."""
    names = [one.setting for one in transfer.differences]
    if not names:
        return "The searches have the same settings."
    said = [f"{code(one.setting)} ({', '.join(map(escape, one.values))})" for one in transfer.differences]
    more = "" if len(names) == 1 else " Whatever the results differ in may come from any of these."
    text = f"The searches differ in {listed(said)}.{more}"
    if set(names) & set(AT_COST):
        return f"> **Not at like cost:** these searches met their budgets in different ways.\n\n{text}"
    return text


def _unfinished(sides: Collection[Side]) -> str:
    waiting = {s.name: sum(c.status == "waiting" for c in s.run.candidates) for s in sides}
    said = [f"{count} of {named(name)}" for name, count in waiting.items() if count]
    if not said:
        return ""
    return f"> **Not finished:** networks still wait for training, {listed(said)}; all below is without them."


def _sure(transfer: Transfer) -> str:
    header = ["search", "networks", "runs", "a run's sd", "splits differ", "surface fits", "foretold"]
    header += ["may be best"]
    rows = []
    for side in transfer.sides:
        s = side.surface
        rows.append(
            (
                escape(side.name),
                str(s.networks),
                str(s.runs),
                "one seed" if s.run_sd is None else f"{s.run_sd:.1f} points",
                p_text(s.omnibus),
                "not known" if s.lack_of_fit is None else p_text(s.lack_of_fit),
                "" if s.left_out_r2 is None else percent(max(0.0, s.left_out_r2), 0),
                percent(side.answer.open_share, 0),
            )
        )
    pairs = [
        (f"{escape(p.first.name)} and {escape(p.second.name)}", f"{p.p:.2g}", f"{p.p_holm:.2g}")
        for p in transfer.pairs
    ]
    same = table(("the same split?", "p", "p, corrected"), pairs)
    bad = [named(side) for side in transfer.sides if not side.surface.fits]
    warning = (
        f"**The surface does not fit {listed(bad)}:** networks stray from it by more than the noise of runs. "
        "Intervals allow for that; the shape of the surface may not be right."
        if bad
        else ""
    )
    return "\n\n".join(part for part in (table(header, rows), warning, same) if part)


def _next(transfer: Transfer) -> str:
    items = []
    open_ = [(s, n) for s in transfer.sides if (n := s.answer.halving) and s.answer.open_share > SETTLED]
    if open_:
        seeds = [str(-(-number // side.surface.networks)) for side, number in open_]
        items.append(
            f"About {listed([f'{number:,}' for _, number in open_])} training runs in all would halve what "
            f"may be best in {listed([named(side) for side, _ in open_])}: their commands with "
            f"{code('--seeds')} {listed(seeds)} and another {code('--out')}."
        )
    surest = min(transfer.sides, key=lambda side: side.answer.open_share)
    powers = (1, 2, 2)
    alpha, beta, gamma = (2 ** (part / n) for part, n in zip(surest.answer.best, powers, strict=True))
    command = f"scalesearch scale --alpha {alpha:.3g} --beta {beta:.3g} --gamma {gamma:.3g}"
    items.append(f"A family by the best split of {named(surest)}, the surest of them: {code(command)}.")
    return bullets(items)


def _glossary() -> str:
    text = READING.partition(": ")[2]
    return bullets(
        (
            text[0].upper() + text[1:],
            "a run's sd: how much top-1 moves from seed to seed. Splits differ: the probability of such "
            "differences if all splits were equal. Surface fits: that of networks straying so far from it by "
            "the noise of runs. Foretold: the share of the networks' differences that the surface of the "
            "others foretells. May be best: the share of all splits.",
            "All numbers, unrounded: `rates.csv` (one row per search and rate) and `pairs.csv` (one row per "
            "pair and direction) beside this page.",
        )
    )


def _made(transfer: Transfer) -> str:
    facts = [
        f"{named(side)}: {plural(side.surface.networks, 'network')}, "
        f"{plural(side.surface.runs, 'training run')}, on "
        f"{escape(side.run.machine.get('cpu', 'an unknown machine'))}, made by {code(side.run.command)}."
        for side in transfer.sides
    ]
    return "\n\n".join((fenced(transfer.command, "console"), bullets(facts)))
