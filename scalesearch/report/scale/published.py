"""The part of a scaled family's page that sets it beside the published family."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from scalesearch.architecture.ledger import Convention, ledger, nearest
from scalesearch.architecture.published import published_family, published_network
from scalesearch.records import FamilyRow, PublishedRow, ScaleRecord
from scalesearch.report.evidence import PAPER, same_triple
from scalesearch.report.markdown import escape, si, signed_percent, table
from scalesearch.report.scale.figures import family_letters, family_name, family_number

__all__ = ["published_section"]

AGREE = 0.05
"""Implied phis this close are the same up to the one decimal that multipliers were published with."""
Quantity = tuple[str, Callable[[FamilyRow], float], Callable[[PublishedRow], float], Callable[[float], str]]
"""A name, its value by the rule, its published value, and how to write it."""


def published_section(record: ScaleRecord, figure: str) -> list[str]:
    """The paragraphs of the comparison with the published family; ``figure`` is that of its accuracy."""
    if not record.published:
        return [
            "## 4. The published family",
            "No family was published for this baseline at this width, resolution and rounding (see the "
            "settings), so there is none to compare with.",
        ]
    by_phi = {row.phi: row for row in record.family}
    pairs = [
        (by_phi[k], row) for row in record.published if (k := family_number(row)) is not None and k in by_phi
    ]
    own = (record.alpha, record.beta, record.gamma)
    theirs = (
        "These are the paper's own coefficients."
        if same_triple(own, PAPER)
        else f"The paper's family goes with alpha {PAPER[0]}, beta {PAPER[1]}, gamma {PAPER[2]}, not with "
        "those of this page, so differences are expected."
    )
    parts = ["## 4. Rule, published, residual", theirs, *_borrowed(record.published)]
    if pairs:
        parts += [
            f"The rule at phi = k beside the published network {family_letters(record.published[0])}k. The "
            "residual is rule over published, less 1.",
            _beside(
                pairs,
                ("depth", lambda f: f.depth, lambda p: p.depth, _short),
                ("width", lambda f: f.width, lambda p: p.width, _short),
                ("input (px)", lambda f: f.resolution, lambda p: p.resolution, _short),
            ),
            _beside(
                pairs,
                ("params", lambda f: f.params, lambda p: p.params_published, si),
                ("FLOPs", lambda f: f.macs, lambda p: p.flops_published, si),
            ),
        ]
    else:
        parts.append(
            "The family above has no whole phi with a published number, so there is no residual to show."
        )
    parts += [_rebuilt(record), _implied(record), figure]
    return parts


def _beside(pairs: Sequence[tuple[FamilyRow, PublishedRow]], *quantities: Quantity) -> str:
    """A table of rule, published and residual of each quantity, one row per published network."""
    header = ["network"]
    for name, *_ in quantities:
        header += [f"{name}: rule", "published", "residual"]
    rows = []
    for built, published in pairs:
        cells = [family_name(published)]
        for _, of_rule, of_published, said in quantities:
            ours, theirs = of_rule(built), of_published(published)
            cells += [said(ours), said(theirs), signed_percent(ours / theirs - 1)]
        rows.append(cells)
    return table(header, rows)


def _rebuilt(record: ScaleRecord) -> str:
    rows = [
        (
            family_name(row),
            si(row.params),
            si(row.params_published),
            signed_percent(row.params_error),
            si(row.macs),
            si(row.flops_published),
            signed_percent(row.flops_error),
        )
        for row in record.published
    ]
    return f"### Rebuilt from the published coefficients\n\n{_agreement(record.published)}\n\n" + table(
        ("network", "params", "published", "difference", "MACs", "published FLOPs", "difference"), rows
    )


def _agreement(published: Sequence[PublishedRow]) -> str:
    """How near the rebuilt networks come to the published figures; by which convention, if by another."""
    other = _other_convention(published)
    if other is None:
        worst = max(max(abs(row.params_error), abs(row.flops_error)) for row in published)
        return (
            "Built here from their published depth, width and resolution, the networks cost what was "
            f"published within {worst:.1%} (published figures have two digits). The residuals above are "
            "therefore the rule's, not the counter's."
        )
    convention, gap = other
    params = max(abs(row.params_error) for row in published)
    low, high = sorted((min(row.flops_error for row in published), max(row.flops_error for row in published)))
    return (
        "Built here from their published depth, width and resolution, the networks have the published "
        f"parameters within {params:.1%}, but other multiply-adds: {signed_percent(low)} to "
        f"{signed_percent(high)}. The published figures are within {gap:.1%} of what `scalesearch explain` "
        f"calls *{escape(convention.name)}*: {escape(convention.says)}. So that part of the residuals above "
        "is the counter's, not the rule's."
    )


def _other_convention(published: Sequence[PublishedRow]) -> tuple[Convention, float] | None:
    """The convention, if not the plain one, that all figures are nearest to, and how near; None if none."""
    found = []
    for row in published:
        network = published_network(row.name)
        if network is None:
            return None
        conventions = ledger(network.arch())
        found.append((nearest(conventions, row.flops_published), conventions[0], row.flops_published))
    if not found or len({close.name for close, _, _ in found}) > 1 or found[0][0].name == found[0][1].name:
        return None
    return found[0][0], max(abs(close.value / figure - 1) for close, _, figure in found)


def _borrowed(published: Sequence[PublishedRow]) -> list[str]:
    """That a family has the multipliers of EfficientNet's, where it has, and at which other inputs."""
    paper = published_family()
    if any(row.name in paper for row in published):
        return []
    pairs = [(row, paper[name]) for row in published if (name := f"b{family_number(row)}") in paper]
    if len(pairs) < len(published) or any(
        (row.depth, row.width) != (theirs.depth, theirs.width) for row, theirs in pairs
    ):
        return []
    others = [
        f"{family_name(row)} reads {row.resolution} px, not {theirs.resolution}"
        for row, theirs in pairs
        if theirs.resolution != row.resolution
    ]
    return [
        f"The published {family_letters(published[0])} networks have the depth and width multipliers of "
        f"EfficientNet's {pairs[0][1].name.upper()} to {pairs[-1][1].name.upper()}."
        + (f" {'; '.join(others)}." if others else "")
    ]


def _implied(record: ScaleRecord) -> str:
    def cell(phi: float | None) -> str:
        return "none" if phi is None else f"{phi:.2f}"

    implied = {
        family_name(row): (row.implied_phi_depth, row.implied_phi_width, row.implied_phi_resolution)
        for row in record.published
    }
    return (
        "### Why the published networks are not phi = 1, 2, 3 ...\n\n"
        "If a published network followed the rule with these coefficients, the phi that its depth implies "
        "(log d / log alpha), the phi of its width and the phi of its resolution would be one number, its "
        f"own.{_disagreement(record.published)} "
        "The published multipliers have one decimal, and how they and the resolutions were chosen was not "
        "published. Nothing here is tuned until they agree.\n\n"
        + table(
            ("network", "phi by depth", "phi by width", "phi by resolution"),
            ((name, *map(cell, phis)) for name, phis in implied.items()),
        )
        + (
            "\n\nnone: a coefficient of 1 never scales a dimension that the published network did scale."
            if any(None in phis for phis in implied.values())
            else ""
        )
    )


def _disagreement(published: Sequence[PublishedRow]) -> str:
    """How far the implied phis lie from one another and from the networks' own numbers."""
    gaps, misses = [], []
    for row in published:
        phis = (row.implied_phi_depth, row.implied_phi_width, row.implied_phi_resolution)
        known = [phi for phi in phis if phi is not None]
        if known:
            gaps.append((max(known) - min(known), row, min(known), max(known)))
        number = family_number(row)
        if number is not None:
            named = zip(phis, ("depth", "width", "resolution"), strict=True)
            misses += [(abs(phi - number), row, name, phi) for phi, name in named if phi is not None]
    if not gaps or not misses:
        return ""
    gap, widest, low, high = max(gaps, key=lambda item: item[0])
    miss, furthest, name, phi = max(misses, key=lambda item: item[0])
    if max(gap, miss) <= AGREE:
        return " Here they agree."
    return (
        f" They are not. The widest gap within one network is {family_name(widest)}'s, from {low:.2f} to "
        f"{high:.2f}; the furthest from its own number is {family_name(furthest)}, whose {name} implies phi "
        f"{phi:.2f}."
    )


def _short(value: float) -> str:
    return f"{value:.4g}"
