"""Whether a device's gradients are right: those of a small network there and on the CPU, side by side.

On Apple's MPS batch norm's gradient has been wrong for one memory layout (torch's issue 175189), without any
error: training went on, and learned less.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import nn

from scalesearch.networks.generators import generators_kept
from scalesearch.text import one_line

TOLERANCE = 1e-2
"""How far a gradient may be off, as a share of its largest entry: devices add up in another order."""


def gradients_on(device: torch.device) -> dict[str, torch.Tensor]:
    """The loss and its gradients, by name and on the CPU, of a small network with seeded weights and images.

    It has what ConvNets are made of: convolutions, depthwise too, batch norm, an activation, a residual sum,
    pooling and a classifier. Contiguous, in float32, as networks are trained on MPS.
    """
    with generators_kept(), torch.device("cpu"):
        torch.default_generator.manual_seed(0)
        network = _Probe()
        images, labels = torch.randn(8, 3, 12, 12), torch.arange(8) % 4
    network.to(device).train()
    loss = nn.functional.cross_entropy(network(images.to(device)), labels.to(device))
    loss.backward()  # type: ignore[no-untyped-call]  # torch has no hints here
    gradients = {name: p.grad for name, p in network.named_parameters() if p.grad is not None}
    return {name: value.detach().cpu() for name, value in ({"the loss": loss} | gradients).items()}


def disagreement(expected: Mapping[str, torch.Tensor], computed: Mapping[str, torch.Tensor]) -> str:
    """Which of the computed gradients is furthest from the expected one, and how far; empty if all agree."""
    shares = {
        name: float((computed[name] - value).abs().max() / value.abs().max())
        if name in computed
        else float("inf")
        for name, value in expected.items()
    }
    # A share that is no number is as wrong as can be.
    wrong = {name: share for name, share in shares.items() if not share <= TOLERANCE}
    if not wrong:
        return ""
    name = max(wrong, key=lambda name: wrong[name] if wrong[name] == wrong[name] else float("inf"))
    return f"{name} is off by {wrong[name]:.0%} of its largest entry"


def require_right_gradients(device: torch.device) -> None:
    """Refuses a device on which a small network has other gradients than on the CPU.

    Raises:
        ValueError: naming the gradient that is furthest off, or what the device raised.
    """
    expected = gradients_on(torch.device("cpu"))
    try:
        computed = gradients_on(device)
    except RuntimeError as error:
        raise ValueError(
            f"`device` must be one that torch can train on, got {str(device)!r}, on which a small network "
            f"raised {one_line(error)}"
        ) from error
    wrong = disagreement(expected, computed)
    if wrong:
        raise ValueError(
            f"`device` must compute gradients as the CPU does, got {str(device)!r}, where in a small network "
            f"{wrong}: train on cpu, or with another release of torch than {torch.__version__}"
        )


class _Probe(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1, bias=False), nn.BatchNorm2d(8), nn.SiLU())
        self.body = nn.Sequential(
            *(nn.Conv2d(8, 16, 1, bias=False), nn.BatchNorm2d(16), nn.SiLU()),
            *(nn.Conv2d(16, 16, 3, 1, 1, groups=16, bias=False), nn.BatchNorm2d(16), nn.SiLU()),
            *(nn.Conv2d(16, 8, 1, bias=False), nn.BatchNorm2d(8)),
        )
        self.classifier = nn.Linear(8, 4)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        features = self.stem(images)
        logits: torch.Tensor = self.classifier((features + self.body(features)).mean((2, 3)))
        return logits
