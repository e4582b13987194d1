"""Sections, figures and facts that the pages of several commands share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from scalesearch.records import CandidateRecord, MeasureRecord, ReliabilityRecord, RunRecord, StartRecord
from scalesearch.report.bounds import and_more
from scalesearch.report.inputs import baseline_input
from scalesearch.report.markdown import code, duration, escape, percent, plural, si
from scalesearch.report.own_code import counted_parts, kept_facts
from scalesearch.report.provenance import how_it_was_made

__all__ = [
    "SINGLE_RUNS",
    "FigureText",
    "elapsed",
    "figure_part",
    "grown_from",
    "made",
    "p_text",
    "quoted_agreement",
    "says_nothing",
    "section",
    "top1_seeds",
    "training",
    "unfinished",
]

SINGLE_RUNS = "`runs.csv` has a row for each training run, `looks.csv` one for each look during it."
"""Where the numbers of single runs are, on every page of a search."""

FigureText = tuple[str, str]
"""Alternative text of a figure, and a line on how to read it."""


def section(title: str, body: str) -> str:
    """A section, or nothing where there is nothing to say."""
    return f"## {title}\n\n{body}" if body else ""


def figure_part(name: str, texts: Mapping[str, FigureText], drawn: Collection[str]) -> str:
    """The figure ``name`` with how to read it, or the sentence that it was left out."""
    alt, reading = texts[name]
    if name not in drawn:
        return f"*{alt}: left out, as there is no data for it.*"
    return f"![{alt}](figures/{name}.png)\n\n{reading}"


def unfinished(candidates: Sequence[CandidateRecord], name: str = "This run") -> str:
    """A warning at the top of the page of a run that was stopped; nothing for a finished one."""
    waiting = sum(c.status == "waiting" for c in candidates)
    if not waiting:
        return ""
    return (
        f"> **{name} is not finished:** {waiting} of its {plural(len(candidates), 'network')} still "
        f"{'waits' if waiting == 1 else 'wait'} for training, and everything below is about the others. "
        "`scalesearch resume DIR`, with the folder of this page for DIR, carries on."
    )


def top1_seeds(candidate: CandidateRecord) -> str:
    """``45.6% +- 0.8`` (mean and standard deviation over seeds), or the percentage alone for one seed."""
    if candidate.top1 is None:
        return ""
    spread = "" if candidate.top1_sd is None else f" &plusmn; {100 * candidate.top1_sd:.1f}"
    return percent(candidate.top1) + spread


def p_text(p: float) -> str:
    """A p value as it is said: ``p = 0.012`` or ``p < 0.001``."""
    return f"p = {p:.2g}" if p >= 0.001 else "p < 0.001"


def quoted_agreement(measured: ReliabilityRecord) -> str:
    """How well runs of one length rank networks as longer ones do, or that nothing is known of it."""
    source = f"(measured on {escape(measured.source)})"
    if says_nothing(measured):
        return (
            f"runs of {measured.images:,} images were held against runs of {measured.reference_images:,}, "
            f"which shows nothing: Kendall's tau may be anything from -1 to 1 {source}."
        )
    return (
        f"runs of {measured.images:,} images ranked networks with a Kendall's tau of {measured.tau:.2f} "
        f"({measured.tau_low:.2f} to {measured.tau_high:.2f}) against runs of "
        f"{measured.reference_images:,} {source}."
    )


def says_nothing(measured: ReliabilityRecord) -> bool:
    """Whether any tau is possible, as where all networks were equal and it is undefined."""
    return measured.tau_low <= -1 and measured.tau_high >= 1


def made(run: RunRecord) -> str:
    """The section that says how a run was made."""
    return how_it_was_made(
        command=run.command,
        facts=_run_facts(run),
        settings=run.settings,
        machine=run.machine,
        versions=run.versions,
    )


def elapsed(run: RunRecord | MeasureRecord) -> str:
    """``Time: 9 min 41 s over 2 sessions``."""
    sessions = f" over {plural(run.sessions, 'session')}" if run.sessions > 1 else ""
    return f"Time: {duration(run.wall_s)}{sessions}"


def _run_facts(run: RunRecord) -> list[str]:
    """Time, training, proxy baseline and seed of a run, one sentence each."""
    base = run.baseline
    return [
        f"{elapsed(run)}, of which {training(run.candidates)}.",
        *_computed_with(run.candidates),
        f"Baseline as trained: {si(base['params'])} params, {si(base['macs'])} MACs, {base['blocks']} "
        f"{counted_parts(run.settings)}, {baseline_input(base)}.",
        *(f"Single runs: {escape(source)}." for source in _sources(run)),
        *kept_facts(run.settings),
        *_own_recipe(run.settings),
        *(escape(note) for note in run.notes),
        *([] if run.start is None else [f"Start: every network was grown from {grown_from(run.start)}."]),
        f"First seed: {escape(run.settings.get('seed', 'not recorded'))}.",
    ]


def _own_recipe(settings: Mapping[str, Any]) -> list[str]:
    """That the recipe was the user's own, where it was."""
    if not settings.get("recipe_values"):
        return []
    name = code(settings.get("recipe", ""))
    return [f"Recipe: {name}, of the user's own; its values are the settings `recipe_values`."]


def _sources(run: RunRecord) -> list[str]:
    """Where the figures of training runs come from that the runs themselves did not keep."""
    return sorted({trained.source for c in run.candidates for trained in c.runs if trained.source})


def _computed_with(candidates: Iterable[CandidateRecord]) -> list[str]:
    """That training runs were computed with different devices or threads, where they were."""
    places = Counter((run.device, run.threads) for c in candidates for run in c.runs if run.device)
    if len(places) < 2:
        return []
    told = [
        f"{plural(number, 'training run')} on {escape(device)} with {escape(threads)} "
        f"thread{'s' * (threads != '1')}"
        for (device, threads), number in places.most_common()
    ]
    return [
        f"Computed with: {and_more(told, separator=', ')}. Other threads or another device change "
        "accuracies as another seed would."
    ]


def grown_from(start: StartRecord) -> str:
    """What all networks of a run were grown from, as a noun."""
    if start.kind == "grown":
        once = "trained first, once per seed" if len(start.runs) != 1 else "trained first"
        return f"the baseline as trained here ({escape(start.network)}, {once})"
    read = f"{code(start.read)} of " if start.read else ""
    return (
        f"the weights in {read}{code(start.file)} ({escape(start.network)}, digest {code(start.digest[:12])})"
    )


def training(candidates: Iterable[CandidateRecord]) -> str:
    """``12 min 3 s summed over 40 training runs``."""
    trained = [c for c in candidates if c.runs]
    runs = sum(len(c.runs) for c in trained)
    return (
        f"{duration(sum(c.train_seconds or 0.0 for c in trained))} summed over {plural(runs, 'training run')}"
    )
