"""What several searches of one grid say of each other, worked out once for tables, figures and pages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from typing import Literal

from scalesearch.belief.agreement import Loss, Tau, half_seeds_tau, loss_from_best, tau_between
from scalesearch.belief.common_classes import CommonClass, Triple, common_classes, triple_key
from scalesearch.belief.fidelity import FEWEST_NETWORKS
from scalesearch.belief.seeds import SIGNIFICANCE, against_best
from scalesearch.records import CandidateRecord, RunRecord
from scalesearch.report.evidence import judged, rank

__all__ = [
    "Agreement",
    "Borrowed",
    "Joint",
    "Side",
    "Verdict",
    "agreement",
    "joint_of",
    "side_of",
    "triples_of",
]

Verdict = Literal["same", "differ", "open", "unknown"]
"""``differ``: no triple may be best in all; ``same``: one class alone may be, the same in all; ``open``: some
may be, none is shown to be; ``unknown``: a search has one seed, which shows nothing."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Side:
    """One search: its networks that were trained to the end with the same seeds, best first.

    ``p`` is of each network against the best, by key; empty where the search has one seed, or one network.
    """

    name: str
    run: RunRecord
    networks: tuple[CandidateRecord, ...]
    p: Mapping[str, float]

    @property
    def winner(self) -> CandidateRecord:
        """The network of the highest mean."""
        return self.networks[0]

    @property
    def seeds(self) -> int:
        """Of each network."""
        return len(self.winner.runs)

    @property
    def rows(self) -> list[list[float]]:
        """Accuracies, networks x seeds."""
        return [_row(c) for c in self.networks]

    @property
    def members(self) -> tuple[CandidateRecord, ...]:
        """The winning set; empty where no test could be made."""
        return tuple(c for c in self.networks if self.p.get(c.key, 0.0) >= SIGNIFICANCE)

    def owner(self, triple: Triple) -> CandidateRecord | None:
        """The network that ``triple`` makes here, if it was trained."""
        key = triple_key(triple)
        return next((c for c in self.networks if key in triples_of(c)), None)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Joint:
    """Several searches on the triples that all of them trained.

    ``sides`` hold only networks of such triples, and their tests are over these. ``classes`` has indices of
    networks in them. ``shared`` are the triples in every side's winning set.
    """

    sides: tuple[Side, ...]
    classes: tuple[CommonClass, ...]
    shared: tuple[Triple, ...]
    verdict: Verdict

    @property
    def triples(self) -> tuple[Triple, ...]:
        """Those that all searches trained."""
        return tuple(triple for one in self.classes for triple in one.triples)

    def rows(self, side: int) -> list[list[float]]:
        """Accuracies of a side by class and seed: of each class the mean of its networks."""
        found = self.sides[side].rows
        several = [[found[index] for index in one.members[side]] for one in self.classes]
        return [[fmean(values) for values in zip(*rows, strict=True)] for rows in several]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Borrowed:
    """The best coefficients of one search, used in another.

    ``triple`` is the one that ``source`` would name; ``winner`` says whether its network is the best of all
    that ``source`` trained, or only of those that both did. ``network`` is what it makes in ``target``, at
    ``place`` of its networks; ``gap`` is how far that is behind the best there, ``loss`` the same with its
    interval. ``in_set`` and ``loss`` are None where the target has one seed.
    """

    source: str
    target: str
    triple: Triple
    winner: bool
    network: CandidateRecord
    place: int
    of: int
    gap: float
    in_set: bool | None
    loss: Loss | None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Agreement:
    """Two searches held against each other; ``joint`` is on the triples that both trained.

    ``tau`` is None below three classes, or where all of one search are alike; ``halves`` are the taus of the
    halves of each search's own seeds, over the same classes.
    """

    joint: Joint
    tau: Tau | None
    halves: tuple[Tau | None, Tau | None]
    borrowed: tuple[Borrowed, ...]

    @property
    def names(self) -> tuple[str, str]:
        """Of the two."""
        one, other = self.joint.sides
        return one.name, other.name


def triples_of(candidate: CandidateRecord) -> tuple[Triple, ...]:
    """Every triple that makes this network, its own first."""
    own = (candidate.alpha, candidate.beta, candidate.gamma)
    return tuple(dict.fromkeys(map(triple_key, (own, *candidate.merged))))


def side_of(name: str, run: RunRecord) -> Side:
    """A search by its name.

    Raises:
        ValueError: if it trained no network to the end.
    """
    ranking = judged(run)
    if not ranking:
        raise ValueError(f"`run` must hold a network that was trained to the end, got {name} with none")
    seeds = _seeds(ranking[0])
    return _side(name, run, tuple(c for c in ranking if _seeds(c) == seeds))


def joint_of(sides: Sequence[Side]) -> Joint:
    """The searches on what all of them trained.

    Raises:
        ValueError: if their phi differ.
    """
    phis = {side.run.phi for side in sides}
    if len(phis) > 1:
        said = ", ".join(f"{side.name} with {side.run.phi:g}" for side in sides)
        raise ValueError(f"`sides` must be of one phi, got {said}")
    common = common_classes([[triples_of(c) for c in side.networks] for side in sides])
    kept = [
        tuple(c for i, c in enumerate(side.networks) if any(i in one.members[place] for one in common))
        for place, side in enumerate(sides)
    ]
    restricted = tuple(
        side if len(networks) == len(side.networks) else _side(side.name, side.run, networks)
        for side, networks in zip(sides, kept, strict=True)
    )
    classes = common_classes([[triples_of(c) for c in side.networks] for side in restricted])
    shared, verdict = _verdict(restricted, classes)
    return Joint(sides=restricted, classes=classes, shared=shared, verdict=verdict)


def agreement(one: Side, other: Side) -> Agreement:
    """Everything that two searches say of each other.

    Raises:
        ValueError: if their phi differ.
    """
    joint = joint_of((one, other))
    enough = len(joint.classes) >= FEWEST_NETWORKS
    first, second = joint.rows(0), joint.rows(1)
    pairs = ((one, joint.sides[0], joint.sides[1]), (other, joint.sides[1], joint.sides[0]))
    return Agreement(
        joint=joint,
        tau=tau_between(first, second) if enough else None,
        halves=(half_seeds_tau(first), half_seeds_tau(second)) if enough else (None, None),
        borrowed=tuple(_borrowed(*three) for three in pairs) if joint.classes else (),
    )


def _side(name: str, run: RunRecord, networks: tuple[CandidateRecord, ...]) -> Side:
    side = Side(name=name, run=run, networks=networks, p={})
    if len(networks) < 2 or side.seeds < 2:
        return side
    test = against_best(side.rows)
    return replace(side, p={c.key: p for c, p in zip(networks, test.p, strict=True)})


def _seeds(candidate: CandidateRecord) -> tuple[int, ...]:
    return tuple(sorted(run.seed for run in candidate.runs))


def _row(candidate: CandidateRecord) -> list[float]:
    return [run.top1 for run in sorted(candidate.runs, key=lambda run: run.seed)]


def _verdict(sides: Sequence[Side], classes: Sequence[CommonClass]) -> tuple[tuple[Triple, ...], Verdict]:
    """The triples that may be best in all of ``sides``, and what that says."""
    if not classes or not all(side.p for side in sides):
        return (), "unknown"
    best = [{t for c in side.members for t in triples_of(c)} for side in sides]
    shared = tuple(t for one in classes for t in one.triples if all(t in triples for triples in best))
    if not shared:
        return (), "differ"
    alone = [one for one in classes if any(t in triples for t in one.triples for triples in best)]
    return shared, "same" if len(alone) == 1 else "open"


def _borrowed(whole: Side, source: Side, target: Side) -> Borrowed:
    """``source`` and ``target`` are what both trained; ``whole`` is all of the source."""
    best = source.winner
    triple = next(t for t in triples_of(best) if target.owner(t) is not None)
    network = target.owner(triple)
    assert network is not None
    index = target.networks.index(network)
    return Borrowed(
        source=source.name,
        target=target.name,
        triple=triple,
        winner=best.key == whole.winner.key,
        network=network,
        place=rank(network, list(target.networks))[0],
        of=len(target.networks),
        gap=(target.winner.top1 or 0.0) - (network.top1 or 0.0),
        in_set=network in target.members if target.p else None,
        loss=loss_from_best(target.rows, index) if target.p else None,
    )
