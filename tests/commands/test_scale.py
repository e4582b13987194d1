from __future__ import annotations

from dataclasses import replace
from typing import Any

from scalesearch.commands.scale.run import ScaleSettings, default_name


def test_no_family_is_called_like_another() -> None:
    paper = ScaleSettings(alpha=1.2, beta=1.1, gamma=1.15, phis=tuple(map(float, range(8))))
    changes: list[dict[str, Any]] = [
        {"alpha": 1.3},
        {"latency": True},
        {"phis": (0.0, 1.0)},
        {"alpha": 1.3, "latency": True},
        {"baseline": "resnet-18"},
        {"channel_divisor": 4},
        {"baseline": "notes", "channel_divisor": 4},
    ]
    names = [default_name(paper), *(default_name(replace(paper, **change)) for change in changes)]
    assert names[:2] == ["scale-efficientnet-b0", "scale-efficientnet-b0-1.3-1.1-1.15"]
    assert len(set(names)) == len(names)
    # What a family is does not depend on what counts it.
    assert default_name(replace(paper, threads=7, device="cuda")) == names[0]
