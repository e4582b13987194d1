"""The page and tables of a search."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from scalesearch.commands.search.evidence import (
    Scored,
    SearchEvidence,
    objective,
    own_shares,
    search_evidence,
)
from scalesearch.commands.search.figures import front_figure, history_figure, shares_figure
from scalesearch.files import write_text
from scalesearch.page.answer import answer_lines, answer_of
from scalesearch.page.columns import Cell, Column, Table, pick
from scalesearch.page.evidence import UNLEARNT, input_text, nothing_learnt
from scalesearch.page.fronts import PARETO_FIGURE, fronts_section, pareto_figure, pareto_part
from scalesearch.page.html.interactive import search_parts
from scalesearch.page.html.page import Interactive, write_pages
from scalesearch.page.latency import machines
from scalesearch.page.markdown import (
    MOST_ROWS,
    bullets,
    code,
    cut,
    escape,
    fenced,
    listed,
    percent,
    plural,
    si,
    table,
)
from scalesearch.page.parts import (
    counted_parts,
    figure_part,
    made,
    quoted_agreement,
    section,
    top1_seeds,
    unfinished,
    words_and_numbers,
)
from scalesearch.page.style import write_figures
from scalesearch.page.tables import NETWORK, THREE, NetworkRow, csv_text, pareto_table
from scalesearch.records import CandidateRecord, RunRecord
from scalesearch.scaling import Shares

# ----------------------------------------------------------------------------------------------------
# How far the outcome of a search can be trusted.

UNLEARNING = frozenset(("random", "qmc"))
"""Samplers whose suggestions do not depend on any result."""


def search_trust(run: RunRecord, evidence: SearchEvidence) -> str:
    """The list of what the accuracies of a search do and do not show; empty where nothing was scored."""
    if not evidence.scored:
        return ""
    items = [_surface(run, evidence)]
    count = len(evidence.scored)
    if count > 1:
        items.append(
            f"**Picked from {count}:** the highest of many noisy values tends to be too high; the same "
            "network trained again would likely do a little worse."
        )
    stopped = sum(c.status == "pruned" for c in run.candidates)
    if stopped:
        items.append(
            f"**Stopped early:** {plural(stopped, 'network')} behind others at a rung. They are not in the "
            "answer, and some might have overtaken in longer training."
        )
    items.append(_sampler(run))
    if run.reliability:
        items.append(f"**Short runs are a proxy:** {quoted_agreement(run.reliability[-1])}")
    else:
        items.append(
            "**Short runs are a proxy:** they need not rank networks as full training would. `scalesearch "
            "fidelity DIR` measures how far they do."
        )
    return bullets(items)


def _sampler(run: RunRecord) -> str:
    name = run.settings.get("sampler")
    if name in UNLEARNING:
        return (
            f"**The suggestions do not learn:** {escape(name)} spreads them without looking at how earlier "
            "networks did, so more of them add cover and do not close in on the best. Another seed gives "
            "others, and where there are no dots nothing is known."
        )
    return (
        f"**A sampler is no survey:** {escape(name or 'the sampler')} suggests more where earlier networks "
        "did well, so another seed can lead elsewhere, and where there are no dots nothing is known."
    )


def _surface(run: RunRecord, evidence: SearchEvidence) -> str:
    """What the surface over all trained networks says of splits, or why there is none."""
    front = " A front takes every mean at its word." if len(evidence.objectives) > 1 else ""
    found = answer_of(run)
    if isinstance(found, str):
        return f"**No surface over splits:** {escape(found)}, so an order of networks may be luck.{front}"
    first, *more = answer_lines(run)
    return f"**{escape(first)}** {escape(' '.join(more[:1]))}{front}"


# ----------------------------------------------------------------------------------------------------
# The page of a search: the best network or the front, and how far to trust it.

FIGURES = {
    "history": (
        "What was found, suggestion by suggestion",
        "How to read it: a line that has been flat for long has little left to find with this sampler; one "
        "that rose at the end would have gone on rising.",
    ),
    "pareto": PARETO_FIGURE,
    "front": (
        "The first two objectives against one another, with the front",
        "How to read it: outlined networks are those that no other beats in all objectives at once.",
    ),
    "shares": (
        "All suggestions over the shares of cost that go to depth, width and resolution",
        "How to read it: the nearer to a corner, the more of the cost goes to that dimension. Many dots in "
        "one place are where the sampler looked most; where there are none, nothing is known.",
    ),
}


NEW_LINE = "\n"


def search_page(run: RunRecord, evidence: SearchEvidence, figures: Collection[str]) -> str:
    """The report as Markdown. ``figures`` names those that were drawn."""
    several = len(evidence.objectives) > 1
    parts = [
        f"# {escape(run.name)}: what should be scaled?",
        unfinished(run.candidates),
        f"{UNLEARNT if nothing_learnt(run) else ''} "
        f"{_front_answer(evidence) if several else _answer(run, evidence)}".strip(),
        _dropped(run),
        _next(evidence, str(run.settings.get("baseline", "efficientnet-b0"))),
        section("How far to trust this", search_trust(run, evidence)),
        "## Figures",
        *(_figure(run, name, figures) for name in FIGURES if several or name != "front"),
        section(
            "The front" if several else "Trained networks, best first",
            _table(evidence, counted_parts(run.settings)),
        ),
        section("Fronts of top-1 against each cost", fronts_section(run)),
        section("Rungs", _rungs(run)),
        section("What was suggested", _suggested(run)),
        made(run),
        words_and_numbers("trials.csv", "pareto.csv", "front.csv", runs=True, more=_rewarded(run, evidence)),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _figure(run: RunRecord, name: str, figures: Collection[str]) -> str:
    return pareto_part(run, figures) if name == "pareto" else figure_part(name, FIGURES, figures)


def _answer(run: RunRecord, evidence: SearchEvidence) -> str:
    best = evidence.best
    if best is None:
        return "**No answer yet:** not one network has completed its training."
    one, c = evidence.objectives[0], best.candidate
    count = len(evidence.scored)
    which = (
        "The only network trained to the end"
        if count == 1
        else f"The best of the {count} networks trained to the end"
    )
    value = "" if one.name == "top1" else f", {one.said} {one.text(best.values[0])}"
    ties = len(evidence.front) - 1
    tied = (
        f" It shares this {one.said} with {plural(ties, 'other network')}; the cheapest is named."
        if ties
        else ""
    )
    first = f"**{which} is {_triple_text(c)}**"
    if nothing_learnt(run) and count > 1:
        first = f"The highest figure is that of {_triple_text(c)}"
    return (
        f"{first} (network {code(c.key)}{_shares_text(c)}): top-1 {top1_seeds(c)} "
        f"{_over(c)}{value}, at {c.macs_ratio:.2f} times the multiply-adds of the "
        f"baseline ({si(c.macs)} against {si(run.baseline['macs'])}). It was network {best.number} of "
        f"{len(run.candidates)} in order of suggestion.{tied}"
    )


def _dropped(run: RunRecord) -> str:
    """That latency was an objective and is none here; empty where it is or never was."""
    if "latency" not in run.objectives or len(machines(run.candidates)) < 2:
        return ""
    return (
        "**Latency is left out of the objectives here.** The search took it for one, but it was measured on "
        "several machines, named below, whose times cannot be compared; the suggestions that came after the "
        "change of machine rest on both."
    )


def _front_answer(evidence: SearchEvidence) -> str:
    if not evidence.front:
        return "**No answer yet:** not one network has completed its training with all objectives known."
    names = listed([one.said for one in evidence.objectives])
    ends = zip(evidence.objectives, evidence.worst, evidence.ideal, strict=True)
    box = ", ".join(f"{one.said} from {one.text(worst)} to {one.text(ideal)}" for one, worst, ideal in ends)
    reference = ", ".join(
        f"{one.said} {one.text(worst)}"
        for one, worst in zip(evidence.objectives, evidence.worst, strict=True)
    )
    first = evidence.front[0]
    return (
        f"**{plural(len(evidence.front), 'network')} of {len(evidence.scored)} trained to the end "
        f"{'is' if len(evidence.front) == 1 else 'are'} on the front of {names}.** The front's hypervolume "
        f"is **{percent(evidence.history[-1])}** of the box ({box}), with the reference point {reference}: "
        "chance for top-1, 0 for a reward, a tenth beyond the dearest network for a cost. Best in "
        f"{evidence.objectives[0].said}: {_triple_text(first.candidate)}, top-1 "
        f"{top1_seeds(first.candidate)}{_front_ties(evidence)}."
    )


def _front_ties(evidence: SearchEvidence) -> str:
    best = evidence.objectives[0]
    same = sum(one.values[0] == evidence.front[0].values[0] for one in evidence.scored) - 1
    has = "has" if same == 1 else "have"
    return f"; {plural(same, 'other network')} {has} the same {best.said}" if same else ""


def _over(c: CandidateRecord) -> str:
    return "with a single seed" if len(c.runs) == 1 else f"over {plural(len(c.runs), 'seed')}"


def _table(evidence: SearchEvidence, parts: str) -> str:
    several = len(evidence.objectives) > 1
    sign = -1 if evidence.objectives[0].maximise else 1
    ranked = (
        list(evidence.front)
        if several
        else sorted(evidence.scored, key=lambda one: (sign * one.values[0], one.candidate.macs, one.number))
    )
    if not ranked:
        return ""
    extra = [
        index for index, one in enumerate(evidence.objectives) if one.name in ("reward", "latency", "params")
    ]
    header = ["number", "top-1", "seeds", *(evidence.objectives[index].said for index in extra)]
    header += [
        "alpha",
        "beta",
        "gamma",
        "depth : width : resolution",
        parts,
        "input",
        "MACs",
        "cost ratio",
    ]
    header += ["suggestions", "network"]

    def cells(one: Scored) -> list[str]:
        c = one.candidate
        return [
            str(one.number),
            top1_seeds(c),
            str(len(c.runs)),
            *(evidence.objectives[index].text(one.values[index]) for index in extra),
            *(f"{value:.3f}" for value in (c.alpha, c.beta, c.gamma)),
            _parts(c),
            str(c.blocks),
            input_text(c),
            si(c.macs),
            f"{c.macs_ratio:.2f}",
            str(len(c.merged) or 1),
            code(c.key),
        ]

    return table(header, map(cells, ranked[:MOST_ROWS]), left=0) + cut(ranked, "trials.csv")


def _rungs(run: RunRecord) -> str:
    if len(run.rungs) < 2:
        return ""
    rows = [(f"{rung.images:,}", str(rung.networks), str(rung.seeds)) for rung in run.rungs]
    stopped = sum(c.status == "pruned" for c in run.candidates)
    return (
        f"Successive halving: of the networks at a rung the best train on. {plural(stopped, 'network')} "
        "stopped early. The plan (suggestions that round to one network train it once):\n\n"
        + table(("training images", "networks, at most", "seeds each"), rows, left=0)
    )


def _suggested(run: RunRecord) -> str:
    triples = sum(len(c.merged) or 1 for c in run.candidates)
    distinct = len(run.candidates)
    shared = triples - distinct
    items = [
        f"{plural(triples, 'suggestion')}, which round to {plural(distinct, 'distinct network')}: "
        f"{shared:,} {'suggestion shares' if shared == 1 else 'suggestions share'} the training of another."
    ]
    for status, said in (("pruned", "stopped early"), ("failed", "failed"), ("skipped", "skipped")):
        here = [c for c in run.candidates if c.status == status]
        if here:
            items.append(f"{plural(len(here), 'network')} {said}.")
    failed = [c for c in run.candidates if c.status == "failed"]
    rows = [(escape(c.reason), _triple_text(c), code(c.key)) for c in failed[:MOST_ROWS]]
    reasons = table(("reason", "coefficients", "network"), rows, left=3) + cut(failed, "trials.csv")
    return bullets(items) + (f"\n\n{reasons}" if rows else "")


def _rewarded(run: RunRecord, evidence: SearchEvidence) -> str:
    """The reward by its formula, where it is an objective."""
    if all(objective.name != "reward" for objective in evidence.objectives):
        return ""
    target, weight = run.settings.get("reward_target"), run.settings.get("reward_weight")
    return f"Reward: top-1 x (MACs / T)^w with T = {si(float(target or 0))} and w = {weight}."


def _next(evidence: SearchEvidence, baseline: str) -> str:
    """The commands that go on from the best network."""
    best = evidence.front[0] if evidence.front else evidence.best
    if best is None:
        return ""
    c = best.candidate
    of = "" if baseline == "efficientnet-b0" else f" --baseline {shlex.quote(baseline)}"
    commands = (
        f"scalesearch export DIR --candidate {c.key[:8]}",
        f"scalesearch scale{of} --alpha {c.alpha:.4g} --beta {c.beta:.4g} --gamma {c.gamma:.4g} --phi 0..7",
        "scalesearch fidelity DIR",
    )
    return f"Next, with this page's folder for DIR:\n\n{fenced(NEW_LINE.join(commands), 'sh')}"


def _triple_text(c: CandidateRecord) -> str:
    return f"alpha {c.alpha:.4g}, beta {c.beta:.4g}, gamma {c.gamma:.4g}"


def _shares_text(c: CandidateRecord) -> str:
    parts = _parts(c)
    return f", depth : width : resolution = {parts}" if parts else ""


def _parts(c: CandidateRecord) -> str:
    shares = own_shares((c.alpha, c.beta, c.gamma))
    if shares is None:
        return ""
    return " : ".join(f"{100 * value:z.0f}" for value in (shares.depth, shares.width, shares.resolution))


# ----------------------------------------------------------------------------------------------------
# A finished (or stopped) search by a sampler as tables, figures and a page.


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialRow(NetworkRow):
    """A network that was suggested: the place of its suggestion, from 1, and what the search makes of it."""

    number: int
    reward: float | None
    on_front: bool

    @property
    def shares(self) -> Shares | None:
        """Those that were suggested."""
        c = self.candidate
        return own_shares((c.alpha, c.beta, c.gamma))


def _suggested_share(name: str) -> Column[TrialRow]:
    return Column(name=f"share_{name}", value=lambda row: getattr(row.shares, name) if row.shares else None)


TRIALS: Table[TrialRow] = Table(
    columns=(
        Column(name="number", value=lambda row: row.number),
        *pick(NETWORK, "key", "alpha", "beta", "gamma", alpha=THREE, beta=THREE, gamma=THREE),
        *map(_suggested_share, ("depth", "width", "resolution")),
        *pick(
            NETWORK,
            *("phi", "depth", "width", "resolution_multiplier", "resolution", "resolution_width", "blocks"),
            *("params", "macs", "macs_ratio", "nominal_ratio", "full_macs_ratio", "budget_residual"),
            *("latency_median_s", "top1", "top1_sd", "seeds", "loss"),
        ),
        Column(
            name="reward",
            value=lambda row: row.reward if row.finished else None,
            terminal=Cell("{:.4f}"),
        ),
        *pick(NETWORK, "images_seen", "train_seconds"),
        Column(name="suggestions", value=lambda row: len(row.candidate.merged) or 1),
        *pick(NETWORK, "status", "reason"),
        Column(name="front", value=lambda row: "yes" if row.on_front else "", terminal=Cell()),
        *pick(
            NETWORK,
            *("inference_bytes", "training_bytes", "latency_iqr_s", "latency_unstable", "machine"),
            *("trained_device", "trained_threads", "repeats"),
        ),
    ),
    terminal=(
        *("alpha", "beta", "gamma", "resolution", "params", "macs_ratio", "latency_median_s", "top1"),
        *("reward", "front", "status"),
    ),
)
"""Of ``trials.csv``: every distinct network in order of suggestion; ``share_`` are the shares suggested."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SearchReport:
    """What was written, and what a caller goes on with.

    Attributes:
        page: ``report.md``.
        trials_csv: ``trials.csv``, every distinct network in order of suggestion.
        front_csv: ``front.csv``, the front; with one objective the best network, or those that share it.
        pareto_csv: ``pareto.csv``, the fronts of top-1 against each cost.
        figures: the figures that could be drawn, SVG and PNG.
        trials: the table of ``trials_csv``.
        front: the keys on the front, best first objective first.
        hypervolume: of the front, as a share of its box; None with a single objective or nothing scored.
    """

    page: Path
    trials_csv: Path
    front_csv: Path
    pareto_csv: Path
    figures: tuple[Path, ...]
    trials: pd.DataFrame
    front: tuple[str, ...]
    hypervolume: float | None


def interactive(run: RunRecord) -> Interactive:
    """What a reader can point at on the HTML page, in the place of its figures.

    Where suggestions went is more than what was trained: that figure is shown besides.
    """
    places = {"pareto": ("pareto", "curves"), "shares": ("triangle", "rates", "clicked", "family")}
    return search_parts(run, places, beside=("shares",))


def write_search_report(run: RunRecord, out: Path) -> SearchReport:
    """Write ``trials.csv``, ``front.csv``, ``pareto.csv``, ``report.md`` and ``figures/`` of ``run``.

    They go into ``out``; the same record gives the same bytes. A figure without data is left
    out, and the page says so.

    Raises:
        OSError: if ``out`` cannot be made or written.
        ValueError: if an objective is not known.
    """
    evidence = search_evidence(run)
    figures = write_figures(
        {
            "history": history_figure(run, evidence),
            "pareto": pareto_figure(run),
            "front": front_figure(evidence),
            "shares": shares_figure(run, evidence),
        },
        out / "figures",
    )
    trials = trials_table(run, evidence)
    several = len(evidence.objectives) > 1
    return SearchReport(
        trials_csv=write_text(out / "trials.csv", csv_text(trials)),
        pareto_csv=write_text(out / "pareto.csv", csv_text(pareto_table(run))),
        front_csv=write_text(out / "front.csv", csv_text(front_table(run, evidence))),
        page=write_pages(
            out / "report.md",
            search_page(run, evidence, {path.stem for path in figures}),
            interactive(run),
        ),
        figures=figures,
        trials=trials,
        front=tuple(one.candidate.key for one in evidence.front),
        hypervolume=evidence.history[-1] if several and evidence.history else None,
    )


def trials_table(run: RunRecord, evidence: SearchEvidence) -> pd.DataFrame:
    """Every distinct network in order of suggestion, by :data:`TRIALS`; what is unknown is missing."""
    return TRIALS.frame(_rows(run, evidence))


def front_table(run: RunRecord, evidence: SearchEvidence) -> pd.DataFrame:
    """The rows of the front, best first objective first."""
    rows = list(_rows(run, evidence))
    return TRIALS.frame([rows[one.number - 1] for one in evidence.front], among=run.candidates)


def _rows(run: RunRecord, evidence: SearchEvidence) -> Iterator[TrialRow]:
    reward = objective("reward") if "reward" in run.objectives else None
    for number, candidate in enumerate(run.candidates, start=1):
        yield TrialRow(
            candidate=candidate,
            number=number,
            reward=reward.value(candidate, run.settings) if reward else None,
            on_front=candidate.key in evidence.front_keys,
        )
