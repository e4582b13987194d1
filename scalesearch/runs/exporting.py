"""``scalesearch export``: a network of a run, or of a name, handed over into a folder."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from scalesearch.commands.measure.subjects import HIGHEST, parse_subject
from scalesearch.errors import FolderError, RunFailedError, ScalesearchError
from scalesearch.export.formats import FORMATS, PIP_ONNX, SPEC, ExportSettings, missing_onnx
from scalesearch.files import read_json
from scalesearch.networks.spec import Arch
from scalesearch.runs.folder import begun_elsewhere, unwritable
from scalesearch.runs.telling import teller

if TYPE_CHECKING:
    from scalesearch.export.handover import Exported
    from scalesearch.export.state import State

WEIGHTS = ".safetensors"


@dataclass(frozen=True, slots=True, kw_only=True)
class Handover:
    """A network handed over.

    Attributes:
        folder: where its files and spec.json are.
        files: each file, and what became of it when it was read back.
        left_out: formats that nobody asked for by name and that can't be written of it here, with reasons.
    """

    folder: Path
    files: tuple[Exported, ...]
    left_out: Mapping[str, str] = field(default_factory=dict)

    @property
    def failure(self) -> RunFailedError | None:
        """Which files don't give the network's outputs; None where all do."""
        failed = [item.format for item in self.files if not item.passed]
        if not failed:
            return None
        return RunFailedError(
            f"{', '.join(failed)} did not pass: what {self.folder} holds of it is not to be used"
        )


def export_network(source: str, settings: ExportSettings, out: Path | None = None) -> Handover:
    """Writes a network in several formats, and reads each file back.

    Args:
        source: a run's folder, a file of its weights, or with ``untrained`` a network's name.
        settings: which of its networks, and as what.
        out: the folder; ``exports/NAME`` if None.

    Raises:
        ScalesearchError: if there is no such network, or none with weights where these are asked for.
        FolderError: if the folder can't be used, or holds another export.
    """
    if not source.strip():  # as of a variable that a script forgot: not the current folder
        raise ScalesearchError(
            f"`source` must be a run's folder, a file of weights or a network's name, got {source!r}"
        )
    if settings.to and "onnx" in settings.to:
        from scalesearch.export.handover import require_onnx

        try:
            require_onnx()
        except ValueError as error:
            raise ScalesearchError(f"{error}, or leave onnx out of `to`") from None
    folder = Path(source)
    with begun_elsewhere(folder if folder.is_dir() else Path(source.rpartition(":")[0])):
        name, state = _found(source, settings.candidate, settings.seed, settings.untrained)
        return _handed_over(name, state, settings, out or Path("exports") / name)


def _handed_over(name: str, state: State, settings: ExportSettings, folder: Path) -> Handover:
    from scalesearch.export.handover import hand_over, require_source, write_spec

    formats = settings.to
    if formats and "python" in formats:
        require_source(state.arch)
    left_out = {} if formats else _left_out(state.arch)
    wanted = formats or tuple(form for form in FORMATS if form not in left_out)
    _require_own(folder, state)
    try:
        write_spec(folder, name, state)
    except OSError as error:
        raise unwritable(folder, error) from error
    with teller().waiting(f"Exporting {name}") as tick:
        exported = hand_over(
            state,
            folder,
            wanted,
            batch_size=settings.batch_size,
            opset=settings.opset,
            on_format=lambda _name: tick(),
        )
    write_spec(folder, name, state, exported)
    if not formats:
        # Not every network can be traced as a graph: asked for none by name, one is none the worse for it.
        refused = {item.format: item.reason for item in exported if not item.written}
        left_out |= {form: f"it can't be written of this network: {why}" for form, why in refused.items()}
        exported = tuple(item for item in exported if item.written)
    return Handover(folder=folder, files=exported, left_out=left_out)


def _found(source: str, candidate: str, seed: int | None, untrained: bool) -> tuple[str, State]:
    """The network that is asked for, its weights too, with a name for its folder."""
    folder, colon, key = source.rpartition(":")
    if colon and candidate in HIGHEST and not Path(source).exists() and Path(folder).is_dir():
        source, candidate = folder, key
    path = Path(source)
    if path.suffix == WEIGHTS and path.is_file():
        from scalesearch.export.state import read_state

        if untrained or candidate not in HIGHEST or seed is not None:
            raise ScalesearchError(
                "`source` must be a run's folder or a network for `untrained`, `candidate` and `seed`, got "
                f"the weights {source}"
            )
        return path.stem, _of_table(path, read_state(path))
    run = path.is_dir()
    if not run and candidate not in HIGHEST:
        raise ScalesearchError(f"`source` must be a run's folder for `candidate`, got {source!r}")
    subject = parse_subject(f"{source}:{candidate}" if run else source, argument="source")
    if subject.changes:
        raise ScalesearchError(f"`source` must be a network without a setup after @, got {source!r}")
    if untrained:
        return _plain(f"{subject.name}-untrained"), _random(subject.arch, seed or 0)
    if not run:
        raise ScalesearchError(
            f"`source` must be a run's folder for weights that were trained, got {source!r}, of which there "
            "are none; `untrained` exports it with random ones"
        )
    file, state = _trained(path, subject.arch.key, seed)
    return _plain(f"{path.resolve().name}-{file.stem}"), state


def _of_table(path: Path, state: State) -> State:
    """The state of a file on its own, which may come from anybody: no code that it names is run."""
    if state.arch.code:
        raise ScalesearchError(
            f"`source` must be the run's folder for weights of your own code, got {path} with those of "
            f"{state.arch.code}: no code that a file names is run"
        )
    return state


def _random(arch: Arch, seed: int) -> State:
    """An untrained network: the same for the same seed and version of torch."""
    import torch

    from scalesearch.export.state import State, contents_of
    from scalesearch.networks.build import build
    from scalesearch.training.images import input_facts

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = build(arch)
    facts = {"untrained": True, "seed": seed, "input": input_facts(arch.input_size, arch.in_channels)}
    contents = contents_of(network)
    return State(arch=arch, tensors=contents.tensors, facts=facts, plain=contents.plain)


def _trained(run: Path, key: str, seed: int | None) -> tuple[Path, State]:
    """The weights that a run keeps of a network: of that seed, or of the one that was judged best."""
    from scalesearch.export.state import read_state

    wanted = f"{key}-seed{'*' if seed is None else seed}{WEIGHTS}"
    states: Mapping[Path, State] = {
        path: read_state(path) for path in sorted((run / "weights").glob(wanted)) if path.is_file()
    }
    if not states:
        which = f"network {key}" if seed is None else f"network {key} with seed {seed}"
        raise ScalesearchError(
            f"`source` must be a run that keeps the weights of {which}, got {run}, which has none: it was "
            "not trained to its end, or without `keep_weights`, or was committed without them; `untrained` "
            "exports it with random ones"
        )
    best = max(states, key=lambda path: float(states[path].facts.get("top1", 0.0)))
    return best, states[best]


def _plain(name: str) -> str:
    """A name that any file system takes."""
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", name).strip("-.")


def _require_own(folder: Path, state: State) -> None:
    """Refuses a folder that holds anything but an export of the same network and weights."""
    if not folder.exists():
        return
    try:
        known = read_json(folder / SPEC).get("identity")
    except FileNotFoundError:
        if folder.is_dir() and not any(folder.iterdir()):
            return
        raise FolderError(
            f"`out` must be a new or empty folder, or one of this export, got {folder}"
        ) from None
    except (OSError, ValueError, AttributeError) as error:
        raise FolderError(
            f"`out` must be a folder whose {SPEC} can be read, got {folder}: {error}"
        ) from error
    if known != state.digest:
        raise FolderError(
            f"`out` must be a folder without an export of another network or other weights, got {folder}; "
            "choose another folder"
        )


def _left_out(arch: Arch) -> dict[str, str]:
    """The formats that can't be written here of the network, each with what would do."""
    from scalesearch.export.handover import require_source

    left_out = {}
    if missing_onnx():
        left_out["onnx"] = f"it needs packages: {PIP_ONNX}"
    try:
        require_source(arch)
    except ValueError:
        whose = "your own code" if arch.code else "other blocks than EfficientNet's"
        left_out["python"] = f"it is not written of {whose}"
    return left_out
