"""What the networks of a search were grown from, where they did not start from scratch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from scalesearch.records.measured import SeedRun

__all__ = ["StartRecord"]


@dataclass(frozen=True, slots=True, kw_only=True)
class StartRecord:
    """The trained network that every network of a run was grown from.

    Attributes:
        kind: ``pretrained``: a file's; ``grown``: the run's own baseline, trained first, once per seed.
        network: its name.
        classes: of its classifier; with other classes than the data has it was replaced.
        file: name of the file; empty without one.
        read: what of the file was read, where that isn't all: ``state_dict_ema``, or ``model`` for tensors
            whose names begin with ``model.``.
        fresh_classifier: whether the file has no classifier of a linear layer: all networks draw their own.
        digest: a hash of its network and weights; empty without a file.
        runs: the trainings of the run's own baseline, one per seed, as far as they are known.
    """

    kind: Literal["pretrained", "grown"]
    network: str
    classes: int
    file: str = ""
    digest: str = ""
    read: str = ""
    fresh_classifier: bool = False
    runs: tuple[SeedRun, ...] = ()
