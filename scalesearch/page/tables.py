"""Networks as tables, each column said once with how it is shown: candidates, and members of a family."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from scalesearch.page.answer import answer_of, fitted_text
from scalesearch.page.columns import (
    Cell,
    Column,
    Columns,
    Kind,
    by_name,
    field,
    never,
    on_page,
    page_only,
    pick,
)
from scalesearch.page.evidence import input_text, intervals, judged, paper_candidate
from scalesearch.page.fronts import FRONT_COST, FrontCost, fronts, panels, panels_left_out
from scalesearch.page.latency import latency_quartiles, latency_text, machines, unstable, unstable_of
from scalesearch.page.markdown import Markdown, code, percent, si, signed_percent
from scalesearch.page.parts import PageTable, RungRow, top1_seeds
from scalesearch.records import (
    BudgetRecord,
    CandidateRecord,
    FamilyRow,
    LatencyRecord,
    PublishedRow,
    RunRecord,
    ScaleRecord,
)
from scalesearch.scaling import NOMINAL_BASE

# ----------------------------------------------------------------------------------------------------
# A candidate: what was asked for, what was built, what it costs, what came of its training.


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkRow:
    """A candidate of a run, with what the run as a whole says of it.

    Attributes:
        candidate: the network.
        interval: of its top-1: a t interval over seeds where there are several, else Wilson's.
        fitted: its top-1 on the surface over the trained networks, in points, with half its 95% interval.
        fronts: those that it is on.
        is_paper: whether it is the paper's.
    """

    candidate: CandidateRecord
    interval: tuple[float, float] | None = None
    fitted: tuple[float, float] | None = None
    fronts: str = ""
    is_paper: bool = False

    @property
    def latency(self) -> LatencyRecord | None:
        """The candidate's."""
        return self.candidate.latency

    @property
    def budget(self) -> BudgetRecord | None:
        """The candidate's."""
        return self.candidate.budget

    @property
    def resolution_width(self) -> int | None:
        """The candidate's; None where the input is square."""
        return self.candidate.resolution_width

    @property
    def finished(self) -> bool:
        """Whether it was trained to its end: what it had before then is no result."""
        return self.candidate.status == "completed"


def _of(name: str, where: Callable[[NetworkRow], object] | None = None, **looks: Any) -> Column[Any]:
    """A field of the candidate, unknown but ``where`` a row says so."""

    def value(row: NetworkRow) -> Any:
        return getattr(row.candidate, name) if where is None or where(row) else None

    return Column(name=name, value=value, **looks)


def _counted(row: NetworkRow) -> bool:
    # What a network costs is unknown where a user's own code refuses to be it.
    return row.candidate.counted


def _finished(row: NetworkRow) -> bool:
    return row.finished


def _share(row: NetworkRow, part: int) -> float | None:
    return row.candidate.split[part] if row.candidate.split else None


def _fitted(row: NetworkRow, end: int) -> float | None:
    return None if row.fitted is None else row.fitted[0] / 100 + end * (row.fitted[1] / 100)


def _interval(row: NetworkRow, end: int) -> float | None:
    return None if row.interval is None else row.interval[end]


def _triple(row: NetworkRow) -> str:
    c = row.candidate
    text = ", ".join(f"{value:.4g}" for value in (c.alpha, c.beta, c.gamma))
    return f"{text} (the paper's)" if row.is_paper else text


def _split(row: NetworkRow) -> str:
    split = row.candidate.split
    return " / ".join(f"{100 * share:z.0f}" for share in split) if split else ""


def any_oblong(rows: Sequence[Any]) -> bool:
    """Whether the input of any row is not square."""
    return any(row.resolution_width is not None for row in rows)


def any_timed(rows: Sequence[Any]) -> bool:
    """Whether the latency of any row is known."""
    return any(row.latency is not None for row in rows)


def sides(row: Mapping[str, Any]) -> str:
    """The side of an input in pixels, or height x width where they differ, by a table's columns."""
    across = row.get("resolution_width")
    return f"{row['resolution']}{'' if across is None else f'x{across}'}"


THREE = Cell("{:.3f}")
MS = Cell("{:.2f} ms", scale=1e3, head="latency", unstable="latency_unstable")
PERCENT = Cell("{:.1%}")
SHARE = Cell("{:z.0%}")
PX = Cell(lambda row: f"{sides(row)} px")
COUNT = Cell("{:,d}")
OFF = Cell("{:+.1%}")
RATIO = Cell("{:.2f}")


def _of_latency(name: str, kind: Kind, **looks: Any) -> Column[Any]:
    return Column(name=name, value=lambda row: latency_cells(row.latency)[name], kind=kind, **looks)


def _of_budget(name: str, attribute: str, kind: Kind) -> Column[Any]:
    return Column(
        name=name,
        value=lambda row: None if row.budget is None else getattr(row.budget, attribute),
        kind=kind,
    )


LATENCY: Mapping[str, Column[Any]] = by_name(
    (
        _of_latency("latency_median_s", "number", terminal=MS),
        _of_latency("latency_iqr_s", "number"),
        _of_latency("latency_unstable", "text"),
        _of_latency("machine", "text"),
    )
)
"""Of rows with a ``latency``: median and spread in s; ``yes`` where the spread is over 10% of the median."""

BUDGET: Mapping[str, Column[Any]] = by_name(
    (
        _of_budget("budget", "kind", "text"),
        _of_budget("budget_target", "target", "number"),
        _of_budget("budget_value", "value", "number"),
        _of_budget("budget_residual", "residual", "number"),
        _of_budget("matched_by", "matched_by", "text"),
        _of_budget("missed", "missed", "text"),
    )
)
"""Of rows with a ``budget``: what a network had to spend, and what of that and the shares could not be."""

NETWORK: Mapping[str, Column[Any]] = by_name(
    (
        _of("key", kind="text", head="network", page=lambda row: code(row.candidate.key)),
        _of("alpha", terminal=Cell("{:g}"), head="alpha, beta, gamma", page=_triple),
        _of("beta", terminal=Cell("{:g}")),
        _of("gamma", terminal=Cell("{:g}")),
        _of("product"),
        _of("depth", terminal=RATIO),
        _of("width", terminal=RATIO),
        _of("resolution_multiplier"),
        _of(
            "resolution",
            kind="whole",
            terminal=PX,
            head="input",
            page=lambda row: input_text(row.candidate),
        ),
        _of("resolution_width", kind="whole", only=any_oblong),
        _of("params", lambda row: row.candidate.params, kind="whole", terminal=COUNT),
        _of(
            "macs",
            _counted,
            kind="whole",
            terminal=COUNT,
            head="MACs",
            page=lambda row: si(row.candidate.macs) if row.candidate.counted else "",
        ),
        _of(
            "macs_ratio",
            _counted,
            terminal=RATIO,
            head="cost ratio",
            page=lambda row: f"{row.candidate.macs_ratio:.2f}" if row.candidate.counted else "",
        ),
        _of("fvcore_total", kind="whole"),
        *LATENCY.values(),
        _of(
            "top1",
            _finished,
            terminal=PERCENT,
            head="mean top-1",
            page=lambda row: top1_seeds(row.candidate),
        ),
        _of("loss", _finished),
        _of("train_seconds"),
        _of("images_seen", kind="whole"),
        Column(name="merged", value=lambda row: len(row.candidate.merged), kind="whole"),
        _of("status", kind="text", terminal=Cell(left=True)),
        _of("reason", kind="text", head="reason", page=lambda row: row.candidate.reason),
        Column(name="pareto", value=lambda row: row.fronts, kind="text", terminal=Cell(left=True)),
        _of("nominal_ratio"),
        _of("blocks", _counted, kind="whole", page=lambda row: str(row.candidate.blocks)),
        _of("activations", _counted, kind="whole"),
        _of("full_macs", lambda row: row.candidate.full_macs, kind="whole"),
        _of("full_macs_ratio", lambda row: row.candidate.full_macs),
        Column(name="top1_low", value=lambda row: _interval(row, 0)),
        Column(name="top1_high", value=lambda row: _interval(row, 1)),
        Column(
            name="seeds",
            value=lambda row: len(row.candidate.runs),
            kind="whole",
            head="seeds",
            page=lambda row: str(len(row.candidate.runs)),
        ),
        _of("top1_sd", _finished, terminal=PERCENT),
        _of("role", kind="text"),
        Column(name="phi", value=lambda row: float(row.candidate.phi)),
        *BUDGET.values(),
        Column(
            name="top1_stopped",
            value=lambda row: row.candidate.top1 if row.candidate.status == "pruned" else None,
        ),
        _of("inference_bytes", kind="whole"),
        _of("training_bytes", kind="whole"),
        _of("trained_device", kind="text"),
        _of("trained_threads", kind="text"),
        Column(
            name="depth_share",
            value=lambda row: _share(row, 0),
            terminal=SHARE,
            head="depth / width / resolution, %",
            page=_split,
        ),
        Column(name="width_share", value=lambda row: _share(row, 1), terminal=SHARE),
        Column(name="resolution_share", value=lambda row: _share(row, 2), terminal=SHARE),
        Column(
            name="top1_fitted",
            value=lambda row: _fitted(row, 0),
            terminal=PERCENT,
            head="fitted top-1",
            page=lambda row: Markdown("" if row.fitted is None else fitted_text(*row.fitted)),
        ),
        Column(name="top1_fitted_low", value=lambda row: _fitted(row, -1)),
        Column(name="top1_fitted_high", value=lambda row: _fitted(row, 1)),
        *(_of(f"{dimension}_doublings") for dimension in ("depth", "width", "resolution")),
        Column(
            name="repeats",
            value=lambda row: "-".join(map(str, row.candidate.repeats or ())),
            kind="text",
        ),
    )
)
"""What tables have of a candidate, by name; a table names those that it has, in its order.

``top1`` and ``loss`` are means over seeds, of networks that were trained to the end; what a network had when
it was stopped early is in ``top1_stopped``. The shares are the parts of the three dimensions in the growth of
the cost over the baseline's, as the network was built; ``repeats`` are the blocks of each stage. ``machine``
is the key of the machine that was timed; ``trained_device`` and ``trained_threads`` are what it was trained
with.
"""

CANDIDATES: Columns[NetworkRow] = Columns(
    columns=pick(
        NETWORK,
        *("key", "alpha", "beta", "gamma", "product", "depth", "width", "resolution", "resolution_width"),
        *("params", "macs", "macs_ratio", "fvcore_total", "latency_median_s", "latency_iqr_s", "top1"),
        *("loss", "train_seconds", "images_seen", "merged", "status", "reason", "pareto", "nominal_ratio"),
        *("blocks", "activations", "full_macs", "full_macs_ratio", "top1_low", "top1_high", "seeds"),
        *("top1_sd", "role", "phi", "budget", "budget_target", "budget_value", "budget_residual"),
        *("matched_by", "top1_stopped", "inference_bytes", "training_bytes", "latency_unstable", "machine"),
        *("trained_device", "trained_threads", "depth_share", "width_share", "resolution_share"),
        *("top1_fitted", "top1_fitted_low", "top1_fitted_high", "missed", "repeats"),
    ),
    terminal=(
        *("alpha", "beta", "gamma", "depth_share", "width_share", "resolution_share", "resolution", "params"),
        *("macs_ratio", "latency_median_s", "top1", "top1_sd", "top1_fitted", "status", "pareto"),
    ),
    page=(
        "alpha",
        "depth_share",
        "top1_fitted",
        "top1",
        "seeds",
        "blocks",
        "resolution",
        "macs_ratio",
        "key",
    ),
    typed=True,
)
"""Of ``candidates.csv``: every candidate in the run's order, trained or not."""

PLAN: Columns[NetworkRow] = Columns(
    columns=(
        *pick(
            NETWORK,
            *("alpha", "beta", "gamma", "phi", "resolution", "blocks", "params", "macs", "macs_ratio"),
            *("full_macs", "merged"),
            phi=Cell("{:.3g}"),
            blocks=Cell("{:d}"),
            full_macs=COUNT,
            merged=Cell("{:d}"),
        ),
        *pick({"residual": replace(BUDGET["budget_residual"], name="residual")}, "residual", residual=OFF),
        *pick(NETWORK, "resolution_width"),
    ),
    terminal=(
        *("alpha", "beta", "gamma", "phi", "resolution", "blocks", "params", "macs", "macs_ratio"),
        *("full_macs", "residual", "merged"),
    ),
    typed=True,
)
"""Of the networks that a run would train."""

FRONT_COLUMNS = {
    "macs": FRONT_COST["macs"],
    "params": FRONT_COST["params"],
    "inference_bytes": FRONT_COST["memory"],
    "latency_median_s": FRONT_COST["latency"],
}
"""The costs that have a front, by their columns."""


def _price(cost: FrontCost) -> tuple[str, Callable[[NetworkRow], str | Markdown]]:
    """A cost on a page, bold where the network is on its front."""

    def cell(row: NetworkRow) -> str | Markdown:
        text = cost.text(row.candidate)
        return Markdown(f"**{text}**") if cost.name in row.fronts.split("+") else text

    return cost.said, cell


PARETO: Columns[NetworkRow] = Columns(
    columns=(
        Column(name="front", value=lambda row: row.fronts, kind="text"),
        *on_page(
            pick(
                NETWORK,
                *("key", "alpha", "beta", "gamma", "depth", "width", "resolution", "resolution_width"),
                *("blocks", "params", "macs", "macs_ratio", "nominal_ratio", "latency_median_s"),
                *("latency_iqr_s", "top1", "top1_low", "top1_high", "loss", "seeds", "top1_sd", "role"),
                *("phi", "budget", "budget_target", "budget_value", "budget_residual", "matched_by"),
                *("inference_bytes", "training_bytes", "latency_unstable", "machine", "depth_share"),
                *("width_share", "resolution_share", "top1_fitted", "top1_fitted_low"),
                *("top1_fitted_high", "missed", "repeats"),
            ),
            **{name: _price(cost) for name, cost in FRONT_COLUMNS.items()},
        ),
    ),
    left=0,
    typed=True,
)
"""Of ``pareto.csv``: the fronts of top-1 against each cost that is known, each from cheap to dear."""


UNTRAINED: Columns[NetworkRow] = Columns(
    columns=pick(NETWORK, "reason", "alpha", "macs_ratio", "key"),
    page=("reason", "alpha", "macs_ratio", "key"),
)
"""Of networks without a result, on a page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoppedRow(NetworkRow):
    """A network that was stopped early, with the number of the last rung that it reached; 0 for none."""

    rung: int


STOPPED: Columns[StoppedRow] = Columns(
    columns=(
        page_only("rung", lambda row: str(row.rung or "")),
        *on_page(
            pick(NETWORK, "images_seen", "top1", "alpha", "macs_ratio", "key"),
            images_seen=("images", lambda row: f"{row.candidate.images_seen or 0:,}"),
            top1=("top-1 then", lambda row: percent(row.candidate.top1)),
        ),
    ),
    page=("rung", "images_seen", "top1", "alpha", "macs_ratio", "key"),
    left=0,
)
"""Of networks that were stopped early, on a page."""

RUNGS: Columns[RungRow] = Columns(
    columns=(
        page_only("rung", lambda row: str(row.number), name="number"),
        page_only("up to images", lambda row: f"{row.rung.images:,}", name="images"),
        page_only("networks, at most", lambda row: str(row.rung.networks), name="networks"),
        page_only("seeds", lambda row: str(row.rung.seeds)),
        page_only("stopped here", lambda row: str(row.stopped), name="stopped"),
        page_only("share of compute", lambda row: percent(row.share), name="share"),
    ),
    left=0,
)
"""Of the rungs of successive halving, on a page."""


def network_rows(run: RunRecord, candidates: Iterable[CandidateRecord]) -> Iterator[NetworkRow]:
    """Candidates of a run with what the run says of them; see :class:`NetworkRow`."""
    bounds, answer, paper = intervals(run), answer_of(run), paper_candidate(run)
    on = {name: frozenset(keys) for name, keys in fronts(run).items()}
    predictions = {} if isinstance(answer, str) else answer.predictions
    for candidate in candidates:
        yield NetworkRow(
            candidate=candidate,
            interval=bounds.get(candidate.key),
            fitted=predictions.get(candidate.key),
            fronts="+".join(name for name, keys in on.items() if candidate.key in keys),
            is_paper=candidate is paper,
        )


def candidates_table(run: RunRecord) -> pd.DataFrame:
    """Every candidate in the run's order, by :data:`CANDIDATES`; what is unknown is missing."""
    return CANDIDATES.frame(network_rows(run, run.candidates))


def pareto_table(run: RunRecord) -> pd.DataFrame:
    """The fronts of top-1 against each cost that is known, by :data:`PARETO`."""
    on = fronts(run)
    members = {key for keys in on.values() for key in keys}
    rows = {row.candidate.key: row for row in network_rows(run, (c for c in judged(run) if c.key in members))}
    stacked = [replace(rows[key], fronts=name) for name, keys in on.items() for key in keys]
    return PARETO.frame(stacked, among=run.candidates)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fronts:
    """The fronts of a run, as the macros of ``page/fronts.md.j2`` show them.

    Attributes:
        table: of the networks on any front, best first; None where nothing was judged.
        machines: that latency was measured on.
        unstable: latencies that are.
        timed: all latencies.
        mark: how the unstable ones are marked.
        left_out: which panels the figure lacks, and why, as half a sentence.
    """

    table: PageTable | None
    machines: Sequence[str]
    unstable: int
    timed: int
    mark: str
    left_out: str


def fronts_of(run: RunRecord) -> Fronts:
    """What the page says of the fronts."""
    on, ranking = fronts(run), judged(run)
    members = [c for c in ranking if any(c.key in keys for keys in on.values())]
    unstable_ones, timed = unstable_of(c.latency for c in ranking)
    shown = [column for column, cost in FRONT_COLUMNS.items() if any(cost.of(c) is not None for c in ranking)]
    table = PARETO.table(list(network_rows(run, members)), only=("top1", "alpha", *shown, "key"))
    return Fronts(
        table=table if members else None,
        machines=[code(key) if key else "one that was not recorded" for key in machines(ranking)],
        unstable=unstable_ones,
        timed=timed,
        mark="hollow in the figure"
        if "latency" in {panel.name for panel in panels(run)}
        else "marked in the table",
        left_out=panels_left_out(run),
    )


def latency_cells(latency: LatencyRecord | None) -> dict[str, float | str | None]:
    """What is known of a latency: median and spread in seconds, whether unstable, the machine."""
    if latency is None or not latency.samples_s:
        return dict.fromkeys(("latency_median_s", "latency_iqr_s", "latency_unstable", "machine"))
    low, middle, high = latency_quartiles(latency)
    return {
        "latency_median_s": middle,
        "latency_iqr_s": high - low,
        "latency_unstable": "yes" if unstable(latency) else "no",
        "machine": latency.machine,
    }


# ----------------------------------------------------------------------------------------------------
# A family: what the rule makes of a baseline at each phi, and the published networks beside it.


def _any_budget(rows: Sequence[Any]) -> bool:
    return any(row.budget is not None for row in rows)


def _timed(name: str, kind: Kind) -> Column[Any]:
    return Column(
        name=name,
        value=lambda row: None if row.latency is None else getattr(row.latency, name),
        kind=kind,
        only=any_timed,
    )


FAMILY: Columns[FamilyRow] = Columns(
    columns=(
        field("phi", terminal=Cell("{:g}"), head="phi", page=lambda row: f"{row.phi:g}"),
        field("depth", terminal=Cell("{:.3f}"), head="depth d", page=lambda row: f"{row.depth:.3f}"),
        field("width", terminal=Cell("{:.3f}"), head="width w", page=lambda row: f"{row.width:.3f}"),
        field(
            "resolution_multiplier",
            head="resolution r",
            page=lambda row: f"{row.resolution_multiplier:.3f}",
        ),
        field("resolution", kind="whole", terminal=PX, head="input", page=input_text),
        field("resolution_width", kind="whole", only=any_oblong),
        field("blocks", kind="whole", terminal=Cell("{:d}"), page=lambda row: str(row.blocks)),
        field("params", kind="whole", terminal=COUNT, head="params", page=lambda row: si(row.params)),
        field("macs", kind="whole", terminal=COUNT, head="MACs", page=lambda row: si(row.macs)),
        field(
            "fvcore_total",
            kind="whole",
            terminal=COUNT,
            head="fvcore total",
            page=lambda row: "" if row.fvcore_total is None else si(row.fvcore_total),
            shared=True,
        ),
        page_only(
            "difference",
            lambda row: "" if row.fvcore_total is None else signed_percent(row.fvcore_total / row.macs - 1),
            name="fvcore_over",
            shared=True,
        ),
        field("activations", kind="whole", head="activations", page=lambda row: si(row.activations)),
        Column(
            name="power",
            value=lambda row: NOMINAL_BASE**row.phi,
            only=never,  # phi says it
            head="2^phi",
            page=lambda row: f"{NOMINAL_BASE**row.phi:.2f}",
        ),
        field(
            "nominal_ratio",
            terminal=RATIO,
            head="nominal ratio",
            page=lambda row: f"{row.nominal_ratio:.2f}",
        ),
        field("macs_ratio", terminal=RATIO, head="realised ratio", page=lambda row: f"{row.macs_ratio:.2f}"),
        page_only(
            "realised over nominal",
            lambda row: signed_percent(row.macs_ratio / row.nominal_ratio - 1),
            name="over_nominal",
            shared=True,
        ),
        replace(
            LATENCY["latency_median_s"],
            only=any_timed,
            head="latency",
            page=lambda row: latency_text(row.latency),
        ),
        replace(LATENCY["latency_iqr_s"], only=any_timed),
        _timed("batch_size", "whole"),
        _timed("device", "text"),
        _timed("threads", "whole"),
        replace(LATENCY["latency_unstable"], only=any_timed),
        replace(LATENCY["machine"], only=any_timed),
        # Nothing is solved for: phi alone meets a family's budget.
        *(
            replace(BUDGET[name], only=_any_budget)
            for name in ("budget", "budget_target", "budget_value", "budget_residual")
        ),
    ),
    terminal=("phi", "depth", "width", "resolution", "blocks", "params", "macs", "fvcore_total"),
    left=0,
    typed=True,
)
"""Of ``family.csv``: a row per phi; latency and a budget where any row has one."""


def _planned(name: str, cell: Cell | None = None, kind: Kind | None = None) -> Column[Mapping[str, Any]]:
    return Column(name=name, value=lambda row: row[name], terminal=cell, kind=kind)


FAMILY_PLAN: Columns[Mapping[str, Any]] = Columns(
    columns=(
        _planned("phi", Cell("{:g}")),
        _planned("resolution", PX, "whole"),
        replace(
            _planned("resolution_width", kind="whole"),
            only=lambda rows: any(row["resolution_width"] is not None for row in rows),
        ),
        _planned("blocks", Cell("{:d}"), "whole"),
        _planned("params", COUNT, "whole"),
        _planned("macs", COUNT, "whole"),
        _planned("expected_s", Cell("{:,.0f} s")),
        _planned("trained", Cell(), "text"),
    ),
    typed=True,
)
"""Of the networks of a family that would be trained, or not."""


def family_name(row: PublishedRow) -> str:
    """A published network's name as it is said: B4, Lite3."""
    return row.name.capitalize() if row.name.startswith("lite") else row.name.upper()


def _implied(dimension: str) -> Column[Any]:
    name = f"implied_phi_{dimension}"

    def cell(row: PublishedRow) -> str:
        phi = getattr(row, name)
        return "none" if phi is None else f"{phi:.2f}"

    return field(name, head=f"phi by {dimension}", page=cell)


PUBLISHED: Columns[PublishedRow] = Columns(
    columns=(
        field("name", kind="text", terminal=Cell(left=True), head="network", page=family_name),
        field("depth", terminal=Cell("{:g}")),
        field("width", terminal=Cell("{:g}")),
        field("resolution", kind="whole", terminal=PX),
        field("params", kind="whole", terminal=COUNT, head="params", page=lambda row: si(row.params)),
        field("macs", kind="whole", terminal=COUNT, head="MACs", page=lambda row: si(row.macs)),
        field("fvcore_total", kind="whole"),
        field("params_published", head="published", page=lambda row: si(row.params_published)),
        field("flops_published", head="published FLOPs", page=lambda row: si(row.flops_published)),
        field(
            "params_error",
            terminal=Cell("{:+.1%}"),
            head="difference",
            page=lambda row: signed_percent(row.params_error),
        ),
        field(
            "flops_error",
            terminal=Cell("{:+.1%}"),
            head="difference",
            page=lambda row: signed_percent(row.flops_error),
        ),
        *map(_implied, ("depth", "width", "resolution")),
        field("top1_published", terminal=PERCENT),
        field("top5_published"),
        field("source", kind="text"),
    ),
    terminal=("name", "depth", "width", "resolution", "params", "params_error", "macs", "flops_error"),
    typed=True,
)
"""Of ``published.csv``: a row per published network, as it is rebuilt here."""


def family_table(record: ScaleRecord) -> pd.DataFrame:
    """One row per phi, by :data:`FAMILY`."""
    return FAMILY.frame(record.family)


def published_table(record: ScaleRecord) -> pd.DataFrame:
    """One row per published network as rebuilt here, by :data:`PUBLISHED`."""
    return PUBLISHED.frame(record.published)


def frame(
    rows: Iterable[Mapping[str, Any]], columns: Sequence[str], *, exact: Sequence[str] = ()
) -> pd.DataFrame:
    """Mappings as data, one row each; what is None or absent is missing. ``exact`` as a kind of column."""

    def column(name: str) -> Column[Mapping[str, Any]]:
        return Column(name=name, value=lambda row: row.get(name), kind="exact" if name in exact else None)

    return Columns(columns=tuple(map(column, columns))).frame(rows)


def csv_text(table: pd.DataFrame) -> str:
    """The table as CSV: blank where unknown, floats in the fewest digits that read back, line feeds."""
    return table.to_csv(index=False, lineterminator="\n")
