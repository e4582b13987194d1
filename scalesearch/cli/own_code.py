"""A user's own code under a run: tried before, kept beside it, carried on only as the same network."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scalesearch.architecture.code_spec import CodeSpec, RefusedError
from scalesearch.cli.folder import read_run_file
from scalesearch.cli.progress import spinner
from scalesearch.files import read_json, write_bytes

if TYPE_CHECKING:
    from scalesearch.search.plan import Plan

__all__ = ["keep_source", "require_same_code", "tried"]

SOURCE = "source"
"""The folder, in a run's, of the user's own files as they were; nothing of it is ever run."""
NETWORK = "network.json"
"""In that folder: what the baseline is made of, and what it computes."""
CLOSE = 1e-3
"""How far numbers may differ, as a share of the largest, that another machine computed."""


def tried(plan: Plan) -> Plan:
    """Tries to train what a plan is going to, where a user's own code builds it.

    Returns:
        The plan with sentences on how it is done, without the networks that can't be trained.

    Raises:
        ValueError: if the baseline can't be trained, judged, or stored and taken up again, or no network can.
    """
    if not isinstance(plan.base, CodeSpec):
        return plan
    from scalesearch.architecture.refused import reason
    from scalesearch.measure.device import resolve_device
    from scalesearch.proxy.rehearsal import rehearse
    from scalesearch.search.plan import without

    settings, device = plan.settings, resolve_device(plan.settings.device)
    archs = {planned.arch.key: planned.arch for planned in plan.chosen}
    size = "x".join(map(str, dict.fromkeys(plan.base.input_size)))
    times = settings.baseline_width
    width = "its own width" if times == 1 else f"{times:g} times its own width"
    notes = [
        f"The baseline is trained at {width} and {size} px "
        "(--baseline-width and --baseline-resolution say otherwise)."
    ]
    refused: dict[str, str] = {}
    with spinner("Trying to train each network") as tick:
        notes += rehearse(plan.base, settings.proxy_recipe, device)
        tick()
        for key, arch in archs.items():
            assert isinstance(arch, CodeSpec)  # as the baseline is
            try:
                notes += rehearse(arch, settings.proxy_recipe, device)
            except RefusedError as error:
                refused[key] = reason(error)
                if len(refused) == len(archs):
                    raise
            tick()
    if refused:
        several = "s are" if len(refused) > 1 else " is"
        first = next(iter(refused.values())).removeprefix("refused: ")
        notes.append(f"{len(refused):,} network{several} skipped that can't be trained, such as: {first}.")
    return replace(without(plan, refused), notes=tuple(dict.fromkeys((*plan.notes, *notes))))


def keep_source(folder: Path, plan: Plan) -> None:
    """Keeps the user's own files, and what they build, in the folder of a plan's run, once.

    Raises:
        OSError: if they can't be written.
    """
    base, whole = plan.base, plan.settings.full_baseline
    if not (isinstance(base, CodeSpec) and isinstance(whole, CodeSpec)):
        return
    if (folder / SOURCE / NETWORK).exists():
        return
    from scalesearch.architecture.code_import import sources
    from scalesearch.architecture.code_network import numbers, structure

    for name, content in sources(base.target).items():
        write_bytes(folder / SOURCE / name, content)
    record = {
        "spec": base.to_dict(),
        "structure": list(structure(whole)),
        "numbers": numbers(base),
        "torch": _torch_version(),
    }
    write_bytes(folder / SOURCE / NETWORK, (json.dumps(record, indent=1) + "\n").encode())


def require_same_code(folder: Path) -> None:
    """Refuses to go on with the run in a folder where its code builds another network today, or none.

    Raises:
        ValueError: if that is so; it says what differs.
    """
    recorded = [CodeSpec.from_dict(spec) for spec in _recorded(read_run_file(folder))]
    from scalesearch.bench.samples import NETWORKS, SampleStore

    if (folder / NETWORKS).exists():
        archs = (subject.arch for subject in SampleStore(folder).subjects())
        recorded += [arch for arch in archs if isinstance(arch, CodeSpec)]
    if not recorded:
        return
    from scalesearch.architecture.code_import import load
    from scalesearch.architecture.code_network import settled

    kept = _kept(folder)
    for spec in dict.fromkeys(recorded):
        load(spec.target)
        if spec.shape and settled(spec).shape != spec.shape:
            raise _changed(spec.target, _structure_changed(kept, spec))
        if kept.get("spec", {}).get("target") == spec.target:
            _require_same_numbers(kept)


def _kept(folder: Path) -> dict[str, Any]:
    """What the folder keeps of its network; nothing where it can't be read."""
    try:
        kept = read_json(folder / SOURCE / NETWORK)
        CodeSpec.from_dict(kept["spec"])
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    return dict(kept)


def _changed(target: str, what: str) -> ValueError:
    return ValueError(
        f"`baseline` must build the network that its run was begun with, got {target}, which builds another: "
        f"{what}; put the code back as it was, or begin another run"
    )


def _structure_changed(kept: Mapping[str, Any], spec: CodeSpec) -> str:
    """The first difference between what a network is made of and what it was made of."""
    from scalesearch.architecture.code_network import structure

    before, now = _by_name(kept.get("structure", ())), _by_name(structure(spec))
    for name in (*before, *now) if before else ():
        if before.get(name) != now.get(name):
            if name not in now:
                return f"{name} ({before[name]}) is gone"
            return f"{name} is {now[name]}, and was {before[name]}" if name in before else f"{name} is new"
    return f"its layers at depth {spec.depth:g} and width {spec.width:g} are not what they were"


def _by_name(lines: Iterable[str]) -> dict[str, str]:
    return {name: what for name, _, what in (line.partition(": ") for line in lines)}


def _require_same_numbers(kept: Mapping[str, Any]) -> None:
    """Refuses code that computes something else with the same layers.

    Raises:
        ValueError: if it does; nothing is said where another torch drew and computed them.
    """
    from scalesearch.architecture.code_network import numbers

    if kept.get("torch") != _torch_version():
        return
    spec = CodeSpec.from_dict(kept["spec"])
    now = numbers(spec)
    for mode, before in kept.get("numbers", {}).items():
        values = now.get(mode, ())
        bound = CLOSE * max(map(abs, before), default=0.0)
        for was, value in zip(before, values, strict=False):
            if abs(was - value) > bound:
                raise _changed(
                    spec.target,
                    f"with the same layers and seed it gives {value:.6g} in {mode}, and gave {was:.6g} (an "
                    "activation, a constant or its first weights are not what they were)",
                )


def _torch_version() -> str:
    import torch

    return torch.__version__


def _recorded(tables: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Every user's network that a run.toml keeps."""
    for name, value in tables.items():
        if isinstance(value, dict):
            if name == "baseline_arch" and "target" in value:
                yield value
            yield from _recorded(value)
