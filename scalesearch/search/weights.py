"""Where a run keeps the weights of the networks it trained to their end."""

from __future__ import annotations

from pathlib import Path

__all__ = ["weights_file", "weights_folder"]


def weights_folder(run: Path, kind: str, study: str) -> Path:
    """The folder of a run's weights; ``kind`` is the run's command, ``study`` the study's name."""
    # The lengths of a fidelity run train the same networks with the same seeds, each in its own study.
    return run / "weights" / study if kind == "fidelity" else run / "weights"


def weights_file(folder: Path, key: str, seed: int) -> Path:
    """The file of one training run in the folder of a run's weights."""
    return folder / f"{key}-seed{seed}.safetensors"
