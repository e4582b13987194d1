"""The page of a grid search: the answer first, then how far to trust it, then everything it rests on."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from scalesearch.records import CandidateRecord, RunRecord
from scalesearch.report.bounds import MOST_ROWS, cut
from scalesearch.report.budgets import budget_items
from scalesearch.report.evidence import judged, near_nominal, rank
from scalesearch.report.fronts.fronts import fronts
from scalesearch.report.fronts.section import PARETO_FIGURE, fronts_section, memory_item, pareto_part
from scalesearch.report.grid.answer import answer, paper_place, trust
from scalesearch.report.inputs import input_text
from scalesearch.report.latency import latency_text, machines
from scalesearch.report.markdown import bullets, code, escape, percent, si, signed_percent, table
from scalesearch.report.own_code import counted_parts
from scalesearch.report.page_parts import SINGLE_RUNS, figure_part, made, section, unfinished
from scalesearch.report.provenance import PLAIN_COUNTS
from scalesearch.report.seeds.evidence import intervals, seed_evidence
from scalesearch.report.seeds.winning_set import short_p, winning_set_section
from scalesearch.report.shares.section import shares_section
from scalesearch.report.skipped import skipped_section
from scalesearch.report.start_section import start_section
from scalesearch.report.stopped_early import stopped_early_section
from scalesearch.scaling import NOMINAL_BASE

__all__ = ["FIGURES", "grid_page"]

FIGURES = {
    "seeds": (
        "Held-out top-1 of each network, best first",
        "How to read it: the bar is the 95% interval. With several seeds a small dot is one training run, "
        "and the shaded band holds the winning set: none of it is shown to be worse than the winner.",
    ),
    "pareto": PARETO_FIGURE,
    "surface": (
        "All feasible coefficient triples over beta and gamma, coloured by top-1",
        "How to read it: the coefficients of width grow to the right, those of resolution upwards and those "
        "of depth towards the lower left (at a negative phi they say how much is taken away). A colour that "
        "changes smoothly is a trend; a lone bright bead among dark ones is more likely noise.",
    ),
    "learning_curves": (
        "Held-out top-1 against training images seen",
        "How to read it: curves that still climb or cross at the right end might rank differently after "
        "longer training. Dashed curves were stopped early.",
    ),
}
"""Alternative text and a line on how to read it, by figure."""


def grid_page(
    run: RunRecord,
    figures: Collection[str],
    scratch: RunRecord | str | None = None,
    ignored: Collection[str] = (),
) -> str:
    """The report as Markdown. ``figures`` names those that were drawn; the page says which were left out.

    ``scratch`` is the run of the same networks from scratch, for one whose networks were grown, or why it
    can't be read; ``ignored`` are settings that change no result, in which the two may differ.
    """
    parts = [
        f"# {escape(run.name)}: which alpha, beta and gamma?",
        unfinished(run.candidates),
        answer(run),
        section("The winning set", winning_set_section(run)),
        section("How far to trust this", trust(run)),
        section("What the networks started from", start_section(run, scratch, ignored)),
        section("Where the paper's coefficients came in", paper_place(run)),
        section("How the winner shares out the cost", shares_section(run)),
        "## Figures",
        *(_figure(run, name, figures) for name in FIGURES),
        section("Trained networks, best first", _ranking(run)),
        section("Pareto fronts", fronts_section(run)),
        section("Stopped early", stopped_early_section(run)),
        section("What was skipped, and why", skipped_section(run)),
        section("What the rule says and what was built", _rule_and_reality(run)),
        made(run),
        section("How to read this page", _glossary(run)),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _figure(run: RunRecord, name: str, figures: Collection[str]) -> str:
    if name == "pareto":
        return pareto_part(run, figures)
    return "" if name == "seeds" and name not in figures else figure_part(name, FIGURES, figures)


def _ranking(run: RunRecord) -> str:
    ranking, on, evidence, bounds = judged(run), fronts(run), seed_evidence(run), intervals(run)
    if not ranking:
        return ""
    timed, several = any(c.latency for c in ranking), len(machines(ranking)) > 1
    budgeted = any(c.budget for c in ranking)
    members = {c.key for c in evidence.members} if evidence else set()

    def seeds(c: CandidateRecord) -> list[str]:
        if evidence is None:
            return []
        p = evidence.p.get(c.key)
        mark = "not tested" if p is None else "yes" if c.key in members else ""
        against = "" if p is None or c is evidence.best else short_p(p)
        return [percent(c.top1_sd), str(len(c.runs)), against, mark]

    def cells(c: CandidateRecord) -> list[str]:
        interval = bounds.get(c.key)
        return [
            str(rank(c, ranking)[0]),
            percent(c.top1),
            f"{percent(interval[0])} to {percent(interval[1])}" if interval else _no_interval(c),
            *seeds(c),
            *_triple(c),
            str(c.blocks),
            input_text(c),
            si(c.params),
            si(c.macs),
            f"{c.macs_ratio:.2f}",
            *([signed_percent(c.budget.residual) if c.budget else ""] if budgeted else []),
            *([latency_text(c.latency)] if timed else []),
            *([code(c.latency.machine) if c.latency else ""] if several else []),
            "" if c.train_seconds is None else f"{c.train_seconds:.0f} s",
            str(len(c.merged)),
            ", ".join(name for name, keys in on.items() if c.key in keys),
            code(c.key),
        ]

    header = ["rank", "mean top-1" if evidence else "top-1", "95% interval"]
    header += ["sd", "seeds", "p against the best", "in the set"] if evidence else []
    header += ["alpha", "beta", "gamma", counted_parts(run.settings), "input", "params", "MACs", "cost ratio"]
    header += [*(["off budget"] if budgeted else []), *(["latency"] if timed else [])]
    header += [*(["machine"] if several else []), "training", "triples", "front", "network"]
    return table(header, map(cells, ranking[:MOST_ROWS]), left=0) + cut(ranking, "candidates.csv")


def _rule_and_reality(run: RunRecord) -> str:
    every = [c for c in run.candidates if c.counted]
    if not every:
        return ""
    target, done, whole = NOMINAL_BASE**run.phi, judged(run), [c for c in every if c.full_macs]
    near = [c for c in every if near_nominal(c, run.phi)]
    budgets = budget_items(every)
    asked = f", around the {target:.3g} that phi {run.phi:g} asks for" if not budgets else ""
    items = [
        *budgets,
        f"**The rule** gives {_range([c.nominal_ratio for c in every])} times the baseline's cost{asked}.",
        f"**As built**, after {counted_parts(run.settings)}, channels and pixels became whole numbers, the "
        f"same networks cost {_range([c.macs_ratio for c in every])} times the baseline"
        + (f"; the trained ones {_range([c.macs_ratio for c in done])} times." if done else ".")
        + ("" if budgets else f" {len(near)} of {len(every)} are within 10% of {target:.3g}."),
    ]
    if whole:
        items.append(
            "**At full size** the same coefficients, applied to the full-size baseline "
            f"({si(run.baseline['full_macs'])} MACs), cost {_range([c.full_macs_ratio for c in whole])} "
            "times it."
        )
    if whole and done and done[0].full_macs:
        items[-1] += (
            f" The winner: {done[0].nominal_ratio:.2f} by the rule, {done[0].macs_ratio:.2f} as trained, "
            f"{done[0].full_macs_ratio:.2f} at full size."
        )
    return bullets(items)


def _glossary(run: RunRecord) -> str:
    return bullets(
        (
            "alpha, beta, gamma: the coefficients of depth, width and resolution; at phi the network is "
            "alpha^phi times as deep, beta^phi times as wide and gamma^phi times as sharp as the baseline; a "
            "negative phi makes it smaller.",
            "product: alpha x beta^2 x gamma^2, the nominal cost of one step of phi; the constraint keeps it "
            "near 2.",
            f"{PLAIN_COUNTS} The cost ratio is the MACs of the network over those of the baseline.",
            "top-1: the share of held-out images given the right class. With several seeds it is their "
            "mean, sd their standard deviation, and the 95% interval Student's t; with one the interval is "
            "Wilson's.",
            "triples: how many points of the grid round to this very network.",
            "Pareto front: the networks that no other beats in cost and accuracy at once.",
            memory_item(run),
            "latency: the median over repeated forward passes of a whole batch.",
            f"All numbers, unrounded: `candidates.csv` and `pareto.csv` beside this page. {SINGLE_RUNS}",
        )
    )


def _no_interval(c: CandidateRecord) -> str:
    return "no spread" if len(c.runs) > 1 else ""


def _triple(c: CandidateRecord) -> tuple[str, str, str]:
    return f"{c.alpha:.6g}", f"{c.beta:.6g}", f"{c.gamma:.6g}"


def _range(values: Sequence[float]) -> str:
    low, high = f"{min(values):.2f}", f"{max(values):.2f}"
    return low if low == high else f"{low} to {high}"
