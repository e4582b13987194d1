"""How real multipliers become whole layers, channels and pixels."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from scalesearch.architecture.checks import require_choice, require_counts, set_share

__all__ = ["ChannelsRule", "RepeatsRule", "Rounding"]

RepeatsRule = Literal["ceil", "round", "floor"]
ChannelsRule = Literal["nearest", "ceil", "floor"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rounding:
    """How scaled channels, repeats and resolutions become whole numbers.

    The defaults are those of the official code: channels to the nearest multiple of 8, one step up where
    that would keep less than 90% of them; repeats rounded up; resolution to the nearest pixel.

    ``channels_rule``: ``ceil`` takes the whole part of the scaled channels up to a multiple, ``floor`` takes
    it down to one, at least to the divisor itself; neither looks at the share that is kept.

    Raises:
        ValueError: if a divisor or multiple is below 1, the fraction outside [0, 1] or the rule unknown.
    """

    channel_divisor: int = 8
    min_kept_fraction: float = 0.9
    repeats_rule: RepeatsRule = "ceil"
    resolution_multiple: int = 1
    channels_rule: ChannelsRule = "nearest"

    def __post_init__(self) -> None:
        require_counts(self, "channel_divisor", "resolution_multiple")
        set_share(self, "min_kept_fraction")
        require_choice(self, "repeats_rule", RepeatsRule)
        require_choice(self, "channels_rule", ChannelsRule)

    def channels(self, base: int, width: float, *, groups: int = 1) -> int:
        """``base * width`` channels, to a multiple of the divisor, the nearest by the official rule.

        With ``groups``, of which ``base`` is a multiple, to one of the least common multiple of both.
        """
        if width == 1:
            return base
        scaled = base * width
        divisor = math.lcm(self.channel_divisor, groups)
        if self.channels_rule != "nearest":
            # 40 * 1.1 may come out a hair under 44, which is whole already.
            whole = int(round(scaled, 9))
            steps = -(-whole // divisor) if self.channels_rule == "ceil" else whole // divisor
            return divisor * max(1, steps)
        rounded = max(divisor, int(scaled + divisor / 2) // divisor * divisor)
        if rounded < self.min_kept_fraction * scaled:
            rounded += divisor
        return rounded

    def repeats(self, base: int, depth: float) -> int:
        """``base * depth`` repeats of a block, by the repeats rule, at least 1."""
        # 10 * 1.1 is 11.000000000000002 in binary; ceil must not make 12 layers of it.
        scaled = round(base * depth, 9)
        if self.repeats_rule == "ceil":
            return max(1, math.ceil(scaled))
        if self.repeats_rule == "floor":
            return max(1, math.floor(scaled))
        return max(1, math.floor(scaled + 0.5))

    def resolution(self, base: int, multiplier: float) -> int:
        """``base * multiplier`` pixels, to the nearest multiple.

        Raises:
            ValueError: if less than one pixel would be left.
        """
        step = self.resolution_multiple
        # As with repeats: 70 * 1.15 is 80.49999999999999 in binary, and 80.5 is nearer to 81 by the rule.
        pixels = math.floor(round(base * multiplier / step, 9) + 0.5) * step
        if pixels < 1:
            raise ValueError(
                f"`resolution` must leave at least 1 pixel, got {base} px x {multiplier:.4g} "
                f"rounded to a multiple of {step}"
            )
        return pixels
