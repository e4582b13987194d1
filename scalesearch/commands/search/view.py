"""The page and tables of a search."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from scalesearch.commands.search.evidence import (
    SearchEvidence,
    objective,
    own_shares,
    search_evidence,
)
from scalesearch.commands.search.figures import front_figure, history_figure, shares_figure
from scalesearch.files import write_text
from scalesearch.page.answer import answer_lines, answer_of
from scalesearch.page.columns import Cell, Column, Columns, on_page, pick
from scalesearch.page.evidence import nothing_learnt
from scalesearch.page.fronts import pareto_figure
from scalesearch.page.html.interactive import search_parts
from scalesearch.page.html.page import Interactive, Report, write_pages
from scalesearch.page.latency import machines
from scalesearch.page.markdown import si
from scalesearch.page.parts import (
    FOLDER,
    WHOLE,
    Keeps,
    PageTable,
    RunMade,
    Sampled,
    Steps,
    counted_parts,
    keeps_of,
    network_step,
    of_baseline,
    quoted_agreement,
    run_made,
    sampled,
    steps,
    stopped_early,
    top1_seeds,
)
from scalesearch.page.style import write_figures
from scalesearch.page.tables import (
    NETWORK,
    RUNGS,
    THREE,
    UNTRAINED,
    Fronts,
    NetworkRow,
    csv_text,
    fronts_of,
    pareto_table,
)
from scalesearch.page.templates import page
from scalesearch.records import CandidateRecord, RunRecord
from scalesearch.scaling import Shares

# ----------------------------------------------------------------------------------------------------
# The page of a search: the best network or the front, and how far to trust it.

UNLEARNING = frozenset(("random", "qmc"))
"""Samplers whose suggestions do not depend on any result."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Best:
    """The best network by the first objective; of equal ones the cheapest.

    Attributes:
        coefficients: its alpha, beta and gamma.
        key: its key.
        shares: of cost that go to depth, width and resolution; empty for the baseline.
        top1: the mean, with its spread.
        seeds: how many.
        value: of the first objective; empty where that is top-1.
        ratio: its multiply-adds over the baseline's.
        macs: its multiply-adds.
        baseline_macs: the baseline's.
        number: its place in order of suggestion.
        ties: other networks with the same value.
    """

    coefficients: str
    key: str
    shares: str
    top1: str
    seeds: int
    value: str
    ratio: float
    macs: int
    baseline_macs: int
    number: int
    ties: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Front:
    """The front of several objectives.

    Attributes:
        members: networks on it.
        share: of the box that it dominates.
        box: the ends of each objective.
        reference: the reference point.
    """

    members: int
    share: float
    box: Sequence[str]
    reference: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class SurfaceText:
    """What a surface over all trained networks says of splits, in two lines, or why there is none."""

    missing: str = ""
    first: str = ""
    second: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchPage:
    """What the page shows.

    Attributes:
        name: of the run.
        waiting: networks that are not trained yet.
        networks: all of them.
        part: how many of them figures draw; None where that is all.
        nothing_learnt: whether even the best may be guessing.
        objectives: their names.
        scored: networks that were trained to the end.
        front: of several objectives; None of one, and where it is empty.
        best: None where nothing was trained.
        latency_dropped: whether latency was an objective and is none here.
        steps: what to do next.
        surface: what all networks say of splits.
        stopped: networks that were stopped early.
        sampler: its name.
        learns: whether its suggestions depend on results.
        reliability: how well short runs rank networks; empty where that was not measured.
        fronts: of top-1 against each cost.
        ranked: the front, or the networks from the best; None without any.
        rungs: of successive halving; None without it.
        suggestions: all of them.
        shared: those that share the training of another.
        statuses: how many networks came to what else than the end of their training.
        failed: networks that did, and why; None without any.
        reward: the target and the weight of the reward; empty where it is no objective.
        made: how the run was made.
        figures: those that were drawn.
    """

    name: str
    waiting: int
    networks: int
    part: Sampled | None
    nothing_learnt: bool
    objectives: Sequence[str]
    scored: int
    front: Front | None
    best: Best | None
    latency_dropped: bool
    steps: Steps
    surface: SurfaceText
    stopped: int
    sampler: str
    learns: bool
    reliability: str
    fronts: Fronts
    ranked: PageTable | None
    rungs: PageTable | None
    suggestions: int
    shared: int
    statuses: Sequence[tuple[int, str]]
    failed: PageTable | None
    reward: Sequence[str]
    made: RunMade
    figures: Collection[str]


def search_page(
    run: RunRecord, evidence: SearchEvidence, figures: Collection[str], keeps: Keeps = WHOLE
) -> str:
    """The report as Markdown. ``figures`` names those that were drawn, ``keeps`` says what its folder has."""
    several = len(evidence.objectives) > 1
    counts: Counter[str] = Counter(c.status for c in run.candidates)
    triples = sum(len(c.merged) or 1 for c in run.candidates)
    sampler = run.settings.get("sampler")
    early = stopped_early(run)
    statuses = {"pruned": "stopped early", "failed": "failed", "skipped": "skipped"}
    return page(
        "commands/search/page.md.j2",
        SearchPage(
            name=run.name,
            waiting=counts["waiting"],
            networks=len(run.candidates),
            part=sampled(run),
            nothing_learnt=nothing_learnt(run),
            objectives=[objective.said for objective in evidence.objectives],
            scored=len(evidence.scored),
            front=_front(evidence) if several and evidence.front else None,
            best=_best(run, evidence),
            latency_dropped="latency" in run.objectives and len(machines(run.candidates)) > 1,
            steps=_steps(run, evidence, keeps),
            surface=_surface(run),
            stopped=counts["pruned"],
            sampler=str(sampler or "the sampler"),
            learns=sampler not in UNLEARNING,
            reliability=quoted_agreement(run.reliability[-1]) if run.reliability else "",
            fronts=fronts_of(run),
            ranked=_ranked(run, evidence),
            rungs=RUNGS.table(early.plan) if early and len(run.rungs) > 1 else None,
            suggestions=triples,
            shared=triples - len(run.candidates),
            statuses=[(counts[status], what) for status, what in statuses.items() if counts[status]],
            failed=_failed(run),
            reward=_reward(run, evidence),
            made=run_made(run),
            figures=figures,
        ),
    )


def _best(run: RunRecord, evidence: SearchEvidence) -> Best | None:
    best = evidence.best
    if best is None:
        return None
    first, c, several = evidence.objectives[0], best.candidate, len(evidence.objectives) > 1
    alike = (
        sum(scored.values[0] == best.values[0] for scored in evidence.scored)
        if several
        else len(evidence.front)
    )
    return Best(
        coefficients=_triple_text(c),
        key=c.key,
        shares=_parts(c),
        top1=top1_seeds(c),
        seeds=len(c.runs),
        value="" if first.name == "top1" else first.text(best.values[0]),
        ratio=c.macs_ratio,
        macs=c.macs,
        baseline_macs=run.baseline["macs"],
        number=best.number,
        ties=alike - 1,
    )


def _front(evidence: SearchEvidence) -> Front:
    ends = list(zip(evidence.objectives, evidence.worst, evidence.ideal, strict=True))
    return Front(
        members=len(evidence.front),
        share=evidence.history[-1],
        box=[f"{of.said} from {of.text(worst)} to {of.text(ideal)}" for of, worst, ideal in ends],
        reference=[f"{of.said} {of.text(worst)}" for of, worst, _ in ends],
    )


def _surface(run: RunRecord) -> SurfaceText:
    answer = answer_of(run)
    if isinstance(answer, str):
        return SurfaceText(missing=answer)
    first, *more = answer_lines(run)
    return SurfaceText(first=first, second=" ".join(more[:1]))


def _ranked(run: RunRecord, evidence: SearchEvidence) -> PageTable | None:
    several = len(evidence.objectives) > 1
    sign = -1 if evidence.objectives[0].maximise else 1
    ranked = (
        list(evidence.front)
        if several
        else sorted(
            evidence.scored,
            key=lambda scored: (sign * scored.values[0], scored.candidate.macs, scored.number),
        )
    )
    if not ranked:
        return None
    extra = {of.name: of for of in evidence.objectives if of.name in OBJECTIVE_COLUMNS}
    heads = {OBJECTIVE_COLUMNS[name]: of.said for name, of in extra.items()}
    rows = list(_rows(run, evidence))
    return TRIALS.table(
        [rows[scored.number - 1] for scored in ranked],
        heads={**heads, "blocks": counted_parts(run.settings)},
        order=(
            *("number", "top1", "seeds", *heads, "alpha", "beta", "gamma", "share_depth", "blocks"),
            *("resolution", "macs", "macs_ratio", "suggestions", "key"),
        ),
        but=set(OBJECTIVE_COLUMNS.values()) - set(heads),
    )


def _failed(run: RunRecord) -> PageTable | None:
    rows = [NetworkRow(candidate=c) for c in run.candidates if c.status == "failed"]
    return UNTRAINED.table(rows, but=("macs_ratio",)) if rows else None


def _reward(run: RunRecord, evidence: SearchEvidence) -> tuple[str, ...]:
    """Its target and weight."""
    if all(objective.name != "reward" for objective in evidence.objectives):
        return ()
    return si(float(run.settings.get("reward_target") or 0)), str(run.settings.get("reward_weight"))


def _steps(run: RunRecord, evidence: SearchEvidence, keeps: Keeps) -> Steps:
    """What goes on from the best network."""
    if evidence.best is None:
        return steps()
    c = evidence.best.candidate
    triple = f"--alpha {c.alpha:.4g} --beta {c.beta:.4g} --gamma {c.gamma:.4g}"
    return steps(
        network_step(c, FOLDER, keeps),
        ("A family by its coefficients", f"scalesearch scale{of_baseline(run.settings)} {triple} --phi 0..7"),
        ("Would longer training choose another?", f"scalesearch fidelity {FOLDER}") if keeps.study else None,
    )


def _triple_text(c: CandidateRecord) -> str:
    return f"alpha {c.alpha:.4g}, beta {c.beta:.4g}, gamma {c.gamma:.4g}"


# ----------------------------------------------------------------------------------------------------
# A finished (or stopped) search by a sampler as tables, figures and a page.


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialRow(NetworkRow):
    """A network that was suggested: the place of its suggestion, from 1, and what the search makes of it.

    ``settings`` are the search's.
    """

    number: int
    reward: float | None
    on_front: bool
    settings: Mapping[str, Any]

    @property
    def shares(self) -> Shares | None:
        """Those that were suggested."""
        c = self.candidate
        return own_shares((c.alpha, c.beta, c.gamma))


def _suggested_share(name: str, **looks: Any) -> Column[TrialRow]:
    return Column(
        name=f"share_{name}",
        value=lambda row: getattr(row.shares, name) if row.shares else None,
        **looks,
    )


def _parts(c: CandidateRecord) -> str:
    if (shares := own_shares((c.alpha, c.beta, c.gamma))) is None:
        return ""
    return " : ".join(f"{100 * value:z.0f}" for value in (shares.depth, shares.width, shares.resolution))


def _objective_text(name: str) -> Callable[[TrialRow], str]:
    return lambda row: objective(name).text(objective(name).value(row.candidate, row.settings))


def _coefficient(name: str) -> Callable[[TrialRow], str]:
    return lambda row: f"{getattr(row.candidate, name):.3f}"


OBJECTIVE_COLUMNS = {"reward": "reward", "latency": "latency_median_s", "params": "params"}
"""Columns of the page that are there where they are objectives."""

TRIALS: Columns[TrialRow] = Columns(
    columns=(
        Column(
            name="number",
            value=lambda row: row.number,
            head="number",
            page=lambda row: str(row.number),
        ),
        *on_page(
            pick(NETWORK, "key", "alpha", "beta", "gamma", alpha=THREE, beta=THREE, gamma=THREE),
            alpha=("alpha", _coefficient("alpha")),
            beta=("beta", _coefficient("beta")),
            gamma=("gamma", _coefficient("gamma")),
        ),
        _suggested_share("depth", head="depth : width : resolution", page=lambda row: _parts(row.candidate)),
        _suggested_share("width"),
        _suggested_share("resolution"),
        *on_page(
            pick(
                NETWORK,
                *("phi", "depth", "width", "resolution_multiplier", "resolution", "resolution_width"),
                *("blocks", "params", "macs", "macs_ratio", "nominal_ratio", "full_macs_ratio"),
                *("budget_residual", "latency_median_s", "top1", "top1_sd", "seeds", "loss"),
            ),
            params=("", _objective_text("params")),
            latency_median_s=("", _objective_text("latency")),
        ),
        Column(
            name="reward",
            value=lambda row: row.reward if row.finished else None,
            terminal=Cell("{:.4f}"),
            page=_objective_text("reward"),
        ),
        *pick(NETWORK, "images_seen", "train_seconds"),
        Column(
            name="suggestions",
            value=lambda row: len(row.candidate.merged) or 1,
            head="suggestions",
            page=lambda row: str(len(row.candidate.merged) or 1),
        ),
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
    left=0,
)
"""Of ``trials.csv``: every distinct network in order of suggestion; ``share_`` are the shares suggested."""


def interactive(run: RunRecord) -> Interactive:
    """What a reader can point at on the HTML page, in the place of its figures.

    Where suggestions went is more than what was trained: that figure is shown besides.
    """
    places = {"pareto": ("pareto", "curves"), "shares": ("triangle", "rates", "clicked", "family")}
    return search_parts(run, places, beside=("shares",))


def write_search_report(run: RunRecord, out: Path) -> Report:
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
    write_text(out / "trials.csv", csv_text(trials))
    write_text(out / "pareto.csv", csv_text(pareto_table(run)))
    write_text(out / "front.csv", csv_text(front_table(run, evidence)))
    return Report(
        page=write_pages(
            out / "report.md",
            search_page(run, evidence, {path.stem for path in figures}, keeps_of(out, run.settings)),
            interactive(run),
        ),
        figures=figures,
        table=trials,
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
            settings=run.settings,
        )
