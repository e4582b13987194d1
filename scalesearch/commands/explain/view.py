"""The page of an explanation."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
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
from scalesearch.networks.cost import Convention, count, ledger, nearest
from scalesearch.networks.explaining import ALTOGETHER, Difference, Explanation, RowNote, differences
from scalesearch.networks.spec import Arch, Cost
from scalesearch.page.html.page import write_pages
from scalesearch.page.markdown import si, signed_percent
from scalesearch.page.templates import page
from scalesearch.scaling import Multipliers

if TYPE_CHECKING:
    import pandas as pd

# ----------------------------------------------------------------------------------------------------
# Why a network costs what it does, as sections of texts: for a terminal, and for a page.

UNTOUCHED = 0.0005
"""A relative change that one decimal of a percentage does not show."""
SAME_PHI = 0.005
"""Implied phis this close are one."""
ROW_COLUMNS = (
    *("name", "repeats_base", "repeats_exact", "repeats", "channels_base", "channels_exact", "channels"),
    *("stepped_up", "map_exact_height", "map_exact_width", "map_height", "map_width", "macs", "macs_exact"),
    *("by_repeats", "by_channels", "by_maps"),
)
POWERS = ("depth_power", "width_power")
"""Columns of where some stages are scaled more strongly than others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A title, a table of texts of which the first ``left`` columns are flush left, and a line below it."""

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    left: int = 1
    note: str = ""


def explanation_text(
    explanation: Explanation, published: PublishedNetwork | None
) -> tuple[str, tuple[Section, ...]]:
    """The answer in two sentences, and the sections that show it.

    ``published`` is the published row of the network, where it is one.
    """
    conventions = ledger(explanation.arch)
    sections = [_phis(explanation)]
    if explanation.rows:
        sections += [_rows(explanation), _ratio(explanation)]
    params = count(explanation.arch).params
    sections.append(_ledger(explanation.arch, conventions, params, published))
    return _answer(explanation), tuple(sections)


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
    rows = [_row_cells(asdict(row)) for row in explanation.rows]
    ratio = [asdict(part) for part in explanation.parts]
    conventions = [asdict(convention) for convention in ledger(explanation.arch)]
    return {
        "network": frame([network], tuple(network)),
        "rows": frame(rows, (*ROW_COLUMNS, *(POWERS if explanation.by_stage else ()))),
        "ratio": frame(ratio, ("name", "says", "factor")),
        "ledger": frame(conventions, ("name", "value", "says", "who")),
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


def _row_cells(row: dict[str, Any]) -> dict[str, Any]:
    exact, built = row["map_exact"], row["map"]
    sides = {"map_exact_height": exact[0], "map_exact_width": exact[1]}
    return {
        **row,
        **sides,
        "map_height": built[0],
        "map_width": built[1],
        "stepped_up": "yes" if row["stepped_up"] else "no",
    }


def _answer(e: Explanation) -> str:
    built, macs = count(e.arch), count(e.base).macs
    if e.multipliers.nominal_ratio == 1 and e.realised_ratio == 1:
        first = f"{e.arch.name} is not scaled: {built.params:,d} parameters, {si(built.macs)} multiply-adds."
        return f"{first} What others say it costs depends on what they count, see below."
    by_stage = ", more strongly in some stages than in others" if e.by_stage else ""
    first = (
        f"{e.arch.name} is {e.base.name} made {_made(e)}{by_stage}: by the rule {e.nominal_ratio:.2f} times "
        f"its {si(macs)} multiply-adds, as built {e.realised_ratio:.2f} times ({si(built.macs)}, "
        f"{built.params:,d} parameters)."
    )
    return f"{first} {_second(e)}"


def _second(e: Explanation) -> str:
    implied = _implied(e)
    if not e.parts:
        return f"How it rounds is its own code's; {implied}."
    gap = e.realised_ratio / e.nominal_ratio
    if abs(gap - 1) < UNTOUCHED:
        return f"Rounding changes nothing; {implied}."
    ordered = sorted(e.parts, key=lambda part: part.factor)
    most = max(ordered[0], ordered[-1], key=lambda part: abs(math.log(part.factor)))
    share = math.log(most.factor) / math.log(gap)
    if share > 1 or share < 0:
        return (
            f"Of the steps between the two, {signed_percent(gap - 1)} in all, the largest is {most.name} "
            f"({signed_percent(most.factor - 1)}: {most.says}), which others "
            f"{'partly' if share > 1 else 'more than'} undo; {implied}."
        )
    return (
        f"Of the {signed_percent(gap - 1)} between the two, {'most' if share > 0.5 else 'the largest part'} "
        f"is due to {most.name} "
        f"({signed_percent(most.factor - 1)}: {most.says}); {implied}."
    )


def _implied(e: Explanation) -> str:
    """Which phi, or phis, the coefficients make of the multipliers."""
    triple = f"({e.coefficients.alpha:.4g}, {e.coefficients.beta:.4g}, {e.coefficients.gamma:.4g})"
    implied = [phi for phi in e.implied_phis.values() if phi is not None]
    if len(implied) == len(e.implied_phis) and max(implied) - min(implied) < SAME_PHI:
        return f"by {triple} it is phi {implied[0]:.3g}"
    phis = (f"{name} {'none' if phi is None else f'{phi:.2f}'}" for name, phi in e.implied_phis.items())
    return f"by {triple} it is no one phi: {', '.join(phis)}"


def _made(e: Explanation) -> str:
    """What the multipliers do, those that do nothing left out."""
    d, w, r = e.multipliers.depth, e.multipliers.width, e.multipliers.resolution
    pairs = zip((d, w, r), ("deep", "wide", "sharp"), strict=True)
    times = [f"{multiplier:.4g} times as {adjective}" for multiplier, adjective in pairs if multiplier != 1]
    return _listed(times or ["1 times as deep"])


def _listed(texts: Sequence[str]) -> str:
    return texts[0] if len(texts) == 1 else f"{', '.join(texts[:-1])} and {texts[-1]}"


def _phis(e: Explanation) -> Section:
    pairs = zip(
        e.implied_phis.items(),
        (("alpha", e.coefficients.alpha), ("beta", e.coefficients.beta), ("gamma", e.coefficients.gamma)),
        (e.multipliers.depth, e.multipliers.width, e.multipliers.resolution),
        strict=True,
    )
    return Section(
        title="The phi that each dimension implies",
        header=("dimension", "multiplier", "coefficient", "phi"),
        rows=tuple(
            (name, f"{multiplier:.4g}", f"{letter} {value:.4g}", "none" if phi is None else f"{phi:.2f}")
            for (name, phi), (letter, value), multiplier in pairs
        ),
        note="phi = log(multiplier) / log(coefficient). The rule has one phi for all three.",
    )


def _rows(e: Explanation) -> Section:
    stepped = [row.name for row in e.rows if row.stepped_up]
    step = (
        f" {_listed(stepped)} {'goes' if len(stepped) == 1 else 'go'} a step above the nearest multiple (*), "
        "which would keep too few channels."
        if stepped
        else ""
    )
    powers = (
        " Scaled by: what the multipliers of depth and width are raised to for a stage; the nominal "
        "ratio leaves these powers out."
        if e.by_stage
        else ""
    )
    return Section(
        title="What the roundings did to each row",
        header=(
            "row",
            *(("scaled by",) if e.by_stage else ()),
            *("blocks", "channels", "map (px)", "MACs", "+ blocks", "+ channels", "+ maps"),
        ),
        left=1 + e.by_stage,
        rows=tuple(
            (
                row.name,
                *((_powers(row),) if e.by_stage else ()),
                _rounded(row.repeats_exact, row.repeats),
                _rounded(row.channels_exact, row.channels) + ("*" if row.stepped_up else ""),
                _map(row.map_exact, row.map),
                si(row.macs),
                *(_change(factor) for factor in (row.by_repeats, row.by_channels, row.by_maps)),
            )
            for row in e.rows
        ),
        note="The rule's value -> what was built, the map being what the row gives (the head: pools); "
        "+: what that rounding alone adds to the row's MACs." + step + powers,
    )


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


def _ratio(e: Explanation) -> Section:
    d, w, r = e.multipliers.depth, e.multipliers.width, e.multipliers.resolution
    ratio = e.nominal_ratio
    rows = [("nominal", f"d w^2 r^2 = {d:.4g} x {w:.4g}^2 x {r:.4g}^2", "", f"{ratio:.3f}")]
    for part in e.parts:
        ratio *= part.factor
        rows.append((part.name, part.says, signed_percent(part.factor - 1), f"{ratio:.3f}"))
    rows.append(("realised", "multiply-adds as built over the baseline's", "", f"{e.realised_ratio:.3f}"))
    return Section(
        title="From the nominal ratio to the realised one",
        header=("step", "why", "change", "ratio"),
        rows=tuple(rows),
        left=2,
    )


def _ledger(
    arch: Arch, conventions: tuple[Convention, ...], params: int, published: PublishedNetwork | None
) -> Section:
    macs = conventions[0].value
    rows = [(c.name, c.says, c.who, f"{c.value:,d}", signed_percent(c.value / macs - 1)) for c in conventions]
    note = ""
    if published is not None and published.flops:
        rows.append(
            (
                "published",
                "as printed",
                published.source,
                si(published.flops),
                signed_percent(published.flops / macs - 1),
            )
        )
        close = nearest(conventions, published.flops)
        note = (
            f"The published {si(published.flops)} is nearest to {close.name} "
            f"({signed_percent(published.flops / close.value - 1)})."
        )
        if published.params:
            note += f" Of parameters {si(published.params)} are published: here there are {params:,d}."
    if arch.code:
        note = "The network is its own code's: its blocks can't be told, nor its biases and pools counted."
    return Section(
        title="What is counted, and by whom",
        header=("convention", "what counts", "who counts so", "for one image", "to MACs"),
        rows=tuple(rows),
        left=3,
        note=note,
    )


# ----------------------------------------------------------------------------------------------------
# In what a variant of EfficientNet differs from the paper's, and what each difference costs.

DIFFERENCE_COLUMNS = ("what", "paper", "variant", "params_ratio", "macs_ratio")
MEMBER_COLUMNS = (
    *("name", "as", "phi", "depth", "width", "resolution", "dropout", "params", "macs"),
    *("params_paper", "macs_paper", "params_ratio", "macs_ratio"),
)


def variant_text(variant: Variant) -> tuple[str, tuple[Section, ...]]:
    """The answer in two sentences, and the sections that show it."""
    ours, theirs = count(variant.arch), count(EFFICIENTNET_B0)
    results = differences(variant)
    costly = [d for d in results if d.what != ALTOGETHER and (d.macs_ratio or 1) != 1]
    most = max(costly, key=lambda d: abs((d.macs_ratio or 1) - 1), default=None)
    answer = (
        f"From {variant.source}. Unscaled it has {ours.params:,d} parameters and {si(ours.macs)} "
        f"multiply-adds, where the paper's B0 has {theirs.params:,d} and {si(theirs.macs)}"
    )
    if most is not None:
        change = _variant_change(most.macs_ratio)
        answer += f"; most of that comes of one difference, {most.what} ({change} MACs alone)"
    sections = [_differences(results), _members(variant)]
    sections += [_meant(variant)] if variant.meant else []
    return f"{answer}.", tuple(sections)


def variant_tables(variant: Variant) -> dict[str, pd.DataFrame]:
    """The same as numbers, by name: ``differences``, ``members``."""
    from scalesearch.page.tables import frame  # loads pandas

    rows = [{name: getattr(d, name) for name in DIFFERENCE_COLUMNS} for d in differences(variant)]
    members = [
        {**cells, "as": "run"} for cells in (_member_cells(variant, member) for member in variant.members)
    ]
    members += [
        {**cells, "as": "meant"} for cells in (_member_cells(variant, member) for member in variant.meant)
    ]
    return {"differences": frame(rows, DIFFERENCE_COLUMNS), "members": frame(members, MEMBER_COLUMNS)}


def _member_cells(variant: Variant, member: Member) -> dict[str, object]:
    cost, paper = count(member_arch(variant, member)), _paper(member)
    cells: dict[str, object] = {
        name: getattr(member, name) for name in ("name", "phi", "depth", "width", "resolution", "dropout")
    }
    cells |= {"params": cost.params, "macs": cost.macs}
    if paper is None:
        return cells
    return cells | {
        "params_paper": paper.params,
        "macs_paper": paper.macs,
        "params_ratio": cost.params / paper.params,
        "macs_ratio": cost.macs / paper.macs,
    }


def _paper(member: Member) -> Cost | None:
    """What the paper's network of the same name costs; None where it has none."""
    row = published_family().get(member.name)
    return None if row is None else count(row.arch())


def _differences(results: Sequence[Difference]) -> Section:
    rows = [
        (d.what, d.paper, d.variant, _variant_change(d.params_ratio), _variant_change(d.macs_ratio))
        for d in results
    ]
    return Section(
        title="Its differences from the paper's B0",
        header=("what", "the paper", "here", "params", "MACs"),
        rows=tuple(rows),
        left=3,
        note="The last two columns: what that difference alone does to B0. They act on each other, so they "
        "need not multiply to what all of them do; rules of scaling do nothing to B0, which isn't scaled.",
    )


def _variant_change(ratio: float | None) -> str:
    if ratio is None:
        return ""
    return "none" if ratio == 1 else signed_percent(ratio - 1)


def _members(variant: Variant) -> Section:
    return Section(
        title="Its networks beside the paper's",
        header=("name", "phi", "d", "w", "px", "params", "MACs", "paper's params", "MACs", "change"),
        rows=tuple(_member_row(variant, member) for member in variant.members),
        note="d and w: times as deep and wide as its own first one, as it builds them. change: its MACs over "
        "those of the paper's network of that name.",
    )


def _member_row(variant: Variant, member: Member) -> tuple[str, ...]:
    cost, paper = count(member_arch(variant, member)), _paper(member)
    theirs = ("", "", "")
    if paper is not None:
        theirs = (si(paper.params), si(paper.macs), _variant_change(cost.macs / paper.macs))
    return (
        *(member.name, "" if member.phi is None else f"{member.phi:g}"),
        *(f"{member.depth:.3g}", f"{member.width:.3g}", str(member.resolution)),
        *(si(cost.params), si(cost.macs)),
        *theirs,
    )


def _meant(variant: Variant) -> Section:
    """Each member as it is built and as its table was meant."""
    return Section(
        title="Its table as run and as meant",
        header=(
            *("name", "d: run", "meant", "w^2: run", "meant", "d w^2: run", "meant"),
            *("params", "MACs"),
        ),
        rows=tuple(_meant_rows(variant)),
        note="By the rule a member costs d w^2 r^2 times the first: what deepens it counts once, what widens "
        "it twice. params, MACs: as run over as meant.",
    )


def _meant_rows(variant: Variant) -> Iterator[tuple[str, ...]]:
    for run, meant in zip(variant.members, variant.meant, strict=True):
        built, asked = count(member_arch(variant, run)), count(member_arch(variant, meant))
        terms = [Multipliers(depth=member.depth, width=member.width).nominal_ratio for member in (run, meant)]
        yield (
            run.name,
            *(f"{member.depth:.3g}" for member in (run, meant)),
            *(f"{member.width**2:.3g}" for member in (run, meant)),
            *(f"{term:.3g}" for term in terms),
            _variant_change(built.params / asked.params),
            _variant_change(built.macs / asked.macs),
        )
