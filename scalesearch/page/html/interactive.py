"""What a reader can point at on the page of a search or of a family: the evidence as plain data."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.colors import Normalize, to_hex
from matplotlib.figure import Figure
from matplotlib.path import Path as Outline
from numpy.typing import NDArray

from scalesearch.networks.baselines import PAPER_COEFFICIENTS
from scalesearch.networks.cost import block_count, count
from scalesearch.networks.scaled import compound
from scalesearch.page.answer import (
    SearchAnswer,
    coefficients_of,
    fitted_text,
    interval_text,
    split_text,
    told_answer,
)
from scalesearch.page.evidence import highlights, input_text, intervals, names_paper, short_coefficients
from scalesearch.page.fronts import FRONT_COSTS, fronts, panels
from scalesearch.page.html.page import Interactive
from scalesearch.page.latency import latency_text
from scalesearch.page.markdown import MOST_CURVES, MOST_MARKS, drawn_part, percent, si
from scalesearch.page.parts import counted_parts, is_own_code
from scalesearch.page.rounding import base_network
from scalesearch.page.shares import SHADES, share_point
from scalesearch.records import CandidateRecord, RunRecord, ScaleRecord
from scalesearch.scaling import Coefficients, shares_of
from scalesearch.statistics.answer import Rate, lattice
from scalesearch.text import size_text, visible

FINE = 40
"""Steps of the lattice that the surface is drawn on."""
LEVELS = 12
"""Shades of the surface."""
UNIT = 1000
"""The side of the triangle, in the units that outlines are written in."""
PHIS = tuple(quarter / 4 for quarter in range(29))
"""Where the family of an answer is counted: 0 to 7."""


def search_parts(
    run: RunRecord, places: Mapping[str, Sequence[str]], beside: Collection[str] = ()
) -> Interactive:
    """The parts of a search's page: triangle, exchange rates, Pareto fronts, learning curves, family.

    Args:
        run: the search.
        places: which parts may stand in which figure's place. Those that have no data are left out.
        beside: the figures that are shown besides.
    """
    found = told_answer(run)
    answer = None if isinstance(found, str) else found
    named = {h.candidate.key for h in highlights(run)}.union(*fronts(run).values())
    shown = drawn_part([c for c in run.candidates if c.runs], lambda c: c.key in named, MOST_CURVES)
    data = {"pareto": _pareto(run, shown), "curves": _curves(run, shown)}
    if answer is not None:
        data |= {
            "triangle": _triangle(run, shown, answer),
            "rates": _rates(answer),
            "clicked": data["curves"],
            "family": _family(run, answer),
        }
    data = {name: value for name, value in data.items() if value is not None}
    parts = {figure: tuple(name for name in names if name in data) for figure, names in places.items()}
    return Interactive(
        data={"networks": _networks(run, shown, answer), **data} if data else {},
        places={figure: names for figure, names in parts.items() if names},
        beside=beside,
    )


def _networks(
    run: RunRecord, shown: Iterable[CandidateRecord], answer: SearchAnswer | None
) -> list[dict[str, Any]]:
    """Each trained network: its card, where it lies on the triangle, its shade and its learning curve."""
    names = {h.candidate.key: h.text for h in highlights(run)}
    tops = [100 * c.top1 for c in shown if c.top1 is not None and c.status == "completed"]
    shades = Normalize(min(tops, default=0) - 1e-3, max(tops, default=1) + 1e-3)
    fitted = answer.predictions if answer else {}
    networks = []
    for c in shown:
        at = None if c.split is None else share_point(c.split[0], c.split[1])
        done = c.status == "completed" and c.top1 is not None
        networks.append(
            {
                "key": c.key,
                "name": short_coefficients(c),
                "role": visible(names.get(c.key, ""), one_line=True),
                "at": None if at is None else [_short(x, 4) for x in at],
                "shade": to_hex(SHADES(shades(100 * (c.top1 or 0.0)))) if done else None,
                "card": _card(run, c, fitted.get(c.key)),
                "curve": [[images, _short(100 * top1)] for images, top1 in sorted(c.curve)],
            }
        )
    return networks


def _card(run: RunRecord, c: CandidateRecord, fitted: tuple[float, float] | None) -> list[list[str]]:
    spread = "" if c.top1_sd is None else f" \u00b1 {100 * c.top1_sd:.1f}"
    seeds = f"{len(c.runs)} seed{'s' * (len(c.runs) != 1)}"
    facts = {
        "alpha, beta, gamma": short_coefficients(c),
        "as built": split_text(c.split) if c.split else "",
        "MACs": f"{si(c.macs)}, {c.macs_ratio:.2f} times the baseline's" if c.macs else "",
        "params": si(c.params) if c.params else "",
        counted_parts(run.settings): str(c.blocks),
        "input": input_text(c),
        "latency": latency_text(c.latency),
        "top-1": f"{percent(c.top1)}{spread} ({seeds})" if c.top1 is not None else "",
        "fitted": "" if fitted is None else f"{fitted_text(*fitted, pm='±')} (95%)",
        "status": "" if c.status == "completed" else f"{c.status}: {c.reason}".rstrip(": "),
        "network": c.key,
    }
    return [[name, visible(text, one_line=True)] for name, text in facts.items() if text]


def _triangle(run: RunRecord, shown: Sequence[CandidateRecord], answer: SearchAnswer) -> dict[str, Any]:
    """The surface as outlines of its shades, what is excluded, and the splits that have a name."""
    surface = answer.surface
    paper = shares_of(PAPER_COEFFICIENTS)
    tops = [100 * c.top1 for c in shown if c.top1 is not None and c.status == "completed"]
    data: dict[str, Any] = {
        "different": bool(surface.different),
        "drawn": bool(surface.tells),
        "paper": list(share_point(paper.depth, paper.width)) if names_paper(run) else None,
        "best": list(share_point(answer.answer.best[0], answer.answer.best[1])),
        "bestText": f"{split_text(answer.answer.best)}: {interval_text(answer.answer.top1, unit='%')}",
        "low": min(tops, default=0.0),
        "high": max(tops, default=1.0),
        "shades": [to_hex(SHADES(step / 8)) for step in range(9)],
    }
    if not surface.tells:
        # A surface that explains nothing is not drawn: the eye takes it for a finding.
        return data
    fine = lattice(FINE)
    fine = fine[surface.inside(fine)]
    heights = surface.top1(fine)[0]
    low, high = float(heights.min()), float(heights.max())
    axes = Figure().add_subplot()
    filled = axes.tricontourf(*_places(fine), heights, levels=LEVELS)
    layers = np.asarray(filled.levels, float)[:-1].tolist()
    shades = Normalize(low, high)
    data |= {
        "low": low,
        "high": high,
        "levels": [
            {"fill": to_hex(SHADES(shades(level))), "path": _path(outline)}
            for level, outline in zip(layers, filled.get_paths(), strict=True)
            if np.size(outline.vertices)
        ],
    }
    region = answer.answer.region
    if not region.all():
        where, inside = _places(answer.answer.splits), region.astype(float)
        pale = axes.tricontourf(*where, inside, levels=[-1, 0.5])
        edge = axes.tricontour(*where, inside, levels=[0.5])
        data |= {
            "pale": "".join(_path(outline) for outline in pale.get_paths()),
            "region": "".join(_path(outline, closed=False) for outline in edge.get_paths()),
        }
    return data


def _places(splits: NDArray[np.float64]) -> tuple[list[float], list[float]]:
    points = [share_point(float(depth), float(width)) for depth, width, _ in splits]
    return [x for x, _ in points], [y for _, y in points]


def _path(outline: Outline, *, closed: bool = True) -> str:
    """An outline as an SVG path, in thousandths of the triangle's side, downwards from its base line."""
    lines = []
    for polygon in outline.to_polygons(closed_only=closed):
        points = [f"{UNIT * x:.0f} {-UNIT * y:.0f}" for x, y in np.asarray(polygon).tolist()]
        lines.append(f"M{'L'.join(points)}{'Z' if closed else ''}")
    return "".join(lines)


def _rates(answer: SearchAnswer) -> dict[str, Any]:
    """The exchange rates at each length, and at the one that they are extrapolated to."""
    lengths = [{"images": at.images, "rates": list(map(_rate, at.rates))} for at in answer.lengths]
    growth = answer.growth
    later = None
    if growth is not None:
        later = {"images": round(growth.later_images), "rates": list(map(_rate, growth.later))}
    return {"lengths": lengths, "later": later}


def _rate(rate: Rate) -> dict[str, Any]:
    points = rate.points
    values = {"value": points.value, "low": points.low, "high": points.high}
    numbers = {k: _short(v) for k, v in values.items()}
    return {
        "name": f"{rate.giver} to {rate.taker}",
        "text": interval_text(points, digits=2, sign="+"),
        **numbers,
    }


def _pareto(run: RunRecord, shown: Sequence[CandidateRecord]) -> list[dict[str, Any]] | None:
    """For each cost that is known: who costs what, and who is on the front."""
    number = {c.key: index for index, c in enumerate(shown)}
    bounds = intervals(run)
    found = []
    telling = {panel.name for panel in panels(run)}
    titles = {cost.name: cost.said for cost in FRONT_COSTS}
    for panel in panels(run, alike=True):
        front = frozenset(panel.front)
        points = []
        for (low, cost, high), c in drawn_part(
            list(zip(panel.costs, panel.candidates, strict=True)),
            lambda mark, front=front: mark[1].key in front,  # type: ignore[misc]
            MOST_MARKS,
        ):
            if c.key not in number or c.top1 is None:
                continue
            least, most = bounds.get(c.key, (c.top1, c.top1))
            points.append(
                {
                    "network": number[c.key],
                    "cost": [_short(value, 4) for value in (low, cost, high)],
                    "top1": [_short(100 * value) for value in (least, c.top1, most)],
                    "front": c.key in front,
                    "unstable": c.key in panel.unstable,
                }
            )
        title = titles[panel.name] + ("" if panel.name in telling else " (equal within 5%)")
        label = panel.label.replace("\n", " ")
        found.append({"name": panel.name, "title": title, "label": label, "points": points})
    # First the costs that tell networks apart.
    found.sort(key=lambda panel: panel["name"] not in telling)
    return found or None


def _curves(run: RunRecord, shown: Sequence[CandidateRecord]) -> dict[str, Any] | None:
    return {"chance": _short(100 / run.classes)} if any(c.curve for c in shown) else None


def _family(run: RunRecord, answer: SearchAnswer) -> dict[str, Any] | None:
    """The full-size networks of the best split from phi 0 to 7; None where only a user's code could tell."""
    if is_own_code(run.settings):
        return None
    own = coefficients_of(answer.answer.best)
    coefficients = Coefficients(alpha=own[0], beta=own[1], gamma=own[2])
    # At full size: the settings of the proxy are the search's alone.
    settings = {
        k: v for k, v in run.settings.items() if not k.startswith("baseline_") or k == "baseline_arch"
    }
    try:
        base, rounding = base_network(str(run.settings["baseline"]), settings)
        networks = [(phi, compound(base, coefficients, phi, rounding)) for phi in PHIS]
    except (KeyError, TypeError, ValueError):
        return None
    rows = []
    for phi, arch in networks:
        cost, by = count(arch), coefficients.at(phi)
        rows.append(
            {
                "phi": phi,
                "depth": f"{by.depth:.3f}",
                "width": f"{by.width:.3f}",
                "resolution": f"{by.resolution:.3f}",
                "input": size_text(arch.input_size),
                "blocks": block_count(arch),
                "macs": si(cost.macs),
                "params": si(cost.params),
            }
        )
    name = ", ".join(f"{value:g}" for value in own)
    return {"name": f"{visible(str(run.settings['baseline']))} by alpha, beta, gamma {name}", "rows": rows}


def family_parts(record: ScaleRecord) -> Interactive:
    """The part of a family's page that tries other coefficients: the rule's arithmetic alone.

    What was counted of the networks at the record's own settings stands beside it.
    """
    if not record.family:
        return Interactive()
    rows = [
        {
            "phi": row.phi,
            "input": input_text(row),
            "blocks": row.blocks,
            "macs": si(row.macs),
            "params": si(row.params),
            "ratio": f"{row.macs_ratio:.2f}",
        }
        for row in record.family
    ]
    data = {
        "alpha": record.alpha,
        "beta": record.beta,
        "gamma": record.gamma,
        "parts": counted_parts(record.settings),
        "rows": rows,
    }
    return Interactive(data={"rule": data}, places={"cost": ("rule",)}, beside=("cost",))


def _short(value: float, digits: int = 3) -> float:
    return float(f"{value:.{digits + 2}g}")
