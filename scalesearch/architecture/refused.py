"""Which networks a user's own code refuses to be: those are not trained, the others are.

Code may take images of some sizes alone, such as a transformer with an embedding for each place, or layers of
some widths alone.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace

from scalesearch.architecture.code_spec import CodeSpec, RefusedError
from scalesearch.architecture.cost import count
from scalesearch.architecture.cost_values import Cost
from scalesearch.architecture.scaled import scale
from scalesearch.architecture.spec import Arch, Rounding
from scalesearch.scaling import Multipliers

__all__ = ["cost_if_taken", "none_left", "reason", "refusal", "require_base", "skipping", "way_out"]

MULTIPLES = (2, 4, 7, 8, 14, 16, 28, 32)
"""Of how many pixels a side often has to be a multiple."""
SIDES_TRIED = 4


def refusal(arch: Arch) -> str:
    """Why a user's own code can't be run as this network; empty where it can."""
    try:
        count(arch)
    except RefusedError as error:
        return reason(error)
    return ""


def reason(error: RefusedError) -> str:
    """A refusal as the reason of a network that is not trained."""
    return f"refused: {str(error).replace('`', '')}"


def cost_if_taken(arch: Arch) -> Cost | None:
    """What a network costs; None where a user's own code refuses to be it."""
    with suppress(RefusedError):
        return count(arch)
    return None


def require_base(base: Arch, full: Arch) -> None:
    """Refuses a proxy baseline that the user's code itself refuses to be.

    Raises:
        RefusedError: if it does; it names a size that would do, where the full network has one.
    """
    try:
        count(base)
    except RefusedError as error:
        other = replace(base, resolution=full.resolution, resolution_width=full.resolution_width)
        if other.input_size == base.input_size or refusal(other):
            raise
        side = "x".join(map(str, dict.fromkeys(full.input_size)))
        raise RefusedError(f"{error}; --baseline-resolution {side} is a size that it takes") from None


def none_left(first: str, way: str) -> RefusedError:
    """The error where a user's own code refuses to be any network of a plan: why, and what would do."""
    why = first.removeprefix("refused: baseline must build a network ")
    return RefusedError(f"`baseline` must build some network of the plan, the first one {why}{way}")


def skipping(number: int, target: str, way: str) -> str:
    """The sentence that says that networks are left out."""
    several = "s are skipped that" if number > 1 else " is skipped that"
    return f"{number:,} network{several} {target} refuses to be; the tables have the reasons{way}."


def way_out(base: Arch, refused: Iterable[Arch], otherwise: str) -> str:
    """What would do where networks of other sizes than the baseline's are refused, as the end of a sentence.

    Args:
        base: the proxy baseline.
        refused: the networks.
        otherwise: what would do where no size but the baseline's own does.
    """
    sides = sorted({arch.resolution for arch in refused if arch.input_size != base.input_size})
    if not sides or not isinstance(base, CodeSpec):
        return ""
    some = sides[:: max(1, len(sides) // SIDES_TRIED)]
    for multiple in MULTIPLES:
        coarse = Rounding(resolution_multiple=multiple)
        nearest = {scale(base, Multipliers(resolution=side / base.resolution), coarse) for side in some}
        if nearest != {base} and not any(map(refusal, nearest)):
            return f"; --resolution-multiple {multiple} keeps to sizes that it takes"
    return f"; {otherwise}"
