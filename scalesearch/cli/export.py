"""``scalesearch export``: a network as ONNX, torch.export program, safetensors and Python."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from scalesearch.cli.help import Command, option
from scalesearch.cli.main import Fail
from scalesearch.cli.options import format_option, out_option
from scalesearch.cli.terminal import Whole, echo
from scalesearch.export.formats import DEFAULT_OPSET, FORMATS, OPSETS, PIP_ONNX, SPEC, missing_onnx
from scalesearch.files import read_json
from scalesearch.runs.folder import begun_elsewhere
from scalesearch.text import near

if TYPE_CHECKING:
    from scalesearch.export.state import State
    from scalesearch.networks.spec import Arch

COLUMNS = {
    "format": "{}",
    "file": "{}",
    "bytes": "{:,d}",
    "difference": "{:.1e}",
    "bound": "{:.1e}",
    "check": "{}",
}
WEIGHTS = ".safetensors"


class _Formats(click.ParamType[tuple[str, ...]]):
    """Some of the formats, such as ``onnx,python``."""

    name = "formats"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, ...]:
        names = tuple(dict.fromkeys(part.strip() for part in str(value).split(",")))
        if unknown := [name for name in names if name not in FORMATS]:
            self.fail(
                f"must be some of {', '.join(FORMATS)}, got {unknown[0]!r}{near(unknown[0], FORMATS)}",
                param,
                ctx,
            )
        return names


@click.command(cls=Command)
@click.argument("source")
@option(
    "--candidate",
    default="highest",
    metavar="KEY",
    help="Of a run: the network, by the first letters of its key, or that of the highest mean top-1.",
)
@option(
    "--seed",
    type=Whole(0, 2**32 - 1),
    help="Of a run: the training run.  [default: the best one]  With --untrained: of the random weights.  "
    "[default: 0]",
)
@option("--untrained", is_flag=True, help="Random weights: nothing that was trained is asked for.")
@option(
    "--to",
    "formats",
    type=_Formats(),
    help=f"What to write, some of {', '.join(FORMATS)} with commas between them; python brings safetensors "
    "with it, which has its weights.  [default: all that this network and what is installed here allow]",
)
@option(
    "--batch-size",
    type=Whole(min=1),
    help="Images in every pass of the ONNX model and the program.  [default: any number, or 1 where torch "
    "can make no graph for any]",
)
@option(
    "--opset",
    type=Whole(OPSETS[0], OPSETS[-1]),
    default=DEFAULT_OPSET,
    help="Version of the ONNX model's operators.",
)
@out_option("exports/NAME")
@format_option
def export(source: str, formats: tuple[str, ...] | None, **options: Any) -> None:
    """Hand a network over: as ONNX, as a torch.export program, as safetensors, as one file of Python.

    SOURCE is a run's folder, whose network of the highest mean top-1 is taken unless --candidate says
    another; a file of its weights; or, with --untrained, also a published network (b3) or a baseline with
    multipliers of depth, width and resolution (efficientnet-b0:1.2,1.1,1.15). Python is written of
    EfficientNets alone. Of your own code (package.module:function) the weights go with it alone. Where a
    run's networks are somebody's own code, that code is run, and has to build the same network: do this only
    with folders of people you trust.

    Each file is read back, and what it gives for random images is compared with the original's. spec.json
    says what the network is, how images become its input, and where its weights come from. The Python file
    depends on torch alone. ONNX needs the extra: pip install 'scalesearch[onnx]'. Without --to, what can't be
    written here is left out, and said.

    \b
    Examples:
      scalesearch export reports/mine
      scalesearch export reports/mine --candidate 8492a --to onnx --batch-size 1
      scalesearch export b3 --untrained --to python,safetensors
    """
    if formats and "onnx" in formats:
        from scalesearch.export.handover import require_onnx

        try:
            require_onnx()
        except ValueError as error:
            raise Fail(f"{error}, or leave onnx out of --to") from None
    folder = Path(source)
    with begun_elsewhere(folder if folder.is_dir() else Path(source.rpartition(":")[0])):
        _export(source, formats=formats, **options)


def _export(
    source: str,
    candidate: str,
    seed: int | None,
    untrained: bool,
    formats: tuple[str, ...] | None,
    batch_size: int | None,
    opset: int,
    out: Path | None,
    output_format: str,
) -> None:
    name, state = _found(source, candidate, seed, untrained)
    if formats and "python" in formats:
        from scalesearch.export.handover import require_source

        require_source(state.arch)
    left_out = {} if formats else _left_out(state.arch)
    wanted = formats or tuple(name for name in FORMATS if name not in left_out)
    folder = out or Path("exports") / name

    from scalesearch.export.handover import hand_over, write_spec
    from scalesearch.runs.telling import teller

    _require_own(folder, state)
    try:
        write_spec(folder, name, state)
    except OSError as error:
        raise Fail(f"--out must be a writable folder, got {folder}: {error.strerror or error}") from error
    with teller().waiting(f"Exporting {name}") as tick:
        exported = hand_over(
            state, folder, wanted, batch_size=batch_size, opset=opset, on_format=lambda _name: tick()
        )
    write_spec(folder, name, state, exported)
    if not formats:
        # Not every network can be traced as a graph: asked for none by name, one is none the worse for it.
        refused = {item.format: item.reason for item in exported if not item.written}
        left_out |= {name: f"it can't be written of this network: {why}" for name, why in refused.items()}
        exported = tuple(item for item in exported if item.written)
    import pandas as pd

    from scalesearch.cli.terminal import print_table

    rows = [
        {
            "format": item.format,
            "file": str(item.file),
            "bytes": item.bytes,
            "difference": item.difference,
            "bound": item.bound,
            "check": "passed" if item.passed else item.reason or "differs",
        }
        for item in exported
    ]
    print_table(pd.DataFrame(rows), output_format, columns=COLUMNS)
    echo(f"Spec: {folder / SPEC}", err=output_format != "table")
    fixed = [item.format for item in exported if item.written and item.batch_size]
    if fixed and batch_size is None:
        echo(
            f"Note: {' and '.join(fixed)} take{'s' * (len(fixed) == 1)} 1 image in every pass, as {SPEC} "
            "says: torch can make no graph of this network for any number; --batch-size fixes another",
            err=True,
        )
    if left_out:
        told = "; ".join(f"{name} ({why})" for name, why in left_out.items())
        echo(f"Left out: {told}", err=True)
    if failed := [item.format for item in exported if not item.passed]:
        raise Fail(f"{', '.join(failed)} did not pass: what {folder} holds of it is not to be used", 1)


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


def _found(source: str, candidate: str, seed: int | None, untrained: bool) -> tuple[str, State]:
    """The network that is asked for, with a name for its folder.

    Raises:
        Fail: if there is none, or none with weights where these are asked for.
    """
    from scalesearch.commands.measure.subjects import HIGHEST, parse_subject

    folder, colon, key = source.rpartition(":")
    if colon and candidate in HIGHEST and not Path(source).exists() and Path(folder).is_dir():
        source, candidate = folder, key
    path = Path(source)
    if path.suffix == WEIGHTS and path.is_file():
        from scalesearch.export.state import read_state

        if untrained or candidate not in HIGHEST or seed is not None:
            raise Fail(
                "SOURCE must be a run's folder or a network for --untrained, --candidate and --seed, got the "
                f"weights {source}"
            )
        return path.stem, _of_table(path, read_state(path))
    run = path.is_dir()
    if not run and candidate not in HIGHEST:
        raise Fail(f"SOURCE must be a run's folder for --candidate, got {source!r}")
    try:
        subject = parse_subject(f"{source}:{candidate}" if run else source, argument="source")
    except ValueError as error:
        raise Fail(str(error).replace("`source`", "SOURCE")) from error
    if subject.changes:
        raise Fail(f"SOURCE must be a network without a setup after @, got {source!r}")
    if untrained:
        return _plain(f"{subject.name}-untrained"), _random(subject.arch, seed or 0)
    if not run:
        raise Fail(
            f"SOURCE must be a run's folder for weights that were trained, got {source!r}, of which there "
            "are none; --untrained exports it with random ones"
        )
    file, state = _trained(path, subject.arch.key, seed)
    return _plain(f"{path.resolve().name}-{file.stem}"), state


def _of_table(path: Path, state: State) -> State:
    """The state of a file on its own, which may come from anybody: no code that it names is run.

    Raises:
        Fail: if it names some.
    """
    if state.arch.code:
        raise Fail(
            f"SOURCE must be the run's folder for weights of your own code, got {path} with those of "
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
    """The weights of a run's network: of that seed, or of the one that was judged best."""
    from scalesearch.export.state import read_state

    wanted = f"{key}-seed{'*' if seed is None else seed}{WEIGHTS}"
    states: Mapping[Path, State] = {
        path: read_state(path) for path in sorted((run / "weights").glob(wanted)) if path.is_file()
    }
    if not states:
        which = f"network {key}" if seed is None else f"network {key} with seed {seed}"
        raise Fail(
            f"SOURCE must be a run that keeps the weights of {which}, got {run}, which has none: it was not "
            "trained to its end, or without --keep-weights, or was committed without them; --untrained "
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
        raise Fail(f"--out must be a new or empty folder, or one of this export, got {folder}") from None
    except (OSError, ValueError, AttributeError) as error:
        raise Fail(f"--out must be a folder whose {SPEC} can be read, got {folder}: {error}") from error
    if known != state.digest:
        raise Fail(
            f"--out must be a folder without an export of another network or other weights, got {folder}; "
            "choose another folder"
        )
