"""In what a variant of EfficientNet differs from the paper's, and what each difference costs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from scalesearch.architecture.baselines import EFFICIENTNET_B0
from scalesearch.architecture.cost import count
from scalesearch.architecture.cost_values import Cost
from scalesearch.architecture.published import published_family
from scalesearch.architecture.variant_differences import ALTOGETHER, Difference, differences
from scalesearch.architecture.variant_types import Member, Variant, member_arch
from scalesearch.report.explain.report import Section
from scalesearch.report.markdown import si, signed_percent
from scalesearch.scaling import Multipliers

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["variant_tables", "variant_text"]

DIFFERENCE_COLUMNS = ("what", "paper", "variant", "params_ratio", "macs_ratio")
MEMBER_COLUMNS = (
    *("name", "as", "phi", "depth", "width", "resolution", "dropout", "params", "macs"),
    *("params_paper", "macs_paper", "params_ratio", "macs_ratio"),
)


def variant_text(variant: Variant) -> tuple[str, tuple[Section, ...]]:
    """The answer in two sentences, and the sections that show it."""
    ours, theirs = count(variant.arch), count(EFFICIENTNET_B0)
    found = differences(variant)
    costly = [d for d in found if d.what != ALTOGETHER and (d.macs_ratio or 1) != 1]
    most = max(costly, key=lambda d: abs((d.macs_ratio or 1) - 1), default=None)
    answer = (
        f"From {variant.source}. Unscaled it has {ours.params:,d} parameters and {si(ours.macs)} "
        f"multiply-adds, where the paper's B0 has {theirs.params:,d} and {si(theirs.macs)}"
    )
    if most is not None:
        answer += (
            f"; most of that comes of one difference, {most.what} ({_change(most.macs_ratio)} MACs alone)"
        )
    sections = [_differences(found), _members(variant)]
    sections += [_meant(variant)] if variant.meant else []
    return f"{answer}.", tuple(sections)


def variant_tables(variant: Variant) -> dict[str, pd.DataFrame]:
    """The same as numbers, by name: ``differences``, ``members``."""
    from scalesearch.report.frame import frame  # loads pandas

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


def _differences(found: Sequence[Difference]) -> Section:
    rows = [(d.what, d.paper, d.variant, _change(d.params_ratio), _change(d.macs_ratio)) for d in found]
    return Section(
        title="Its differences from the paper's B0",
        header=("what", "the paper", "here", "params", "MACs"),
        rows=tuple(rows),
        left=3,
        note="The last two columns: what that difference alone does to B0. They act on each other, so they "
        "need not multiply to what all of them do; rules of scaling do nothing to B0, which isn't scaled.",
    )


def _change(ratio: float | None) -> str:
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
        theirs = (si(paper.params), si(paper.macs), _change(cost.macs / paper.macs))
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
            _change(built.params / asked.params),
            _change(built.macs / asked.macs),
        )
