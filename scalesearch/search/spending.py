"""A budget in its own unit, ``latency=12ms`` or ``macs=800M``: what the full-size network may spend.

The networks that are trained are smaller ones of the same multipliers. So each candidate's coefficients are
followed on the full-size baseline to whatever phi spends the budget; nothing is trained or timed for that.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

from scalesearch.architecture.code_spec import RefusedError
from scalesearch.architecture.cost import count
from scalesearch.architecture.match import BudgetKind, closed_form
from scalesearch.architecture.refused import reason
from scalesearch.architecture.scaled import compound, scale
from scalesearch.architecture.spec import Arch, Rounding
from scalesearch.records import BudgetRecord, CostLaw, Setup
from scalesearch.records.setup_text import parse_changes
from scalesearch.scaling import Coefficients, Multipliers
from scalesearch.search.budget import EqualCost, along_the_rule, times
from scalesearch.search.grid import Candidate, EmptyGridError

__all__ = [
    "Spending",
    "full_size_budget",
    "law_from_texts",
    "law_texts",
    "parse_spending",
    "phi_of",
    "within_budget",
]

COUNTS = {"": 1.0, "K": 1e3, "M": 1e6, "G": 1e9, "B": 1e9, "T": 1e12}
BYTES = {"B": 1.0, "KiB": 2.0**10, "MiB": 2.0**20, "GiB": 2.0**30, "KB": 1e3, "MB": 1e6, "GB": 1e9}
UNITS: Mapping[str, Mapping[str, float]] = {
    "latency": {"us": 1e-6, "ms": 1e-3, "s": 1.0},
    "memory": BYTES,
    "macs": COUNTS,
    "params": COUNTS,
    "activations": COUNTS,
}
EXAMPLE = "latency=12ms, macs=800M, params=5M, activations=20M or memory=2GiB"


@dataclass(frozen=True, slots=True, kw_only=True)
class Spending:
    """A parsed budget: ``target`` in seconds, bytes or units of ``kind``; ``setup`` of a latency as asked."""

    kind: str
    target: float
    setup: Mapping[str, Any]


def parse_spending(text: str) -> Spending:
    """A budget such as ``latency=12ms``, ``latency=12ms@threads=2,batch=8`` or ``macs=800M``.

    Raises:
        ValueError: if it is none.
    """
    amount, at, tail = text.partition("@")
    kind, _, value = amount.partition("=")
    number = re.fullmatch(r"\s*(\d+(?:\.\d+)?(?:e[+-]?\d+)?)\s*([A-Za-z]*)\s*", value)
    units = UNITS.get(kind.strip(), {})
    unit = units.get(number[2]) if number else None
    asked = float(number[1]) if number else 0.0
    target = times(asked, unit) if unit is not None and math.isfinite(asked) else 0.0
    if not (math.isfinite(target) and target > 0):
        allowed = f"; units of {kind.strip()}: {', '.join(filter(None, units))}" if units else ""
        raise ValueError(f"`budget` must be one such as {EXAMPLE}, got {text!r}{allowed}")
    if at and kind.strip() != "latency":
        raise ValueError(f"`budget` must have a setup for a latency alone, got {text!r}")
    setup = parse_changes(tail, "budget") if at else {}
    if "mode" in setup:
        raise ValueError(f"`budget` must be a latency of inference, without mode after @, got {text!r}")
    return Spending(kind=kind.strip(), target=target, setup=setup)


def law_texts(law: CostLaw) -> tuple[str, ...]:
    """A law as settings keep it, ``name=value`` each: a run stays the same when the law is fitted again."""
    setup = [f"{name}={value}" for name, value in law.setup.to_dict().items()]
    return (f"machine={law.machine}", *setup, *(f"{name}={law.seconds[name]!r}" for name in law.seconds))


def law_from_texts(texts: Sequence[str]) -> CostLaw:
    """The law that :func:`law_texts` wrote, without the networks it was judged on.

    Raises:
        ValueError: if it is none.
    """
    found = dict(text.partition("=")[::2] for text in texts)
    try:
        machine = found.pop("machine")
        setup = Setup(
            mode=cast(Any, found.pop("mode")),
            runtime=cast(Any, found.pop("runtime")),
            dtype=cast(Any, found.pop("dtype")),
            channels_last=found.pop("channels_last") == "True",
            batch_size=int(found.pop("batch_size")),
            threads=int(found.pop("threads")),
            device=found.pop("device"),
        )
        seconds = {name: float(value) for name, value in found.items()}
        return CostLaw(machine=machine, setup=setup, seconds=seconds, held_out=())
    except (KeyError, ValueError) as error:
        raise ValueError(
            f"`law` must be a cost law as run.toml keeps it, got {list(texts)}: {error}"
        ) from error


def full_size_budget(text: str, law: Sequence[str], *, tolerance: float, batch_size: int = 32) -> EqualCost:
    """The budget that ``text`` asks for, of full-size networks; a latency is what the law predicts.

    Args:
        text: as :func:`parse_spending` reads it.
        law: as :func:`law_texts` wrote it; needed for a latency only.
        tolerance: relative to the target.
        batch_size: images in a training step, where the budget is its memory.

    Raises:
        ValueError: if the budget is none, or is a latency without a law.
    """
    asked = parse_spending(text)
    if asked.kind != "latency":

        def closed(arch: Arch) -> float:
            return closed_form(arch, cast(BudgetKind, asked.kind), batch_size=batch_size)

        return EqualCost(kind=asked.kind, cost=closed, target=asked.target, tolerance=tolerance)
    if not law:
        raise ValueError(f"`law` must be given for a budget of latency, got none for {text!r}")
    from scalesearch.belief.law import predict  # loads SciPy

    fitted = law_from_texts(law)

    def predicted(arch: Arch) -> float:
        return predict(fitted, count(arch))

    return EqualCost(kind="latency", cost=predicted, target=asked.target, tolerance=tolerance)


def phi_of(coefficients: Coefficients, multipliers: Multipliers) -> float:
    """The phi at which the coefficients nominally cost what the multipliers do, to a thousandth."""
    return round(math.log(multipliers.nominal_ratio) / math.log(coefficients.product), 3)


def within_budget(
    triples: Iterable[tuple[float, float, float]], *, full: Arch, full_rounding: Rounding, phi: float,
    base: Arch, rounding: Rounding, budget: EqualCost, prefer: Coefficients | None,
) -> list[Candidate]:  # fmt: skip
    """The proxy network of each triple whose full-size twin spends the budget; equal networks are merged.

    The direction stays that of the coefficients: depth, width and resolution all move with phi, and only what
    whole blocks leave over is taken up by the width.

    Args:
        triples: alpha, beta, gamma; one that scales nothing is left out.
        full: the full-size baseline, which spends the budget.
        full_rounding: of full-size networks.
        phi: where the search for the phi starts.
        base: the proxy baseline, which the same multipliers are applied to.
        rounding: of proxy networks.
        budget: of full-size networks.
        prefer: goes by its own name where several triples make one network.

    Returns:
        The candidates with what their twins spend, near the budget or not. A triple is left out where its
        network would have to shrink so far that nothing is left of its proxy; one says so
        whose full-size twin a user's own code refuses.

    Raises:
        EmptyGridError: if that leaves none.
    """
    groups: dict[str, list[Candidate]] = {}
    least = math.inf
    for alpha, beta, gamma in triples:
        coefficients = Coefficients(alpha=alpha, beta=beta, gamma=gamma)
        if coefficients.product == 1:
            continue
        try:
            found = along_the_rule(full, coefficients, phi, full_rounding, budget)
        except RefusedError as error:
            arch = compound(base, coefficients, phi, rounding)
            asked = ((alpha, beta, gamma),)
            groups.setdefault(arch.key, []).append(
                Candidate(
                    coefficients=coefficients,
                    merged=asked,
                    arch=arch,
                    multipliers=coefficients.at(phi),
                    refused=reason(error),
                )
            )
            continue
        try:
            arch = scale(base, found.multipliers, rounding)
        except ValueError:  # less than a pixel
            least = min(least, found.value)
            continue
        candidate = Candidate(
            coefficients=coefficients,
            merged=((alpha, beta, gamma),),
            arch=arch,
            multipliers=found.multipliers,
            budget=BudgetRecord(
                kind=budget.kind,
                target=budget.target,
                value=found.value,
                matched_by="phi,width",
                full_size=True,
            ),
        )
        groups.setdefault(candidate.arch.key, []).append(candidate)
    if not groups:
        raise EmptyGridError(
            f"`budget` must be one that some network can spend, got {budget.kind} {budget.target:g}: as "
            f"small as they can be made they spend {least:.3g}"
        )
    return [
        replace(
            min(group, key=lambda candidate: (bool(candidate.refused), candidate.coefficients != prefer)),
            merged=tuple(triple for member in group for triple in member.merged),
        )
        for group in groups.values()
    ]
