"""The page of an explanation."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scalesearch.files import write_text
from scalesearch.networks.baselines import (
    EFFICIENTNET_B0,
    Member,
    PublishedNetwork,
    Variant,
    member_arch,
    published_family,
)
from scalesearch.networks.cost import count, ledger, nearest
from scalesearch.networks.explaining import ALTOGETHER, Difference, Explanation, Part, RowNote, differences
from scalesearch.networks.spec import Arch, Cost
from scalesearch.page.columns import Column, Columns, field, page_only
from scalesearch.page.html.page import write_pages
from scalesearch.page.markdown import plain_lines, si, signed_percent
from scalesearch.page.parts import PageTable
from scalesearch.page.templates import page, part
from scalesearch.scaling import Multipliers

if TYPE_CHECKING:
    import pandas as pd

# ----------------------------------------------------------------------------------------------------
# Why a network costs what it does, as sections of texts: for a terminal, and for a page.

UNTOUCHED = 0.0005
"""A relative change that one decimal of a percentage does not show."""
SAME_PHI = 0.005
"""Implied phis this close are one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A title, a table of texts of which the first ``left`` columns are flush left, and a line below it."""

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    left: int = 1
    note: str = ""


def _section(name: str, table: PageTable, *values: object) -> Section:
    """A table between the title and the note that ``answer.md.j2`` has for it; ``values`` are the note's."""
    return Section(
        title=_said("title", name),
        header=tuple(table.header),
        rows=tuple(map(tuple, table.rows)),
        left=table.left,
        note=_said(name, *values),
    )


def _said(macro: str, *values: object) -> str:
    return " ".join(plain_lines(part("commands/explain/answer.md.j2", macro, *values)))


def explanation_text(
    explanation: Explanation, published: PublishedNetwork | None
) -> tuple[str, tuple[Section, ...]]:
    """The answer in two sentences, and the sections that show it.

    ``published`` is the published row of the network, where it is one.
    """
    sections = [_section("phis", PHIS.table(_phis(explanation)))]
    if explanation.rows:
        stepped = [row.name for row in explanation.rows if row.stepped_up]
        only = [name for name in ROWS_SHOWN if name != "depth_power" or explanation.by_stage]
        table = replace(ROWS, left=1 + explanation.by_stage).table(explanation.rows, only=only)
        sections.append(_section("rows", table, stepped, explanation.by_stage))
        sections.append(_section("ratio", RATIO.table(_ratio(explanation))))
    note = _ledger_text(explanation.arch, published)
    sections.append(_section("ledger", LEDGER.table(_ledger(explanation.arch, published)), note))
    return _said("answer", _answer(explanation)), tuple(sections)


def explanation_tables(
    explanation: Explanation, published: PublishedNetwork | None
) -> dict[str, pd.DataFrame]:
    """The same as numbers, by name: ``network``, ``rows``, ``ratio``, ``ledger``."""
    from scalesearch.page.tables import frame  # pandas takes most of a second to load

    cost = count(explanation.arch)
    phis = explanation.implied_phis
    network = {
        "name": explanation.arch.name,
        "baseline": explanation.base.name,
        **asdict(explanation.multipliers),
        **asdict(explanation.coefficients),
        **{f"implied_phi_{name}": phi for name, phi in phis.items()},
        "resolution_height": explanation.arch.input_size[0],
        "resolution_width": explanation.arch.input_size[1],
        "params": cost.params,
        "macs": cost.macs,
        "nominal_ratio": explanation.nominal_ratio,
        "macs_ratio": explanation.realised_ratio,
        "params_published": published and published.params,
        "flops_published": published and published.flops,
    }
    return {
        "network": frame([network], tuple(network)),
        "rows": ROWS.frame(explanation.rows, among=[explanation]),
        "ratio": RATIO.frame(step for step in _ratio(explanation) if step.factor is not None),
        "ledger": LEDGER.frame(_ledger(explanation.arch, None)),
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class ExplainPage:
    """What the page shows: the answer and the sections of a terminal, and the command that made it."""

    title: str
    answer: str
    sections: Sequence[Section]
    command: str


def explain_page(title: str, answer: str, sections: Sequence[Section], command: str) -> str:
    """The sections as Markdown, under the answer."""
    values = ExplainPage(title=title, answer=answer, sections=sections, command=command)
    return page("commands/explain/page.md.j2", values)


def write_tables(folder: Path, text: str, tables: Mapping[str, pd.DataFrame]) -> None:
    """Writes ``explain.md`` and a CSV file of each table that holds anything.

    Raises:
        OSError: if the folder cannot be written.
    """
    from scalesearch.page.tables import csv_text  # loads pandas

    folder.mkdir(parents=True, exist_ok=True)
    for name, numbers in tables.items():
        if len(numbers):
            write_text(folder / f"{name}.csv", csv_text(numbers))
    write_pages(folder / "explain.md", text)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExplainAnswer:
    """What the answer says.

    Attributes:
        name: of the network.
        base: of what it is scaled from.
        unscaled: whether it is that itself.
        made: what the multipliers do: ``1.2 times as deep``.
        by_stage: whether they do more in some stages than in others.
        nominal: the cost ratio by the rule.
        realised: the cost ratio as built.
        base_macs: multiply-adds of what it is scaled from.
        macs: multiply-adds as built.
        params: parameters as built.
        unknown: whether nobody knows how it rounds.
        gap: between the two ratios, relative.
        most: the largest of its reasons; None where rounding changes nothing.
        most_change: what that alone does.
        mostly: whether it is more than half of the gap.
        undone: ``partly`` or ``more than``, where others undo it; empty where they don't.
        triple: the coefficients that phis are by.
        phi: the one that all dimensions imply; empty without one.
        phis: what each implies.
    """

    name: str
    base: str
    unscaled: bool
    made: Sequence[str]
    by_stage: bool
    nominal: float
    realised: float
    base_macs: int
    macs: int
    params: int
    unknown: bool
    gap: float
    most: Part | None
    most_change: float
    mostly: bool
    undone: str
    triple: str
    phi: str
    phis: Sequence[str]


def _answer(e: Explanation) -> ExplainAnswer:
    built, gap = count(e.arch), e.realised_ratio / e.nominal_ratio
    most, share = _largest(e, gap)
    implied = [phi for phi in e.implied_phis.values() if phi is not None]
    one = len(implied) == len(e.implied_phis) and max(implied) - min(implied) < SAME_PHI
    return ExplainAnswer(
        name=e.arch.name,
        base=e.base.name,
        unscaled=e.multipliers.nominal_ratio == 1 and e.realised_ratio == 1,
        made=_made(e),
        by_stage=e.by_stage,
        nominal=e.nominal_ratio,
        realised=e.realised_ratio,
        base_macs=count(e.base).macs,
        macs=built.macs,
        params=built.params,
        unknown=not e.parts,
        gap=gap - 1,
        most=most,
        most_change=0.0 if most is None else most.factor - 1,
        mostly=share > 0.5,
        undone="partly" if share > 1 else "more than" if share < 0 else "",
        triple=f"({e.coefficients.alpha:.4g}, {e.coefficients.beta:.4g}, {e.coefficients.gamma:.4g})",
        phi=f"{implied[0]:.3g}" if one else "",
        phis=[f"{name} {'none' if phi is None else f'{phi:.2f}'}" for name, phi in e.implied_phis.items()],
    )


def _largest(e: Explanation, gap: float) -> tuple[Part | None, float]:
    """The largest reason for the gap between the ratios, and its share of that; None without a gap."""
    if not e.parts or abs(gap - 1) < UNTOUCHED:
        return None, 0.0
    ordered = sorted(e.parts, key=lambda part: part.factor)
    most = max(ordered[0], ordered[-1], key=lambda part: abs(math.log(part.factor)))
    return most, math.log(most.factor) / math.log(gap)


def _made(e: Explanation) -> list[str]:
    """What the multipliers do, those that do nothing left out."""
    d, w, r = e.multipliers.depth, e.multipliers.width, e.multipliers.resolution
    pairs = zip((d, w, r), ("deep", "wide", "sharp"), strict=True)
    times = [f"{multiplier:.4g} times as {adjective}" for multiplier, adjective in pairs if multiplier != 1]
    return times or ["1 times as deep"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ImpliedPhi:
    """The phi that a dimension's multiplier implies by its coefficient; None where no phi does."""

    dimension: str
    multiplier: float
    letter: str
    coefficient: float
    phi: float | None


PHIS: Columns[ImpliedPhi] = Columns(
    columns=(
        page_only("dimension", lambda row: row.dimension),
        page_only("multiplier", lambda row: f"{row.multiplier:.4g}"),
        page_only("coefficient", lambda row: f"{row.letter} {row.coefficient:.4g}"),
        page_only("phi", lambda row: "none" if row.phi is None else f"{row.phi:.2f}"),
    )
)


def _phis(e: Explanation) -> list[ImpliedPhi]:
    letters = ("alpha", "beta", "gamma")
    multipliers = (e.multipliers.depth, e.multipliers.width, e.multipliers.resolution)
    return [
        ImpliedPhi(
            dimension=name,
            multiplier=multiplier,
            letter=letter,
            coefficient=getattr(e.coefficients, letter),
            phi=phi,
        )
        for (name, phi), letter, multiplier in zip(e.implied_phis.items(), letters, multipliers, strict=True)
    ]


def _powers(row: RowNote) -> str:
    """``d^1.5, w`` of a stage, ``fixed`` where nothing scales it; stem and head go by width alone."""
    if not row.name.startswith("stage"):
        return ""
    parts = {"d": row.depth_power, "w": row.width_power}
    names = [letter if power == 1 else f"{letter}^{power:g}" for letter, power in parts.items() if power]
    return ", ".join(names) or "fixed"


def _rounded(exact: float, built: int) -> str:
    text = f"{exact:.4g}"
    return text if float(text) == built else f"{text} -> {built}"


def _map(exact: tuple[float, float], built: tuple[int, int]) -> str:
    """Sides in pixels to one decimal; both where they differ."""
    if exact[0] == exact[1] and built[0] == built[1]:
        exact, built = exact[:1], built[:1]  # type: ignore[assignment]  # one side of a square
    sides = [f"{side:.1f}".removesuffix(".0") for side in exact]
    whole = list(map(str, built))
    return " x ".join(whole) if sides == whole else f"{' x '.join(sides)} -> {' x '.join(whole)}"


def _change(factor: float) -> str:
    return "" if abs(factor - 1) < UNTOUCHED else signed_percent(factor - 1)


def _by_stage(explanations: Sequence[Any]) -> bool:
    return any(explanation.by_stage for explanation in explanations)


def _side(name: str, sides: Callable[[RowNote], tuple[float, float]], index: int) -> Column[RowNote]:
    return Column(name=name, value=lambda row: sides(row)[index])


ROWS: Columns[RowNote] = Columns(
    columns=(
        field("name", head="row", page=lambda row: row.name),
        field("repeats_base"),
        field("repeats_exact"),
        field("repeats", head="blocks", page=lambda row: _rounded(row.repeats_exact, row.repeats)),
        field("channels_base"),
        field("channels_exact"),
        field(
            "channels",
            head="channels",
            page=lambda row: _rounded(row.channels_exact, row.channels) + ("*" if row.stepped_up else ""),
        ),
        Column(name="stepped_up", value=lambda row: "yes" if row.stepped_up else "no"),
        _side("map_exact_height", lambda row: row.map_exact, 0),
        _side("map_exact_width", lambda row: row.map_exact, 1),
        _side("map_height", lambda row: row.map, 0),
        _side("map_width", lambda row: row.map, 1),
        page_only("map (px)", lambda row: _map(row.map_exact, row.map), name="map"),
        field("macs", head="MACs", page=lambda row: si(row.macs)),
        field("macs_exact"),
        field("by_repeats", head="+ blocks", page=lambda row: _change(row.by_repeats)),
        field("by_channels", head="+ channels", page=lambda row: _change(row.by_channels)),
        field("by_maps", head="+ maps", page=lambda row: _change(row.by_maps)),
        field("depth_power", only=_by_stage, head="scaled by", page=_powers),
        field("width_power", only=_by_stage),
    )
)
"""Of ``rows.csv``: what the rule asked of each row of a network's table, and what was built."""
ROWS_SHOWN = (
    *("name", "depth_power", "repeats", "channels", "map", "macs"),
    *("by_repeats", "by_channels", "by_maps"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RatioStep:
    """A step from the nominal ratio to the realised one: why, what it multiplies by, and the ratio then."""

    name: str
    says: str
    factor: float | None
    ratio: float


RATIO: Columns[RatioStep] = Columns(
    columns=(
        field("name", head="step", page=lambda step: step.name),
        field("says", head="why", page=lambda step: step.says),
        field(
            "factor",
            head="change",
            page=lambda step: "" if step.factor is None else signed_percent(step.factor - 1),
        ),
        page_only("ratio", lambda step: f"{step.ratio:.3f}"),
    ),
    left=2,
)
"""Of ``ratio.csv``: what leads from the nominal ratio to the realised one; a page has these two as well."""


def _ratio(e: Explanation) -> list[RatioStep]:
    d, w, r = e.multipliers.depth, e.multipliers.width, e.multipliers.resolution
    ratio = e.nominal_ratio
    rule = f"d w^2 r^2 = {d:.4g} x {w:.4g}^2 x {r:.4g}^2"
    steps = [RatioStep(name="nominal", says=rule, factor=None, ratio=ratio)]
    for reason in e.parts:
        ratio *= reason.factor
        steps.append(RatioStep(name=reason.name, says=reason.says, factor=reason.factor, ratio=ratio))
    built = "multiply-adds as built over the baseline's"
    return [*steps, RatioStep(name="realised", says=built, factor=None, ratio=e.realised_ratio)]


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerRow:
    """A way to count: what it gives for one image, as a number and a text, and over the multiply-adds."""

    name: str
    value: int
    says: str
    who: str
    text: str
    over: float


LEDGER: Columns[LedgerRow] = Columns(
    columns=(
        field("name", head="convention", page=lambda row: row.name),
        field("value", head="for one image", page=lambda row: row.text),
        field("says", head="what counts", page=lambda row: row.says),
        field("who", head="who counts so", page=lambda row: row.who),
        page_only("to MACs", lambda row: signed_percent(row.over), name="over"),
    ),
    page=("name", "says", "who", "value", "over"),
    left=3,
)
"""Of ``ledger.csv``: what is counted, and by whom."""


def _ledger(arch: Arch, published: PublishedNetwork | None) -> list[LedgerRow]:
    conventions = ledger(arch)
    macs = conventions[0].value
    rows = [
        LedgerRow(
            name=c.name, value=c.value, says=c.says, who=c.who, text=f"{c.value:,d}", over=c.value / macs - 1
        )
        for c in conventions
    ]
    if published is None or not published.flops:
        return rows
    flops = published.flops
    printed = LedgerRow(
        name="published",
        value=round(flops),
        says="as printed",
        who=published.source,
        text=si(flops),
        over=flops / macs - 1,
    )
    return [*rows, printed]


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerText:
    """What the note says: whether the network is its own code's, and what was published of it, 0 for nothing.

    Attributes:
        own_code: whether it is.
        flops: that were published.
        nearest: the convention that these are nearest to.
        off: how far they are from it.
        published_params: of parameters.
        params: that there are.
    """

    own_code: bool
    flops: float
    nearest: str
    off: float
    published_params: float
    params: int


def _ledger_text(arch: Arch, published: PublishedNetwork | None) -> LedgerText:
    flops = published.flops if published is not None and published.flops else 0.0
    close = nearest(ledger(arch), flops) if flops else None
    return LedgerText(
        own_code=bool(arch.code),
        flops=flops,
        nearest="" if close is None else close.name,
        off=0.0 if close is None else flops / close.value - 1,
        published_params=published.params if published is not None and published.params else 0.0,
        params=count(arch).params,
    )


# ----------------------------------------------------------------------------------------------------
# In what a variant of EfficientNet differs from the paper's, and what each difference costs.

DIFFERENCES: Columns[Difference] = Columns(
    columns=(
        field("what", head="what", page=lambda d: d.what),
        field("paper", head="the paper", page=lambda d: d.paper),
        field("variant", head="here", page=lambda d: d.variant),
        field("params_ratio", head="params", page=lambda d: _variant_change(d.params_ratio)),
        field("macs_ratio", head="MACs", page=lambda d: _variant_change(d.macs_ratio)),
    ),
    left=3,
)
"""Of ``differences.csv``: what each difference alone does to the paper's B0."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VariantAnswer:
    """What the answer says of an unscaled variant beside the paper's B0; ``most`` costs most of all."""

    source: str
    params: int
    macs: int
    paper_params: int
    paper_macs: int
    most: str
    most_change: str


def variant_text(variant: Variant) -> tuple[str, tuple[Section, ...]]:
    """The answer in two sentences, and the sections that show it."""
    ours, theirs = count(variant.arch), count(EFFICIENTNET_B0)
    results = differences(variant)
    costly = [d for d in results if d.what != ALTOGETHER and (d.macs_ratio or 1) != 1]
    most = max(costly, key=lambda d: abs((d.macs_ratio or 1) - 1), default=None)
    answer = VariantAnswer(
        source=variant.source,
        params=ours.params,
        macs=ours.macs,
        paper_params=theirs.params,
        paper_macs=theirs.macs,
        most="" if most is None else most.what,
        most_change="" if most is None else _variant_change(most.macs_ratio),
    )
    rows = [_member(variant, member) for member in variant.members]
    sections = [
        _section("differences", DIFFERENCES.table(results)),
        _section("members", MEMBERS.table(rows)),
    ]
    if variant.meant:
        meant = [MeantRow(variant=variant, run=run, meant=of) for run, of in _meant(variant)]
        sections.append(_section("meant", MEANT.table(meant)))
    return _said("variant_answer", answer), tuple(sections)


def variant_tables(variant: Variant) -> dict[str, pd.DataFrame]:
    """The same as numbers, by name: ``differences``, ``members``."""
    run = [_member(variant, member) for member in variant.members]
    meant = [_member(variant, member, "meant") for member in variant.meant]
    return {"differences": DIFFERENCES.frame(differences(variant)), "members": MEMBERS.frame([*run, *meant])}


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberRow:
    """A variant's network as run or as meant, its cost, and that of the paper's of that name, if any."""

    member: Member
    as_: str
    cost: Cost
    paper: Cost | None


def _member(variant: Variant, member: Member, as_: str = "run") -> MemberRow:
    return MemberRow(member=member, as_=as_, cost=count(member_arch(variant, member)), paper=_paper(member))


def _of_member(name: str, **looks: Any) -> Column[MemberRow]:
    return Column(name=name, value=lambda row: getattr(row.member, name), **looks)


def _of_cost(name: str, **looks: Any) -> Column[MemberRow]:
    return Column(name=name, value=lambda row: getattr(row.cost, name), **looks)


def _of_paper(name: str, **looks: Any) -> Column[MemberRow]:
    return Column(
        name=f"{name}_paper",
        value=lambda row: None if row.paper is None else getattr(row.paper, name),
        page=lambda row: "" if row.paper is None else si(getattr(row.paper, name)),
        **looks,
    )


def _over_paper(name: str, **looks: Any) -> Column[MemberRow]:
    def ratio(row: MemberRow) -> float | None:
        return None if row.paper is None else getattr(row.cost, name) / getattr(row.paper, name)

    return Column(name=f"{name}_ratio", value=ratio, **looks)


MEMBERS: Columns[MemberRow] = Columns(
    columns=(
        _of_member("name", head="name", page=lambda row: row.member.name),
        Column(name="as", value=lambda row: row.as_),
        _of_member(
            "phi", head="phi", page=lambda row: "" if row.member.phi is None else f"{row.member.phi:g}"
        ),
        _of_member("depth", head="d", page=lambda row: f"{row.member.depth:.3g}"),
        _of_member("width", head="w", page=lambda row: f"{row.member.width:.3g}"),
        _of_member("resolution", head="px", page=lambda row: str(row.member.resolution)),
        _of_member("dropout"),
        _of_cost("params", head="params", page=lambda row: si(row.cost.params)),
        _of_cost("macs", head="MACs", page=lambda row: si(row.cost.macs)),
        _of_paper("params", head="paper's params"),
        _of_paper("macs", head="MACs"),
        _over_paper("params"),
        _over_paper(
            "macs",
            head="change",
            page=lambda row: "" if row.paper is None else _variant_change(row.cost.macs / row.paper.macs),
        ),
    )
)
"""Of ``members.csv``: a variant's networks beside the paper's of the same names."""


def _paper(member: Member) -> Cost | None:
    """What the paper's network of the same name costs; None where it has none."""
    row = published_family().get(member.name)
    return None if row is None else count(row.arch())


def _variant_change(ratio: float | None) -> str:
    if ratio is None:
        return ""
    return "none" if ratio == 1 else signed_percent(ratio - 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class MeantRow:
    """A member as it is run, and as its table was meant."""

    variant: Variant
    run: Member
    meant: Member


def _meant(variant: Variant) -> Iterator[tuple[Member, Member]]:
    return zip(variant.members, variant.meant, strict=True)


def _cost_over(row: MeantRow, name: str) -> str:
    built, asked = (count(member_arch(row.variant, member)) for member in (row.run, row.meant))
    return _variant_change(getattr(built, name) / getattr(asked, name))


def _nominal(member: Member) -> float:
    return Multipliers(depth=member.depth, width=member.width).nominal_ratio


def _twice(name: str, head: str, of: Callable[[Member], float]) -> tuple[Column[MeantRow], ...]:
    """A figure of the member as run and as meant."""
    return (
        page_only(f"{head}: run", lambda row: f"{of(row.run):.3g}", name=f"{name}_run"),
        page_only("meant", lambda row: f"{of(row.meant):.3g}", name=f"{name}_meant"),
    )


MEANT: Columns[MeantRow] = Columns(
    columns=(
        page_only("name", lambda row: row.run.name),
        *_twice("depth", "d", lambda member: member.depth),
        *_twice("width", "w^2", lambda member: member.width**2),
        *_twice("nominal", "d w^2", _nominal),
        page_only("params", lambda row: _cost_over(row, "params")),
        page_only("MACs", lambda row: _cost_over(row, "macs"), name="macs"),
    )
)
"""Of a variant's networks as run and as meant, on a page."""
