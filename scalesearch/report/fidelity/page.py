"""The page of a fidelity study: how far can short runs be trusted, and what do they get wrong?"""

from __future__ import annotations

from collections.abc import Collection

from scalesearch.belief.seeds import SIGNIFICANCE
from scalesearch.records import FidelityRecord, ReliabilityRecord
from scalesearch.report.fidelity.evidence import FidelityEvidence, LengthEvidence, Shift
from scalesearch.report.markdown import bullets, code, escape, percent, plural, table
from scalesearch.report.page_parts import SINGLE_RUNS, figure_part, p_text, section, top1_seeds, training
from scalesearch.report.provenance import how_it_was_made

__all__ = ["FIGURES", "fidelity_page"]

FIGURES = {
    "agreement": (
        "Agreement of short runs with the longest, by length of run",
        "How to read it: 1 is the same order, 0 no relation, -1 the reverse. A diamond is how well two seeds "
        "of one length agree with one another: a single run can hardly do better than that.",
    ),
    "ranks": (
        "Top-1 and place of each network at each length of run, coloured by depth",
        "How to read it: lines that cross are networks that change their order. If bright (deep) lines "
        "climb to the right, short runs under-rate depth.",
    ),
}
FEW = 10
"""Below this many networks a bootstrap interval is markedly too narrow."""
NAMES = {"depth": "depth", "width": "width", "resolution_multiplier": "resolution"}


def fidelity_page(record: FidelityRecord, evidence: FidelityEvidence, figures: Collection[str]) -> str:
    """The report as Markdown. ``figures`` names those that were drawn."""
    last = record.lengths[-1] if record.lengths else record.run
    parts = [
        f"# {escape(record.run.name)}: how far can its short runs be trusted?",
        _answer(evidence),
        section("By length of run", _by_length(evidence)),
        "## Figures",
        *(figure_part(name, FIGURES, figures) for name in FIGURES),
        section("Do short runs under-rate depth?", _shifts(evidence)),
        section("Every network", _networks(evidence)),
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
        section("How to read this page", _glossary()),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _answer(evidence: FidelityEvidence) -> str:
    shorter = [length for length in evidence.lengths if length.agreement]
    if not shorter:
        done = len(evidence.lengths[-1].networks) if evidence.lengths else 0
        return (
            f"**No answer yet:** {plural(done, 'network')} completed all "
            f"{plural(len(evidence.lengths), 'length')} of run; at least three networks and two lengths are "
            "needed to compare rankings."
        )
    own = next((length for length in shorter if length.multiple == 1), shorter[0])
    agreement, reference = own.agreement, evidence.reference
    assert agreement is not None
    which = "Runs as long as the search's own" if own.multiple == 1 else "The shortest runs"
    left = (
        f" {plural(evidence.left_out, 'network')} of the run not trained for all lengths "
        f"{'is' if evidence.left_out == 1 else 'are'} left out."
        if evidence.left_out
        else ""
    )
    if not own.ranked:
        long = len(set(reference.ranks)) == 1
        return (
            f"**{which} ({own.images:,} images) cannot be judged against runs of {reference.images:,} "
            f"images:** all {agreement.networks} networks are equal in the {'longer' if long else 'shorter'} "
            f"ones, so Kendall's tau is undefined.{left}"
        )
    return (
        f"**{which} ({own.images:,} images) rank networks with a Kendall's tau of {_tau(agreement)} against "
        f"runs of {reference.images:,} images**, over {plural(agreement.networks, 'network')} with "
        f"{_seeds(own, reference)}; one run takes {percent(own.compute_share, 0)} of the compute of a long "
        f"one. {_meaning(agreement)} Choosing the best of the short runs costs "
        f"{100 * agreement.regret:.1f} points of top-1 in the long ones. {_ceiling(evidence)}{left}"
    )


def _seeds(own: LengthEvidence, reference: LengthEvidence) -> str:
    """``2 seeds``, or ``2 seeds (short runs) and 1 seed (long runs)``."""
    if own.seeds == reference.seeds:
        return plural(own.seeds, "seed")
    return f"{plural(own.seeds, 'seed')} (short runs) and {plural(reference.seeds, 'seed')} (long runs)"


def _tau(agreement: ReliabilityRecord) -> str:
    return f"{agreement.tau:.2f} (95% interval {agreement.tau_low:.2f} to {agreement.tau_high:.2f})"


def _meaning(agreement: ReliabilityRecord) -> str:
    if agreement.tau_low <= 0 <= agreement.tau_high:
        return "**No agreement is shown:** the interval holds 0."
    if agreement.tau < 0:
        return "They tend to reverse the order."
    right = (1 + agreement.tau) / 2
    return f"Where no two are equal, that is {percent(right, 0)} of all pairs in the right order."


def _ceiling(evidence: FidelityEvidence) -> str:
    ceiling = evidence.reference.ceiling
    if ceiling is None and evidence.reference.seeds > 1:
        return "How well two of the longest runs agree with one another (the noise ceiling) is not known."
    if ceiling is None:
        return (
            "The reference has one seed, so how well two such runs would agree with one another (the noise "
            "ceiling) is not known."
        )
    return (
        f"Two seeds of the longest length agree with one another by a tau of {ceiling:.2f}: that is the "
        "noise ceiling for single runs, and means over seeds can come out a little above it."
    )


def _by_length(evidence: FidelityEvidence) -> str:
    header = ("images", "multiple", "tau", "95% interval", "regret", "networks", "seeds", "two seeds' tau")
    rows = [_length_cells(length) for length in evidence.lengths]
    count = len(evidence.reference.networks) if evidence.lengths else 0
    notes = []
    if any(length.agreement and length.ranked for length in evidence.lengths):
        few = f"; with {count} networks it is too narrow, and at a tau of 1 it has no width"
        notes.append(f"The interval is a bootstrap over networks{few if count < FEW else ''}.")
    if any(length.agreement and not length.ranked for length in evidence.lengths):
        notes.append("A tau is undefined where all networks are equal, at the length or at the reference.")
    return f"{table((*header, 'compute per run'), rows, left=0)}\n\n{' '.join(notes)}".rstrip()


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
        "" if length.ceiling is None else f"{length.ceiling:.2f}",
        percent(length.compute_share, 0),
    )


def _shifts(evidence: FidelityEvidence) -> str:
    compared = [length for length in evidence.lengths if length.shifts]
    if not compared:
        return ""
    header = ["images"]
    for name in NAMES.values():
        header += [name, "p"]
    rows = []
    for length in compared:
        by_name = {shift.dimension: shift for shift in length.shifts}
        cells = [f"{length.images:,}"]
        for name in NAMES:
            shift = by_name.get(name)
            cells += [f"{shift.rho:+.2f}", f"{shift.p:.2g}"] if shift else ["all alike", ""]
        rows.append(cells)
    return "\n\n".join(
        (
            _depth_sentence(compared[0]),
            "Spearman's correlation of the places that a network gains from each length to the reference "
            "with its multipliers. Positive: short runs under-rate networks with much of it. p by "
            "permutation, Holm's correction over the three dimensions of a length. The multipliers depend "
            "on one another where the budget ties them: what one gains another loses.",
            table(header, rows, left=0),
        )
    )


def _depth_sentence(length: LengthEvidence) -> str:
    shift = next((shift for shift in length.shifts if shift.dimension == "depth"), None)
    if shift is None:
        return "All networks are equally deep, so this study cannot say."
    said = f"(correlation {shift.rho:+.2f}, {p_text(shift.p)}, runs of {length.images:,} images)"
    return f"**{_verdict(shift)}** {said}."


def _verdict(shift: Shift) -> str:
    if shift.p >= SIGNIFICANCE:
        return "Not shown: places gained in longer runs do not go with depth clearly enough"
    if shift.rho > 0:
        return "Yes: the deeper a network, the more places it gains when all train for longer"
    return "No, the reverse: the deeper a network, the more places it loses when all train for longer"


def _networks(evidence: FidelityEvidence) -> str:
    if not evidence.lengths or not evidence.reference.networks:
        return ""
    header = ["network", "depth", "width", "resolution"]
    header += [f"{length.images:,} images (place)" for length in evidence.lengths]
    order = sorted(range(len(evidence.reference.networks)), key=lambda i: evidence.reference.ranks[i])
    rows = []
    for index in order:
        network = evidence.reference.networks[index]
        cells = [code(network.key), f"{network.depth:.2f}", f"{network.width:.2f}"]
        cells.append(f"{network.resolution_multiplier:.2f}")
        cells += [f"{top1_seeds(le.networks[index])} ({le.ranks[index]:g})" for le in evidence.lengths]
        rows.append(cells)
    return table(header, rows)


def _glossary() -> str:
    return bullets(
        (
            "tau: Kendall's tau-b between the networks' mean top-1 at a length and at the reference, the "
            "longest length. It counts pairs in the same order less pairs in the reverse order.",
            "regret: the best top-1 of the longest runs, less what they give to the network that the short "
            "runs put first (the mean over those where several share the first place).",
            "two seeds' tau: the same tau between two seeds of one length, the mean over pairs of seeds.",
            "compute per run: training images times multiply-adds of one run of each network, as a share of "
            "the reference's. A length with more seeds than the reference costs as much more in all.",
            "&plusmn;: standard deviation over seeds, in points.",
            "All numbers, unrounded: `fidelity.csv` (by length) and `networks.csv` beside this page. "
            + SINGLE_RUNS,
        )
    )
