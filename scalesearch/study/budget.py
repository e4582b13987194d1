"""What a run may spend on a network: a cost, a latency, a time; and networks matched to it."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import ROUND_CEILING, Context, Decimal
from fractions import Fraction
from typing import Any, cast

from scalesearch.errors import EmptyGridError
from scalesearch.networks.cost import count
from scalesearch.networks.matching import (
    BudgetKind,
    Dimension,
    Matched,
    ShareMatcher,
    UnreachableError,
    closed_form,
    match,
    reason,
)
from scalesearch.networks.scaled import compound, scale
from scalesearch.networks.spec import Arch, ArchSpec, RefusedError, Rounding
from scalesearch.records import BudgetRecord, CostLaw, Setup
from scalesearch.records.runs import IN_SHARES
from scalesearch.records.timings import parse_changes
from scalesearch.scaling import NOMINAL_BASE, Coefficients, Multipliers, exact
from scalesearch.study.points import Candidate

# ----------------------------------------------------------------------------------------------------
# Equal cost: candidates held to, or repaired to, a budget that is measured on the networks as built.
#
# The paper's constraint is nominal: rounding then spreads the real costs of one grid over a factor of two.
# A budget is a target for what a network really costs: ``2**phi`` times the baseline's.

# Phis no further apart than one of these steps make the same networks at any size that can be trained.
PHI_STEPS = 1000
SAME_PHI = 1 / PHI_STEPS
# Far beyond any network that could be trained.
MOST_PHI = 64.0
# A budget met to within this, relative to it, is met.
HAIR = 0.02

CostOf = Callable[[Arch], float]
Triple = tuple[float, float, float]


class UnmovedError(EmptyGridError):
    """Coefficients that cannot bring a network to a budget, at any phi."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EqualCost:
    """A budget: what is counted (``kind``), the function that counts it, the target and how far off is near.

    ``tolerance`` is relative to the target; ``unit`` is the one that the budget was typed in, if it was.
    """

    kind: str
    cost: CostOf
    target: float
    tolerance: float
    unit: str | None = None

    @property
    def amount(self) -> str:
        """The target in the unit of the budget."""
        return amount_in(self.unit, self.kind, self.target, 6)

    def missed(self, value: float) -> str:
        """An amount that is not the target, in its unit: in as many digits as tell them apart."""
        texts = (amount_in(self.unit, self.kind, value, digits) for digits in range(3, 17))
        return next((text for text in texts if text != self.amount), self.amount)

    @classmethod
    def of(
        cls, kind: str, base: Arch, phi: float, *, tolerance: float, batch_size: int,
        measured: CostOf | None = None,
    ) -> EqualCost:  # fmt: skip
        """``2**phi`` times what ``base`` costs; ``measured`` is asked where the kind has no closed form."""

        def closed(arch: Arch) -> float:
            return closed_form(arch, cast(BudgetKind, kind), batch_size=batch_size)

        cost = measured if kind == "latency" and measured is not None else closed
        target = times(cost(base), NOMINAL_BASE**phi)
        return cls(kind=kind, cost=cost, target=target, tolerance=tolerance)


def times(amount: float, factor: float) -> float:
    """The product of two numbers as they are written: 100 times 1.15 is 115, where binary numbers fall short.

    What comes out is infinite where it is too large for a number.
    """
    try:
        return float(exact(amount) * exact(factor))
    except OverflowError:
        return math.inf


def affordable_phi(
    base: Arch, coefficients: Coefficients, rounding: Rounding, budget: EqualCost
) -> tuple[float, float]:
    """The greatest phi, in whole thousandths, whose network stays within the budget, and its cost.

    Cost climbs with phi in steps, so the end of the last affordable step is found. A budget below the
    baseline's makes it negative.

    Raises:
        UnmovedError: if the coefficients move nothing of what the budget counts, or not as far; it says what
            the nearest of their networks spends.
        ValueError: if they scale nothing at all.
    """
    if coefficients.product == 1:
        raise ValueError("`alpha`, `beta` and `gamma` must hold one above 1, got 1, 1 and 1")

    def spent(steps: int) -> float:
        return budget.cost(compound(base, coefficients, steps / PHI_STEPS, rounding))

    def within(steps: int) -> bool:
        return spent(steps) <= budget.target

    # Away from the baseline, which can be built, until the budget lies between two networks.
    near, far = 0, PHI_STEPS if within(0) else -PHI_STEPS
    while True:
        reached = _last_built(spent, near, far)
        if within(reached) != within(0):
            break
        if reached != far or abs(far) >= MOST_PHI * PHI_STEPS:
            triple = f"({coefficients.alpha:g}, {coefficients.beta:g}, {coefficients.gamma:g})"
            moved = spent(reached) != spent(0)
            which = (
                f"the nearest, at phi {reached / PHI_STEPS:g}, spends" if moved else "at any phi they spend"
            )
            raise UnmovedError(
                f"`budget` must be one that some network of {triple} can spend, got {budget.kind} "
                f"{budget.amount}: {which} {budget.missed(spent(reached))}"
            )
        near, far = far, 2 * far
    low, high = min(near, reached), max(near, reached)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if within(middle) else (low, middle)
    phi = low / PHI_STEPS
    return phi, budget.cost(compound(base, coefficients, phi, rounding))


def _last_built(spent: Callable[[int], float], built: int, wanted: int) -> int:
    """The last step from ``built`` on whose network can be built, ``wanted`` if that can be."""
    beyond = wanted + (1 if wanted > built else -1)
    step = wanted
    while abs(beyond - built) > 1:
        try:
            spent(step)
        except ValueError:
            beyond = step
        else:
            built = step
        step = (built + beyond) // 2
    return built


def along_the_rule(
    base: Arch, coefficients: Coefficients, phi: float, rounding: Rounding, budget: EqualCost
) -> Matched:
    """The network of the coefficients, at whatever phi, that spends the budget.

    Cost climbs with phi in steps, by whole blocks above all, so of the two steps next to the budget the
    nearer one is taken and its width moved for the rest (by up to a tenth where networks are tiny); the
    resolution too, where whole channels are coarse.
    Where the coefficients cannot move this cost so far, the network at ``phi`` is moved instead.
    """
    try:
        start, below = affordable_phi(base, coefficients, rounding, budget)
        following = float(exact(start) + exact(SAME_PHI))
        above = budget.cost(compound(base, coefficients, following, rounding))
        if above * below < budget.target**2:
            start = following
    except UnmovedError:
        start = phi
    hair = _nearest(base, coefficients, start, rounding, budget, ("width",))
    if abs(hair.residual) <= HAIR or budget.kind == "params":
        return hair
    try:
        return _nearest(base, coefficients, start, rounding, budget, ("width", "resolution"))
    except RefusedError:  # code that takes no other resolution
        return hair


def _nearest(
    base: Arch,
    coefficients: Coefficients,
    phi: float,
    rounding: Rounding,
    budget: EqualCost,
    by: tuple[Dimension, ...],
) -> Matched:
    """The network nearest to the budget, also where the budget is out of reach."""
    try:
        return match(base, coefficients, phi, rounding, by=by, target=budget.target, cost=budget.cost)
    except UnreachableError as error:
        return error.nearest


def solved_dimensions(kind: str, asked: str) -> tuple[Dimension, ...]:
    """The dimensions to solve for, as ``match`` takes them.

    By default the resolution, then the width for what whole pixels leave; the width alone where resolution
    costs nothing, the resolution alone where each try has to be timed.
    """
    if asked != "auto":
        return cast(tuple[Dimension, ...], tuple(asked.split(",")))
    alone: dict[str, tuple[Dimension, ...]] = {"params": ("width",), "latency": ("resolution",)}
    return alone.get(kind, ("resolution", "width"))


def hold(candidates: Sequence[Candidate], budget: EqualCost) -> Iterator[Candidate]:
    """The candidates with what they cost beside the target."""
    for candidate in candidates:
        value = budget.cost(candidate.arch)
        yield replace(candidate, budget=BudgetRecord(kind=budget.kind, target=budget.target, value=value))


def repaired(
    candidates: Sequence[Candidate], budget: EqualCost, *, base: Arch, phi: float, rounding: Rounding,
    match_by: str, prefer: Coefficients | None,
) -> Iterator[Candidate]:  # fmt: skip
    """The candidates made to spend the budget, the ones that coincide merged.

    Multiply-adds are spent in the shares that each triple asks for, where nothing else is asked for: a table
    can be had in any of them. Other costs, and a user's own code, are met along one dimension after another.
    """
    if budget.kind == "macs" and match_by == "auto" and isinstance(base, ArchSpec):
        return _in_shares(candidates, budget, ShareMatcher(base, rounding), phi=phi, prefer=prefer)
    by = solved_dimensions(budget.kind, match_by)
    return repair(candidates, budget, base=base, phi=phi, rounding=rounding, by=by, prefer=prefer)


def _in_shares(
    candidates: Sequence[Candidate], budget: EqualCost, matcher: ShareMatcher, *, phi: float,
    prefer: Coefficients | None,
) -> Iterator[Candidate]:  # fmt: skip
    """The networks whose shares are those of the candidates' triples, each triple by itself."""
    groups: dict[str, list[tuple[tuple[bool, float, Fraction], Candidate]]] = {}
    for candidate in candidates:
        for triple in candidate.merged:
            coefficients = Coefficients(alpha=triple[0], beta=triple[1], gamma=triple[2])
            if coefficients.product == 1:  # nothing of it grows
                continue
            nearest = matcher.nearest(coefficients, phi)
            value = budget.cost(nearest.arch)
            matched = Candidate(
                coefficients=coefficients,
                merged=(triple,),
                arch=nearest.arch,
                multipliers=nearest.multipliers,
                budget=BudgetRecord(
                    kind=budget.kind,
                    target=budget.target,
                    value=value,
                    matched_by=IN_SHARES,
                    missed=nearest.missed,
                ),
            )
            # A network goes by the triple whose shares it has, of those alike the one whose product is
            # nearest to 2, or by the preferred one.
            strain = coefficients != prefer, round(nearest.points_off, 9), coefficients.distance
            groups.setdefault(nearest.arch.key, []).append((strain, matched))
    for group in groups.values():
        _, first = min(group, key=lambda entry: entry[0])
        yield _merged(first, [member for _, member in group])


def repair(
    candidates: Sequence[Candidate], budget: EqualCost, *, base: Arch, phi: float, rounding: Rounding,
    by: tuple[Dimension, ...], prefer: Coefficients | None,
) -> Iterator[Candidate]:  # fmt: skip
    """The candidates with one dimension solved so that each costs the target, the ones that coincide merged.

    A candidate that no size of that dimension brings to the target keeps its nearest; one that a user's own
    code refuses on the way there is as it was, and says so.
    """
    groups: dict[str, list[Candidate]] = {}
    for candidate in candidates:
        try:
            matched = _nearest(base, candidate.coefficients, phi, rounding, budget, by)
        except RefusedError as error:
            yield replace(candidate, refused=reason(error))
            continue
        repaired = replace(
            candidate,
            arch=matched.arch,
            multipliers=matched.multipliers,
            budget=BudgetRecord(
                kind=budget.kind, target=budget.target, value=matched.value, matched_by=",".join(by)
            ),
        )
        groups.setdefault(matched.arch.key, []).append(repaired)
    for group in groups.values():
        # A network goes by the triple that needed the least repair, or by the preferred one.
        def strain(candidate: Candidate) -> tuple[bool, float]:
            nominal = getattr(candidate.coefficients.at(phi), by[0])
            return candidate.coefficients != prefer, abs(getattr(candidate.multipliers, by[0]) / nominal - 1)

        yield _merged(min(group, key=strain), group)


def _merged(first: Candidate, group: Iterable[Candidate]) -> Candidate:
    """The first of a group that coincides, for all of it."""
    return replace(first, merged=tuple(triple for member in group for triple in member.merged))


def unmet_reason(budget: BudgetRecord | None, tolerance: float) -> str:
    """Why a network is not trained: how far it is from its budget; empty where it meets it, or has none."""
    if budget is None or _off(budget) <= exact(tolerance):
        return ""
    return f"{budget.kind} cannot be brought nearer than {100 * budget.residual:+.2g}% to the budget"


def _off(budget: BudgetRecord) -> Fraction:
    """How far a network is from its budget, relative to it, in the decimals of both."""
    return abs(exact(budget.value) / exact(budget.target) - 1)


def nearest_error(found: Iterable[tuple[Triple, BudgetRecord]], tolerance: float) -> EmptyGridError:
    """No network meets the budget: says which comes closest, and what would admit it."""
    triple, nearest = min(found, key=lambda pair: _off(pair[1]))
    # Rounded up: rounded to the nearest it might not admit it after all.
    off = _off(nearest)
    needed = float(Context(prec=3, rounding=ROUND_CEILING).divide(Decimal(off.numerator), off.denominator))
    shown = ", ".join(f"{value:g}" for value in triple)
    target, value = (amount_in(None, nearest.kind, x, 6) for x in (nearest.target, nearest.value))
    return EmptyGridError(
        f"`budget_tolerance` must admit at least one network, got {tolerance:g}: none has {nearest.kind} "
        f"within it of {target}; the nearest has {value} at (alpha, beta, gamma) = "
        f"({shown}); --budget-tolerance {needed:g} would admit it"
    )


# ----------------------------------------------------------------------------------------------------
# A budget in its own unit, ``latency=12ms`` or ``macs=800M``: what the full-size network may spend.
#
# The networks that are trained are smaller ones of the same multipliers. So each candidate's coefficients
# are followed on the full-size baseline to whatever phi spends the budget; nothing is trained or timed for
# that.

COUNTS = {"": 1.0, "K": 1e3, "M": 1e6, "G": 1e9, "B": 1e9, "T": 1e12}
BYTES = {"B": 1.0, "KiB": 2.0**10, "MiB": 2.0**20, "GiB": 2.0**30, "KB": 1e3, "MB": 1e6, "GB": 1e9}
UNITS: Mapping[str, Mapping[str, float]] = {
    "latency": {"us": 1e-6, "ms": 1e-3, "s": 1.0},
    "memory": BYTES,
    "macs": COUNTS,
    "params": COUNTS,
    "activations": COUNTS,
}
USUAL_UNITS = {"latency": "ms", "memory": "MiB"}
"""Of amounts that nobody typed; counts have none."""
EXAMPLE = "latency=12ms, macs=800M, params=5M, activations=20M or memory=2GiB"


@dataclass(frozen=True, slots=True, kw_only=True)
class Spending:
    """A parsed budget: ``target`` in seconds, bytes or units of ``kind``; ``setup`` of a latency as asked.

    ``unit`` is the one it was typed in, such as ``ms`` or ``M``.
    """

    kind: str
    target: float
    unit: str
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
    return Spending(kind=kind.strip(), target=target, unit=number[2] if number else "", setup=setup)


def amount_in(unit: str | None, kind: str, value: float, digits: int) -> str:
    """An amount of a budget's ``kind`` in a unit of it, the usual one if None: ``12 ms``, ``800 M``."""
    unit = USUAL_UNITS.get(kind, "") if unit is None else unit
    number = float(f"{value / UNITS[kind][unit]:.{digits}g}")
    whole = 10**3 <= number < 10**15 and number.is_integer()
    text = f"{number:,.0f}" if whole else f"{number:.{digits}g}"
    return f"{text} {unit}".rstrip()


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

        return EqualCost(
            kind=asked.kind, cost=closed, target=asked.target, tolerance=tolerance, unit=asked.unit
        )
    if not law:
        raise ValueError(f"`law` must be given for a budget of latency, got none for {text!r}")
    from scalesearch.statistics.law import predict  # loads SciPy

    fitted = law_from_texts(law)

    def predicted(arch: Arch) -> float:
        return predict(fitted, count(arch))

    return EqualCost(
        kind="latency", cost=predicted, target=asked.target, tolerance=tolerance, unit=asked.unit
    )


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
            f"`budget` must be one that some network can spend, got {budget.kind} "
            f"{budget.amount}: as small as they can be made they spend {budget.missed(least)}"
        )
    return [
        _merged(min(group, key=lambda c: (bool(c.refused), c.coefficients != prefer)), group)
        for group in groups.values()
    ]
