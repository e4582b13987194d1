"""The page of a fidelity study: does the answer of short runs hold in longer ones?"""

from __future__ import annotations

from collections.abc import Collection

from scalesearch.belief.answer import DIMENSIONS, Estimate, Growth
from scalesearch.records import FidelityRecord, ReliabilityRecord
from scalesearch.report.fidelity.evidence import FidelityEvidence, LengthEvidence
from scalesearch.report.markdown import bullets, code, escape, percent, plural, table
from scalesearch.report.page_parts import SINGLE_RUNS, figure_part, p_text, section, top1_seeds, training
from scalesearch.report.provenance import how_it_was_made
from scalesearch.report.sentences import listed

__all__ = ["FIGURES", "answer_lines", "fidelity_page"]

FIGURES = {
    "rates": (
        "What moving a tenth of the compute brings, by length of run",
        "How to read it: above 0 it pays to move compute that way. A line that is not level is a rate that "
        "moves with training.",
    ),
    "ranks": (
        "Top-1 and place of each network at each length of run, coloured by depth",
        "How to read it: lines that cross are networks that change their order.",
    ),
}
FEW = 10
"""Below this many networks a bootstrap interval is markedly too narrow."""


def fidelity_page(record: FidelityRecord, evidence: FidelityEvidence, figures: Collection[str]) -> str:
    """The report as Markdown. ``figures`` names those that were drawn."""
    last = record.lengths[-1] if record.lengths else record.run
    parts = [
        f"# {escape(record.run.name)}: does its answer hold in longer runs?",
        bullets(answer_lines(evidence)),
        _left_out(evidence),
        section("What moving compute brings, by length", _rates(evidence)),
        figure_part("rates", FIGURES, figures),
        section("The order of networks, by length", _by_length(evidence)),
        figure_part("ranks", FIGURES, figures),
        section("Every network", _networks(evidence)),
        section("How to read this page", _glossary()),
        how_it_was_made(
            command=last.command,
            facts=[
                f"Training of the compared networks, all lengths: "
                f"{training(c for length in evidence.lengths for c in length.networks)}.",
                f"Networks: those of the run {code(record.run.name)}, made by {code(record.run.command)}.",
            ],
            settings=last.settings,
            machine=last.machine,
            versions=last.versions,
        ),
        section("What to do next", _next(record, evidence)),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def answer_lines(evidence: FidelityEvidence) -> tuple[str, ...]:
    """The answer: whether rates move, what the short runs' best split loses, whether the order holds."""
    own = evidence.judged
    if own is None or own.agreement is None:
        done = len(evidence.lengths[-1].networks) if evidence.lengths else 0
        return (
            f"**No answer yet:** {plural(done, 'network')} completed all "
            f"{plural(len(evidence.lengths), 'length')} of run; at least three networks and two lengths are "
            "needed to compare rankings, seven for a surface.",
        )
    which = f"{own.images:,} images" + (" (as the search's own)" if own.multiple == 1 else " (the shortest)")
    return (_moved(own, evidence, which), _loss(own, evidence), _order(own, evidence))


def _moved(own: LengthEvidence, evidence: FidelityEvidence, which: str) -> str:
    if own.answer is None:
        return f"**Whether what splits bring moves with training is not known:** {evidence.missing}."
    long = f"{evidence.reference.images:,}"
    same = f" (surfaces differ by no more than chance, {p_text(own.same)})" if own.same is not None else ""
    if own.moves is None:
        verdict = (
            "are shown to differ" if own.same is not None and own.same < 0.05 else "are not shown to differ"
        )
        told = p_text(own.same) if own.same is not None else ""
        return f"**The splits that runs of {which} and of {long} want {verdict}** ({told})."
    if own.moves.moving:
        shown = [rate for rate in own.moves.moves if rate.points.shown]
        told = listed([f"{rate.giver} to {rate.taker} by {_estimate(rate.points)}" for rate in shown])
        return (
            f"**What moving compute brings changes from runs of {which} to runs of {long}:** with each "
            f"doubling of training {told} points for a tenth. Don't trust the short runs' split."
        )
    widest = f"{_widest(own.moves):.2f} points for a tenth with each doubling"
    if own.moves.settled:
        return (
            f"**What moving compute brings is settled** from runs of {which} to runs of {long}: no rate can "
            f"move by more than {widest}{same}."
        )
    return (
        f"**What moving compute brings is not shown to change** from runs of {which} to runs of {long}"
        f"{same}; up to {widest} are not ruled out."
    )


def _widest(moves: Growth) -> float:
    return max(max(abs(rate.points.low), abs(rate.points.high)) for rate in moves.moves)


def _loss(own: LengthEvidence, evidence: FidelityEvidence) -> str:
    if own.answer is None or own.loss is None or evidence.reference.answer is None:
        return "What the short runs' best split loses in the long ones is not known either."
    split = ", ".join(f"{name} {percent(x, 0)}" for name, x in zip(DIMENSIONS, own.answer.best, strict=True))
    if own.loss.value < 0.05 and own.loss.high < 0.05:
        return f"Their best split ({split}) is the best of the long runs too."
    shown = "a loss is shown" if own.loss.low > 0 else "no loss is shown"
    return (
        f"Their best split ({split}) is {own.loss.value:.1f} points behind the best of the long runs "
        f"({max(0.0, own.loss.low):.1f} to {own.loss.high:.1f}): **{shown}**."
    )


def _order(own: LengthEvidence, evidence: FidelityEvidence) -> str:
    agreement, reference = own.agreement, evidence.reference
    assert agreement is not None
    if not own.ranked:
        long = len(set(reference.ranks)) == 1
        return (
            f"The order of networks can't be judged: all {agreement.networks} are equal in the "
            f"{'longer' if long else 'shorter'} runs, so Kendall's tau is undefined."
        )
    if agreement.tau_low <= 0 <= agreement.tau_high:
        verdict = "is not shown to hold"
    else:
        verdict = "holds" if agreement.tau > 0 else "tends to reverse"
    return (
        f"The order of the {plural(agreement.networks, 'network')} {verdict}: Kendall's tau is "
        f"{_tau(agreement)}; choosing the best of the short runs costs {100 * agreement.regret:.1f} points "
        f"in the long ones. One short run takes {percent(own.compute_share, 0)} of the compute of a long one."
    )


def _tau(agreement: ReliabilityRecord) -> str:
    return f"{agreement.tau:.2f} (95% interval {agreement.tau_low:.2f} to {agreement.tau_high:.2f})"


def _left_out(evidence: FidelityEvidence) -> str:
    if not evidence.left_out:
        return ""
    verb = "is" if evidence.left_out == 1 else "are"
    return f"{plural(evidence.left_out, 'network')} of the run not trained for all lengths {verb} left out."


def _estimate(points: Estimate) -> str:
    return f"{points.value:+.2f} ({points.low:+.2f} to {points.high:+.2f})"


def _rates(evidence: FidelityEvidence) -> str:
    known = [(length, length.answer) for length in evidence.lengths if length.answer is not None]
    if not known:
        return ""
    names = [f"{rate.giver} to {rate.taker}" for rate in known[0][1].rates]
    rows = [
        (f"{length.images:,}", *(_estimate(rate.points) for rate in answer.rates), _p(length.same))
        for length, answer in known
    ]
    rows += [
        (f"each doubling from {length.images:,}", *(_estimate(r.points) for r in length.moves.moves), "")
        for length, _ in known
        if length.moves is not None
    ]
    return table(("points for a tenth moved, at images", *names, "as the longest"), rows)


def _p(value: float | None) -> str:
    return "" if value is None else p_text(value)


def _by_length(evidence: FidelityEvidence) -> str:
    header = ("images", "multiple", "tau", "95% interval", "regret", "networks", "seeds", "compute per run")
    rows = [_length_cells(length) for length in evidence.lengths]
    count = len(evidence.reference.networks) if evidence.lengths else 0
    notes = []
    if any(length.agreement and length.ranked for length in evidence.lengths):
        few = f"; with {count} networks it is too narrow, and at a tau of 1 it has no width"
        notes.append(f"The interval is a bootstrap over networks{few if count < FEW else ''}.")
    if any(length.agreement and not length.ranked for length in evidence.lengths):
        notes.append("A tau is undefined where all networks are equal, at the length or at the reference.")
    return f"{table(header, rows, left=0)}\n\n{' '.join(notes)}".rstrip()


def _length_cells(length: LengthEvidence) -> tuple[str, ...]:
    agreement = length.agreement
    return (
        f"{length.images:,}",
        f"{length.multiple:g} x",
        "reference" if agreement is None else f"{agreement.tau:.2f}" if length.ranked else "undefined",
        f"{agreement.tau_low:.2f} to {agreement.tau_high:.2f}" if agreement and length.ranked else "",
        f"{100 * agreement.regret:.1f} points" if agreement else "",
        str(len(length.networks)),
        str(length.seeds),
        percent(length.compute_share, 0),
    )


def _networks(evidence: FidelityEvidence) -> str:
    if not evidence.lengths or not evidence.reference.networks:
        return ""
    header = ["network", "depth, width, resolution"]
    header += [f"{length.images:,} images (place)" for length in evidence.lengths]
    order = sorted(range(len(evidence.reference.networks)), key=lambda i: evidence.reference.ranks[i])
    rows = []
    for index in order:
        network = evidence.reference.networks[index]
        split = network.split
        cells = [code(network.key), ", ".join(percent(x, 0) for x in split) if split else ""]
        cells += [f"{top1_seeds(le.networks[index])} ({le.ranks[index]:g})" for le in evidence.lengths]
        rows.append(cells)
    return table(header, rows, left=2)


def _next(record: FidelityRecord, evidence: FidelityEvidence) -> str:
    own = evidence.judged
    if own is None or own.answer is None or own.moves is None:
        return bullets(
            ("Train seven networks or more for lengths that are apart: `--networks 12 --lengths 4`.",)
        )
    if own.moves.moving:
        longer = f"`--images {evidence.reference.images}`"
        return bullets(
            (f"Search again with runs as long as the longest here: {longer} in the search's command.",)
        )
    if own.moves.settled:
        return bullets((f"Use the search's answer as it is; its page is that of {code(record.run.name)}.",))
    return bullets(("More networks or seeds (`--networks 12 --seeds 3`) would show whether rates move.",))


def _glossary() -> str:
    return bullets(
        (
            "Rates: top-1 at each length is fitted as a surface over how each network's growth was shared "
            "out as built. A rate is what moving a tenth of the compute brings, in points; intervals hold "
            "for the three at once. How rates move is fitted to each network's own change, seed by seed. As "
            "the longest: the probability that surfaces would differ so if they were equal.",
            "tau: Kendall's tau-b between the networks' mean top-1 at a length and at the longest. regret: "
            "what choosing by the short runs costs in the longest ones.",
            "All numbers, unrounded: `fidelity.csv` (by length) and `networks.csv` beside this page. "
            + SINGLE_RUNS,
        )
    )
