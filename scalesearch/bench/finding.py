"""What was found of one thing that scalesearch needs, or could use."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

__all__ = ["Finding", "works"]

Outcome = Literal["ok", "warning", "failed", "missing"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was tried.

    Attributes:
        name: what was tried.
        outcome: ``failed`` where it is there and does not work, ``missing`` where it is not there,
            ``warning`` where a busy machine kept it from being known.
        detail: what was seen.
        advice: what would do; empty where all is well.
        needed: whether scalesearch can't do its work without it.
    """

    name: str
    outcome: Outcome
    detail: str
    advice: str = ""
    needed: bool = True


def works(findings: Iterable[Finding]) -> bool:
    """Whether nothing that is needed is known to be missing or broken."""
    return all(finding.outcome in ("ok", "warning") for finding in findings if finding.needed)
