"""The page of several searches: are the best coefficients the same, and do they serve one another?"""

from __future__ import annotations

from collections.abc import Collection
from statistics import fmean

from scalesearch.belief.common_classes import CommonClass
from scalesearch.records import CandidateRecord
from scalesearch.report.evidence import PAPER, rank
from scalesearch.report.markdown import bullets, code, escape, fenced, percent, plural, table
from scalesearch.report.page_parts import FigureText, figure_part, p_text, section
from scalesearch.report.sentences import listed
from scalesearch.report.transfer.agreement import (
    READING,
    agreements_table,
    answer,
    borrowed_note,
    borrowed_sentence,
    borrowed_table,
    named,
    pair_answer,
    ranking_sentence,
    shares_sentence,
    shares_table,
    triple_text,
)
from scalesearch.report.transfer.agreement_evidence import Side
from scalesearch.report.transfer.evidence import Transfer

__all__ = ["FIGURES", "transfer_page"]

FIGURES: dict[str, FigureText] = {
    "accuracies": (
        "Top-1 of the same triples in two searches",
        "How to read it: a dot is a class of triples, with 95% intervals of its mean over seeds. Dots along "
        "a rising line are an order that both searches share; the best of each search is named.",
    ),
    "shares": (
        "Shares of cost of every triple, by how far its network is behind the best of its search",
        "How to read it: every dot is a triple (alpha, beta, gamma), at the shares of the cost that it gives "
        "to each dimension; triples of one network have its colour. An edge marks the winning set, where "
        "that is not everything that was trained.",
    ),
}
FOLDED = 15
"""Classes from which on the list of those that may be best everywhere is folded."""
MOST_TRIPLES = 6
"""Triples of a class that a row names."""
AT_COST = ("match", "constraint", "match_by", "budget_tolerance")
"""Settings that say what the networks of a search may cost."""


def transfer_page(transfer: Transfer, figures: Collection[str]) -> str:
    """The report as Markdown. ``figures`` names those that were drawn."""
    pairs, sides = transfer.agreements, transfer.sides
    borrowed = [one for pair in pairs for one in pair.borrowed]
    parts = [
        f"# {escape(transfer.name)}: do the coefficients transfer?",
        f"{answer(transfer.joint)} {_served(transfer)}".rstrip(),
        _pairs(transfer),
        _unfinished(sides),
        _unlike(transfer),
        section(
            "Would the best of one search have served the other?",
            "\n\n".join(
                filter(
                    None,
                    (
                        borrowed_table(borrowed),
                        bullets(map(borrowed_sentence, borrowed)),
                        borrowed_note(borrowed),
                    ),
                )
            )
            if borrowed
            else "",
        ),
        section(
            "Do the searches rank alike?",
            "\n\n".join(
                (
                    agreements_table(pairs),
                    bullets(text for pair in pairs if (text := ranking_sentence(pair))),
                    figure_part("accuracies", FIGURES, figures),
                )
            ),
        ),
        section("Where the best networks spend the cost", _shares(transfer, figures)),
        section(f"The paper's {triple_text(PAPER)}", _paper(sides)),
        section("What may be best everywhere", _everywhere(transfer)),
        section("What differs between the searches", _differences(transfer)),
        section("How to read this page", _glossary()),
        section("How this was made", _made(transfer)),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _served(transfer: Transfer) -> str:
    """Whether any search's best coefficients are shown to lose in another."""
    borrowed = [one for pair in transfer.agreements for one in pair.borrowed]
    tested = [one for one in borrowed if one.loss is not None]
    if not tested:
        return ""
    losing = [one for one in tested if not one.in_set]
    most = max(100 * one.loss.high for one in tested if one.loss)
    if not losing:
        return (
            "**No search is shown to lose by using another's best coefficients**, though a loss of up to "
            f"{most:.1f} points of top-1 is not ruled out."
        )
    said = listed([f"{named(one.source)} in {named(one.target)}" for one in losing])
    return f"**A loss is shown by using the best coefficients of {said}.**"


def _pairs(transfer: Transfer) -> str:
    """The answer for each two of more than two searches."""
    if len(transfer.sides) == 2:
        return ""
    return bullets(
        f"{named(pair.names[0])} and {named(pair.names[1])}: {pair_answer(pair)}"
        for pair in transfer.agreements
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


def _shares(transfer: Transfer, figures: Collection[str]) -> str:
    sentences = [
        text for pair in transfer.agreements if (text := shares_sentence(*_whole(transfer, pair.names)))
    ]
    return "\n\n".join(
        part
        for part in (
            shares_table(transfer.sides),
            bullets(sentences),
            "Shares of the nominal cost (alpha x beta^2 x gamma^2): the mean over all networks, each by its "
            "chance of being truly the best given its seeds, with the interval that 95% of that chance lies "
            "in. A network that stands for several triples has the mean of theirs.",
            figure_part("shares", FIGURES, figures),
        )
        if part
    )


def _whole(transfer: Transfer, names: tuple[str, str]) -> tuple[Side, Side]:
    by_name = {side.name: side for side in transfer.sides}
    return by_name[names[0]], by_name[names[1]]


def _paper(sides: Collection[Side]) -> str:
    """The paper's triple in each search; empty where none of them trained it."""
    rows = []
    for side in sides:
        network = side.owner(PAPER)
        if network is None:
            rows.append((escape(side.name), "not trained", "", "", "", ""))
            continue
        p = side.p.get(network.key)
        rows.append(
            (
                escape(side.name),
                percent(network.top1),
                f"{rank(network, list(side.networks))[0]} of {len(side.networks)}",
                f"{100 * ((side.winner.top1 or 0.0) - (network.top1 or 0.0)):.1f} points",
                p_text(p).removeprefix("p ").removeprefix("= ") if p is not None else "one seed",
                "" if p is None else "yes" if network in side.members else "no",
            )
        )
    if all(side.owner(PAPER) is None for side in sides):
        return ""
    return table(("search", "top-1", "place", "behind its best", "p against it", "in the winning set"), rows)


def _everywhere(transfer: Transfer) -> str:
    """The classes with triples in every winning set, those least behind on average first."""
    joint = transfer.joint
    if not joint.shared:
        return ""
    shared = set(joint.shared)
    rows = []
    for one in joint.classes:
        triples = [triple for triple in one.triples if triple in shared]
        if triples:
            gaps = [_behind(side, one, place) for place, side in enumerate(joint.sides)]
            rows.append((fmean(gaps), triples, gaps))
    header = ["alpha, beta, gamma", "triples", *(f"behind in {escape(side.name)}" for side in joint.sides)]
    listed_ = table(
        header,
        [
            (_named_triples(triples), str(len(triples)), *(f"{100 * gap:.1f}" for gap in gaps))
            for _, triples, gaps in sorted(rows, key=lambda row: (row[0], row[1]))
        ],
    )
    if len(rows) >= FOLDED:
        listed_ = f"<details><summary>{len(rows)} classes of triples</summary>\n\n{listed_}\n\n</details>"
    return (
        f"{plural(len(shared), 'triple')} of the {len(joint.triples)} that all searches trained are in every "
        "winning set. Points of top-1 behind the best of each search, those least behind first:\n\n"
        f"{listed_}"
    )


def _behind(side: Side, one: CommonClass, place: int) -> float:
    """How far the mean of a class's networks is behind the best of its search."""
    networks: list[CandidateRecord] = [side.networks[index] for index in one.members[place]]
    return (side.winner.top1 or 0.0) - fmean(c.top1 or 0.0 for c in networks)


def _named_triples(triples: list[tuple[float, float, float]]) -> str:
    more = len(triples) - MOST_TRIPLES
    named_ = ", ".join(map(triple_text, triples[:MOST_TRIPLES]))
    return f"{named_} and {more} more" if more > 0 else named_


def _differences(transfer: Transfer) -> str:
    if not transfer.differences:
        return ""
    return table(
        ("setting", *(escape(side.name) for side in transfer.sides)),
        [(code(one.setting), *map(escape, one.values)) for one in transfer.differences],
        left=1 + len(transfer.sides),
    )


def _glossary() -> str:
    return bullets(
        (
            _without_lead(READING),
            "in the winning set: Tukey's range test over networks and seeds cannot tell it from the best; "
            "the truly best network is in it with a probability of at least 95%.",
            "place: of borrowed coefficients, among the networks of that search whose triples both searches "
            "trained; elsewhere among all of its networks.",
            "All numbers, unrounded: `pairs.csv` (one row per direction) and `triples.csv` (one row per "
            "triple and search) beside this page.",
        )
    )


def _without_lead(text: str) -> str:
    """A sentence on how to read something, where the heading has said that it is one."""
    rest = text.partition(": ")[2]
    return rest[0].upper() + rest[1:]


def _made(transfer: Transfer) -> str:
    facts = [
        f"{named(side)}: {plural(len(side.networks), 'network')} with {plural(side.seeds, 'seed')}, on "
        f"{escape(side.run.machine.get('cpu', 'an unknown machine'))}, made by {code(side.run.command)}."
        for side in transfer.sides
    ]
    return "\n\n".join((fenced(transfer.command, "console"), bullets(facts)))
