"""A network that a user's own function builds, as frozen data: which function, and what it is asked for."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from scalesearch.architecture.checks import MOST_REPEATS, require_counts
from scalesearch.plain import typed
from scalesearch.scaling import Multipliers

__all__ = ["RESOLUTION", "TARGET", "CodeSpec", "RefusedError", "code_name", "is_target"]

TARGET = r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*"
RESOLUTION = 224
"""The side of the input, in pixels, that a user's own network is taken to be meant for."""


class RefusedError(ValueError):
    """A user's own code that builds or runs no network at the multipliers, or size, that it is asked for."""


def is_target(text: str) -> bool:
    """Whether a text reads like ``package.module:function``."""
    return re.fullmatch(TARGET, text) is not None


def code_name(target: str) -> str:
    """What a target's network is called: letters, digits, underscores and dashes, fit for a folder's name."""
    return re.sub(r"\W+", "-", target, flags=re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CodeSpec:
    """What ``function(depth=..., width=..., num_classes=...)`` of a user's module gives, for an input size.

    How real multipliers become whole layers and channels is the function's own; only the resolution is
    rounded here. What it costs is known once it was built (``code_network``), and so is its ``shape``: where
    it stands here, it tells the network in place of the multipliers, of which many may build the same: specs
    of one shape are equal, though asked for by other multipliers.

    Attributes:
        name: what it is called; no part of its key.
        target: ``package.module:function``.
        depth: times as deep, as the function is asked.
        width: times as wide.
        resolution: height of the input in pixels, and its width, where ``resolution_width`` says no other.
        classes: outputs.
        in_channels: of the input.
        resolution_width: width of the input in pixels, where it is not the height.
        shape: a hash of the layers that these multipliers make and of what they run, whatever the classes;
            empty where nobody has built it yet. Changed code that builds the same is the same network.

    Raises:
        ValueError: if the target is none, or a number is out of range.
    """

    name: str
    target: str
    resolution: int
    depth: float = 1.0
    width: float = 1.0
    classes: int = 1000
    in_channels: int = 3
    resolution_width: int | None = None
    shape: str = ""

    def __post_init__(self) -> None:
        if not is_target(self.target):
            raise ValueError(f"`target` must be package.module:function, got {self.target!r}")
        require_counts(self, "resolution", "classes", "in_channels")
        for name in ("depth", "width"):
            value = getattr(self, name)
            if not (math.isfinite(value) and 0 < value <= MOST_REPEATS):
                # Far beyond any network that can be built: it would keep the user's function busy.
                raise ValueError(f"`{name}` must be a number > 0 and at most {MOST_REPEATS:,}, got {value:g}")
        if self.resolution_width is not None:
            require_counts(self, "resolution_width")
            if self.resolution_width == self.resolution:
                object.__setattr__(self, "resolution_width", None)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, CodeSpec) and self._content() == other._content()

    def __hash__(self) -> int:
        return hash(tuple(self._content().items()))

    def _content(self) -> dict[str, object]:
        """What tells the network, and its name."""
        content = self.to_dict()
        for name in ("depth", "width") if self.shape else ():
            del content[name]
        return content

    @property
    def key(self) -> str:
        """A content hash: equal for equal networks of the same code, whatever their names."""
        content = self._content()
        del content["name"]
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:12]

    @property
    def input_size(self) -> tuple[int, int]:
        """(height, width) of the input in pixels."""
        return self.resolution, self.resolution_width or self.resolution

    @property
    def multipliers(self) -> Multipliers:
        """What the function is asked for."""
        return Multipliers(depth=self.depth, width=self.width)

    def to_dict(self) -> dict[str, object]:
        """Plain JSON data without what is not set; :meth:`from_dict` turns it back."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: value for name, value in values.items() if value not in (None, "")}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> CodeSpec:
        """The spec that :meth:`to_dict` wrote.

        Raises:
            ValueError: if a field is missing, unknown or of the wrong value.
        """
        # Runs begun earlier knew the code by a hash of its source.
        return typed(cls, {name: value for name, value in data.items() if name != "source"})
