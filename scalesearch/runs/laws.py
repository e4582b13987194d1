"""The cost law that a command plans with, found on disk."""

from __future__ import annotations

from pathlib import Path

from scalesearch.files import read_json
from scalesearch.records.timings import CostLaw, Setup
from scalesearch.text import bare, quoted

LAW_FILE = "law.json"


def default_folder(machine_key: str) -> Path:
    """Where ``scalesearch law`` writes the laws of a machine."""
    return Path("reports") / f"law-{machine_key}"


def read_laws(path: Path) -> tuple[CostLaw, ...]:
    """The laws of a law.json, or of a folder that holds one.

    Raises:
        ValueError: if there is none, or it cannot be read.
    """
    file = path / LAW_FILE if path.is_dir() else path
    try:
        laws = read_json(file)["laws"]
        return tuple(CostLaw.from_dict(law) for law in laws)
    except FileNotFoundError:
        raise ValueError(f"`law` must be a law.json or a folder with one, got {path}") from None
    except OSError as error:
        raise ValueError(f"`law` must be a readable file, got {file}: {error.strerror or error}") from error
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(
            f"`law` must be a law.json that scalesearch law wrote, got {file}: {bare(error)}"
        ) from error


def find_law(path: Path | None, asked: Setup, *, same_layout: bool = False) -> CostLaw:
    """The law for a setup: this machine's own, or the one at ``path``, of whatever machine.

    Args:
        path: a law.json or a folder with one; None for this machine's own under ``reports``.
        asked: where and how the networks will run. On another device than the CPU any threads will do, as
            its time is not theirs; of two memory layouts the one asked for is taken.
        same_layout: whether the other layout's law won't do.

    Raises:
        ValueError: naming ``law``, if there is none, or none of its setups is this one.
    """
    from scalesearch.hardware.machine import describe

    place = path or default_folder(describe(asked.device).key)
    if path is None and not (place / LAW_FILE).exists():
        raise ValueError(
            f"`law` must be measured before a latency can be planned with, got none in {place}; "
            f"run: {_command(asked)}"
        )
    laws = read_laws(place)
    fitting = [law for law in laws if _serves(law.setup, asked, same_layout=same_layout)]
    if not fitting:
        known = "; ".join(law.setup.label for law in laws) or "none"
        raise ValueError(
            f"`law` must hold {asked.label}, got {place}, which holds {known}; run: {_command(asked)}"
        )
    return max(fitting, key=lambda law: law.setup.channels_last == asked.channels_last)


def _serves(known: Setup, asked: Setup, *, same_layout: bool) -> bool:
    names = ["mode", "runtime", "dtype", "batch_size", "device"]
    if asked.device == "cpu":
        names.append("threads")
    if same_layout and asked.runtime != "onnxruntime":  # which chooses its own
        names.append("channels_last")
    return all(getattr(known, name) == getattr(asked, name) for name in names)


def _command(asked: Setup) -> str:
    words = ["scalesearch law"]
    if asked.device == "cpu":
        words.append(f"--threads {asked.threads}")
    else:
        words.append(f"--device {quoted(asked.device)}")
    words.append(f"--batch-size {asked.batch_size}")
    if asked.dtype != "float32":
        words.append(f"--dtype {asked.dtype}")
    if asked.runtime != "eager":
        words.append(f"--runtime {asked.runtime}")
    if not asked.channels_last:
        words.append("--no-channels-last")
    return " ".join(words)
