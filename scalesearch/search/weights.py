"""Where a run keeps the weights of the networks it trained to their end, and those it starts from."""

from __future__ import annotations

from pathlib import Path

from scalesearch.files import inside
from scalesearch.search.settings import TrainingSettings

__all__ = ["PRETRAINED", "start_file", "weights_file", "weights_folder"]

PRETRAINED = "start.safetensors"
"""The name, in a run's folder, of the weights that came from a file."""


def weights_folder(run: Path, kind: str, study: str) -> Path:
    """The folder of a run's weights; ``kind`` is the run's command, ``study`` the study's name."""
    # The lengths of a fidelity run train the same networks with the same seeds, each in its own study.
    return inside(run, "weights", study) if kind == "fidelity" else inside(run, "weights")


def weights_file(folder: Path, key: str, seed: int) -> Path:
    """The file of one training run in the folder of a run's weights."""
    return inside(folder, f"{key}-seed{seed}.safetensors")


def start_file(folder: Path, settings: TrainingSettings, seed: int) -> Path | None:
    """The weights that the networks of a run start from with a seed; None for a start from scratch."""
    if settings.start is None:
        return None
    if settings.trains_start:
        return inside(folder, "starts", f"seed{seed}.safetensors")
    return inside(folder, PRETRAINED)
